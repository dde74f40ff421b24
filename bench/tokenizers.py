"""Encoding speed beside Hugging Face's tokenizers and SentencePiece's own encoder."""
import argparse
import json
import pathlib
import shutil

import run

SHARED = run.ROOT.parent / "shared/data"
OWN = run.ROOT / "tests/files/text"
BUILD = run.ROOT / "build/bench"
PROGRAM = BUILD / "bin/bench_tokenizers"
HF = "Hugging Face tokenizers 0.23"
GOAL_HF, GOAL_SENTENCEPIECE = 3.0, 2.0


def build():
    """The timing program; it needs no LibTorch."""
    if not (BUILD / "build.ninja").exists():
        run.run(["cmake", "--preset", "bench", "-DRELATA_TORCH=OFF"])
    run.run(["cmake", "--build", BUILD, "--target", "bench_tokenizers"])


def read_texts(path):
    """The strings "text" of a JSON file or of JSON lines; else the lines of a text file."""
    content = path.read_text(encoding="utf-8", errors="ignore")
    if content.startswith("["):
        return [item["text"] for item in json.loads(content)]
    lines = content.splitlines()
    if content.startswith("{"):
        return [json.loads(line).get("text", "") for line in lines if line.strip()]
    return lines


def sentences(path, limit):
    """A file of one text a line: those of `path`, or English sentences of data at hand."""
    nyt = [SHARED / "nyt/test_triples.json", SHARED / "nyt/val_triples.json"]
    sources = [path] if path else [source for source in nyt if source.exists()]
    if not sources:
        sources = [OWN / "expected.jsonl"]
    found = [" ".join(text.split()) for source in sources for text in read_texts(source)]
    out = run.WORK / "tokenizer-texts.txt"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(text + "\n" for text in found[:limit] if text), encoding="utf-8")
    return out


def folder_of(name, source, file):
    """A folder with nothing but one tokenizer file."""
    folder = run.WORK / f"tokenizer-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, folder / file)
    return folder


def ours(folder, texts, threads):
    text, _, _ = run.run([PROGRAM, "relata", folder, texts, threads])
    return json.loads(text)


def rows_of(work, mine, theirs, peer, goal):
    """Texts that both sides see for the first time, and texts that they have seen before."""
    return [run.row(f"{work}{note}", "MB/s", mine[key] / 1e6, theirs[key] / 1e6, peer, goal)
            for note, key in ((", new texts", "first_bytes_per_second"),
                              (", again", "bytes_per_second"))]


def beside_hf(name, path, texts):
    folder = folder_of(name, path, "tokenizer.json")
    rows = []
    for work, threads, way in (("one at a time", 1, "one"), ("batches", run.THREADS, "batch")):
        mine, theirs = ours(folder, texts, threads), run.peer("tokenizers_hf", path, texts, way)
        assert mine["tokens"] == theirs["tokens"], (name, mine, theirs)
        rows += rows_of(f"{name} {work}", mine, theirs, HF, GOAL_HF)
    return rows


def beside_sentencepiece(name, path, texts):
    folder = folder_of(name, path, "tokenizer.model")
    mine = ours(folder, texts, 1)
    text, _, _ = run.run([PROGRAM, "sentencepiece", path, texts, 1])
    theirs = json.loads(text)
    # Between pieces of equal sums, SentencePiece up to 0.2.1 goes by rounding errors.
    assert abs(mine["tokens"] - theirs["tokens"]) <= mine["tokens"] * 1e-3, (name, mine, theirs)
    return rows_of(f"{name} one at a time", mine, theirs, "SentencePiece", GOAL_SENTENCEPIECE)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=pathlib.Path, help="a file of lines to encode")
    parser.add_argument("--limit", type=int, default=20_000, help="how many lines")
    arguments = parser.parse_args()
    build()
    texts = sentences(arguments.texts, arguments.limit)
    limits, rows = run.probe(), []
    files = SHARED / "tokenizers"
    if files.exists():
        for name in ("mistral_v3", "mistral_v1", "pubmedbert_uncased"):
            rows += beside_hf(name, files / name / "tokenizer.json", texts)
        for name, model in (("llama2 bpe", "llama2/tokenizer.model"),
                            ("mistral_v3 bpe", "mistral_v3/tokenizer.model.v3"),
                            ("t5 unigram", "t5/spiece.model"),
                            ("sentencepiece's own test unigram", "sentencepiece_test/test_model.model")):
            rows += beside_sentencepiece(name, files / model, texts)
    else:
        rows += beside_hf("own bpe", OWN / "bpe_fallback.json", texts)
        rows += beside_sentencepiece("own unigram", OWN / "sp_unigram.model", texts)
    run.finish("tokenizers", rows, limits, texts=str(arguments.texts or "English sentences"))


if __name__ == "__main__":
    main()
