"""Time a token for the mask of grounded answers, on documents of 500 tokens, beside llguidance."""
import argparse
import json
import subprocess
import sys

import run

SHARED = run.ROOT.parent / "shared/data"
BUILD = run.ROOT / "build/bench"
PROGRAM = BUILD / "bin/bench_mask"
WORDS = 390  # of English, about 500 tokens
# Tokenizers of about one size, of which the first that loads is taken, and the most microseconds a
# token may take: half of all tokens, and 99 of a hundred.
VOCABULARIES = (
    (("models/smollm2-135m-instruct.Q4_1.gguf", "gpt2"), 20, 100),
    (("qwen3", "models/qwen2.5-coder-0.5b-instruct.Q4_K_M.gguf"), 40, None),
    (("llama2",), 20, 100),
)


def build():
    """The timing program; it needs no LibTorch."""
    if not (BUILD / "build.ninja").exists():
        run.run(["cmake", "--preset", "bench", "-DRELATA_TORCH=OFF"])
    run.run(["cmake", "--build", BUILD, "--target", "bench_mask"])


def mention_text(document, mention):
    begin, end = mention["pos"]
    return " ".join(document["sents"][mention["sent_id"]][begin:end])


def gold_case(documents, names):
    """Neighbouring documents as one, with what the steps of a pipeline ask and answer of it."""
    sentences, answers, found = [], [], {}
    for document in documents:
        sentences += document["sents"]
        entities = [mention_text(document, mentions[0]) for mentions in document["vertexSet"]]
        for label in document["labels"]:
            facts = found.setdefault(names[label["r"]], {})
            facts.setdefault(entities[label["h"]], {})[entities[label["t"]]] = True
    answers.append({"kind": "relations", "items": list(found)})
    for heads in found.values():
        answers.append({"kind": "heads", "items": list(heads)})
        answers += [{"kind": "heads", "items": list(tails)} for tails in heads.values()]
    return {"text": " ".join(token for sentence in sentences for token in sentence),
            "relations": list(names.values()), "answers": answers}


def gold_cases(limit):
    documents = json.loads((SHARED / "redocred/dev_revised.json").read_text(encoding="utf-8"))
    names = json.loads((SHARED / "redocred/rel_info.json").read_text(encoding="utf-8"))
    cases, group, words = [], [], 0
    for document in documents:
        group.append(document)
        words += sum(map(len, document["sents"]))
        if words >= WORDS:
            cases.append(gold_case(group, names))
            group, words = [], 0
    return cases[:limit]


def made_cases(limit):
    """Where there is no Re-DocRED: sentences of made-up names."""
    first, last = ["Ora", "Ben", "Lia", "Tom", "Ida", "Max"], ["Karo", "Velt", "Simm", "Ruud", "Hale"]
    cases = []
    for i in range(limit):
        names = [f"{first[(i + k) % 6]} {last[(i + 2 * k) % 5]}-{k}" for k in range(30)]
        text = " ".join(f"{name} moved to Port {name[:3]}{k} in {1900 + 3 * k} ."
                        for k, name in enumerate(names))
        cases.append({"text": text, "relations": ["residence", "place of birth", "employer"],
                      "answers": [{"kind": "relations", "items": ["residence"]},
                                  {"kind": "heads", "items": names}]})
    return cases


def measure(candidates, cases, seconds):
    """What the program says for the first tokenizer that it can load; None where it can none."""
    for name in candidates:
        path = run.ROOT / name if name.startswith("models/") else SHARED / "tokenizers" / name
        if not path.exists():
            continue
        done = subprocess.run([PROGRAM, path, cases, str(seconds)], capture_output=True, text=True,
                              check=False)
        if done.returncode == 0:
            return {"tokenizer": path.name, **json.loads(done.stdout)}
        print(f"{name}: {done.stderr.strip()}", file=sys.stderr)
    return None


def beside_llguidance(work, result, cases):
    """Rows for a byte-level vocabulary that both sides can read."""
    folder = SHARED / "tokenizers" / result["tokenizer"]
    if not (folder / "merges.txt").exists():
        return []
    theirs = run.peer("mask_llguidance", folder, cases)
    print(json.dumps(theirs), file=sys.stderr)
    rows = [run.row(f"{work}, {what}", unit, result[key], theirs[key], theirs["peer"], None,
                    smaller_is_better=True)
            for what, unit, key in (("median", "us a token", "median_us"),
                                    ("mean", "us a token", "mean_us"),
                                    ("99 of 100", "us a token", "p99_us"))]
    ours = result["spans_us"] + 2 * result["compile_us"]
    return rows + [run.row(f"{work}, before the first token", "us a document", ours,
                           theirs["compile_us"], theirs["peer"], None, smaller_is_better=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--documents", type=int, default=50)
    arguments = parser.parse_args()
    build()
    cases = run.WORK / "mask-cases.jsonl"
    cases.parent.mkdir(parents=True, exist_ok=True)
    has_data = (SHARED / "redocred").exists()
    run.write_lines(cases, (gold_cases if has_data else made_cases)(arguments.documents))
    limits, rows, found = run.probe(), [], []
    for candidates, median, p99 in VOCABULARIES:
        result = measure(candidates, cases, arguments.seconds)
        if result is None:
            print(f"none is here of {', '.join(candidates)}", file=sys.stderr)
            continue
        work = f"{result['tokenizer']}, {result['vocabulary']:,} tokens"
        found.append(result)
        print(json.dumps(result), file=sys.stderr)
        for what, key, most in (("median", "median_us", median), ("99 of 100", "p99_us", p99)):
            if most is not None:
                rows.append(run.row(f"{work}, {what}", "us a token", result[key], most, "the limit",
                                    1.0, smaller_is_better=True))
        rows += beside_llguidance(work, result, cases)
    if not rows:
        sys.exit("bench mask: no tokenizer is here; ./dev models fetches some")
    run.finish("mask", rows, limits, details=found)


if __name__ == "__main__":
    main()
