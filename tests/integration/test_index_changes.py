"""`relata index add` and `delete`: an index is as if made of what it holds now, whenever it is killed."""

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from program import RELATA, ROOT, json_lines, relata

pytest.importorskip("safetensors.numpy", reason="the tests make an encoder with it")
from small_encoder import write_encoder  # noqa: E402

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")

WORDS = "turbine company founder board river engine bridge letter winter garden".split()
TRIALS = 60 if os.environ.get("FULL_TESTS") else 4


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder") / "model", words=WORDS)


def text(number, version=0):
    draw = random.Random(number * 7 + version)
    return ". ".join(" ".join(draw.choices(WORDS, k=draw.randint(2, 9))).capitalize() + f" {number}"
                     for _ in range(draw.randint(1, 4))) + "."


def write_documents(path, numbers, version=0):
    lines = [json.dumps({"id": f"d{i}", "text": text(i, version), "entities": [], "relations": [],
                         "meta": {"source": "even" if i % 2 == 0 else "odd"}}) for i in numbers]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def build(folder, name, documents, *flags):
    index = folder / name
    relata("index", "build", documents, "-o", index, "--partition-by", "source", *flags)
    return index


def vectors(index):
    return Path(f"{index}.vectors").read_bytes()


def everything(index):
    """What a search can see."""
    found = [relata("index", "search", index, query, "-k", 60, "--json", "--by", by).out
             for query in ("river engine", "the founder of a company") for by in ("bm25", "dense")]
    return found


def same_but_rounding(a, b):
    """Vectors that were made in other batches differ in their last bits."""
    for one, other in zip(a, b, strict=True):
        one, other = json_lines(one), json_lines(other)
        assert sorted(hit["id"] for hit in one) == sorted(hit["id"] for hit in other)
        scores = {hit["id"]: hit["score"] for hit in other}
        for hit in one:
            assert hit["score"] == pytest.approx(scores[hit["id"]], abs=1e-5)


def test_the_page_shows_what_happens(tmp_path):
    """docs/retrieval.md, "Documents that change"."""
    page = (ROOT / "docs/retrieval.md").read_text(encoding="utf-8")
    index = tmp_path / "docs.bm25"
    relata("index", "build", "examples/documents", "-o", index, cwd=ROOT)
    for command in (["delete", index, "brunel", "lindmark#3"],
                    ["add", index, "examples/documents/brunel.txt"]):
        said = relata("index", *command, cwd=ROOT).err.strip()
        assert f"\n{said}\n" in page, said


@pytest.mark.parametrize("unit", ["sentence", "document"])
def test_added_documents_are_as_built_at_once(encoder, tmp_path, unit):
    flags = ["--encoder", encoder, "--text-of", unit]
    whole = build(tmp_path, "whole.bm25", write_documents(tmp_path / "all.jsonl", range(20)), *flags)
    grown = build(tmp_path, "grown.bm25", write_documents(tmp_path / "some.jsonl", range(12)), *flags)
    more = write_documents(tmp_path / "more.jsonl", range(12, 20))
    done = relata("index", "add", grown, more, "--partition-by", "source")
    assert "0 removed" in done.err
    assert grown.read_bytes() == whole.read_bytes()
    same_but_rounding(everything(grown), everything(whole))
    # Once more: the same documents take their own places.
    before = grown.read_bytes()
    assert ", 0 in all" not in relata("index", "add", grown, more, "--partition-by", "source").err
    assert grown.read_bytes() == before
    relata("index", "stats", grown, tmp_path / "all.jsonl", "--text-of", unit, "--partition-by", "source")


def test_a_changed_document_takes_the_place_of_the_old_one(encoder, tmp_path):
    index = build(tmp_path, "i.bm25", write_documents(tmp_path / "old.jsonl", range(8)), "--encoder",
                  encoder)
    relata("index", "add", index, write_documents(tmp_path / "new.jsonl", [2, 5], version=3),
           "--partition-by", "source")
    texts = {hit["text"] for hit in json_lines(relata("index", "search", index, "river engine board "
             "winter", "-k", 99, "--json", "--by", "dense").out)}
    for number in (2, 5):
        assert not texts & set(sentence_texts(number, 0)) - set(sentence_texts(number, 3))
        assert set(sentence_texts(number, 3)) <= texts
    relata("index", "stats", index)


