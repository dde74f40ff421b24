"""Searching by words beside bm25s, encoding texts beside sentence-transformers: rows `bm25`, `encode`."""
import argparse
import importlib.util
import json
import pathlib
import random
import re
import sys
import tempfile

import run

MINILM = run.ROOT / "models/all-minilm-l6-v2"
SEMEVAL = run.ROOT.parent / "shared/data/rag4re_semeval/original_data/train_sentences.json"
GOAL_ENCODE = 1.5
GOAL_BM25 = 2.0
PASSAGES, QUERIES, BEST = 100_000, 1000, 100


def sentences(limit):
    if not SEMEVAL.exists():
        raise SystemExit(f"bench: {SEMEVAL} is absent")
    return json.loads(SEMEVAL.read_text(encoding="utf-8"))[:limit]


def seconds_of_encoding(texts, folder, threads):
    """Of one run over all texts, without those of a run over one."""
    taken = []
    for part in (texts[:1], texts):
        path = folder / "texts.jsonl"
        run.write_lines(path, [{"text": text} for text in part])
        _, seconds, _ = run.run([run.PROGRAM, "encode", "-m", MINILM, "--threads", threads, "-q",
                                 path], stdout=folder / "vectors.jsonl")
        taken.append(seconds)
    return taken[1] - taken[0]


def bm25_row(folder):
    """Passages of two halves of sentences each; the sentences are the queries. One thread."""
    draw = random.Random(1)
    known = [re.sub(r"</?e[12]>|\s+", " ", text) for text in sentences(None)]
    passages, queries = folder / "passages.jsonl", folder / "queries.txt"
    texts = []
    for _ in range(PASSAGES):
        one, other = draw.choice(known).split(), draw.choice(known).split()
        texts.append(" ".join(one[: len(one) // 2] + other[len(other) // 2:]))
    run.write_lines(passages, [{"id": str(i), "text": text, "entities": [], "relations": []}
                               for i, text in enumerate(texts)])
    asked = draw.sample(known, QUERIES)
    index = folder / "passages.bm25"
    run.run([run.PROGRAM, "index", "build", "-q", "--text-of", "document", "--analyzer", "en",
             passages, "-o", index])
    taken = []
    for part in (asked[:1], asked):  # without reading the index
        queries.write_text("".join(query + "\n" for query in part), encoding="utf-8")
        _, seconds, _ = run.run([run.PROGRAM, "index", "search", "-q", "--threads", 1, "-k", BEST,
                                 index, "-"], stdin=queries, stdout=folder / "found.txt")
        taken.append(seconds)
    theirs = run.peer("bm25_search", passages, queries, BEST)
    return run.row(f"bm25 {PASSAGES} passages, {QUERIES} queries, k {BEST}, threads 1", "queries/s",
                   QUERIES / (taken[1] - taken[0]), QUERIES / theirs["seconds"], theirs["name"],
                   GOAL_BM25)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=2000, help="sentences (default: 2000)")
    parser.add_argument("--threads", type=int, default=run.THREADS)
    options = parser.parse_args()
    texts = sentences(options.limit)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        run.write_lines(folder / "plain.jsonl", texts)
        rows = []
        if importlib.util.find_spec("bm25s") and importlib.util.find_spec("numba"):
            rows.append(bm25_row(folder))
        else:
            print("bench: no row bm25: .venv/bin/python -m pip install bm25s numba", file=sys.stderr)
        for threads in sorted({1, options.threads}):
            mine = len(texts) / seconds_of_encoding(texts, folder, threads)
            theirs = run.peer("encode_texts", MINILM, folder / "plain.jsonl", threads)
            rows.append(run.row(f"encode {len(texts)} sentences, MiniLM, threads {threads}",
                                "texts/s", mine, len(texts) / theirs["seconds"], theirs["name"],
                                GOAL_ENCODE))
    run.finish("retrieval", rows, run.probe())


if __name__ == "__main__":
    main()
