"""`relata index`: what it finds, against BM25 computed here; what it refuses."""

import json
import math
import random
from pathlib import Path

import pytest

from program import RELATA, ROOT, json_lines, relata

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")

CHARACTERS = "甲乙丙丁戊己庚辛壬癸"


def write_documents(path, texts, **meta):
    lines = [json.dumps({"id": f"d{i}", "text": text, "entities": [], "relations": [],
                         "meta": {name: values[i] for name, values in meta.items()}},
                        ensure_ascii=False) for i, text in enumerate(texts)]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def bigrams(text):
    return [text[i:i + 2] for i in range(len(text) - 1)] or list(text)


def oracle(texts, query, k1=1.2, b=0.75):
    """(score, number) of every text with a term of the query, the best first."""
    terms = [bigrams(text) for text in texts]
    mean = sum(map(len, terms)) / len(terms)
    hits = []
    for number, own in enumerate(terms):
        score = 0.0
        for term in bigrams(query):
            count = own.count(term)
            having = sum(term in other for other in terms)
            idf = math.log(1 + (len(terms) - having + 0.5) / (having + 0.5))
            score += idf * count * (k1 + 1) / (count + k1 * (1 - b + b * len(own) / mean))
        if score > 0:
            hits.append((score, number))
    return sorted(hits, key=lambda hit: (-hit[0], hit[1]))


@pytest.fixture(scope="module")
def texts():
    draw = random.Random(5)
    return ["".join(draw.choices(CHARACTERS, k=draw.randint(1, 20))) for _ in range(200)]


@pytest.fixture(scope="module")
def corpus(texts, tmp_path_factory):
    sources = ["even" if i % 2 == 0 else "odd" for i in range(len(texts))]
    return write_documents(tmp_path_factory.mktemp("index") / "corpus.jsonl", texts, source=sources)


@pytest.fixture(scope="module")
def index(corpus):
    path = corpus.with_suffix(".bm25")
    relata("index", "build", corpus, "-o", path, "--partition-by", "source")
    return path


@pytest.mark.parametrize("flags, settings", [((), {}), (("--k1", "2", "--b", "0.1"),
                                                       {"k1": 2, "b": 0.1})])
def test_scores_equal_bm25(texts, corpus, tmp_path, flags, settings):
    path = tmp_path / "own.bm25"
    relata("index", "build", corpus, "-o", path, *flags)
    draw = random.Random(6)
    for _ in range(5):
        query = "".join(draw.choices(CHARACTERS, k=6))
        found = json_lines(relata("index", "search", path, query, "-k", "7", "--json").out)
        wanted = oracle(texts, query, **settings)[:7]
        assert [hit["text"] for hit in found] == [texts[number] for _, number in wanted]
        assert [hit["id"] for hit in found] == [f"d{number}#1" for _, number in wanted]
        assert [hit["rank"] for hit in found] == list(range(1, len(wanted) + 1))
        assert [hit["score"] for hit in found] == pytest.approx([score for score, _ in wanted],
                                                                rel=1e-12)


def test_scores_are_those_of_the_study(tmp_path):
    """Acceptance check 3 of the study of RUIE."""
    path = tmp_path / "fox.bm25"
    relata("index", "build", write_documents(tmp_path / "fox.jsonl", ["red fox", "red red dog", "blue cat fish"]),
           "-o", path)
    for query, wanted in (("red fox", [1.6161, 0.6243]), ("red red fox", [2.1397, 1.2486])):
        found = json_lines(relata("index", "search", path, query, "--json").out)
        assert [hit["id"] for hit in found] == ["d0#1", "d1#1"]
        assert [hit["score"] for hit in found] == pytest.approx(wanted, abs=1e-4)


def test_partitions_are_filtered_before_the_best_are_chosen(texts, index):
    query = texts[8][:4] + "甲乙"
    found = json_lines(relata("index", "search", index, query, "--partition", "odd", "--json").out)
    odd = [(score, number) for score, number in oracle(texts, query) if number % 2 == 1]
    assert [hit["id"] for hit in found] == [f"d{number}#1" for _, number in odd[:10]]
    assert {hit["partition"] for hit in found} == {"odd"}
    missing = relata("index", "search", index, query, "--partition", "none", code=2)
    assert "no partition 'none'" in missing.err


@pytest.fixture(scope="module", params=[("--partition-by", "task,owner"),
                                        ("--partition-by", "task", "--partition-by", "owner")])
