"""Documents through a real llama.cpp server (package xllamacpp) that has SmolLM2."""

import json
from pathlib import Path

import pytest

from program import RELATA, ROOT, json_lines, relata

MODEL = ROOT / "models/smollm2-135m-instruct.Q4_1.gguf"
TEXTS = {"a": "Marie Curie was born in Warsaw. She worked at the University of Paris.",
         "b": "Berlin is the capital of Germany. The Spree flows through Berlin."}
NAMES = {"born": "place of birth", "capital": "capital of", "work": "employer"}

pytestmark = [
    pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built"),
    pytest.mark.skipif(not MODEL.exists(), reason="SmolLM2 is not there: ./dev models smollm2"),
]


@pytest.fixture(scope="module")
def address():
    llama = pytest.importorskip("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(MODEL)
    params.n_ctx = 4096
    params.n_parallel = 2
    params.n_gpu_layers = 0
    server = llama.Server(params)
    yield server.listening_address
    del server


@pytest.fixture
def schema(tmp_path):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({
        "entity_types": [{"id": "PER", "name": "person"}, {"id": "LOC", "name": "place"}],
        "relation_types": [{"id": i, "name": name} for i, name in NAMES.items()]}))
    return path


@pytest.fixture
def short_answers(tmp_path, schema):
    """A document pipeline whose answers end soon, whatever the model goes on to say."""
    folder = tmp_path / "extractor"
    (folder / "templates").mkdir(parents=True)
    (folder / "extractor.yaml").write_text(
        "format_version: 1\npipeline: drf\ntemplate: templates/drf.yaml\ndecode: constrained\n"
        "max_new_tokens: 16\n")
    (folder / "templates/drf.yaml").write_text(json.dumps({
        "name": "drf", "instruction": "Read.", "root": "{document}\n", "nothing": "none",
        "separator": "\n", "steps": [
            {"name": "relation", "question": "Which of these does the text state? {schema}",
             "answer": "{relation}"},
            {"name": "fact", "for": ["relation"],
             "question": "{relation}: of whom? One \"head | tail\" a line.",
             "answer": "{head} | {tail}"}]}))
    (folder / "schema.json").write_bytes(schema.read_bytes())
    return folder


def write_texts(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": text}) + "\n"
                            for i, text in TEXTS.items()))
    return path


@pytest.mark.parametrize("api", ["completions", "chat"])
@pytest.mark.parametrize("decode", ["free", "constrained"])
def test_every_document_is_answered(tmp_path, address, short_answers, api, decode):
    out = tmp_path / "out.jsonl"
    arguments = ["extract", "-x", short_answers, "--backend", "openai", "--backend-url",
                 address + "/v1", "--backend-api", api, "--decode", decode, "-v",
                 write_texts(tmp_path), "-o", out]
    try:
        err = relata(*arguments).err
    except AssertionError:
        err = relata(*arguments, code=4).err  # a model of this size says what cannot be read
        failed = json_lines((tmp_path / "out.jsonl.failed.jsonl").read_text(encoding="utf-8"))
        assert failed and not any(line.get("unanswered") for line in failed)
    documents = json_lines(out.read_text(encoding="utf-8"))
    assert [d["id"] for d in documents] == list(TEXTS)
    for document in documents:
        assert {r["type"] for r in document["relations"]} <= set(NAMES)
        for entity in document["entities"]:
            for begin, end in entity["mentions"]:
                assert document["text"][begin:end] == entity["text"]
    assert "tokens of prompts" in err
    if api == "chat" and decode == "constrained":
        # The server keeps relations to the schema, so none is refused.
        assert "not a relation of the schema" not in err