def sentence_texts(number, version):
    return [part.strip() + "." for part in text(number, version).rstrip(".").split(". ")]


def test_deleted_documents_are_as_if_never_there(encoder, tmp_path):
    index = build(tmp_path, "i.bm25", write_documents(tmp_path / "all.jsonl", range(16)), "--encoder",
                  encoder)
    left = [i for i in range(16) if i not in (0, 7, 9)]
    wanted = build(tmp_path, "w.bm25", write_documents(tmp_path / "left.jsonl", left), "--encoder",
                   encoder)
    relata("index", "delete", index, "d7", "-", stdin="d0\nd9\n")
    assert index.read_bytes() == wanted.read_bytes()
    same_but_rounding(everything(index), everything(wanted))
    # A passage alone; what is not there is named, and the rest is done.
    first = json_lines(relata("index", "search", index, "river", "-k", 1, "--json").out)[0]["id"]
    done = relata("index", "delete", index, first, "d7", "nobody", code=4)
    assert "has no document 'd7'" in done.err and "has no document 'nobody'" in done.err
    page = json.loads(relata("index", "stats", index, "--json").out)
    assert page["passages"] == json.loads(relata("index", "stats", wanted, "--json").out)["passages"] - 1
    # Nothing but unknown ones: nothing changes.
    before = index.read_bytes(), vectors(index)
    relata("index", "delete", index, "nobody", code=4)
    assert (index.read_bytes(), vectors(index)) == before


def test_what_cannot_be_is_refused_and_changes_nothing(encoder, tmp_path):
    documents = write_documents(tmp_path / "a.jsonl", range(3))
    index = build(tmp_path, "a.bm25", documents, "--encoder", encoder)
    before = index.read_bytes(), vectors(index)
    assert "no passage would be left" in relata("index", "delete", index, "d0", "d1", "d2", code=2).err
    missing = relata("index", "add", tmp_path / "none.bm25", documents, code=2)
    assert "none.bm25" in missing.err
    other = write_encoder(tmp_path / "other", seed=2, words=WORDS)
    assert "is of another encoder" in relata("index", "add", index, documents, "--encoder", other,
                                             code=3).err
    assert "no vectors to make a graph of" in relata("index", "build", documents, "-o",
                                                     tmp_path / "b.bm25", "--hnsw", code=2).err
    assert (index.read_bytes(), vectors(index)) == before
    assert not list(tmp_path.glob("*.lock"))


def write_texts(path, texts):
    path.write_text("".join(json.dumps({"id": name, "text": text, "entities": [], "relations": []})
                            + "\n" for name, text in texts.items()))
    return path


def passages(index, query="river"):
    found = json_lines(relata("index", "search", index, query, "-k", 99, "--json").out)
    return {hit["id"]: hit["text"] for hit in found}


NUMBERED = {"a": "A river. One river.", "a#1": "The river. Two river.", "a#2": "That river. Last river."}


def test_whole_documents_are_not_taken_for_sentences(tmp_path):
    """Ids that end in a number, in an index that has nothing else."""
    index = tmp_path / "i.bm25"
    relata("index", "build", write_texts(tmp_path / "a.jsonl", NUMBERED), "-o", index, "--text-of",
           "document")
    assert json.loads(relata("index", "stats", index, "--json").out)["text_of"] == "document"
    assert passages(index) == NUMBERED
    relata("index", "delete", index, "a")
    left = {name: NUMBERED[name] for name in ("a#1", "a#2")}
    assert passages(index) == left
    # Only numbered ids are left; what is added is whole all the same, and a stays away.
    more = {"b#1": "A river. A bridge.", "a#1": "Another river. Another bridge."}
    relata("index", "add", index, write_texts(tmp_path / "b.jsonl", more))
    assert passages(index) == {**left, **more}
    relata("index", "build", write_texts(tmp_path / "c.jsonl", {"c": "No river. No."}), "-o", index,
           "--append")
    assert passages(index)["c"] == "No river. No."
    relata("index", "delete", index, "b", code=4)
    assert "b#1" in passages(index)


