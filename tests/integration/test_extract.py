"""`relata extract` as users meet it: pages, schemas, servers, and answers nobody can read."""

import html.parser
import json
import math
import threading
from pathlib import Path

import pytest

from fake_server import Server
from program import RELATA, ROWS, json_lines, relata

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")


@pytest.fixture
def ask(server, extractor, gold):
    """Extracts through the server."""
    def run(*arguments, code=0, env=None, documents=gold):
        return relata("extract", "-x", extractor, "--backend", "openai", "--decode", "free",
                      *arguments, documents, code=code,
                      env={"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "", **(env or {})})
    return run


class Page(html.parser.HTMLParser):
    """What a page shows, and what it would load."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.loads, self.text, self.open = [], [], "", []
        self.feed(Path(path).read_text())
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href", "data")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


# ---- servers -----------------------------------------------------------------------------------


def test_server_answers_become_relations(ask, server, gold):
    found = json_lines(ask("--backend-url", server.url, env={"OPENAI_BASE_URL": "http://x"}).out)
    assert [d["relations"][0]["type"] for d in found] == [row[2] for row in ROWS]
    assert found[0]["relations"][0]["score"] == pytest.approx(math.exp(-0.5))
    assert found[0]["meta"]["model"] == "openai:only"
    bodies = server.bodies()
    assert sorted(b["prompt"] for b in bodies) == sorted(f"{s} {h} {t}:" for h, t, _, s in ROWS)
    assert {(b["model"], b["temperature"], b["max_tokens"]) for b in bodies} == {("only", 0, 64)}


def test_chat_sends_the_users_turn_alone(ask, server, extractor):
    with open(extractor / "extractor.yaml", "a") as file:
        file.write("chat: mistral\n")
    ask("--backend-model", "mine", env={"OPENAI_API_KEY": "secret"})
    assert all(b["prompt"].startswith("[INST] ") for b in server.bodies())
    assert all(h["Authorization"] == "Bearer secret" for _, h, _ in server.seen)
    assert {path for path, _, _ in server.seen} == {"/v1/completions"}
    server.seen.clear()
    found = json_lines(ask("--backend-api", "chat").out)
    assert [d["relations"][0]["type"] for d in found] == [row[2] for row in ROWS]
    assert not any("[INST]" in b["messages"][0]["content"] for b in server.bodies())
    assert not any("Authorization" in headers for _, headers, _ in server.seen)


def test_failures_that_pass_are_tried_again(ask, server):
    waiting = [(503, {"error": {"message": "busy"}}), (429, "slow down", ("Retry-After", "1"))]
    server.reply = lambda path, body: (
        waiting.pop() if body and waiting else server.good_reply(path, body))
    assert len(json_lines(ask("--backend-connections", 1).out)) == len(ROWS)
    assert len(server.bodies()) == len(ROWS) + 2


def test_a_lost_server_is_a_resource_error_and_the_run_goes_on_later(ask, server, tmp_path):
    out = tmp_path / "out.jsonl"
    server.reply = lambda path, body: (
        server.good_reply(path, body) if len(server.bodies()) < 3 else (500, "<html>down\n</html>"))
    options = ["-o", out, "--batch", 1, "--backend-retries", 1, "--backend-connections", 1]
    result = ask(*options, code=5)
    assert "status 500" in result.err and not out.exists()
    server.reply = server.good_reply
    server.seen.clear()
    ask(*options)
    assert len(server.bodies()) == len(ROWS) - 2
    assert [d["relations"][0]["type"] for d in json_lines(out.read_text())] == [r[2] for r in ROWS]


def test_unreachable_and_silent_servers_exit_5(ask, server):
    closed = Server()
    closed.server_close()
    result = ask("--backend-url", closed.url, "--backend-retries", 0, code=5)
    assert closed.url in result.err and "start the server" in result.err
    release = threading.Event()
    server.reply = lambda path, body: release.wait(60) and server.good_reply(path, body)
    result = ask("--backend-timeout", 0.2, "--backend-retries", 0, code=5)
    release.set()
    assert "timed out" in result.err.lower()


@pytest.mark.parametrize("status, reply, code, words", [
    (401, {"error": {"message": "no such key"}}, 2, ["no such key", "OPENAI_API_KEY"]),
    (404, {"detail": "no such model"}, 2, ["no such model", "--help"]),
    (400, {"error": "too long"}, 3, ["too long"]),
    (302, "", 2, ["status 302"]),
    (200, "<html>hello</html>", 5, ["no JSON"]),
    (200, {"choices": []}, 5, ["no choices"]),
    (200, {"choices": [{"text": 7}]}, 5, ["no text"]),
    (200, [], 5, ["no choices"]),
])
def test_what_servers_refuse_is_explained(ask, server, status, reply, code, words):
    server.reply = lambda path, body: (
        (status, reply, ("Location", "http://127.0.0.1:1/")) if body
        else server.good_reply(path, body))
    result = ask("--backend-retries", 0, code=code, env={"OPENAI_API_KEY": "secret"})
    for word in words:
        assert word in result.err or word == "--help"
    assert "secret" not in result.err
    assert result.out == ""


def test_servers_without_probabilities(ask, server):
    def reply(path, body):
        if body and "logprobs" in body:
            return 400, {"error": {"message": "logprobs are not supported"}}
        status, answer = server.good_reply(path, body)
        if body:
            del answer["choices"][0]["logprobs"]
        return status, answer
    server.reply = reply
    result = ask("--min-score", 0.5)
    assert "no probabilities" in result.err
    assert all("score" not in d["relations"][0] for d in json_lines(result.out))


def test_what_a_server_cannot_do_is_refused(ask, server, extractor, gold):
    labels = relata("extract", "-x", extractor, "--backend", "openai", gold, code=2,
                    env={"OPENAI_BASE_URL": server.url})
    assert "label" in labels.err and "--decode free" in labels.err
    assert "OPENAI_BASE_URL" in ask(code=2, env={"OPENAI_BASE_URL": ""}).err
    assert "no server's address" in ask("--backend-url", "ftp://x", code=2).err
    assert server.seen == []
    server.reply = lambda path, body: (200, {"data": [{"id": "a"}, {"id": "b"}]})
    assert "a, b" in ask(code=2).err


# ---- answers that do not parse -----------------------------------------------------------------


def test_unreadable_answers_are_listed_and_exit_4(ask, server, tmp_path):
    out, side = tmp_path / "out.jsonl", tmp_path / "out.jsonl.failed.jsonl"
    good = dict(server.answers)
    server.answers["李四 甲公司"] = "he \"works\"\nthere"
    result = ask("-o", out, code=4)
    assert str(side) in result.err
    found = json_lines(out.read_text())
    assert len(found) == len(ROWS)
    assert found[2]["relations"] == [{"head": "e0", "tail": "e1", "type": "unknown"}]
    [failure] = json_lines(side.read_text())
    assert failure["id"] == found[2]["id"] and failure["head"] == "e0" and failure["tail"] == "e1"
    assert failure["answer"] == "he \"works\"\nthere" and failure["problem"]
    assert json.dumps(failure, ensure_ascii=False, separators=(",", ":")) in ask(code=4).err
    server.answers = good
    ask("-o", out)
    assert not side.exists()


# ---- pages -------------------------------------------------------------------------------------


def test_page_shows_everything_and_loads_nothing(ask, server, tmp_path, gold):
    evil = "<script>alert(1)</script> & Co"
    lines = json_lines(gold.read_text())
    lines[3]["text"] = f"{evil} was the daughter of Byron."
    lines[3]["entities"][0].update(text=evil, mentions=[[0, len(evil)]])
    begin = lines[3]["text"].index("Byron")
    lines[3]["entities"][1]["mentions"] = [[begin, begin + 5]]
    documents = tmp_path / "evil.jsonl"
    documents.write_text("".join(json.dumps(line) + "\n" for line in lines))
    server.answers[f"{evil} Byron"] = "parent"
    page = tmp_path / "page.html"
    ask("--html", page, "-o", tmp_path / "out.jsonl", documents=documents)
    shown = Page(page)
    for line in lines:
        assert line["text"] in shown.text
    assert {"svg", "mark", "table"} <= set(shown.tags)
    assert "0.607" in shown.text and "任职" in shown.text
    assert shown.loads == [] and not {"link", "img"} & set(shown.tags)
    assert shown.tags.count("script") == 1  # its own


def test_page_has_a_place_of_its_own(trained, gold, tmp_path):
    out = tmp_path / "same"
    assert "--html" in relata("extract", "-x", trained, gold, "-o", out, "--html", out, code=2).err
    relata("extract", "-x", trained, gold, "--html", "-", code=2)
    relata("extract", "-x", trained, gold, "--html", out, "--dry-run", code=2)
    assert not out.exists()


def test_no_output_takes_the_place_of_an_input_or_of_another(trained, gold, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = gold.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(gold)
    (tmp_path / "sub").mkdir()
    command = ["extract", "-x", trained, gold]
    for flags in (["-o", gold], ["-o", "./gold.jsonl"], ["-o", "link.jsonl"],
                  ["-o", "out.jsonl", "--html", "sub/../gold.jsonl"],
                  ["-o", "out.jsonl", "--journal", gold.name]):
        assert "an input" in relata(*command, *flags, code=2).err
    for flags in (["--html", "./out.jsonl"], ["--html", tmp_path / "out.jsonl"],
                  ["--journal", "sub/../out.jsonl"], ["--html", "out.jsonl.journal"],
                  ["--html", "./out.jsonl.failed.jsonl"]):
        assert "same place" in relata(*command, "-o", "out.jsonl", *flags, code=2).err
    assert gold.read_bytes() == before and not (tmp_path / "out.jsonl").exists()


def test_a_file_that_is_no_journal_is_left_as_it_is(trained, gold, tmp_path):
    notes = tmp_path / "notes.txt"
    for text in ("my precious notes", "one\ntwo", '{"id": "x"}\n', '{"journal":"else'):
        notes.write_text(text)
        refused = relata("extract", "-x", trained, gold, "--journal", notes, code=2)
        assert f"{notes}: not a journal" in refused.err
        assert notes.read_text() == text


def test_the_lists_are_those_of_the_last_run(trained, gold, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text(gold.read_text() + "no json\n")
    out, listed = tmp_path / "out.jsonl", tmp_path / "out.jsonl.skipped.txt"
    relata("extract", "-x", trained, bad, "-o", out, code=4)
    assert "bad.jsonl:5" in listed.read_text()
    relata("extract", "-x", trained, gold, "-o", out)
    assert not listed.exists()


@pytest.mark.parametrize("flag", ["--min-score", "--threshold", "--vote", "--backend-timeout"])
@pytest.mark.parametrize("number", ["nan", "inf", "-1", "x"])
def test_flags_take_only_numbers_of_their_range(trained, gold, flag, number):
    refused = relata("extract", "-x", trained, gold, flag, number, code=2)
    assert flag in refused.err and number in refused.err


# ---- schemas and pipelines ---------------------------------------------------------------------


def write_schema(path, *types):
    path.write_text(json.dumps({"entity_types": [], "relation_types": list(types)}))
    return path


def test_label_scoring_takes_any_schema(trained, gold, tmp_path):
    schema = write_schema(tmp_path / "schema.json", {"id": "owns", "name": "拥有"},
                          {"id": "new", "name": "brand new"})
    result = relata("extract", "-x", trained, gold, "--schema", schema, "--threshold", 0)
    assert "no negative relation" in result.err
    own = json_lines(relata("extract", "-x", trained, gold).out)
    for document, before in zip(json_lines(result.out), own):
        assert {r["type"] for r in document["relations"]} == {"owns", "new"}
        assert sum(r["score"] for r in document["relations"]) == pytest.approx(1)
        assert document["meta"]["schema"] != before["meta"]["schema"]


def test_free_decoding_takes_names_that_were_taught(ask, server, tmp_path):
    schema = write_schema(tmp_path / "schema.json", {"id": "owns", "name": "拥有"},
                          {"id": "none", "name": "unknown", "negative": True})
    found = json_lines(ask("--schema", schema).out)
    assert [d["relations"][0]["type"] for d in found] == ["owns", "none", "none", "none"]
    write_schema(schema, {"id": "拥有", "name": "owns"})
    result = ask("--schema", schema, code=2)
    assert str(schema) in result.err and '"owns"' in result.err
    schema.write_text('{"relation_types": [{"name": "x"}]}')
    assert str(schema) in ask("--schema", schema, code=2).err
    assert "missing.json" in ask("--schema", tmp_path / "missing.json", code=2).err


def test_pipelines_are_listed(trained, gold):
    relata("extract", "-x", trained, gold, "--pipeline", "pair")
    result = relata("extract", "-x", trained, gold, "--pipeline", "tripel", code=2)
    assert "tripel" in result.err and "there is: pair" in result.err
