"""DocRED's scores in plain Python, step for step as the official evaluation defines them.

Facts are (title, relation, head, tail). Prints one JSON line with the scores and the seconds from
opening the first file to the last score.
"""
import argparse
import json
import time


def load_facts(path):
    with open(path, encoding="utf-8") as source:
        return {tuple(fact) for fact in json.load(source)}


def load_gold(path):
    with open(path, encoding="utf-8") as source:
        documents = json.load(source)
    evidence_of, entities_of, sentences = {}, {}, 0
    for document in documents:
        entities_of[document["title"]] = document["vertexSet"]
        for label in document.get("labels", []):
            key = (document["title"], label["r"], label["h"], label["t"])
            evidence_of[key] = set(label["evidence"])
            sentences += len(label["evidence"])
    return evidence_of, entities_of, sentences


def load_answers(path):
    with open(path, encoding="utf-8") as source:
        answers = json.load(source)
    answers.sort(key=lambda one: (one["title"], one["h_idx"], one["t_idx"], one["r"]))
    distinct, last = [], None
    for one in answers:
        key = (one["title"], one["h_idx"], one["t_idx"], one["r"])
        if key != last:
            distinct.append(one)
        last = key
    return distinct


def known_from_training(heads, tails, relation, facts):
    known = False
    for head in heads:
        for tail in tails:
            if (head["name"], tail["name"], relation) in facts:
                known = True
    return known


def scores(precision, recall):
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def evaluate(gold_path, answers_path, facts_path):
    facts = load_facts(facts_path)
    evidence_of, entities_of, gold_sentences = load_gold(gold_path)
    answers = load_answers(answers_path)
    right = right_known = right_sentences = told_sentences = 0
    for one in answers:
        if one["title"] not in entities_of:
            continue
        entities = entities_of[one["title"]]
        told = set(one.get("evidence", []))
        told_sentences += len(told)
        key = (one["title"], one["r"], one["h_idx"], one["t_idx"])
        if key not in evidence_of:
            continue
        right += 1
        right_sentences += len(evidence_of[key] & told)
        if known_from_training(entities[one["h_idx"]], entities[one["t_idx"]], one["r"], facts):
            right_known += 1
    recall = right / len(evidence_of)
    return {
        "docred": scores(right / len(answers), recall),
        "ign": scores((right - right_known) / (len(answers) - right_known), recall),
        "evidence": scores(right_sentences / told_sentences if told_sentences else 0.0,
                           right_sentences / gold_sentences if gold_sentences else 0.0),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--gold", "--pred", "--train-facts"):
        parser.add_argument(name, required=True)
    parser.add_argument("--rounds", type=int, default=3, help="the fastest one counts")
    arguments = parser.parse_args()
    seconds = []
    for _ in range(arguments.rounds):
        started = time.perf_counter()
        result = evaluate(arguments.gold, arguments.pred, arguments.train_facts)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"scores": result, "seconds": min(seconds)}))


if __name__ == "__main__":
    main()
