"""`relata serve`: what it answers over HTTP is what `relata extract` writes."""

import concurrent.futures
import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from program import RELATA, ROOT, ROWS, json_lines, relata
from test_facts import EXTRACTOR, MODEL, TEXTS, check_grounded

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")


class Served:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([RELATA, "serve", "--port", "0", *map(str, arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.process.communicate(timeout=60)
        self.url = line.split()[-1]

    def ask(self, path, body=None, kind="application/json"):
        """(status, text)"""
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def pairs(trained):
    served = Served("-x", trained, "--most-bytes", 100000)
    yield served
    assert served.stop() == 130


def records(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text("".join("\t".join(row) + "\n" for row in ROWS), encoding="utf-8")
    gold = tmp_path / "rows.jsonl"
    relata("data", "convert", path, "-o", gold)
    return gold


def test_documents_with_entities(pairs, trained, tmp_path):
    gold = records(tmp_path)
    wanted = json_lines(relata("extract", "-x", trained, gold).out)
    documents = json_lines(gold.read_text(encoding="utf-8"))
    status, text = pairs.ask("v1/extract", {"documents": documents})
    assert status == 200
    assert json.loads(text)["documents"] == wanted
    status, text = pairs.ask("v1/page", {"documents": documents, "extractor": "out"})
    assert status == 200 and "<html" in text and "东部文具" in text


def test_what_there_is_is_told(pairs):
    assert pairs.ask("health") == (200, '{"status": "ok"}\n')
    status, text = pairs.ask("v1/extractors")
    (only,) = json.loads(text)["extractors"]
    assert status == 200 and only["name"] == "out" and only["pipeline"] == "pair"
    assert only["needs_entities"] and "拥有" in only["relation_types"]
    status, text = pairs.ask("")
    assert status == 200 and "<textarea" in text and "src=" not in text


@pytest.mark.parametrize("path, body, status, words", [
    ("v1/extract", b"{", 400, "the request"),
    ("v1/extract", [], 400, "object"),
    ("v1/extract", {}, 400, "neither"),
    ("v1/extract", {"text": "a", "documents": []}, 400, "both"),
    ("v1/extract", {"text": ""}, 400, "empty"),
    ("v1/extract", {"txt": "a"}, 400, "text"),
    ("v1/extract", {"text": "Ada met Byron."}, 400, "entities"),
    ("v1/extract", {"text": "a", "min_score": 2}, 400, "min_score"),
    ("v1/extract", {"text": 'a', "extractor": "nobody"}, 404, "nobody"),
    ("v1/extract", {"documents": [{"id": "x", "text": "a", "entities": [{"id": "e", "text": "b",
                                                                     "mentions": [[0, 9]]}]}]}, 400, "documents[0]"),
    ("v1/extract", b'{"text": "\xff"}', 400, "the request"),
    ("v1/extract", {"text": "a" * 200000}, 413, "large"),
    ("v2/extract", {"text": "a"}, 404, "/v2/extract"),
    ("v1/extract", None, 404, "/v1/extract"),
])
def test_bad_requests_are_named_and_the_server_goes_on(pairs, path, body, status, words):
    found, text = pairs.ask(path, body)
    assert found == status, text
    error = json.loads(text)["error"]
    assert words in error["message"] + error.get("hint", "")
    assert pairs.ask("health")[0] == 200


def test_a_port_in_use_is_a_resource_that_failed(trained):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = relata("serve", "-x", trained, "--port", port, code=5)
    assert str(port) in done.err and "--port" in done.err


def test_two_extractors_of_one_name_are_refused(trained):
    assert "called out" in relata("serve", "-x", trained, "-x", trained, code=2).err


def named(document, least):
    """Facts of at least that probability, by their entities' names."""
    names = {entity["id"]: entity["text"] for entity in document["entities"]}
    return {(names[r["head"]], r["type"], names[r["tail"]]) for r in document["relations"]
            if r["score"] >= least}


@pytest.mark.skipif(not MODEL.is_file(), reason="models/ has no SmolLM2: ./dev models smollm2")
def test_texts_become_facts_alone_and_together(tmp_path):
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    wanted = {d["text"]: d for d in json_lines(relata("extract", tmp_path, "--min-score", 0).out)}
    served = Served()
    try:
        def facts(text):
            status, answer = served.ask("v1/extract?min_score=0", text.encode(), "text/plain")
            assert status == 200, answer
            return json.loads(answer)
        alone = [facts(text) for text in TEXTS.values()]
        with concurrent.futures.ThreadPoolExecutor(len(TEXTS)) as pool:
            together = list(pool.map(facts, TEXTS.values()))
        for document in alone + together:
            check_grounded(document)
            assert document["meta"]["extractor"] == EXTRACTOR.name
            # Rounding of another batch moves the least probable ones.
            assert named(document, 0.3) <= named(wanted[document["text"]], 0.0)
        assert any(document["relations"] for document in alone)
    finally:
        assert served.stop() == 130


def test_its_manual_names_its_addresses():
    manual = (ROOT / "docs/serve.md").read_text(encoding="utf-8")
    source = (ROOT / "src/serve/server.cpp").read_text(encoding="utf-8")
    for path in ("/health", "/v1/extractors", "/v1/extract", "/v1/page"):
        assert f"{path}`" in manual and f'"{path}"' in source
