"""`relata train --rows`: what training and evaluation see, and what the loss is taken on."""

import json
from pathlib import Path

import pytest

from program import RELATA, ROOT, ROWS, json_lines, relata, toy_recipe

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")


def written_rows(tmp_path, name, **extra):
    data = tmp_path / "data.txt"
    data.write_text("".join("\t".join(row) + "\n" for row in ROWS * 10), encoding="utf-8")
    config = tmp_path / f"{name}.yaml"
    recipe = toy_recipe(data, tmp_path / name, eval_dataset=str(data), **extra)
    config.write_text(json.dumps(recipe))  # JSON is YAML
    relata("train", config, "--rows", tmp_path / f"{name}-rows")
    assert not (tmp_path / name / "model" / "model.safetensors").exists(), "nothing was trained"
    return [json_lines((tmp_path / f"{name}-rows" / part).read_text())
            for part in ("train.jsonl", "eval.jsonl")]


def test_loss_on_answers_only(tmp_path):
    train, scored = written_rows(tmp_path, "answers")
    assert len(train) == len(scored) > 0
    labels = {row["labels"][-1] for row in train}
    assert len(labels) >= 1 and -100 not in labels
    for row in train:
        taken = [i for i, label in enumerate(row["labels"]) if label != -100]
        assert 0 < len(taken) < len(row["ids"]) - 1
        assert taken == list(range(taken[0], len(row["ids"]))), "the answer ends the row"
        assert all(row["labels"][i] == row["ids"][i] for i in taken)


def test_loss_on_everything(tmp_path):
    train, _ = written_rows(tmp_path, "all", train_on_prompt=True)
    for row in train:
        assert row["labels"] == [-100] + row["ids"][1:]


def test_scored_rows_name_the_right_label(tmp_path):
    train, scored = written_rows(tmp_path, "scored")
    relations = sorted({row[2] for row in ROWS})
    for row in scored:
        assert len(row["continuation_ids"]) == len(relations)
        assert len(row["gold"]) == 1
    # Prompt and right continuation are the training row, but for what ends every answer.
    ours = {tuple(row["ids"]) for row in train}
    for row in scored:
        whole = tuple(row["prompt_ids"] + row["continuation_ids"][row["gold"][0]])
        assert any(ids[:len(whole)] == whole for ids in ours)


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes/autore").glob("*.yaml")),
                         ids=lambda path: path.stem)
def test_autore_asks_nothing_about_documents_without_facts(recipe, toy_model, tmp_path):
    entities = [{"id": "e0", "text": "Ada", "type": "PER", "mentions": [[0, 3]]},
                {"id": "e1", "text": "Byron", "type": "PER", "mentions": [[12, 17]]}]
    documents = [{"id": f"d{i}", "text": "Ada, son of Byron.", "entities": entities,
                  "relations": [{"head": "e0", "tail": "e1", "type": "P22"}][:i]} for i in (1, 0)]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in documents))
    overrides = [f"dataset={data}", f"model_name_or_path={toy_model}", "template=none",
                 "finetuning_type=lora", "quantization_bit=0", f"output_dir={tmp_path / 'out'}"]
    err = relata("train", recipe, *overrides, "--rows", tmp_path / "rows").err
    assert "1 documents and windows: 1 fact (0 empty), 1 head (0 empty), 1 relation (0 empty)" in err
    err = relata("train", recipe, *overrides, "empty_documents=true", "--rows", tmp_path / "all").err
    assert "2 documents and windows: 1 fact (0 empty), 1 head (0 empty), 2 relation (1 empty)" in err
