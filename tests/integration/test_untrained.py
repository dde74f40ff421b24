"""Document pipelines asked of models that were not trained on them."""

import json
import math

import pytest

from program import json_lines, relata

TEXTS = [("a", "Ada was the daughter of Byron."), ("b", "甲公司拥有乙公司的股份。")]


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in TEXTS))
    return path


def write_schema(folder, *names):
    path = folder / "schema.json"
    path.write_text(json.dumps({"relation_types": [{"id": n, "name": n} for n in names]}))
    return path


def write_text(folder, text):
    path = folder / "text.jsonl"
    path.write_text(json.dumps({"id": "d", "text": text}) + "\n")
    return path


@pytest.mark.parametrize("pipeline", ["df", "drhf", "eprsr"])
def test_a_model_answers_within_schema_and_text(tmp_path, toy_model, texts, pipeline):
    schema = write_schema(tmp_path, "parent of", "owner of")
    documents = json_lines(relata("extract", "-m", toy_model, "--pipeline", pipeline, "--schema", schema,
                                  texts, "--min-score", 0, "--no-closure").out)
    assert [d["id"] for d in documents] == ["a", "b"]
    for document in documents:
        assert {r["type"] for r in document["relations"]} <= {"parent of", "owner of"}
        for entity in document["entities"]:
            for begin, end in entity["mentions"]:
                assert document["text"][begin:end] == entity["text"]


def test_what_is_missing_is_named(tmp_path, toy_model, texts):
    assert "--schema" in relata("extract", "-m", toy_model, "--pipeline", "df", texts, code=2).err
    assert "--pipeline drhf" in relata("extract", "-m", toy_model, texts, code=2).err
    schema = write_schema(tmp_path, "parent of")
    err = relata("extract", "--pipeline", "df", "--schema", schema, texts, code=2).err
    assert "-m" in err


@pytest.mark.parametrize("names, words", [(("parent of", "owner of"), "Possible relations: "),
                                          (("父母", "拥有"), "可能的关系：")])
def test_a_server_is_told_the_relations(tmp_path, server, texts, names, words):
    def reply(path, body):
        if path == "/v1/models":
            return 200, {"data": [{"id": "only"}]}
        known = f"{names[0]} | Ada | Byron" if "Ada" in body["prompt"] else f"{names[1]} | 甲公司 | 乙公司"
        return 200, {"choices": [{"text": known, "finish_reason": "stop"}]}
    server.reply = reply
    out = relata("extract", "--backend", "openai", "--pipeline", "df", "--schema",
                 write_schema(tmp_path, *names), texts, env={"OPENAI_BASE_URL": server.url}).out
    facts = [[(d["entities"][0]["text"], r["type"]) for r in d["relations"]]
             for d in json_lines(out)]
    assert facts == [[("Ada", names[0])], [("甲公司", names[1])]]
    for body in server.bodies():
        assert words in body["prompt"] and all(name in body["prompt"] for name in names)


def test_a_json_answer_that_was_cut_off_keeps_its_whole_items(tmp_path, server, texts):
    def reply(path, body):
        if path == "/v1/models":
            return 200, {"data": [{"id": "only"}]}
        assert body["response_format"]["type"] == "json_schema"
        item = json.dumps({"relation": "parent of", "head": "Byron", "tail": "Ada"})
        text = f'{{"items": [{item}, {{"relation": "parent of", "head": "By'
        return 200, {"choices": [{"text": text, "finish_reason": "length"}]}
    server.reply = reply
    out = tmp_path / "out.jsonl"
    relata("extract", "--backend", "openai", "--pipeline", "df", "--schema",
           write_schema(tmp_path, "parent of"), texts, "-o", out, code=4,
           env={"OPENAI_BASE_URL": server.url})
    first, second = json_lines(out.read_text(encoding="utf-8"))
    assert [r["type"] for r in first["relations"]] == ["parent of"]
    assert second["relations"] == []  # neither stands in this text
    assert "cut off after 512 tokens" in first["meta"]["unparsed"][0]["problem"]


def tokens_of(text):
    """A text in pieces, as a server tells its tokens."""
    return [text[i:i + 3] for i in range(0, len(text), 3)]


@pytest.mark.parametrize("front, back", [("", ""), ("<think>Is it?</think>\n```json\n", "\n```")])
@pytest.mark.parametrize("decode", ["constrained", "free"])
def test_a_server_that_tells_its_tokens_gives_scores(tmp_path, server, decode, front, back):
    def reply(path, body):
        if path == "/v1/models":
            return 200, {"data": [{"id": "only"}]}
        item = {"relation": "parent of", "head": "Byron", "tail": "Ada"}
        text = "parent of | Byron | Ada"
        if "response_format" in body:
            text = json.dumps({"items": [item]})
        around = [tokens_of(part) for part in (front, text, back)]
        chances = [[-3.0] * len(around[0]), [-0.5] + [0.0] * (len(around[1]) - 1), [-3.0] * len(around[2])]
        logprobs = {"tokens": sum(around, []), "token_logprobs": sum(chances, [])}
        return 200, {"choices": [{"text": front + text + back, "finish_reason": "stop", "logprobs": logprobs}]}
    server.reply = reply
    text = write_text(tmp_path, "Ada is Byron's daughter.")

    def found(least):
        out = relata("extract", "--backend", "openai", "--pipeline", "df", "--schema",
                     write_schema(tmp_path, "parent of"), text, "--decode", decode, "--min-score",
                     least, env={"OPENAI_BASE_URL": server.url}).out
        return json_lines(out)[0]["relations"]

    assert [fact["score"] for fact in found(0.5)] == [pytest.approx(math.exp(-0.5))]
    assert found(0.7) == []


def test_a_name_over_a_line_break_is_found_where_it_stands(tmp_path, server):
    def reply(path, body):
        if path == "/v1/models":
            return 200, {"data": [{"id": "only"}]}
        known = "Isambard Kingdom Brunel" in body["prompt"]
        answer = "engineer of | Isambard Kingdom Brunel | the bridge" if known else "none"
        return 200, {"choices": [{"text": answer, "finish_reason": "stop"}]}
    server.reply = reply
    for newline in ["\n", "\r\n", "\n    "]:
        name = f"Isambard{newline}Kingdom Brunel"
        path = write_text(tmp_path, f"The engineer of the bridge was {name}.")
        out = relata("extract", "--backend", "openai", "--pipeline", "df", "--schema",
                     write_schema(tmp_path, "engineer of"), path, "--decode", "free",
                     env={"OPENAI_BASE_URL": server.url}).out
        document = json_lines(out)[0]
        entity = next(e for e in document["entities"] if e["text"].startswith("Isambard"))
        assert entity["text"] == "Isambard Kingdom Brunel"
        assert [document["text"][b:e] for b, e in entity["mentions"]] == [name]
