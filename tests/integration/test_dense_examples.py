"""Examples found by vectors: pipelines rag and icl with an encoder, and what is kept of the pool."""

import json
import re
import shutil
from pathlib import Path

import pytest

from program import RELATA, ROWS, json_lines, relata, toy_recipe

pytest.importorskip("safetensors.numpy", reason="the tests make an encoder with it")
from small_encoder import write_encoder  # noqa: E402
from test_rag import POOL, shown, write_rows  # noqa: E402

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")

WORDS = "mother daughter father owner bought founded company river was the of".split()
NAMES = ["Ann", "Bob", "Cid", "Dee", "Eli", "Fay"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder") / "model", words=WORDS + NAMES)


@pytest.fixture
def cache(tmp_path):
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def kept(cache):
    return sorted(Path(cache["XDG_CACHE_HOME"], "relata/vectors").glob("*.vectors"))


@pytest.fixture
def pool(tmp_path):
    rows = [(a, b, label, f"{a} {verb} {b} {i}.") for i, (a, b, label, verb) in enumerate(
        (a, b, label, verb) for a in NAMES[:3] for b in NAMES[3:]
        for label, verb in (("parent", "was the mother of"), ("buys", "bought")))]
    return write_rows(tmp_path / "pool.txt", rows)


@pytest.fixture
def questions(tmp_path):
    return write_rows(tmp_path / "q.txt", [("Bob", "Ann", "unknown", "Bob was the daughter of Ann."),
                                           ("Cid", "Fay", "unknown", "the river Cid bought Fay")])


def copied(pool, questions, *flags, env, **options):
    """What the label of the nearest example is."""
    done = relata("extract", "--pipeline", "rag", "--vote", 1, "--voters", 1, "--pool", pool, *flags,
                  questions, env=env, **options)
    return done, [record["relations"][0]["type"] for record in json_lines(done.out)]


def nearest(encoder, pool, texts):
    """The same by `relata encode`."""
    rows = [line.split("\t") for line in pool.read_text().splitlines()]

    def vectors(values, role):
        lines = "".join(json.dumps({"text": value}) + "\n" for value in values)
        found = relata("encode", "-m", encoder, "--as", role, stdin=lines).out
        return [line["vector"] for line in json_lines(found)]

    passages = vectors([row[3] for row in rows], "passage")
    out = []
    for asked in vectors(texts, "query"):
        scores = [sum(a * b for a, b in zip(asked, one, strict=True)) for one in passages]
        out.append(rows[scores.index(max(scores))][2])
    return out


def test_the_nearest_by_vectors_has_the_label(encoder, pool, questions, cache):
    flags = ["--retriever", "dense", "--encoder", encoder, "--example-query", "sentence"]
    _, labels = copied(pool, questions, *flags, env=cache)
    texts = [line.split("\t")[3] for line in questions.read_text().splitlines()]
    assert labels == nearest(encoder, pool, texts)
    # Both together, and by what else is compared.
    for retriever in ("dense", "fused"):
        for form in ("pair", "masked"):
            _, found = copied(pool, questions, "--retriever", retriever, "--encoder", encoder,
                              "--example-query", form, env=cache)
            assert set(found) <= {"parent", "buys"}


def test_vectors_are_made_once_and_never_of_something_else(encoder, pool, questions, cache, tmp_path):
    flags = ["--retriever", "dense", "--encoder", encoder]
    first, labels = copied(pool, questions, *flags, env=cache)
    (file,) = kept(cache)
    before = file.stat().st_mtime_ns
    _, again = copied(pool, questions, *flags, env=cache)
    assert again == labels and kept(cache) == [file] and file.stat().st_mtime_ns == before
    # Another model, another pool, another text to compare: vectors of their own.
    other = write_encoder(tmp_path / "other", seed=5, words=WORDS + NAMES)
    copied(pool, questions, "--retriever", "dense", "--encoder", other, env=cache)
    copied(pool, questions, *flags, "--example-query", "sentence", env=cache)
    write_rows(tmp_path / "less.txt", [line.split("\t") for line in pool.read_text().splitlines()[1:]])
    copied(tmp_path / "less.txt", questions, *flags, env=cache)
    assert len(kept(cache)) == 4
    # What is damaged, or lies under a wrong name, is named and made again.
    good = file.read_bytes()
    wrong = next(path for path in kept(cache) if path != file).read_bytes()
    for content, reason in ((good[:-3], "damaged"), (wrong, "is of another encoder|is stale")):
        file.write_bytes(content)
        done, again = copied(pool, questions, *flags, env=cache)
        assert re.search(reason, done.err) and "it is made again" in done.err
        assert again == labels and file.read_bytes() == good


def test_without_a_place_to_keep_them_all_the_same(encoder, pool, questions, cache, tmp_path):
    flags = ["--retriever", "fused", "--encoder", encoder]
    _, labels = copied(pool, questions, *flags, env=cache)
    (tmp_path / "file").write_text("")
    done, again = copied(pool, questions, *flags, env={"XDG_CACHE_HOME": str(tmp_path / "file")})
    assert again == labels and "vectors are not kept" in done.err


def test_questions_do_not_bring_their_own_answers(encoder, pool, tmp_path, cache):
    """As with BM25: exactly or nearly the same text is never an example."""
    rows = [line.split("\t") for line in pool.read_text().splitlines()]
    known = write_rows(tmp_path / "known.txt", rows)
    for retriever in ("dense", "fused"):
        done, labels = copied(pool, known, "--retriever", retriever, "--encoder", encoder, env=cache)
        assert f"{len(rows)} examples left out as the question itself" in done.err, retriever
        assert len(labels) == len(rows)


@pytest.mark.parametrize("flags, message", [
    (["--retriever", "dense"], "needs an encoder"),
    (["--retriever", "fused"], "needs an encoder"),
    (["--retriever", "dense", "--encoder", "nowhere/at-all"], "nowhere/at-all: no such encoder"),
])
def test_encoders_that_are_missing_are_named(pool, questions, cache, flags, message):
    err = relata("extract", "--pipeline", "rag", "--vote", 1, "--pool", pool, *flags, questions,
                 env=cache, code=2).err
    assert message in err and "--encoder" in err


def test_an_encoder_is_found_by_its_name(encoder, pool, questions, cache):
    places = {**cache, "RELATA_MODELS": str(encoder.parent)}
    flags = ["--retriever", "dense", "--encoder"]
    _, wanted = copied(pool, questions, *flags, encoder, env=cache)
    assert copied(pool, questions, *flags, encoder.name, env=places)[1] == wanted


def test_a_model_is_found_by_its_name_by_every_verb(encoder, tmp_path):
    def ask(model, **options):
        return relata("encode", "-m", model, stdin=json.dumps({"text": "the river"}), cwd=tmp_path,
                      **options)

    wanted = ask(encoder).out
    places = {"RELATA_MODELS": f"/nowhere:{encoder.parent}"}
    assert ask(encoder.name, env=places).out == wanted
    (tmp_path / "a.txt").write_text("The river.\n")
    relata("index", "build", "a.txt", "-o", "a.bm25", "--encoder", encoder.name, env=places, cwd=tmp_path)
    # The index knows the place.
    relata("index", "search", "a.bm25", "river", "--by", "dense", cwd=tmp_path)
    (tmp_path / "models").symlink_to(encoder.parent)
    assert ask(encoder.name).out == wanted
    assert "no-such-model" in ask("no-such-model", env=places, code=2).err
    path = f"./{encoder.name}"  # no name
    assert path in ask(path, env=places, code=2).err
    # Of a line that is no request the hint shows one of this verb.
    err = relata("encode", "-m", encoder, stdin="[1]", code=3).err
    assert '{"text": "..."}' in err


def test_a_trained_extractor_knows_its_encoder(encoder, tmp_path, cache):
    model = tmp_path / "encoder"
    shutil.copytree(encoder, model)
    data = write_rows(tmp_path / "train.txt", ROWS + POOL)
    recipe = tmp_path / "rag.json"
    recipe.write_text(json.dumps(toy_recipe(
        data, tmp_path / "out", pipeline="rag", prompt_template="rag-zh",
        demonstrations={"examples": 2, "retriever": "fused", "encoder": str(model)})))
    relata("train", recipe, env=cache)
    config = (tmp_path / "out/extractor.yaml").read_text()
    assert "retriever: fused" in config and f"encoder: {model}" in config
    assert re.search(r'encoder_sha256: "?sha256:[0-9a-f]{64}', config)
    question = write_rows(tmp_path / "q.txt", [("甲", "乙", "拥有", "甲拥有乙的全部股份。")])
    assert shown(relata("extract", "-x", tmp_path / "out", question, env=cache).out)["shown"] == 2
    # Another model in its place is refused by name; without the hash, or by --encoder, it is taken.
    write_encoder(model, seed=9, words=WORDS + NAMES)
    err = relata("extract", "-x", tmp_path / "out", question, env=cache, code=2).err
    assert f"{model}: is not the encoder that the extractor was made with" in err
    relata("extract", "-x", tmp_path / "out", "--encoder", model, question, env=cache)
    shutil.rmtree(model)
    err = relata("extract", "-x", tmp_path / "out", question, env=cache, code=2).err
    assert f"{model}: no such encoder" in err
    relata("extract", "-x", tmp_path / "out", "--retriever", "bm25", question, env=cache)


def found_documents(count):
    """Documents with a person and a place, in both forms: as a record, as a retriever reads them."""
    records, texts = [], []
    for i in range(count):
        name, verb = NAMES[i % len(NAMES)], WORDS[i % len(WORDS)]
        text = f"{name} {verb} {WORDS[(i * 3 + 1) % len(WORDS)]} Rome {i}"
        begin = text.index("Rome")
        records.append({"id": f"p{i}", "text": text, "relations": [], "entities": [
            {"id": "e0", "text": name, "type": "PER", "mentions": [[0, len(name)]]},
            {"id": "e1", "text": "Rome", "type": "LOC", "mentions": [[begin, begin + 4]]}]})
        tagged = text.replace(name, f"<Keyword> {name} </Keyword>").replace(
            "Rome", "<Keyword> Rome </Keyword>")
        texts.append("Task: Named entity recognition\nInput: {}\nOutput: PER: " + name + "; LOC: Rome")
        texts[-1] = (texts[-1].format(tagged), texts[-1].format(f'"{text}"'))
    return records, texts


@pytest.mark.parametrize("tags", [True, False])
def test_a_trained_retriever_is_asked_as_it_was_taught(encoder, tmp_path, cache, tags):
    import threading

    from test_extract import Server

    retriever = tmp_path / "retriever"
    shutil.copytree(encoder, retriever)
    (retriever / "relata_retriever.json").write_text(json.dumps({"format_version": 1, "tags": tags}))
    records, texts = found_documents(12)
    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(json.dumps(record) + "\n" for record in records))
    question = "Bob founded the river"
    (tmp_path / "news.txt").write_text(question)

    def vectors(values, role):
        lines = "".join(json.dumps({"text": value}) + "\n" for value in values)
        return [line["vector"] for line in json_lines(
            relata("encode", "-m", encoder, "--as", role, stdin=lines).out)]

    (asked,) = vectors([f'Task: Named entity recognition\nInput: "{question}"\nOutput:'], "query")
    scores = [sum(a * b for a, b in zip(asked, one, strict=True))
              for one in vectors([text[0 if tags else 1] for text in texts], "passage")]
    nearest = sorted(range(len(texts)), key=lambda i: -scores[i])

    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.answer = lambda prompt: " PER: Bob"
    relata("extract", "--backend", "openai", "--backend-url", server.url, "--decode", "free",
           "--pipeline", "icl", "--tasks", "ner", "--pool", pool, "--retriever", "dense", "--encoder",
           retriever, "--examples", 1, tmp_path / "news.txt", env=cache)
    prompt = server.bodies()[0]["prompt"]
    server.shutdown()
    # The best stands last; its text is plain.
    assert f"Text: {records[nearest[0]]['text']}\nAnswer: PER:" in prompt
    assert "Keyword" not in prompt
