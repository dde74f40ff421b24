"""What nobody should feed to `relata extract`, and what it does then: the other documents are done,
what went wrong is listed, and the exit code says so."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from program import RELATA, json_lines, relata
from test_inputs import ENCRYPTED, needs_pdftotext, paragraph, write_bomb, write_docx, write_pdf

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")
GOOD = {"ada.txt": "Ada was the daughter of Byron.", "mill.txt": "Lund Mill owns Tarn Works."}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in GOOD.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def check_grounded(documents):
    for document in documents:
        for entity in document["entities"]:
            for begin, end in entity["mentions"]:
                assert document["text"][begin:end] == entity["text"]


def extract(extractor, folder, out, *arguments, code):
    result = relata("extract", "-x", extractor, folder, "-o", out, "--min-score", 0, *arguments,
                    code=code)
    documents = json_lines(out.read_text(encoding="utf-8"))
    check_grounded(documents)
    assert not out.with_name(out.name + ".journal").exists()
    return result, documents


@pytest.mark.parametrize("name, content, why", [
    ("empty.txt", b"", "empty"),
    ("blank.txt", b" \n\t\n", "blank.txt"),
    ("latin.txt", "Malm\xf6 och Lund".encode("latin-1"), "UTF-8"),
    pytest.param("locked.pdf", None, "encrypted", marks=needs_pdftotext),
    ("cut.docx", b"PK\x03\x04 cut off word/", "cut.docx"),
    ("bomb.docx", None, "unpacks to more than 256 MiB"),
])
def test_a_file_that_cannot_be_read(facts_extractor, folder, tmp_path, name, content, why):
    if name == "locked.pdf":
        write_pdf(folder / name, [["secret"]], ENCRYPTED)
    elif name == "bomb.docx":
        write_bomb(folder / name)
    else:
        (folder / name).write_bytes(content)
    write_docx(folder / "letter.docx", paragraph("Tarn owns Lund."))
    out = tmp_path / "out.jsonl"
    _, documents = extract(facts_extractor, folder, out, code=4)
    assert [d["id"] for d in documents] == ["ada", "letter", "mill"]
    listed = (tmp_path / "out.jsonl.skipped.txt").read_text(encoding="utf-8")
    assert name in listed and why in listed
    stopped = relata("extract", "-x", facts_extractor, folder, "--on-error", "stop", code=3)
    assert name in stopped.err and stopped.out == ""
    for good in (*GOOD, "letter.docx"):
        (folder / good).unlink()
    alone = relata("extract", "-x", facts_extractor, folder, code=3)
    assert "no usable record" in alone.err and why in alone.err


def test_texts_without_words_or_of_an_unknown_script(facts_extractor, folder, tmp_path):
    (folder / "han.txt").write_text("东部文具拥有永升的股份。", encoding="utf-8")
    (folder / "odd.txt").write_text("\u202e\U0001f600\u0301ꙮ", encoding="utf-8")
    lines = "".join(json.dumps({"id": f"l{i}", "text": text}) + "\n"
                    for i, text in enumerate([" \n\t\n", "?!", "\u0000"]))
    (folder / "lines.jsonl").write_text(lines, encoding="utf-8")
    _, documents = extract(facts_extractor, folder, tmp_path / "out.jsonl", code=0)
    assert {d["id"] for d in documents} == {"ada", "mill", "han", "odd", "l0", "l1", "l2"}
    assert all(d["relations"] == [] for d in documents if d["id"] == "l0")


def test_a_megabyte_without_a_space(facts_extractor, folder, tmp_path):
    (folder / "long.txt").write_text("x" * (1 << 20), encoding="utf-8")
    _, documents = extract(facts_extractor, folder, tmp_path / "out.jsonl", code=0)
    assert {d["id"] for d in documents} == {"ada", "mill", "long"}


def test_a_schema_of_3000_relations(facts_extractor, folder, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"relation_types": [
        {"id": f"R{i}", "name": f"relation number {i}"} for i in range(3000)]}))
    _, documents = extract(facts_extractor, folder, tmp_path / "out.jsonl", "--schema", schema, code=0)
    assert len(documents) == len(GOOD)
    found = {fact["type"] for document in documents for fact in document["relations"]}
    assert found <= {f"R{i}" for i in range(3000)}


def test_names_that_no_token_spells(facts_extractor, folder, tmp_path):
    """A vocabulary that lacks one byte, the first of some Greek letters."""
    extractor = tmp_path / "extractor"
    shutil.copytree(facts_extractor, extractor)
    config = extractor / "extractor.yaml"
    model = Path(next(line.split(": ", 1)[1] for line in config.read_text().splitlines()
                      if line.startswith("model: ")))
    shutil.copytree(model, extractor / "model")
    config.write_text(config.read_text().replace(f"model: {model}", "model: model"))
    (extractor / "model/tokenizer.model").unlink()
    path = extractor / "model/tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    [byte] = [piece for piece in tokenizer["model"]["vocab"] if piece[0] == "<0xCE>"]
    byte[0] = "<no byte>"
    path.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    (extractor / "schema.json").write_text(json.dumps({"relation_types": [
        {"id": "a", "name": "owns"}, {"id": "b", "name": "Ωmega"}]}))
    result = relata("extract", "-x", extractor, folder, code=3)
    assert "Ωmega" in result.err and "none spells" in result.err and result.out == ""


# ---- servers -----------------------------------------------------------------------------------


@pytest.fixture
def ask(server, facts_extractor, folder, tmp_path):
    """Extracts through the server; `answer(prompt)` is its text for each of the pipeline's prompts."""
    def run(answer, *arguments, code=0, decode="free"):
        def reply(path, body):
            if path == "/v1/models":
                return 200, {"data": [{"id": "only"}]}
            said = answer(body)
            if not isinstance(said, str):
                return said
            return 200, {"choices": [{"text": said, "finish_reason": "stop"}],
                         "usage": {"prompt_tokens": 20, "completion_tokens": 5,
                                   "prompt_tokens_details": {"cached_tokens": 8}}}
        server.reply = reply
        return relata("extract", "-x", facts_extractor, "--backend", "openai", "--decode", decode,
                      folder, "-o", tmp_path / "out.jsonl", "--min-score", 0, "--backend-timeout",
                      0.5, "--backend-retries", 1, *arguments, code=code,
                      env={"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": ""})
    return run


