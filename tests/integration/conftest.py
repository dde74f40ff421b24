"""Small files and models that several tests begin with."""

import json
import threading

import pytest

from fake_server import Server
from program import ROWS, relata, toy_recipe, train_toy_model


@pytest.fixture
def tsv(tmp_path):
    path = tmp_path / "gold.txt"
    path.write_bytes("".join("\t".join(row) + "\r\n\r\n" for row in ROWS).encode())
    return path


@pytest.fixture
def gold(tmp_path, tsv):
    path = tmp_path / "gold.jsonl"
    relata("data", "convert", tsv, "-o", path)
    return path


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    text = folder / "lines.txt"
    lines = [f"{row[3]} the quick brown fox {i}\n" for i in range(40) for row in ROWS]
    text.write_text("".join(lines))
    relata("tokenizer", "train", folder / "tok", "--vocab-size", 400, "--symbols", "<a>,<b>", text)
    return folder / "tok"


@pytest.fixture
def extractor(tmp_path, gold, tokenizer):
    """An extractor folder without weights."""
    folder = tmp_path / "extractor"
    (folder / "templates").mkdir(parents=True)
    relata("schema", "infer", gold, "-o", folder / "schema.json")
    (folder / "extractor.yaml").write_text(
        f"format_version: 1\npipeline: pair\nmodel: {tokenizer}\ntemplate: templates/pair.yaml\n")
    (folder / "templates/pair.yaml").write_text(
        'name: short\nmarking: none\nprompt: "{sentence} {head} {tail}:"\nanswer: "{relation}"\n')
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """An extractor with weights, next to chance."""
    folder = tmp_path_factory.mktemp("trained")
    data = folder / "train.txt"
    data.write_text("".join("\t".join(row) + "\n" for row in ROWS * 30))
    recipe = folder / "toy.yaml"
    recipe.write_text(json.dumps(toy_recipe(data, folder / "out")))
    relata("train", recipe)
    return folder / "out"


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory):
    """A model next to chance, for tests that write nothing into its folder."""
    return train_toy_model(tmp_path_factory.mktemp("model"), 2048)


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def facts_extractor(tmp_path_factory, toy_model):
    """A document pipeline with weights, next to chance: relations, then pairs of each."""
    folder = tmp_path_factory.mktemp("facts")
    out = folder / "extractor"
    (out / "templates").mkdir(parents=True)
    (out / "extractor.yaml").write_text(
        f"format_version: 1\npipeline: drf\nmodel: {toy_model}\n"
        "template: templates/drf.yaml\ndecode: constrained\nmax_new_tokens: 24\n")
    (out / "templates/drf.yaml").write_text(json.dumps({
        "name": "drf", "instruction": "Read.", "root": "{document}\n", "nothing": "none",
        "separator": "\n", "steps": [
            {"name": "relation", "question": "Relations?", "answer": "{relation}",
             "may_be_empty": False},
            {"name": "fact", "for": ["relation"], "question": "{relation}?",
             "answer": "{head} | {tail}"}]}))
    (out / "schema.json").write_text(json.dumps({"relation_types": [
        {"id": name, "name": name} for name in ("owns", "parent", "works for")]}))
    return out
