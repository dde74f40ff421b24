"""names.json, which `relata train` makes of the documents that it trains on."""
import json

import pytest

from program import relata


@pytest.fixture
def config(tmp_path, toy_model):
    documents = tmp_path / "documents.jsonl"
    documents.write_text("".join(json.dumps(
        {"id": f"d{i}", "text": f"On day {i} Karl Lund joined Tarn Works.",
         "entities": [{"id": "a", "text": "Karl Lund", "type": "PER"}, {"id": "b", "text": "Tarn Works", "type": "ORG"}],
         "relations": [{"head": "a", "tail": "b", "type": "member of"}]}) + "\n" for i in range(30)))
    path = tmp_path / "drf.yaml"
    path.write_text(json.dumps({
        "model_name_or_path": str(toy_model), "dataset": str(documents), "pipeline": "drf", "bf16": False,
        "output_dir": str(tmp_path / "out"), "finetuning_type": "lora", "max_steps": 2, "save_steps": 1}))
    return path


def test_names_are_of_the_documents_that_are_drawn(config, tmp_path):
    names = tmp_path / "out/names.json"
    relata("train", config)
    assert json.loads(names.read_text())["types"] == ["ORG", "PER"]
    done = relata("train", config, "max_samples=10", "overwrite_output_dir=true")
    assert "no names.json" in done.err and not names.exists()


def test_a_resumed_run_has_the_same_names(config, tmp_path):
    names = tmp_path / "out/names.json"
    relata("train", config)
    whole = names.read_bytes()
    names.unlink()
    relata("train", config, f"resume_from_checkpoint={tmp_path}/out/checkpoint-1")
    assert names.read_bytes() == whole


def test_a_damaged_file_is_named_with_what_to_do(config, tmp_path):
    relata("train", config)
    names = tmp_path / "out/names.json"
    good = json.loads(names.read_text())
    for change, word in [({"weights": good["weights"][1:]}, "weights"), ({"format_version": 2, "layers": 3}, "upgrade")]:
        names.write_text(json.dumps({**good, **change}))
        done = relata("extract", "-x", tmp_path / "out", stdin="Karl Lund.", code=2)
        assert str(names) in done.err and word in done.err and "delete" in done.err
    names.unlink()
    relata("extract", "-x", tmp_path / "out", "--format", "text", stdin="Karl Lund joined Tarn Works.")