def good_answer(body):
    if body["prompt"].endswith("Relations?"):
        return "owns" if "Lund" in body["prompt"] else "parent"
    return "Lund Mill | Tarn Works" if "Lund" in body["prompt"] else "Ada | Byron"


def results(tmp_path):
    documents = json_lines((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    check_grounded(documents)
    return {d["id"]: [fact["type"] for fact in d["relations"]] for d in documents}


def test_a_server_that_closes_in_between_is_asked_again(ask, tmp_path):
    closed = []

    def answer(body):
        if body["prompt"] in closed:
            return good_answer(body)
        closed.append(body["prompt"])
        return None
    result = ask(answer, "--backend-price", "1000,2000")
    assert results(tmp_path) == {"ada": ["parent"], "mill": ["owns"]}
    # 4 questions of 20 and 5 tokens at 1,000 and 2,000 a million.
    assert "4 requests, 80 tokens of prompts (32 of them shared), 20 of answers, 4 further tries" in (
        result.err)
    assert "cost 0.1200" in result.err


@pytest.mark.parametrize("bad", ["hangs", "closes", "nonsense", "refuses", "5xx"])
def test_one_document_that_a_server_does_not_answer(ask, server, tmp_path, bad):
    """With one connection: the other document is answered before and after."""
    release = threading.Event()
    failures = {"hangs": lambda: release.wait(20) and None, "closes": lambda: None,
                "nonsense": lambda: (200, "<html>busy</html>"),
                "refuses": lambda: (400, {"error": {"message": "too long"}}),
                "5xx": lambda: (503, "down")}

    def answer(body):
        return failures[bad]() if "Lund" in body["prompt"] else good_answer(body)
    ask(answer, "--backend-connections", 2, code=4)
    release.set()
    assert results(tmp_path) == {"ada": ["parent"], "mill": []}
    [failure] = json_lines((tmp_path / "out.jsonl.failed.jsonl").read_text(encoding="utf-8"))
    assert failure["id"] == "mill" and failure["unanswered"] and failure["problem"]
    assert not (tmp_path / "out.jsonl.journal").exists()


def choice_of(**choice):
    return 200, {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 0}}


@pytest.mark.parametrize("api, choice, words", [
    ("completions", {"text": "", "finish_reason": "content_filter"}, "content filter"),
    ("chat", {"message": {"content": None}, "finish_reason": "content_filter"}, "content filter"),
    ("chat", {"message": {"content": None, "tool_calls": [{}]}, "finish_reason": "tool_calls"}, "tool"),
    ("chat", {"message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"},
     "I will not."),
])
def test_answers_that_a_server_withholds_are_listed(ask, tmp_path, api, choice, words):
    ask(lambda body: choice_of(**choice), "--backend-api", api, code=4)
    assert results(tmp_path) == {"ada": [], "mill": []}
    failures = json_lines((tmp_path / "out.jsonl.failed.jsonl").read_text(encoding="utf-8"))
    assert {f["id"] for f in failures} == {"ada", "mill"}
    assert all(f["unanswered"] and words in f["problem"] for f in failures)


def by_schema(body):
    """good_answer() as JSON."""
    lines = good_answer(body).split("\n")
    if not body["prompt"].endswith("Relations?"):
        lines = [dict(zip(("head", "tail"), line.split(" | "))) for line in lines]
    return json.dumps({"items": lines})


@pytest.mark.parametrize("form", ["```json\n{}\n```", "<think>\nIs it {{}}?\n</think>\n\n{}",
                                  "Ada is Ada.</think>```\n{}```"])
@pytest.mark.parametrize("decode", ["constrained", "free"])
def test_what_stands_around_an_answer(ask, tmp_path, form, decode):
    """Code fences, and thoughts whose beginning may be the prompt's end."""
    answer = by_schema if decode == "constrained" else good_answer
    ask(lambda body: form.format(answer(body)), decode=decode)
    assert results(tmp_path) == {"ada": ["parent"], "mill": ["owns"]}


@pytest.mark.parametrize("said", ["", " \n", "<think>owns</think>", "<think>owns", "```\n```"])
@pytest.mark.parametrize("decode", ["constrained", "free"])
def test_an_answer_that_says_nothing_is_none(ask, tmp_path, said, decode):
    ask(lambda body: said if "Lund" in body["prompt"] else good_answer(body), code=4, decode=decode)
    assert results(tmp_path) == {"ada": ["parent"], "mill": []}
    [failure] = json_lines((tmp_path / "out.jsonl.failed.jsonl").read_text(encoding="utf-8"))
    assert failure["id"] == "mill" and failure["unanswered"]


@pytest.mark.parametrize("bad", ["hangs", "closes", "nonsense"])
def test_a_server_that_answers_nothing_loses_nothing(ask, server, tmp_path, bad):
    release = threading.Event()
    failures = {"hangs": lambda: release.wait(20) and None, "closes": lambda: None,
                "nonsense": lambda: (200, "<html>busy</html>")}
    result = ask(lambda body: failures[bad](), code=5)
    release.set()
    assert server.url in result.err and not (tmp_path / "out.jsonl").exists()
    assert (tmp_path / "out.jsonl.journal").exists()
    ask(good_answer)
    assert results(tmp_path) == {"ada": ["parent"], "mill": ["owns"]}


def test_answers_by_a_json_schema(ask, server, tmp_path):
    def answer(body):
        schema = body["response_format"]["json_schema"]["schema"]
        item = schema["properties"]["items"]["items"]
        lines = [line for line in good_answer(body).split("\n")]
        if item["type"] == "string":
            assert item["enum"] == ["owns", "parent", "works for"]
            return json.dumps({"items": lines})
        assert set(item["required"]) == {"head", "tail"}
        pairs = [line.split(" | ") for line in lines]
        return json.dumps({"items": [{"head": head, "tail": tail} for head, tail in pairs]})
    ask(answer, decode="constrained")
    assert results(tmp_path) == {"ada": ["parent"], "mill": ["owns"]}


def test_a_server_without_json_schemas_is_asked_freely(ask, server, tmp_path):
    def answer(body):
        if "response_format" in body:
            return 400, {"error": {"message": "response_format is not supported"}}
        return good_answer(body)
    result = ask(answer, decode="constrained")
    assert "takes no JSON schema" in result.err
    assert results(tmp_path) == {"ada": ["parent"], "mill": ["owns"]}


def test_a_server_without_older_parameters_is_asked_by_newer_ones(ask, server, tmp_path):
    """As OpenAI's models that think: max_completion_tokens, and no temperature but their own."""
    def answer(body):
        for old, words in (("max_tokens", "use 'max_completion_tokens' instead"),
                           ("temperature", "does not support 0 with this model")):
            if old in body:
                return 400, {"error": {"message": f"Unsupported value: '{old}' {words}", "param": old}}
        assert body["max_completion_tokens"] > 0
        return good_answer(body)
    result = ask(answer)
    assert "takes no temperature" in result.err
    assert results(tmp_path) == {"ada": ["parent"], "mill": ["owns"]}


def test_what_is_not_of_the_text_is_no_fact_whatever_a_server_says(ask, tmp_path):
    def answer(body):
        if body["prompt"].endswith("Relations?"):
            return '{"items": ["owns"]}'
        return '{"items": [{"head": "Lund Mill", "tail": "Paris"}]}'
    ask(answer, code=4, decode="constrained")
    assert results(tmp_path) == {"ada": [], "mill": []}
    failures = json_lines((tmp_path / "out.jsonl.failed.jsonl").read_text(encoding="utf-8"))
    assert {f["id"] for f in failures} == {"ada", "mill"}


def test_documents_of_one_id_are_all_done(facts_extractor, tmp_path):
    """In one file as in two: a number tells them apart, and nothing counts as failed."""
    lines = [json.dumps({"id": i, "text": text}) + "\n" for i, text in
             (("a", "Ada owns Lund."), ("b", "Tarn owns Ada."), ("a", "Lund owns Tarn."))]
    one, first, second = (tmp_path / name for name in ("one.jsonl", "first.jsonl", "second.jsonl"))
    one.write_text("".join(lines))
    first.write_text("".join(lines[:2]))
    second.write_text(lines[2])
    found = relata("extract", "-x", facts_extractor, one)
    documents = json_lines(found.out)
    assert [document["id"] for document in documents] == ["a", "b", "a#2"]
    assert documents[2]["text"] == "Lund owns Tarn."
    assert 'which now end with a number ("x#2"): 1' in found.err
    both = json_lines(relata("extract", "-x", facts_extractor, first, second).out)
    assert [document["id"] for document in both] == ["a", "b", "a#2"]
    assert json_lines(relata("extract", "-x", facts_extractor, "--on-error", "stop", one).out) \
        == documents
    # Gold and predictions of one id could not be told apart: an error there.
    assert "not unique in the file" in relata("evaluate", "--gold", one, "--pred", one, code=3).err
