"""`relata serve`: what it answers over HTTP is what `relata extract` writes."""

import concurrent.futures
import http.client
import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
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

    def connect(self):
        return socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(self.url).port), 30)

    def ask(self, path, body=None, kind="application/json", **headers):
        """(status, text)"""
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data,
            {"Content-Type": kind, **{name.replace("_", "-"): text for name, text in headers.items()}})
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


def can_listen(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


@pytest.mark.parametrize("host, shown, alone", [
    ("::1", "[::1]", True), ("127.0.0.2", "127.0.0.2", True), ("LOCALHOST", "LOCALHOST", True),
    ("0.0.0.0", "0.0.0.0", False), ("::", "[::]", False),
])
def test_the_address_is_a_url_and_the_warning_is_for_others(trained, host, shown, alone):
    if host != "LOCALHOST" and not can_listen(host):
        pytest.skip(f"this machine has no {host}")
    served = Served("-x", trained, "--host", host)
    try:
        assert served.url.startswith(f"http://{shown}:")
        assert served.ask("health")[0] == 200
    finally:
        served.stop()
    assert ("whoever reaches this address" in served.process.stderr.read()) == (not alone)


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
    ("v1/extract", b"Ada met Byron.", 400, "Content-Type: text/plain"),
    ("v1/extract", b"\n", 400, "is empty"),
    ("v1/extract", [], 400, "object"),
    ("v1/extract", {}, 400, "neither"),
    ("v1/extract", {"text": "a", "documents": []}, 400, "both"),
    ("v1/extract", {"text": ""}, 400, "empty"),
    ("v1/extract", {"text": 12}, 400, '"text" is no string'),
    ("v1/extract", {"text": "a", "id": 7}, 400, '"id" is no string'),
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


def test_a_port_of_another_server_is_in_use_too(pairs, trained):
    port = urllib.parse.urlsplit(pairs.url).port
    assert str(port) in relata("serve", "-x", trained, "--port", port, code=5).err


@pytest.mark.parametrize("path, kind, status, words", [
    # Understood as what they are: they get as far as the extractor, which wants entities.
    ("v1/extract", "application/x-www-form-urlencoded", 400, "entities"),
    ("v1/extract", "Application/JSON", 400, "entities"),
    ("v1/extract", "TEXT/Plain ; charset=UTF-8", 400, "entities"),
    ("v1/extract?min_score=0.5", "text/plain", 400, "entities"),
    ("v1/extract?min_scor=0.5", "text/plain", 400, "min_scor"),
    ("v1/extract?min_score=nan", "text/plain", 400, "min_score"),
    ("v1/extract?min_score=0&min_score=1", "text/plain", 400, "twice"),
    # Would be ignored.
    ("v1/extract?min_score=0.5", "application/json", 400, "plain text only"),
    ("v1/page?extractor=out", "application/json", 400, "plain text only"),
    ("v1/extract", "multipart/form-data; boundary=x", 415, "multipart"),
])
def test_media_types_and_parameters(pairs, path, kind, status, words):
    found, text = pairs.ask(path, {"text": "a" * 20000}, kind)
    assert found == status, text
    error = json.loads(text)["error"]
    assert words in error["message"] + error.get("hint", "")


def test_a_text_in_another_encoding_is_said_to_be_one(pairs):
    status, text = pairs.ask("v1/extract", b"Caf\xe9", "text/plain; charset=iso-8859-1")
    error = json.loads(text)["error"]
    assert status == 400 and "invalid UTF-8 at byte 4" in error["message"]
    assert error["hint"] == "send the text in UTF-8"


def test_compressed_requests_are_said_not_to_be_read(pairs):
    status, text = pairs.ask("v1/extract", b"\x1f\x8b\x08\x00", Content_Encoding="gzip")
    assert status == 415 and "Content-Encoding: gzip" in json.loads(text)["error"]["message"]


def test_requests_in_chunks_have_the_same_limit(pairs):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(pairs.url).netloc, timeout=30)
    for path, size, status, words in [("/v1/extract", 300_000, 413, "large"),
                                      ("/v1/extract", 50_000, 400, "entities"),
                                      ("/v2/extract", 300_000, 404, "/v2/extract")]:
        body = json.dumps({"text": "a" * size}).encode()
        pieces = (body[i:i + 7000] for i in range(0, len(body), 7000))
        connection.request("POST", path, pieces, {"Content-Type": "application/json"},
                           encode_chunked=True)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == status, text
        assert words in text
    connection.close()


