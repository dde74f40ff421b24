"""Examples in prompts: pipelines rag and icl, trained and untrained, and what can be wrong with a pool."""

import json
import re

import pytest

from program import ROOT, ROWS, json_lines, relata, toy_recipe

POOL = [
    ("北风文具", "长升", "拥有", "北风文具拥有长升的股份。"),
    ("丙公司", "丁公司", "unknown", "丙公司与丁公司今日会面。"),
    ("张三", "丙公司", "任职", "张三今日进入丙公司。"),
    ("Eve", "Finn", "parent", "Eve was the mother of Finn."),
]


def write_rows(path, rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained_rag(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rag")
    data = write_rows(folder / "train.txt", ROWS + POOL)
    recipe = folder / "rag.json"
    recipe.write_text(json.dumps(toy_recipe(
        data, folder / "out", pipeline="rag", demonstrations={"examples": 2}, prompt_template="rag-zh",
        save_steps=1)))
    result = relata("train", recipe, "-v")
    assert "examples a question" in result.err
    return folder / "out"


def shown(out):
    return json_lines(out)[0]["meta"]["demonstrations"]


def test_the_folder_has_the_pool_and_needs_nothing_else(trained_rag, tmp_path):
    config = (trained_rag / "extractor.yaml").read_text()
    assert "pipeline: rag" in config and "pool_sha256" in config
    assert len(json_lines((trained_rag / "demonstrations.jsonl").read_text())) == 8
    moved = tmp_path / "moved"
    moved.symlink_to(trained_rag)
    question = write_rows(tmp_path / "q.txt", [("甲", "乙", "拥有", "甲拥有乙的全部股份。")])
    assert shown(relata("extract", "-x", moved, question).out)["shown"] == 2


def test_training_rows_never_show_themselves(trained_rag, tmp_path):
    """Each training sentence is in the pool; its row's prompt has it once, as the question."""
    recipe = tmp_path / "rag.json"
    data = write_rows(tmp_path / "train.txt", ROWS + POOL)
    recipe.write_text(json.dumps(toy_recipe(
        data, tmp_path / "out", pipeline="rag", demonstrations={"examples": 3},
        prompt_template="rag-zh", model_name_or_path=str(trained_rag / "model"))))
    relata("train", recipe, "--rows", tmp_path / "rows")
    rows = json_lines((tmp_path / "rows/train.jsonl").read_text())
    assert len(rows) == 8
    ids = "\n".join(json.dumps(row["ids"]) for row in rows)
    texts = json_lines(relata("tokenizer", "decode", trained_rag / "model", stdin=ids).out)
    for (head, tail, label, sentence), text in zip(ROWS + POOL, texts):
        text = text.replace(" ", "").replace("<e1>", "").replace("</e1>", "")
        text = text.replace("<e2>", "").replace("</e2>", "")
        assert text.count(sentence.replace(" ", "")) == 1, text
        assert text.count("句子：") == 4
        assert text.rindex(sentence.replace(" ", "")) == text.rindex("句子：") + 3
    assert not (tmp_path / "out/demonstrations.jsonl").exists()


def test_a_test_sentence_in_the_pool_brings_no_answer(trained_rag, tmp_path):
    known = write_rows(tmp_path / "known.txt", [ROWS[0]])
    # The same but for a space and a sign.
    nearly = write_rows(tmp_path / "nearly.txt",
                        [("Ada", "Byron", "parent", "Ada  was the daughter of Byron!")])
    quoted = write_rows(tmp_path / "quoted.txt", [("北风文具", "长升", "拥有", "“北风文具”拥有　长升的股份")])
    # A text that has it in it.
    around = write_rows(tmp_path / "around.txt", [
        ("Ada", "Byron", "parent", "Ada was the daughter of Byron, Bob said to Eve last May.")])
    for path in (known, nearly, quoted, around):
        counts = shown(relata("extract", "-x", trained_rag, path).out)
        assert counts["duplicates"] == 1 and counts["shown"] == 2
        report = json.loads(relata("extract", "-x", trained_rag, "--dry-run", "--json", path).out)
        assert report["examples"]["duplicates"] == 1


def test_a_changed_or_missing_pool_is_refused_by_name(trained_rag, tmp_path, gold):
    folder = tmp_path / "copy"
    relata_copy(trained_rag, folder)
    pool = folder / "demonstrations.jsonl"
    pool.write_text(pool.read_text() * 2)
    err = relata("extract", "-x", folder, gold, code=2).err
    assert "demonstrations.jsonl: is not the pool" in err
    pool.unlink()
    err = relata("extract", "-x", folder, gold, code=2).err
    assert "demonstrations.jsonl: no such file" in err
    relata("extract", "-x", folder, gold, "--examples", 0)
    other = write_rows(tmp_path / "other.txt", POOL)
    assert shown(relata("extract", "-x", folder, gold, "--pool", other).out)["shown"] > 0


def relata_copy(source, target):
    target.mkdir()
    for path in source.iterdir():
        if path.name in ("model", "templates"):
            (target / path.name).symlink_to(path)
        elif path.is_file():
            (target / path.name).write_bytes(path.read_bytes())


def test_neighbours_alone_need_no_model(tmp_path):
    pool = write_rows(tmp_path / "pool.txt", POOL)
    question = write_rows(tmp_path / "q.txt", [("Ann", "Bob", "unknown", "Ann was the mother of Bob.")])
    record = json_lines(relata("extract", "--pipeline", "rag", "--vote", 1, "--pool", pool, question).out)[0]
    assert record["relations"][0]["type"] == "parent"
    assert record["meta"]["model"] == "none"
    report = json.loads(relata("extract", "--pipeline", "rag", "--vote", 1, "--pool", pool, "--dry-run",
                               "--json", question).out)
    assert report["documents"] == 1 and "pairs" not in report


def test_neighbours_alone_on_semeval(tmp_path):
    """The page's example: better than the label of MiniLM's nearest sentence (34.67 macro-F1)."""
    data = ROOT / "recipes/data/semeval"
    found = tmp_path / "copied.jsonl"
    relata("extract", "--pipeline", "rag", "--vote", 1, "--pool", data / "train.txt", data / "test.txt",
           "-o", found)
    score = json.loads(relata("evaluate", "--gold", data / "test.txt", "--pred", found, "--metric",
                              "semeval", "--json").out)["semeval"]
    assert score["f1"] > 0.3467
    # Each test sentence is in the pool now, and none brings its own answer.
    report = relata("extract", "--pipeline", "rag", "--vote", 1, "--pool", data / "test.txt",
                    data / "test.txt", "-o", found).err
    left_out = int(re.search(r"(\d+) examples left out as the question itself", report)[1])
    assert left_out >= 2717


def test_a_model_or_a_server_must_be_named(tmp_path, gold):
    pool = write_rows(tmp_path / "pool.txt", POOL)
    for flags in ([], ["--chat", "auto"]):
        err = relata("extract", "--pipeline", "rag", "--pool", pool, *flags, gold, code=2).err
        assert "no model is named" in err and "-m" in err


def model_flags(trained_rag):
    return ["-m", trained_rag / "model", "--pipeline", "rag", "--prompt-template", "rag-zh"]


def test_a_model_and_a_pool_are_enough(trained_rag, tmp_path):
    pool = write_rows(tmp_path / "pool.txt", POOL)
    question = write_rows(tmp_path / "q.txt", [ROWS[1]])
    record = json_lines(relata("extract", *model_flags(trained_rag), "--pool", pool, question).out)[0]
    assert record["meta"]["demonstrations"]["shown"] == 4
    assert record["relations"][0]["type"] in {row[2] for row in POOL}
    # Which labels there are comes from the schema where one is given.
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"relation_types": [{"id": "拥有"}, {"id": "unknown", "negative": True}]}))
    result = relata("extract", *model_flags(trained_rag), "--pool", pool, "--schema", schema, question)
    assert "2 examples left out, since the schema does not have the labels" in result.err
    assert "'parent'" in result.err and "'任职'" in result.err
    assert shown(result.out)["shown"] == 2


