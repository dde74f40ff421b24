"""DocRED scoring beside the official way in Python, reading of the files included."""
import argparse
import json
import pathlib
import random

import run

PEER = "official way in Python"
SHARED = run.ROOT / "../shared/data/redocred"
SMALL = run.ROOT / "tests/files/eval"


def make_gold(path, count, seed=1):
    """Documents of DocRED's shape: 8 sentences of 25 words, 19 entities, 35 facts."""
    choose = random.Random(seed)
    words = ["".join(choose.choices("abcdefghijklmnopqrstuvwxyz", k=choose.randint(2, 9)))
             for _ in range(5000)]
    relations = [f"P{17 + 13 * i}" for i in range(96)]
    documents = []
    for number in range(count):
        sentences = [choose.choices(words, k=25) for _ in range(8)]
        entities = []
        for _ in range(19):
            mentions = []
            for _ in range(choose.choice([1, 1, 1, 2, 3])):
                sentence, at = choose.randrange(8), choose.randrange(24)
                mentions.append({"name": " ".join(sentences[sentence][at:at + 2]),
                                 "pos": [at, at + 2], "sent_id": sentence, "type": "MISC"})
            entities.append(mentions)
        facts = {(choose.randrange(19), choose.randrange(19), choose.choice(relations))
                 for _ in range(35)}
        labels = [{"h": h, "t": t, "r": r, "evidence": sorted(choose.sample(range(8), 2))}
                  for h, t, r in sorted(facts) if h != t]
        documents.append({"title": f"Document {number}", "vertexSet": entities, "labels": labels,
                          "sents": sentences})
    path.write_text(json.dumps(documents), encoding="utf-8")


def make_facts(path, gold, seed=3):
    """A training set's facts: one of ten of gold's, and as many others as DocRED has."""
    choose, facts = random.Random(seed), []
    for document in json.loads(gold.read_text(encoding="utf-8")):
        for label in document["labels"]:
            if choose.random() < 0.1:
                ends = [document["vertexSet"][label[end]][0]["name"] for end in "ht"]
                facts.append([*ends, label["r"]])
    facts += [[f"head {i}", f"tail {i}", "P17"] for i in range(52293)]
    path.write_text(json.dumps(facts), encoding="utf-8")


def make_answers(path, gold, seed=2):
    """A system of F1 about 0.7: facts left out, turned round, or with another relation."""
    choose, answers = random.Random(seed), []
    documents = json.loads(gold.read_text(encoding="utf-8"))
    relations = sorted({label["r"] for one in documents for label in one["labels"]})
    for document in documents:
        for label in document["labels"]:
            chance, head, tail, relation = choose.random(), label["h"], label["t"], label["r"]
            if chance < 0.25:
                continue
            if chance < 0.35:
                relation = choose.choice(relations)
            elif chance > 0.95:
                head, tail = tail, head
            answers.append({"title": document["title"], "h_idx": head, "t_idx": tail,
                            "r": relation, "evidence": label["evidence"]})
    path.write_text(json.dumps(answers), encoding="utf-8")


def ours(gold, answers, facts, bootstrap, program, rounds=50):  # as long as the peer's three
    command = [program, "evaluate", "--metric", "docred", "--json", "--bootstrap", bootstrap,
               "--gold", gold, "--pred", answers, "--train-facts", facts]
    runs = [run.run(command) for _ in range(rounds)]
    return json.loads(runs[0][0])["docred"], min(seconds for _, seconds, _ in runs)


def start_time(program):
    """Seconds of a run over two tiny documents: the program's start, which is taken off."""
    return ours(SMALL / "docred_gold.json", SMALL / "docred_result.json",
                SMALL / "docred_train.fact", 0, program)[1]


def check_same(mine, theirs):
    views = {"docred": mine, **mine["parts"]}
    for view, figures in theirs.items():
        for name, value in figures.items():
            if abs(views[view][name] - value) > 1e-9:
                raise SystemExit(f"bench: {view} {name}: {views[view][name]} and {value}")


def measure(work, gold, facts, program):
    answers = run.WORK / f"docred-{gold.stem}-answers.json"
    make_answers(answers, gold)
    theirs = run.peer("docred_official", "--gold", gold, "--pred", answers, "--train-facts", facts)
    start, rows = start_time(program), []
    for bootstrap, goal in ((0, 20), (1000, None)):
        scores, seconds = ours(gold, answers, facts, bootstrap, program)
        check_same(scores, theirs["scores"])
        name = work if bootstrap == 0 else f"{work}, with intervals"
        rows.append(run.row(name, "s", max(seconds - start, 1e-4), theirs["seconds"], PEER, goal,
                            smaller_is_better=True))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=5000, help="of the made-up corpus")
    parser.add_argument("--program", type=pathlib.Path, default=run.PROGRAM)
    arguments = parser.parse_args()
    run.WORK.mkdir(parents=True, exist_ok=True)
    rows = []
    if (SHARED / "dev_revised.json").exists():
        rows += measure("Re-DocRED dev, 500 documents", SHARED / "dev_revised.json",
                        SHARED / "docred_train_annotated.fact", arguments.program)
    gold = run.WORK / f"docred-{arguments.documents}.json"
    facts = run.WORK / f"docred-{arguments.documents}.fact"
    if not gold.exists():
        make_gold(gold, arguments.documents)
        make_facts(facts, gold)
    rows += measure(f"{arguments.documents} made-up documents", gold, facts, arguments.program)
    run.finish("docred", rows, run.probe())


if __name__ == "__main__":
    main()