def test_connections_that_ask_nothing_hold_up_nobody(pairs):
    idle = [pairs.connect() for _ in range(40)]
    for unfinished in idle[:20]:
        unfinished.sendall(b"POST /v1/extract HTTP/1.1\r\nHost: here\r\nContent-Le")
    begin = time.monotonic()
    assert pairs.ask("health")[0] == 200
    assert time.monotonic() - begin < 1.5  # a connection is given up after 2 and more
    for connection in idle:
        connection.close()


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
            # Rounding of another batch can turn a choice between answers that are as likely as each
            # other; what is more likely than all others together is chosen in every batch.
            assert named(document, 0.5) <= named(wanted[document["text"]], 0.0)
        assert any(named(document, 0.5) for document in alone)
    finally:
        assert served.stop() == 130


def test_a_key_is_asked_for_where_there_is_one(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("RELATA_API_KEY", "open sesame")
    served = Served("-x", trained)
    try:
        documents = {"documents": json_lines(records(tmp_path).read_text(encoding="utf-8"))}
        for path, body in [("v1/extract", documents), ("v1/page", documents), ("v1/extractors", None),
                           ("metrics", None)]:
            for wrong in ({}, {"Authorization": "Bearer open"}, {"Authorization": "Bearer open sesamf"},
                          {"Authorization": "Bearer "}, {"Authorization": "open sesame"},
                          {"Authorization": "Bearer open sesame open sesame"}):
                status, text = served.ask(path, body, **wrong)
                assert status == 401 and "Bearer" in json.loads(text)["error"]["hint"]
            assert served.ask(path, body, Authorization="Bearer open sesame")[0] == 200
        assert served.ask("health")[0] == 200
        status, page = served.ask("")
        assert status == 200 and 'type="password"' in page
    finally:
        assert served.stop() == 130


def test_what_was_done_is_counted(trained, tmp_path):
    served = Served("-x", trained)
    try:
        documents = json_lines(records(tmp_path).read_text(encoding="utf-8"))
        found = json.loads(served.ask("v1/extract", {"documents": documents})[1])["documents"]
        served.ask("v1/extract", b"{")
        status, text = served.ask("metrics")
        assert status == 200
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert values['relata_answers_total{status="200"}'] == "1"
        assert values['relata_answers_total{status="400"}'] == "1"
        assert values["relata_extractions_total"] == "1"
        assert values["relata_documents_total"] == str(len(documents))
        assert values["relata_facts_total"] == str(sum(len(d["relations"]) for d in found))
        assert float(values["relata_extraction_seconds_total"]) > 0
        assert 'type="password"' not in served.ask("")[1]
    finally:
        assert served.stop() == 130


@pytest.mark.parametrize("answer, status", [
    ((401, {"error": {"message": "no such key"}}), 500),
    ((400, {"error": {"message": "no such prompt"}}), 400),
])
def test_what_its_own_server_refuses(facts_extractor, server, answer, status):
    """Who asks is not told what only who runs the server can do; that one is."""
    server.reply = lambda path, body: (
        (200, {"data": [{"id": "only"}]}) if path == "/v1/models" else answer)
    served = Served("-x", facts_extractor, "--backend", "openai", "--backend-url", server.url,
                    "--backend-retries", 0)
    try:
        found, text = served.ask("v1/extract", {"text": "Ada met Byron."})
    finally:
        served.stop()
    error = json.loads(text)["error"]
    assert found == status and answer[1]["error"]["message"] in error["message"]
    assert "OPENAI" not in text and "--" not in text and "standard error" in error["hint"]
    log = served.process.stderr.read()
    assert answer[1]["error"]["message"] in log and ("OPENAI_API_KEY" in log) == (status == 500)


def test_its_manual_names_its_addresses():
    manual = (ROOT / "docs/serve.md").read_text(encoding="utf-8")
    source = (ROOT / "src/serve/server.cpp").read_text(encoding="utf-8")
    for path in ("/health", "/v1/extractors", "/v1/extract", "/v1/page", "/metrics"):
        assert f"{path}`" in manual and f'"{path}"' in source