def tuples(texts, tmp_path_factory, request):
    """An index parted by task and owner, and what a search for a query finds in a part of it."""
    folder = tmp_path_factory.mktemp("tuples")
    tasks, owners = (["ner", "re"], ["ann", "bob, jr", "c=d"])
    data = write_documents(folder / "a.jsonl", texts, task=[tasks[i % 2] for i in range(len(texts))],
                           owner=[owners[i % 3] for i in range(len(texts))])
    path = folder / "a.bm25"
    relata("index", "build", data, "-o", path, *request.param)
    return path, tasks, owners


@pytest.mark.parametrize("task, owner", [(0, 0), (1, 1), (None, 2), (1, None)])
def test_partitions_of_several_keys_are_filtered_by_any_of_them(texts, tuples, task, owner):
    path, tasks, owners = tuples
    flags = []
    if task is not None:
        flags += ["--partition", f"task={tasks[task]}"]
    if owner is not None:
        flags += ["--partition", "owner=" + owners[owner].replace(",", "\\,")]
    query = texts[8][:4] + "甲乙"
    wanted = [f"d{number}#1" for _, number in oracle(texts, query)
              if task in (None, number % 2) and owner in (None, number % 3)][:10]
    found = json_lines(relata("index", "search", path, query, *flags, "--json").out)
    assert [hit["id"] for hit in found] == wanted
    many = relata("index", "search", path, "-", "-k", "3", *flags, "--json", stdin=query + "\n" + query)
    assert [hit["id"] for hit in json_lines(many.out)] == 2 * wanted[:3]


def test_a_tuple_has_a_name(tuples):
    path, _, _ = tuples
    sizes = json.loads(relata("index", "stats", path, "--json").out)["partitions"]
    assert len(sizes) == 6 and sum(sizes.values()) == 200
    hit = json_lines(relata("index", "search", path, "甲乙", "--partition", "task=ner,owner=ann", "-k", "1",
                            "--json").out)[0]
    assert hit["partition"] == "task=ner,owner=ann" and hit["partition"] in sizes
    for flags in (["task=ner", "task=re"], ["task=none"], ["kind=ner"], ["ner"]):
        missing = relata("index", "search", path, "甲乙", *[part for name in flags
                                                           for part in ("--partition", name)], code=2)
        assert "no partition" in missing.err


def test_a_partition_key_that_no_document_has_is_refused(texts, tmp_path):
    data = write_documents(tmp_path / "a.jsonl", texts[:4], source=["x", None, "y", "z"])
    path = tmp_path / "a.bm25"
    for keys in ("sourse", "source,owner", "owner"):
        failed = relata("index", "build", data, "-o", path, "--partition-by", keys, code=2)
        wrong = keys.removeprefix("source,")
        assert f"no document has '{wrong}' in its meta" in failed.err and "source" in failed.err
        assert not path.exists()
    assert "twice" in relata("index", "build", data, "-o", path, "--partition-by", "source,source", code=2).err
    some = relata("index", "build", data, "-o", path, "--partition-by", "source")
    assert "1 of 4 documents have no 'source'" in some.err
    assert json.loads(relata("index", "stats", path, "--json").out)["partitions"] == {"x": 1, "y": 1, "z": 1}
    bare = write_documents(tmp_path / "b.jsonl", texts[:2])
    assert "no meta" in relata("index", "build", bare, "-o", path, "--partition-by", "source", code=2).err


def test_many_queries_are_answered_in_order(texts, index):
    queries = [texts[3], "没有", texts[5]]
    lines = relata("index", "search", index, "-", "-k", "2", "--json", stdin="\n".join(queries))
    assert "1 of 3 queries" in lines.err
    wanted = [(query, rank, f"d{hit[1]}#1") for query in (1, 3)
              for rank, hit in enumerate(oracle(texts, queries[query - 1])[:2], 1)]
    assert [(hit["query"], hit["rank"], hit["id"]) for hit in json_lines(lines.out)] == wanted
    page = relata("index", "search", index, "-", "-k", "1", stdin="\n".join(queries))
    assert [bool(line) for line in page.out.splitlines()] == [True, False, False, True]


def test_queries_are_told_by_their_lines(texts, index):
    lines = relata("index", "search", index, "-", "-k", "1", "--json",
                   stdin=f"\n{texts[3]}\n \n\n{texts[5]}\n")
    assert [hit["query"] for hit in json_lines(lines.out)] == [2, 5]