@pytest.mark.parametrize("rows, message", [
    ([], "pool.txt: the file is empty"),
    ([("甲", "乙", "生产", "甲生产乙。")], "pool.txt: none of the pool's 1 documents has an example"),
])
def test_pools_that_are_of_no_use_are_named(trained_rag, tmp_path, gold, rows, message):
    pool = write_rows(tmp_path / "pool.txt", rows)
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"relation_types": [{"id": "拥有"}]}))
    err = relata("extract", *model_flags(trained_rag), "--pool", pool, "--pool-format", "cre-tsv",
                 "--schema", schema, gold, code=3).err
    assert message in err


def test_a_pool_without_labels_is_named(trained_rag, tmp_path, gold):
    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({"id": "a", "text": "甲和乙。", "entities": [], "relations": []}) + "\n")
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"relation_types": [{"id": "拥有"}]}))
    err = relata("extract", *model_flags(trained_rag), "--pool", pool, "--schema", schema, gold,
                 code=3).err
    assert "pool.jsonl" in err and "none of the pool's 1 documents has an example" in err


def test_an_example_longer_than_all_may_be_is_left_out_and_told(trained_rag, tmp_path):
    pool = write_rows(tmp_path / "pool.txt", POOL)
    question = write_rows(tmp_path / "q.txt", [ROWS[1]])
    result = relata("extract", *model_flags(trained_rag), "--pool", pool, "--example-tokens", 5,
                    question)
    counts = shown(result.out)
    assert counts["shown"] == 0 and counts["too_long"] == 4
    assert "longer than all examples may be" in result.err


