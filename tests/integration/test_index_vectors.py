"""`relata index` with an encoder, and `relata encode`: what is found, and what is refused."""

import json
import random
from pathlib import Path

import pytest

from program import RELATA, json_lines, relata

pytest.importorskip("safetensors.numpy", reason="the tests make an encoder with it")
from small_encoder import write_cross_encoder, write_encoder  # noqa: E402
from test_index import write_documents  # noqa: E402

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")

WORDS = "turbine company founder board river engine bridge letter winter garden".split()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder") / "model", words=WORDS)


@pytest.fixture(scope="module")
def texts():
    draw = random.Random(7)
    return [" ".join(draw.choices(WORDS, k=draw.randint(2, 12))) + f" {i}" for i in range(60)]


@pytest.fixture(scope="module")
def corpus(texts, tmp_path_factory):
    sources = ["even" if i % 2 == 0 else "odd" for i in range(len(texts))]
    return write_documents(tmp_path_factory.mktemp("vectors") / "corpus.jsonl", texts,
                           source=sources)


@pytest.fixture(scope="module")
def index(corpus, encoder):
    path = corpus.with_suffix(".bm25")
    relata("index", "build", corpus, "-o", path, "--encoder", encoder, "--partition-by", "source",
           "--text-of", "document")
    return path


def vectors(encoder, texts, *flags):
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    found = json_lines(relata("encode", "-m", encoder, *flags, stdin=lines).out)
    return [line["vector"] for line in found]


def ranked(encoder, texts, query):
    """(score, number), the best first."""
    own = vectors(encoder, texts)
    (asked,) = vectors(encoder, [query], "--as", "query")
    scores = [sum(a * b for a, b in zip(vector, asked, strict=True)) for vector in own]
    return sorted(((score, i) for i, score in enumerate(scores)), key=lambda hit: (-hit[0], hit[1]))


def search(index, query, *flags, **options):
    return json_lines(relata("index", "search", index, query, "--json", *flags, **options).out)


QUERY = "the founder of the turbine company"


def test_dense_search_ranks_by_products(texts, index, encoder):
    wanted = ranked(encoder, texts, QUERY)[:8]
    found = search(index, QUERY, "--by", "dense", "-k", "8")
    assert [hit["id"] for hit in found] == [f"d{number}" for _, number in wanted]
    # Float32 sums of 24 products of numbers below one.
    assert [hit["score"] for hit in found] == pytest.approx([s for s, _ in wanted], abs=1e-5)
    odd = search(index, QUERY, "--by", "dense", "-k", "5", "--partition", "odd")
    wanted = [n for _, n in ranked(encoder, texts, QUERY) if n % 2 == 1][:5]
    assert [hit["id"] for hit in odd] == [f"d{number}" for number in wanted]


@pytest.mark.parametrize("flags", [(), ("--hnsw",)])
def test_dense_search_sees_the_partitions_of_a_key_alone(texts, encoder, tmp_path, flags):
    data = write_documents(tmp_path / "a.jsonl", texts, task=[f"t{i % 2}" for i in range(len(texts))],
                           owner=[f"o{i % 3}" for i in range(len(texts))])
    path = tmp_path / "a.bm25"
    relata("index", "build", data, "-o", path, "--encoder", encoder, "--text-of", "document",
           "--partition-by", "task,owner", *flags)
    order = [number for _, number in ranked(encoder, texts, QUERY)]
    for part, mine in (("task=t1", lambda i: i % 2 == 1), ("owner=o2", lambda i: i % 3 == 2),
                       ("task=t0,owner=o1", lambda i: i % 2 == 0 and i % 3 == 1)):
        found = search(path, QUERY, "--by", "dense", "-k", "6", "--partition", part)
        assert [hit["id"] for hit in found] == [f"d{i}" for i in order if mine(i)][:6]
        for hit in search(path, QUERY, "-k", "60", "--partition", part):
            assert mine(int(hit["id"][1:]))


def test_fused_search_adds_reciprocal_ranks_and_is_the_default(index):
    scores = {}
    for by in ("bm25", "dense"):
        for rank, hit in enumerate(search(index, QUERY, "--by", by, "-k", "100"), 1):
            scores[hit["id"]] = scores.get(hit["id"], 0) + 1 / (60 + rank)
    found = search(index, QUERY, "-k", "60")
    assert found == search(index, QUERY, "-k", "60", "--by", "fused")
    assert len(found) == 60
    for hit in found:
        assert hit["score"] == pytest.approx(scores[hit["id"]], rel=1e-12)
    assert [hit["score"] for hit in found] == sorted((h["score"] for h in found), reverse=True)


def test_many_queries_come_from_standard_input(index):
    lines = relata("index", "search", index, "-", "-k", "1", "--json", "--by", "dense",
                   stdin="river bridge\nwinter garden").out
    found = json_lines(lines)
    assert [hit["query"] for hit in found] == [1, 2]
    assert found[1]["id"] == search(index, "winter garden", "--by", "dense", "-k", "1")[0]["id"]


def test_appended_vectors_are_as_built_at_once(texts, encoder, tmp_path):
    paths = {}
    for name, part in (("both", texts[:9]), ("one", texts[:4])):
        paths[name] = write_documents(tmp_path / f"{name}.jsonl", part)
    lines = paths["both"].read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "two.jsonl").write_text("".join(lines[4:]), encoding="utf-8")
    whole, grown = tmp_path / "whole.bm25", tmp_path / "grown.bm25"
    relata("index", "build", paths["both"], "-o", whole, "--encoder", encoder)
    relata("index", "build", paths["one"], "-o", grown, "--encoder", encoder)
    relata("index", "build", tmp_path / "two.jsonl", "-o", grown, "--append")
    assert whole.read_bytes() == grown.read_bytes()
    a = search(whole, QUERY, "--by", "dense", "-k", "9")
    b = search(grown, QUERY, "--by", "dense", "-k", "9")
    assert [hit["id"] for hit in a] == [hit["id"] for hit in b]
    assert [hit["score"] for hit in a] == pytest.approx([hit["score"] for hit in b], abs=1e-6)


