"""Relation-Head-Facts over documents, beside AutoRE's way with Transformers and llama.cpp.

All engines have SmolLM2's weights (the same GGUF file, or what it unpacks to) and do the same work:
the questions that the gold facts lead to, each answered with as many tokens as its gold answer has.
"""
import argparse
import json
import select
import subprocess
import sys
import time

import run

DOCUMENTS = run.ROOT.parent / "shared/data/redocred/dev_revised.json"
BATCH = 64  # questions handed to relata at once, and those that warm it up


def gold_questions(count):
    """Of each document its questions, {"prompt_ids", "max_new_tokens"}."""
    path = run.WORK / f"rhf-gold-{count}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    documents = json.loads(DOCUMENTS.read_text(encoding="utf-8"))[:count]
    path.write_text(json.dumps(documents), encoding="utf-8")
    rows = run.recipe_rows("redocred_smollm2", f"rhf-gold-{count}", f"dataset={path}",
                           "relation_negatives=0", "head_negatives=0")
    documents, text = [], []
    for row in run.read_lines(rows):
        asked = next(i for i, label in enumerate(row["labels"]) if label >= 0)
        ids = row["ids"][:asked]
        shared = next((i for i, pair in enumerate(zip(ids, text)) if pair[0] != pair[1]), len(ids))
        # Questions about one text share more than the instruction before it.
        if not documents or shared < len(text) // 2:
            documents.append([])
            text = ids
        documents[-1].append({"prompt_ids": ids, "max_new_tokens": len(row["ids"]) - asked})
    return documents


def run_ours(documents, warm, threads):
    """Seconds from the last answer of the warming questions to the last of all."""
    lines = [request for document in warm for request in document][:BATCH]
    lines += [request for document in documents for request in document]
    command = [run.PROGRAM, "generate", "-m", run.SMOLLM2, "--no-progress", "--batch", BATCH,
               "--threads", threads]
    print("+ " + " ".join(map(str, command)), file=sys.stderr, flush=True)
    arrivals = []
    with subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, cwd=run.ROOT) as process:
        process.stdin.write("".join(json.dumps({**line, "ignore_eos": True}) + "\n"
                                    for line in lines).encode())
        process.stdin.close()
        while True:
            select.select([process.stdout], [], [])
            part = process.stdout.read1()
            if not part:
                break
            arrivals += [time.perf_counter()] * part.count(b"\n")
    if process.returncode != 0 or len(arrivals) != len(lines):
        sys.exit(f"bench: {command[0]} ended with {process.returncode}")
    return arrivals[-1] - arrivals[BATCH - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=8)
    parser.add_argument("--threads", type=int, default=run.THREADS, help="of every engine")
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 4, 16], help="of llama.cpp")
    arguments = parser.parse_args()
    if not DOCUMENTS.is_file():
        sys.exit(f"bench: {DOCUMENTS} is not there")
    model = run.smollm2()
    limits = run.probe()
    all_documents = gold_questions(arguments.documents + 4)
    documents, warm = all_documents[:arguments.documents], all_documents[arguments.documents:]
    path = run.WORK / "rhf-documents.jsonl"
    run.write_lines(path, documents)

    def rate(seconds):
        return len(documents) * 60 / seconds

    ours = rate(run_ours(documents, warm, arguments.threads))
    threads = ["--threads", arguments.threads]
    plain = run.peer("rhf_transformers", "--model", model, "--documents", path, *threads)
    llama = run.peer("rhf_llamacpp", "--model", run.SMOLLM2, "--documents", path, *threads,
                     "--slots", *arguments.slots)
    slots, seconds = min(llama["seconds"].items(), key=lambda item: item[1])
    questions = sum(len(document) for document in documents)
    run.finish("rhf", [
        run.row("transformers, a prompt a question", "doc/min", ours, rate(plain["seconds"]),
                "Transformers 5.23 (bfloat16)", 10.0),
        run.row(f"llama.cpp, prompt cache, {slots} slots", "doc/min", ours, rate(seconds),
                f"llama.cpp (xllamacpp {llama['version']})", 2.0),
    ], limits, documents=len(documents), questions=questions, llamacpp_seconds=llama["seconds"],
        threads=arguments.threads)


if __name__ == "__main__":
    main()
