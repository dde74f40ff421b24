"""The shipped extractor on its base model: facts are grounded, runs go on after a kill, bad input
does not stop the rest."""

import json
import os
import random
import signal
import subprocess
import time

import pytest

from program import RELATA, ROOT, json_lines, relata

MODEL = ROOT / "models/smollm2-135m-instruct.Q4_1.gguf"
EXTRACTOR = ROOT / "extractors/en-wiki-facts"

pytestmark = [
    pytest.mark.skipif(not MODEL.is_file(), reason="models/ has no SmolLM2: ./dev models smollm2"),
]

TEXTS = {
    "mill.txt": "Lund Mill\n\nLund Mill is a paper company from Uppsala, Sweden. It was founded in "
                "1902 by Karl Lund, who was born in Malmö.",
    "river.txt": "The Tarn is a river in France. It flows through Albi and Millau.",
    "band.txt": "The Owls are a rock band from Leeds, England. Their first album, Night Work, came "
                "out in 1999.",
}


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def check_grounded(document):
    text = document["text"]
    ids = {entity["id"] for entity in document["entities"]}
    for entity in document["entities"]:
        assert entity["mentions"]
        for begin, end in entity["mentions"]:
            assert text[begin:end] == entity["text"]
    scores = [fact["score"] for fact in document["relations"]]
    assert scores == sorted(scores, reverse=True)
    for fact in document["relations"]:
        assert fact["head"] in ids and fact["tail"] in ids
        assert 0.0 <= fact["score"] <= 1.0
        assert all(0 <= begin < end <= len(text) for begin, end in fact["evidence"])


def test_default_extractor_finds_grounded_facts(texts, tmp_path):
    out = tmp_path / "facts.jsonl"
    relata("extract", texts, "-o", out, "--min-score", 0, "--html", tmp_path / "facts.html")
    documents = json_lines(out.read_text(encoding="utf-8"))
    assert len(documents) == len(TEXTS)
    for document in documents:
        check_grounded(document)
        assert document["meta"]["extractor"] == "en-wiki-facts"
    assert any(document["relations"] for document in documents)
    assert "<html" in (tmp_path / "facts.html").read_text(encoding="utf-8")


def test_a_killed_run_goes_on_to_the_same_file(texts, tmp_path):
    whole = tmp_path / "whole.jsonl"
    relata("extract", texts, "-o", whole)
    chance = random.Random(3)
    for trial in range(200 if os.environ.get("FULL_TESTS") else 2):
        out = tmp_path / f"{trial}.jsonl"
        command = [RELATA, "extract", str(texts), "-o", str(out), "--no-progress"]
        run = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.1, 3.0))
        run.send_signal(signal.SIGKILL)
        run.wait()
        relata("extract", texts, "-o", out)
        assert out.read_bytes() == whole.read_bytes()
        assert not list(tmp_path.glob(out.name + "?*"))


def test_empty_and_strange_documents_do_not_stop_the_others(texts, tmp_path):
    (texts / "long.txt").write_text("x" * 3000, encoding="utf-8")
    (texts / "han.txt").write_text("东部文具拥有永升的股份。", encoding="utf-8")
    documents = json_lines(relata("extract", texts, "--min-score", 0).out)
    assert len(documents) == len(TEXTS) + 2
    for document in documents:
        check_grounded(document)


def test_a_missing_base_model_is_named(tmp_path, texts):
    folder = tmp_path / "moved"
    folder.mkdir()
    for name in ("extractor.yaml", "schema.json"):
        (folder / name).write_bytes((EXTRACTOR / name).read_bytes())
    (folder / "templates").mkdir()
    (folder / "templates/drf.yaml").write_bytes((EXTRACTOR / "templates/drf.yaml").read_bytes())
    text = (folder / "extractor.yaml").read_text().replace("smollm2-135m", "absent-135m")
    (folder / "extractor.yaml").write_text(text)
    error = relata("extract", "-x", folder, texts, code=2).err
    assert "absent-135m" in error and "./dev models" in error


def test_a_schema_of_fewer_relations_is_kept_to(texts, tmp_path):
    schema = json.loads((EXTRACTOR / "schema.json").read_text(encoding="utf-8"))
    kept = [kind for kind in schema["relation_types"] if kind["name"] in ("country", "founded by")]
    schema["relation_types"] = [{**kind, "inverse": ""} if "inverse" in kind else kind
                                for kind in kept]
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(schema), encoding="utf-8")
    found = json_lines(relata("extract", "--schema", path, texts, "--min-score", 0).out)
    types = {fact["type"] for document in found for fact in document["relations"]}
    assert types <= {kind["id"] for kind in kept}