@pytest.mark.parametrize("flags, message", [
    (["--pipeline", "rag"], "needs labelled examples"),
    (["--pipeline", "pair", "--pool", "POOL"], "shows no examples"),
    (["--pipeline", "rag", "--pool", "POOL", "--prompt-template", "marked"], "shows no examples"),
    (["--pipeline", "rag", "--pool", "POOL", "--retriever", "dense"], "encoder"),
    (["--pipeline", "icl", "--pool", "POOL", "--tasks", "ed"], "no labels for the task ed"),
    (["--pipeline", "icl", "--pool", "POOL", "--vote", "1"], "vote in pipeline rag only, this is icl"),
    (["--pipeline", "rag", "--pool", "POOL", "--vote", "1", "--decode", "free"],
     "which --decode free does not score"),
    (["--pipeline", "rag", "--pool", "POOL", "--encoder", "any"], "retriever bm25 has no use for it"),
])
def test_flags_that_do_not_fit_are_refused(trained_rag, tmp_path, gold, flags, message):
    pool = write_rows(tmp_path / "pool.txt", POOL)
    flags = [str(pool) if flag == "POOL" else flag for flag in flags]
    if "--pool" not in flags:
        schema = tmp_path / "schema.json"
        schema.write_text(json.dumps({"relation_types": [{"id": "拥有"}]}))
        flags += ["--schema", str(schema)]
    err = relata("extract", "-m", trained_rag / "model", *flags, gold, code=2).err
    assert message in err


def test_another_pool_is_another_journal(trained_rag, tmp_path, gold):
    journal = tmp_path / "j"
    pool = write_rows(tmp_path / "pool.txt", POOL)
    relata("extract", *model_flags(trained_rag), "--pool", pool, "--journal", journal, gold)
    relata("extract", *model_flags(trained_rag), "--pool", pool, "--journal", journal, gold)
    write_rows(pool, POOL[:3])
    err = relata("extract", *model_flags(trained_rag), "--pool", pool, "--journal", journal, gold,
                 code=2).err
    assert "belongs to another model or other settings" in err


def test_training_resumes_only_with_the_same_pool(trained_rag, tmp_path):
    recipe = tmp_path / "rag.json"
    data = write_rows(tmp_path / "train.txt", ROWS + POOL)
    pool = write_rows(tmp_path / "pool.txt", POOL)
    keys = toy_recipe(data, tmp_path / "out", pipeline="rag", demonstrations={"examples": 2},
                      prompt_template="rag-zh", save_steps=1, pool=str(pool),
                      model_name_or_path=str(trained_rag / "model"))
    recipe.write_text(json.dumps(keys))
    relata("train", recipe)
    assert len(json_lines((tmp_path / "out/demonstrations.jsonl").read_text())) == 4
    write_rows(pool, POOL[:3])
    err = relata("train", recipe, "resume_from_checkpoint=auto", "max_steps=2", code=2).err
    assert "demonstrations" in err