def test_a_sentence_is_not_taken_for_a_document(tmp_path):
    index = tmp_path / "i.bm25"
    source = write_texts(tmp_path / "a.jsonl", NUMBERED)
    relata("index", "build", source, "-o", index)
    both = {"a#1", "a#2", "a#1#1", "a#1#2", "a#2#1", "a#2#2"}
    assert set(passages(index)) == both
    # The document a#1 is added again: the first sentence of a, which is called so too, stays.
    relata("index", "add", index, write_texts(tmp_path / "b.jsonl", {"a#1": "A new river."}))
    assert set(passages(index)) == both - {"a#1#2"} and passages(index)["a#1"] == "A river."
    relata("index", "delete", index, "a#1")
    assert set(passages(index)) == {"a#1", "a#2", "a#2#1", "a#2#2"}
    # There is no such document any more.
    relata("index", "delete", index, "a#1", "a#2#2")
    assert set(passages(index)) == {"a#2", "a#2#1"}


def test_an_index_has_passages_of_one_kind(tmp_path):
    source = write_texts(tmp_path / "a.jsonl", NUMBERED)
    index = tmp_path / "i.bm25"
    for unit, other in (("sentence", "document"), ("document", "sentence")):
        relata("index", "build", source, "-o", index, "--text-of", unit)
        before = index.read_bytes()
        for command in (["add", index, source], ["build", source, "-o", index, "--append"],
                        ["stats", index, source]):
            err = relata("index", *command, "--text-of", other, code=2).err
            assert f"the passages of {index} are {unit}s" in err
        relata("index", "stats", index, source)
        assert index.read_bytes() == before


def test_an_index_is_parted_as_it_was(tmp_path):
    index, whole = tmp_path / "i.bm25", tmp_path / "w.bm25"
    some = write_documents(tmp_path / "some.jsonl", range(4))
    more = write_documents(tmp_path / "more.jsonl", range(4, 8))
    relata("index", "build", some, more, "-o", whole, "--partition-by", "source")
    for command in (["add", index, more], ["build", more, "-o", index, "--append"]):
        relata("index", "build", some, "-o", index, "--partition-by", "source")
        relata("index", *command)
        assert index.read_bytes() == whole.read_bytes()
    relata("index", "stats", index, some, more)
    assert json.loads(relata("index", "stats", index, "--json").out)["partition_by"] == ["source"]
    for command in (["add", index, more], ["build", more, "-o", index, "--append"],
                    ["stats", index, more]):
        err = relata("index", *command, "--partition-by", "owner", code=2).err
        assert f"{index} is parted by source" in err
    bare = write_texts(tmp_path / "bare.jsonl", {"n": "A river."})
    said = relata("index", "add", index, bare).err
    assert "1 of 1 document have no 'source'" in said
    relata("index", "build", some, "-o", index)
    assert "is not parted" in relata("index", "add", index, more, "--partition-by", "source", code=2).err


def as_first_version(content):
    """The file as it was before it said how it was made."""
    def number(at):
        while content[at] & 0x80:
            at += 1
        return at + 1

    body = 12 + 4 + 8 + 64
    at = number(number(number(body + 1 + content[body])))
    rest = at + 1 + content[at]
    assert content[rest] == 0  # partition keys
    old = content[body:at] + content[rest + 1:]
    return (content[:12] + (1).to_bytes(4, "little") + len(old).to_bytes(8, "little")
            + hashlib.sha256(old).hexdigest().encode() + old)


def test_an_old_file_is_searched_and_not_changed(tmp_path):
    source = write_texts(tmp_path / "a.jsonl", NUMBERED)
    index = tmp_path / "i.bm25"
    for unit in ("sentence", "document"):
        relata("index", "build", source, "-o", index, "--text-of", unit)
        wanted = passages(index)
        index.write_bytes(as_first_version(index.read_bytes()))
        old = index.read_bytes()
        assert passages(index) == wanted
        assert "text_of" not in json.loads(relata("index", "stats", index, source, "--text-of", unit,
                                                  "--json").out)
        for command in (["add", index, source], ["delete", index, "a"],
                        ["build", source, "-o", index, "--append"]):
            err = relata("index", *command, code=3).err
            assert f"{index}: does not say whether its passages are sentences or documents" in err
            assert "relata index build" in err
        assert index.read_bytes() == old


def test_an_index_without_vectors_changes_too(tmp_path):
    whole = build(tmp_path, "whole.bm25", write_documents(tmp_path / "all.jsonl", range(9)))
    index = build(tmp_path, "i.bm25", write_documents(tmp_path / "less.jsonl", range(6)))
    relata("index", "add", index, write_documents(tmp_path / "more.jsonl", range(6, 9)),
           "--partition-by", "source")
    assert index.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.vectors*"))


