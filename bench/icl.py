"""Retrievers of examples for `icl` on held-out data sets: a trained one beside BM25, MiniLM, chance, a trivial way."""
import argparse
import json
import random

import run

DATA = run.ROOT.parent / "shared/data"
MINILM = run.ROOT / "models/all-minilm-l6-v2"
SETS = {
    "crossner_ai": ("crossner/ai/train.txt", "crossner/ai/test.txt"),
    "crossner_literature": ("crossner/literature/train.txt", "crossner/literature/test.txt"),
    "crossner_science": ("crossner/science/train.txt", "crossner/science/test.txt"),
    "mit_movie": ("mit_movie_trivia/trivia10k13train.txt", "mit_movie_trivia/trivia10k13test.txt"),
    "mit_restaurant": ("mit_restaurant/restauranttrain.txt", "mit_restaurant/restauranttest.txt"),
}
BASE = "BM25"
NAMED = "names of the pool"


def documents(name, part, count, seed):
    """The part's documents in our form, at most `count` of them drawn by chance, with ids of their set."""
    path = run.WORK / f"icl-{name}-{part}-{count}-{seed}.jsonl"
    if not path.exists():
        whole = run.WORK / f"icl-{name}-{part}.jsonl"
        run.run([run.PROGRAM, "data", "convert", DATA / SETS[name][part == "test"], "-o", whole])
        lines = run.read_lines(whole)
        kept = sorted(random.Random(seed).sample(range(len(lines)), min(count, len(lines))))
        run.write_lines(path, [lines[i] | {"id": f"{name}-{i}"} for i in kept])
    return path


def systems(retriever):
    """Flags of each row."""
    return {
        BASE: ["--retriever", "bm25"],
        "chance": ["--retriever", "random"],
        "MiniLM, untrained": ["--retriever", "dense", "--encoder", MINILM],
        "MiniLM and BM25 fused": ["--retriever", "fused", "--encoder", MINILM],
    } | ({"trained": ["--retriever", "dense", "--encoder", retriever]} if retriever else {})


def named(pool, gold, out):
    """A trivial way without a model: every name that the pool has an entity of, with its most frequent type."""
    counts = {}
    for document in run.read_lines(pool):
        for entity in document["entities"]:
            types = counts.setdefault(entity["text"], {})
            types[entity["type"]] = types.get(entity["type"], 0) + 1
    found = []
    for document in run.read_lines(gold):
        entities, text = [], f" {document['text']} "
        for name, types in sorted(counts.items(), key=lambda item: -len(item[0])):
            at = text.find(f" {name} ")
            if at >= 0 and not any(at < e["mentions"][0][1] and e["mentions"][0][0] < at + len(name)
                                   for e in entities):
                entities.append({"id": f"e{len(entities)}", "text": name, "type": max(types, key=types.get),
                                 "mentions": [[at, at + len(name)]]})
        found.append({"id": document["id"], "text": document["text"], "entities": entities,
                      "relations": []})
    run.write_lines(out, found)


def evaluate(gold, found, *more):
    text, _, _ = run.run([run.PROGRAM, "evaluate", "--gold", gold, "--pred", found, "--metric", "ruie",
                          "--json", *more])
    return json.loads(text)


def joined(paths, name):
    path = run.WORK / name
    path.write_text("".join(p.read_text(encoding="utf-8") for p in paths), encoding="utf-8")
    return path


def answered(system, flags, name, pool, gold, arguments):
    found = run.WORK / f"icl-{name}-found-{system.replace(' ', '-').replace(',', '')}.jsonl"
    if system == NAMED:
        named(pool, gold, found)
        return found, 0.0
    _, seconds, _ = run.run(
        [run.PROGRAM, "extract", "-m", arguments.model, "--pipeline", "icl", "--tasks", "ner",
         "--pool", pool, "--examples", arguments.examples, *flags, gold, "-o", found,
         "--no-resume", "--no-progress", "-q"],
        allowed=(0, 4))  # 4: some answers could not be read; they count as none
    return found, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--retriever", help="a folder that `relata retriever train` made")
    parser.add_argument("--model", default=run.SMOLLM2, help="the model that answers")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--sentences", type=int, default=100, help="of each test part")
    parser.add_argument("--pool", type=int, default=4000, help="sentences of each training part")
    parser.add_argument("--examples", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", metavar="WORDS", help="rows whose name has one of them")
    arguments = parser.parse_args()
    run.WORK.mkdir(parents=True, exist_ok=True)
    chosen = {name: flags for name, flags in (systems(arguments.retriever) | {NAMED: []}).items()
              if name == BASE or not arguments.only or any(word in name for word in arguments.only)}
    limits, details, files, golds = run.probe(), {}, {}, []
    for name in arguments.sets:
        pool = documents(name, "train", arguments.pool, arguments.seed)
        gold = documents(name, "test", arguments.sentences, arguments.seed)
        golds.append(gold)
        for system, flags in chosen.items():
            found, seconds = answered(system, flags, name, pool, gold, arguments)
            files.setdefault(system, []).append(found)
            f1 = evaluate(gold, found, "--bootstrap", 0)["ruie"]["f1"]
            details.setdefault(system, {})[name] = {"f1": f1, "seconds": round(seconds, 1)}
            print(f"{name}, {system}: {f1:.4f}, {seconds:.1f} s", flush=True)
    gold, rows = joined(golds, "icl-gold.jsonl"), []
    base = joined(files[BASE], "icl-found-base.jsonl")
    mean = {s: sum(d["f1"] for d in details[s].values()) / len(details[s]) for s in chosen}
    for system in chosen:
        # All sets together: their sentences are resampled as one.
        both = joined(files[system], "icl-found.jsonl")
        result = evaluate(gold, both, *(["--compare", base] if system != BASE else []))
        details[system] |= {"mean": mean[system], "together": result}
        rows.append(run.row(system, "mean F1", mean[system], mean[BASE], BASE))
    run.finish("icl", rows, limits, details=details, sentences=arguments.sentences,
               examples=arguments.examples)


if __name__ == "__main__":
    main()