def test_in_context_entities_and_relations(trained_rag, tmp_path):
    pool = tmp_path / "pool.jsonl"
    text = "Eve lives in Rome."
    pool.write_text(json.dumps({
        "id": "p", "text": text,
        "entities": [{"id": "e0", "text": "Eve", "type": "PER", "mentions": [[0, 3]]},
                     {"id": "e1", "text": "Rome", "type": "LOC", "mentions": [[13, 17]]}],
        "relations": [{"head": "e0", "tail": "e1", "type": "lives in"}]}) + "\n")
    news = tmp_path / "news.txt"
    news.write_text("Ada met Byron at the fox.")
    out = relata("extract", "-m", trained_rag / "model", "--pipeline", "icl", "--pool", pool, news).out
    record = json_lines(out)[0]
    assert record["meta"]["demonstrations"]["shown"] == 2
    # Whatever a model next to chance says, it is of the schema and of the text.
    for entity in record["entities"]:
        assert entity["type"] in ("PER", "LOC", "")
        for begin, end in entity["mentions"]:
            assert record["text"][begin:end] == entity["text"]
    assert all(relation["type"] == "lives in" for relation in record["relations"])


def write_people(path):
    """A pool that names entities alone."""
    path.write_text("".join(json.dumps({
        "id": name, "text": f"{name} ran.",
        "entities": [{"id": "e0", "text": name, "type": kind, "mentions": [[0, len(name)]]}],
        "relations": []}) + "\n" for name, kind in [("Eve", "PER"), ("Rex", "DOG")]))
    return path


@pytest.mark.parametrize("schema, code, said", [
    ({"entity_types": [{"id": "PER"}]}, 0,
     "pool.jsonl: examples are shown without the label 'DOG', which the schema does not have"),
    ({"entity_types": [{"id": "PER"}, {"id": "DOG"}], "relation_types": [{"id": "owns"}]}, 0,
     "pool.jsonl: states nothing of re"),
    ({"entity_types": [{"id": "person"}], "relation_types": [{"id": "owns"}]}, 3,
     "none of the pool's 2 documents has an example: a label of the schema, of ner, re"),
])
def test_in_context_tells_what_a_pool_cannot_show(trained_rag, tmp_path, schema, code, said):
    pool = write_people(tmp_path / "pool.jsonl")
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    (tmp_path / "news.txt").write_text("Ada met Byron.")
    result = relata("extract", "-m", trained_rag / "model", "--pipeline", "icl", "--pool", pool,
                    "--schema", tmp_path / "schema.json", tmp_path / "news.txt", code=code)
    assert said in result.err
    if code == 0:  # of one document, however many tasks it is asked about
        assert re.search(r"[1-9]\.0 examples a document", result.err)


def test_in_context_asks_a_server(tmp_path, trained_rag):
    from test_extract import Server
    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({
        "id": "p", "text": "Eve ran.",
        "entities": [{"id": "e0", "text": "Eve", "type": "PER", "mentions": [[0, 3]]}],
        "relations": []}) + "\n")
    news = tmp_path / "news.txt"
    news.write_text("Ada met Byron.")
    server = Server()
    import threading
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.answer = lambda prompt: " PER: Ada; PER: Nobody"
    result = relata("extract", "--backend", "openai", "--backend-url", server.url, "--decode", "free",
                    "--pipeline", "icl", "--pool", pool, news, code=4)
    record = json_lines(result.out)[0]
    assert [entity["text"] for entity in record["entities"]] == ["Ada"]
    assert record["meta"]["unparsed"][0]["problem"] == '"Nobody" does not stand in the text'
    prompt = server.bodies()[0]["prompt"]
    assert prompt.endswith("Text: Eve ran.\nAnswer: PER: Eve\n\nText: Ada met Byron.\nAnswer:")
    assert server.bodies()[0]["stop"] == ["\n"]
    server.shutdown()