def test_a_graph_finds_the_same_and_follows_changes(encoder, tmp_path):
    documents = write_documents(tmp_path / "all.jsonl", range(40))
    index = build(tmp_path, "g.bm25", documents, "--encoder", encoder, "--hnsw")
    graph = Path(f"{index}.hnsw")
    assert json.loads(relata("index", "stats", index, "--json").out)["vectors"]["graph"]["graphs"] == 1

    def both(*flags):
        asked = ["index", "search", index, "the founder of a river", "--by", "dense", "-k", 7, "--json"]
        return [json_lines(relata(*asked, *flags, *how).out) for how in ((), ("--exact",))]

    # So few that the graph's search looks at all of them.
    for flags in ((), ("--partition", "odd")):
        found, wanted = both(*flags)
        assert found == wanted and len(found) == 7
    stale = graph.read_bytes()
    relata("index", "add", index, write_documents(tmp_path / "more.jsonl", range(40, 50)),
           "--partition-by", "source")
    found, wanted = both()
    assert found == wanted and graph.read_bytes() != stale
    relata("index", "delete", index, "d3", "d41", wanted[0]["id"])
    found, wanted = both()
    assert found == wanted
    # One that is stale or damaged is not used.
    good = graph.read_bytes()
    for content, reason in ((stale, "is stale"), (good[:-4], "damaged"), (b"x", "is no file of a graph")):
        graph.write_bytes(content)
        done = relata("index", "search", index, "river", "--by", "dense", "-k", 7, "--json")
        assert reason in done.err and "searches are exact" in done.err
    graph.unlink()
    assert both()[0] == wanted


def test_a_second_change_at_once_is_refused(tmp_path):
    index = build(tmp_path, "i.bm25", write_documents(tmp_path / "a.jsonl", range(3)))
    with subprocess.Popen([RELATA, "index", "add", str(index), "-", "--format", "jsonl"],
                          stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as first:
        for _ in range(500):
            if Path(f"{index}.lock").exists():
                break
            time.sleep(0.01)
        busy = relata("index", "delete", index, "d1", code=5)
        assert "another process is changing this index" in busy.err
        first.communicate((tmp_path / "a.jsonl").read_bytes())
        assert first.returncode == 0
    relata("index", "delete", index, "d1")
    assert not Path(f"{index}.lock").exists()


def test_killed_changes_lose_nothing(encoder, tmp_path):
    """After SIGKILL the index is that of before or of after, and the same command ends as it should."""
    start = build(tmp_path, "start.bm25", write_documents(tmp_path / "all.jsonl", range(300)),
                  "--encoder", encoder, "--hnsw")
    more = write_documents(tmp_path / "more.jsonl", range(290, 420), version=1)
    names = ("", ".vectors", ".hnsw")
    kept = {name: Path(f"{start}{name}").read_bytes() for name in names}
    index = tmp_path / "i.bm25"

    def fresh():
        for left in tmp_path.glob("i.bm25*"):
            left.unlink()
        for name, content in kept.items():
            Path(f"{index}{name}").write_bytes(content)

    def sizes():
        page = json.loads(relata("index", "stats", index, "--json").out)
        return page["passages"], page["vectors"]["bytes"]

    draw = random.Random(3)
    for command in (["add", index, more, "--partition-by", "source"], ["delete", index, "d1", "d250"]):
        fresh()
        before = sizes()
        began = time.monotonic()
        relata("index", *command)
        duration = time.monotonic() - began
        after, wanted = sizes(), (index.read_bytes(), everything(index))
        killed = 0
        for trial in range(TRIALS):
            fresh()
            with subprocess.Popen([RELATA, "index", *map(str, command)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as run:
                try:
                    run.wait(duration * (trial + draw.random()) / TRIALS)
                except subprocess.TimeoutExpired:
                    run.send_signal(signal.SIGKILL)
                    killed += 1
            assert sizes() in (before, after)
            for by in ("bm25", "dense", "fused"):
                relata("index", "search", index, "river", "--by", by)
            again = subprocess.run([RELATA, "index", *map(str, command)], capture_output=True,
                                   check=False)
            assert again.returncode in ((0,) if command[0] == "add" else (0, 4)), again.stderr
            assert index.read_bytes() == wanted[0]
            same_but_rounding(everything(index), wanted[1])
        assert killed > 0
