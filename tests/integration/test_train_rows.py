"""`relata train --rows`: what training and evaluation see, and what the loss is taken on."""

import json
import re
import shutil
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


SCHEMA = {"entity_types": [], "relation_types": [
    {"id": "owns", "inverse": "owned_by"}, {"id": "owned_by", "inverse": "owns"},
    {"id": "near", "symmetric": True}, {"id": "none", "negative": True}]}
STATED = [("Ada", "owns", "Mill", "Ada owns the Mill."), ("Bob", "near", "Pond", "Bob is near Pond."),
          ("Cy", "none", "Dee", "Cy met Dee.")]
MIRRORED = [("Mill", "owned_by", "Ada"), ("Pond", "near", "Bob"), ("Dee", "none", "Cy")]


@pytest.mark.parametrize("more, one_way, mirrored", [
    ([], False, MIRRORED),
    # What the data say of the pair turned round stands; nothing is shown twice.
    ([("Mill", "none", "Ada", "Ada owns the Mill."), ("Pond", "near", "Bob", "Bob is near Pond.")], False,
     MIRRORED[2:]),
    # Of the same pair elsewhere it says nothing.
    ([("Mill", "owned_by", "Ada", "The Mill has an owner, Ada.")], False,
     [*MIRRORED, ("Ada", "owns", "Mill")]),
    # A relation that says nothing of the other direction may hold there.
    ([], True, MIRRORED[:2]),
])
def test_mirrored_pairs(toy_model, tmp_path, more, one_way, mirrored):
    stated = [*STATED, *more]
    data = tmp_path / "data.txt"
    data.write_text("".join(f"{head}\t{tail}\t{label}\t{text}\n" for head, label, tail, text in stated))
    schema = json.loads(json.dumps(SCHEMA))
    schema["relation_types"] += [{"id": "visits"}] * one_way
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    (tmp_path / "c.yaml").write_text(json.dumps({
        "model_name_or_path": str(toy_model), "dataset": str(data), "dataset_format": "cre-tsv",
        "schema": str(tmp_path / "schema.json"), "prompt_template": "cre-llm-en", "augment_inverse": True,
        "output_dir": str(tmp_path / "out")}))
    relata("train", tmp_path / "c.yaml", "--rows", tmp_path / "rows")
    rows = (tmp_path / "rows/train.jsonl").read_text()
    texts = relata("tokenizer", "decode", toy_model, stdin=rows).out
    answers = re.findall(r"\(\[(\w+)\],(\w+),\[(\w+)\]\)", texts)
    assert sorted(answers) == sorted([row[:3] for row in stated] + mirrored)


def test_document_pipelines_learn_prompts_too(toy_model, tmp_path, gold):
    (tmp_path / "c.yaml").write_text(json.dumps({
        "model_name_or_path": str(toy_model), "dataset": str(gold), "pipeline": "drf", "train_on_prompt": True,
        "output_dir": str(tmp_path / "out")}))
    relata("train", tmp_path / "c.yaml", "--rows", tmp_path / "rows")
    rows = json_lines((tmp_path / "rows/train.jsonl").read_text())
    assert rows and all(row["labels"] == [-100] + row["ids"][1:] for row in rows)
    (tmp_path / "once.yaml").write_text((tmp_path / "c.yaml").read_text().replace('"train_on_prompt": true', '"max_steps": 1'))
    losses = [json.loads(relata("train", tmp_path / "once.yaml", f"prompt_loss_weight={weight}", "--json",
                                "overwrite_output_dir=true").out)["loss"] for weight in (0, 1)]
    assert losses[1] > 1.5 * losses[0]


def test_turns_that_answers_share_are_learned_once(toy_model, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(toy_model, model)
    (model / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}")
    (tmp_path / "talk.json").write_text(json.dumps([{"messages": [
        {"role": role, "content": f"{role} says {i}"} for i in range(3) for role in ("user", "assistant")]}]))
    (tmp_path / "c.yaml").write_text(json.dumps({
        "stage": "sft", "model_name_or_path": str(model), "template": "auto", "dataset": str(tmp_path / "talk.json"),
        "finetuning_type": "full", "train_on_prompt": True, "output_dir": str(tmp_path / "out")}))
    relata("train", tmp_path / "c.yaml", "--rows", tmp_path / "rows")
    rows = json_lines((tmp_path / "rows/train.jsonl").read_text())
    assert len(rows) == 3
    for before, row in zip(rows, rows[1:]):
        learned = [i for i, label in enumerate(row["labels"]) if label != -100]
        same = next(i for i, pair in enumerate(zip(before["ids"], row["ids"])) if pair[0] != pair[1])
        assert same > len(before["ids"]) - 3, "all of it but the end of the answer"
        assert learned == list(range(same, len(row["ids"])))


def test_rows_of_ids_are_written_and_drawn(toy_model, tmp_path):
    data = tmp_path / "ids.jsonl"
    data.write_text("".join(json.dumps({"ids": [1, 5, 6 + i], "labels": [-100, -100, 6 + i]}) + "\n" for i in range(9)))
    (tmp_path / "c.yaml").write_text(json.dumps({
        "model_name_or_path": str(toy_model), "dataset": str(data), "dataset_format": "ids",
        "output_dir": str(tmp_path / "out")}))
    relata("train", tmp_path / "c.yaml", "max_samples=4", "--rows", tmp_path / "rows")
    assert not (tmp_path / "out").exists()
    written = json_lines((tmp_path / "rows/train.jsonl").read_text())
    assert len(written) == 4 and all(row in json_lines(data.read_text()) for row in written)
