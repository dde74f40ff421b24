"""Encoding texts beside sentence-transformers: rows `encode ...`."""
import argparse
import json
import pathlib
import tempfile

import run

MINILM = run.ROOT / "models/all-minilm-l6-v2"
SEMEVAL = run.ROOT.parent / "shared/data/rag4re_semeval/original_data/train_sentences.json"
GOAL_ENCODE = 1.5


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
        for threads in sorted({1, options.threads}):
            mine = len(texts) / seconds_of_encoding(texts, folder, threads)
            theirs = run.peer("encode_texts", MINILM, folder / "plain.jsonl", threads)
            rows.append(run.row(f"encode {len(texts)} sentences, MiniLM, threads {threads}",
                                "texts/s", mine, len(texts) / theirs["seconds"], theirs["name"],
                                GOAL_ENCODE))
    run.finish("retrieval", rows, run.probe())


if __name__ == "__main__":
    main()