def test_another_encoder_is_refused_by_name(index, encoder, tmp_path):
    other = write_encoder(tmp_path / "other", seed=2, words=WORDS)
    failed = relata("index", "search", index, QUERY, "--encoder", other, code=3)
    assert f"{index}.vectors: is of another encoder: sha256:" in failed.err
    assert str(encoder) in failed.err
    gone = relata("index", "search", index, QUERY, "--encoder", tmp_path / "none", code=2)
    assert "--encoder MODEL" in gone.err
    same = search(index, QUERY, "--encoder", encoder)
    assert same == search(index, QUERY)


def test_stale_and_damaged_vectors_are_refused(texts, encoder, tmp_path):
    corpus = write_documents(tmp_path / "a.jsonl", texts[:5])
    path = tmp_path / "a.bm25"
    relata("index", "build", corpus, "-o", path, "--encoder", encoder)
    vectors_file = Path(f"{path}.vectors")
    kept = vectors_file.read_bytes()
    other = write_documents(tmp_path / "b.jsonl", texts[5:10])
    dropped = relata("index", "build", other, "-o", path)
    assert "removed" in dropped.err and not vectors_file.exists()
    vectors_file.write_bytes(kept)
    stale = relata("index", "search", path, QUERY, code=3)
    assert f"{vectors_file}: is stale" in stale.err
    relata("index", "stats", path, code=3)
    assert json_lines(relata("index", "search", path, QUERY, "--by", "bm25", "--json").out)
    vectors_file.write_bytes(kept[:-3])
    assert "damaged" in relata("index", "search", path, QUERY, code=3).err
    vectors_file.unlink()
    none = relata("index", "search", path, QUERY, "--by", "dense", code=2)
    assert "has no vectors" in none.err and "--encoder" in none.err


def test_stats_name_the_encoder(index, encoder):
    page = json.loads(relata("index", "stats", index, "--json").out)["vectors"]
    assert page["width"] == 24 and page["model"] == str(encoder)
    assert page["encoder"].startswith("sha256:") and page["bytes"] == 60 * 24 * 4


def test_the_tokenizer_says_the_length_where_nothing_else_does(tmp_path):
    folder = write_encoder(tmp_path / "model", words=WORDS)
    config = folder / "tokenizer_config.json"
    plain = json.loads(config.read_text())
    text = " ".join(WORDS * 3)
    whole, = vectors(folder, [text])
    short, = vectors(folder, [text], "--max-tokens", "8")
    assert short != whole
    for length, wanted in ((8, short), (8.0, short), (1000, whole), (10**30, whole), (1e30, whole), (None, whole),
                           (0, whole), (-1, whole)):
        config.write_text(json.dumps({**plain, "model_max_length": length}))
        assert vectors(folder, [text])[0] == wanted, length
    config.write_text(json.dumps({**plain, "model_max_length": 8}))
    assert vectors(folder, [text], "--max-tokens", "64")[0] == whole
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    assert vectors(folder, [text])[0] not in (short, whole)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": null}')
    assert vectors(folder, [text])[0] == short


def test_so_it_does_for_pairs(tmp_path):
    folder = write_cross_encoder(tmp_path / "model", words=WORDS)
    config = folder / "tokenizer_config.json"
    line = json.dumps({"text": " ".join(WORDS), "pair": " ".join(reversed(WORDS))})
    (short,) = json_lines(relata("encode", "-m", folder, "--max-tokens", "9", stdin=line).out)
    (whole,) = json_lines(relata("encode", "-m", folder, stdin=line).out)
    config.write_text(json.dumps({**json.loads(config.read_text()), "model_max_length": 9}))
    (own,) = json_lines(relata("encode", "-m", folder, stdin=line).out)
    assert own == short and own != whole


def test_pairs_among_texts_are_refused(encoder):
    lines = '{"text": "river"}\n{"text": "river", "pair": "bridge"}\n'
    err = relata("encode", "-m", encoder, stdin=lines, code=3).err
    assert 'stdin:2: a "pair" behind lines without one' in err


def test_parts_that_are_not_computed_are_refused(encoder, tmp_path):
    folder = write_encoder(tmp_path / "model")
    line = json.dumps({"text": "a"})
    for file, content, reason in (
        ("1_Pooling/config.json", {"pooling_mode_weightedmean_tokens": True},
         "pooling_mode_weightedmean_tokens"),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
         "more than one pooling"),
        ("sentence_bert_config.json", {"max_seq_length": 0}, "max_seq_length"),
        ("config.json", {"model_type": "bert", "position_embedding_type": "relative_key"},
         "vocab_size"),
        ("modules.json", [{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}],
         'module "Dense"'),
    ):
        before = (folder / file).read_text() if (folder / file).exists() else None
        (folder / file).write_text(json.dumps(content))
        failed = relata("encode", "-m", folder, stdin=line, code=3)
        assert str(folder / file) in failed.err and reason in failed.err
        if before is None:
            (folder / file).unlink()
        else:
            (folder / file).write_text(before)
    relata("encode", "-m", folder, stdin=line)
    assert "no text" in relata("encode", "-m", folder, stdin='{"txt": "a"}', code=3).err