def test_an_index_does_not_take_the_place_of_its_documents(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "c.jsonl"
    copy.write_bytes(corpus.read_bytes())
    for out in (copy, "./c.jsonl", "../" + tmp_path.name + "/c.jsonl"):
        assert "an input" in relata("index", "build", copy, "-o", out, code=2).err
    assert copy.read_bytes() == corpus.read_bytes()


def test_english_is_found_by_its_stems(tmp_path):
    texts = ["Lovelace was consigned to her relations. The generous knights were running.",
             "Nothing of the kind."]
    path = tmp_path / "en.bm25"
    relata("index", "build", write_documents(tmp_path / "en.jsonl", texts), "-o", path,
           "--analyzer", "en")
    lines = relata("index", "search", path, "who runs, generously?").out.splitlines()
    assert len(lines) == 1 and "d0#2" in lines[0] and "knights" in lines[0]
    nothing = relata("index", "search", path, "the of and")
    assert nothing.out == "" and "no passage has a word of the query" in nothing.err


def test_whole_documents_and_other_formats(tmp_path):
    table = tmp_path / "rows.txt"
    table.write_text("甲公司\t乙公司\t拥有\t甲公司拥有乙公司。乙公司很大。\n", encoding="utf-8")
    path = tmp_path / "i.bm25"
    for unit, passages in (("sentence", 2), ("document", 1)):
        relata("index", "build", table, "-o", path, "--text-of", unit)
        assert json.loads(relata("index", "stats", path, "--json").out)["passages"] == passages


def test_appended_is_as_built_at_once(texts, tmp_path):
    both = write_documents(tmp_path / "both.jsonl", texts[:6])
    lines = both.read_text(encoding="utf-8").splitlines(keepends=True)
    for name, part in (("one", lines[:2]), ("two", lines[2:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(part), encoding="utf-8")
    whole, grown = tmp_path / "whole.bm25", tmp_path / "grown.bm25"
    relata("index", "build", both, "-o", whole, "--analyzer", "zh")
    relata("index", "build", tmp_path / "one.jsonl", "-o", grown, "--analyzer", "zh")
    relata("index", "build", tmp_path / "two.jsonl", "-o", grown, "--append")
    assert whole.read_bytes() == grown.read_bytes()
    assert "--analyzer" in relata("index", "build", both, "-o", grown, "--append", "--analyzer",
                                  "en", code=2).err


def test_stats_tell_fresh_from_stale(corpus, index, tmp_path):
    page = json.loads(relata("index", "stats", index, corpus, "--partition-by", "source",
                             "--json").out)
    assert page["passages"] == 200 and page["partitions"] == {"even": 100, "odd": 100}
    assert (page["k1"], page["b"], page["analyzer"], page["fresh"]) == (1.2, 0.75, "auto", True)
    changed = tmp_path / "changed.jsonl"
    changed.write_text(corpus.read_text(encoding="utf-8").replace("甲", "乙", 1), encoding="utf-8")
    stale = relata("index", "stats", index, changed, "--partition-by", "source", code=3)
    assert f"{index}: is stale" in stale.err and str(changed) in stale.err
    assert "relata index build" in stale.err


def test_bad_files_are_refused_by_name(corpus, index, tmp_path):
    damaged = tmp_path / "damaged.bm25"
    content = bytearray(index.read_bytes())
    content[len(content) // 2] ^= 1
    for bad, reason in ((bytes(content), "damaged"), (content[:100], "damaged"),
                        (corpus.read_bytes(), "is no index of passages")):
        damaged.write_bytes(bad)
        for verb in (("search", damaged, "甲"), ("stats", damaged)):
            failed = relata("index", *verb, code=3)
            assert f"relata: {damaged}: " in failed.err and reason in failed.err
    relata("index", "search", tmp_path / "none.bm25", "甲", code=2)


def test_bad_wishes_are_refused(corpus, index, tmp_path):
    blank = write_documents(tmp_path / "blank.jsonl", [" "])
    nothing = relata("index", "build", blank, "-o", tmp_path / "i.bm25", code=3)
    assert "no text" in nothing.err and not (tmp_path / "i.bm25").exists()
    for flags in (("--k1", "-1"), ("--k1", "nan"), ("--b", "2"), ("--b", "nan"), ("--analyzer", "fr"), ("--text-of", "word")):
        relata("index", "build", corpus, "-o", tmp_path / "i.bm25", *flags, code=2)
    for blank in ("", " \t"):
        assert "the query is empty" in relata("index", "search", index, blank, code=2).err
    assert "not UTF-8" in relata("index", "search", index, b"\xff".decode("utf-8",
                                 "surrogateescape"), code=2).err


def test_real_sentences_find_themselves(tmp_path):
    table = ROOT.parent / "shared/data/finre/valid.txt"
    if not table.exists():
        pytest.skip(f"{table} is not here")
    path = tmp_path / "finre.bm25"
    relata("index", "build", table, "-o", path, "--text-of", "document")
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    sentences = {row[3].strip() for row in rows if len(row) == 4}
    for sentence in sorted(sentences, key=len)[-5:]:
        best = json_lines(relata("index", "search", path, sentence, "-k", "1", "--json").out)
        assert best[0]["text"] == sentence
