"""Examples in prompts on SemEval-2010 Task 8: neighbours' labels, zero-shot, RAG4RE's prompt, k labelled examples."""
import argparse
import json
import random

import run

DATA = run.ROOT / "recipes/data/semeval"
MODEL = run.ROOT / "models/smollm2-135m-instruct.Q4_1.gguf"
FLOOR = "label of the nearest sentence (BM25), copied"
# Flags of each row beside the pool; the first is what all others are compared with.
SYSTEMS = {
    FLOOR: ["--vote", 1, "--voters", 1, "--example-query", "sentence"],
    "label of the nearest pair, copied": ["--vote", 1, "--voters", 1],
    "vote of the 16 nearest pairs": ["--vote", 1],
    "zero-shot": ["--examples", 0],
    "RAG4RE's prompt": ["--examples", 1, "--prompt-template", "rag4re-en", "--example-query",
                        "sentence"],
    "1 labelled example": ["--examples", 1],
    "4 labelled examples": ["--examples", 4],
    "4 by the whole sentence": ["--examples", 4, "--example-query", "sentence"],
    "4 drawn by chance": ["--examples", 4, "--retriever", "random"],
    "8 labelled examples": ["--examples", 8],
    "4 labelled examples and half the vote": ["--examples", 4, "--vote", 0.5],
}


def draw(count, seed):
    """A sample of the test sentences, in their order."""
    text = (DATA / "test.txt").read_text(encoding="ascii")
    blocks = [block for block in text.split("\n\n") if block.strip()]
    chosen = sorted(random.Random(seed).sample(range(len(blocks)), min(count, len(blocks))))
    path = run.WORK / f"semeval-{count}.txt"
    path.write_text("".join(blocks[i] + "\n\n" for i in chosen), encoding="ascii")
    return path


def score(name, flags, gold, pool):
    """Macro-F1 of the official scorer's definition, with its interval and floor."""
    found = run.WORK / "semeval-predictions.jsonl"
    needs_model = flags[:2] != ["--vote", 1]
    _, seconds, _ = run.run(
        [run.PROGRAM, "extract", "--pipeline", "rag", *(["-m", MODEL] if needs_model else []),
         "--schema", DATA / "schema.json", *(["--pool", pool] if name != "zero-shot" else []),
         *flags, gold, "-o", found, "--no-resume", "--no-progress", "-q"])
    text, _, _ = run.run([run.PROGRAM, "evaluate", "--gold", gold, "--pred", found, "--metric",
                          "semeval", "--json"])
    return json.loads(text)["semeval"] | {"seconds": round(seconds, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=200, help="drawn from the 2,717")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="*", metavar="WORDS", help="rows whose name has one of them")
    arguments = parser.parse_args()
    run.WORK.mkdir(parents=True, exist_ok=True)
    gold = draw(arguments.sentences, arguments.seed)
    pool = run.WORK / "semeval-pool.txt"
    pool.write_bytes((DATA / "train.txt").read_bytes() + (DATA / "dev.txt").read_bytes())
    limits, rows, details = run.probe(), [], {}
    for name, flags in SYSTEMS.items():
        wanted = not arguments.only or any(word in name for word in arguments.only)
        if name != FLOOR and not wanted:
            continue
        details[name] = result = score(name, flags, gold, pool)
        low, high = result["ci95"]
        print(f"{name}: {result['f1']:.4f} ({low:.4f} to {high:.4f}), constant answer "
              f"{result['floor']:.4f}, {result['seconds']} s", flush=True)
        rows.append(run.row(name, "macro-F1", result["f1"], details[FLOOR]["f1"], FLOOR))
    run.finish("rag", rows, limits, details=details, sentences=arguments.sentences)


if __name__ == "__main__":
    main()
