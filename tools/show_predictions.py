#!/usr/bin/env python3
"""Prints some predicted relations beside the right ones, for people."""
import argparse
import json
import os
import pathlib
import random
import shutil
import sys
import textwrap

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def read_records(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def pair_relations(record):
    """(head text, tail text) -> [(type, score)], best first."""
    names = {entity["id"]: entity["text"] for entity in record["entities"]}
    pairs = {}
    for relation in record["relations"]:
        key = names[relation["head"]], names[relation["tail"]]
        pairs.setdefault(key, []).append((relation["type"], relation.get("score")))
    for found in pairs.values():
        found.sort(key=lambda item: -(item[1] or 0))
    return pairs


def show(number, record, pair, found, gold, relation_names):
    head, tail = pair
    label, score = found[0] if found else (None, None)
    good = label in gold
    mark = paint("32", "right") if good else paint("31", "wrong")
    shown = relation_names.get(label, label) if label else "nothing"
    probability = f"{score:.2f}" if score is not None else "  - "
    print(f"{number:2}. {mark}  p {probability}  {paint('1', head)} -- {paint('36', shown)} --> "
          f"{paint('1', tail)}")
    if not good:
        print("     the data says: " + ", ".join(relation_names.get(g, g) for g in sorted(gold)))
    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    print(textwrap.fill(record["text"], width=width, initial_indent="     ",
                        subsequent_indent="     "))


def find_score(value):
    """The one object with an "f1" in the evaluation's JSON, and its name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict) and "f1" in inner:
                return name, inner
        for inner in value.values():
            found = find_score(inner)
            if found:
                return found
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gold", required=True, type=pathlib.Path, help="canonical JSONL")
    parser.add_argument("--pred", required=True, type=pathlib.Path, help="canonical JSONL")
    parser.add_argument("--schema", type=pathlib.Path, help="for the relations' names")
    parser.add_argument("--score", type=pathlib.Path, help="JSON of relata evaluate")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()

    relation_names = {}
    if arguments.schema:
        schema = json.loads(arguments.schema.read_text(encoding="utf-8"))
        relation_names = {kind["id"]: kind.get("name", kind["id"])
                          for kind in schema["relation_types"]}
    gold, predicted = read_records(arguments.gold), read_records(arguments.pred)
    by_id = {record["id"]: record for record in predicted}
    items = []
    for index, record in enumerate(gold):
        answer = by_id.get(record["id"]) or (predicted[index] if index < len(predicted) else None)
        answers = pair_relations(answer) if answer else {}
        for pair, relations in pair_relations(record).items():
            items.append((record, pair, answers.get(pair, []), {kind for kind, _ in relations}))
    # Drawn by chance with a fixed seed, not picked for being right.
    chosen = random.Random(arguments.seed).sample(items, min(arguments.count, len(items)))
    print(f"\n{len(chosen)} of {len(items)} held-out questions, drawn by chance:\n")
    for number, (record, pair, found, right) in enumerate(chosen, 1):
        show(number, record, pair, found, right, relation_names)
    found = find_score(json.loads(arguments.score.read_text(encoding="utf-8"))) \
        if arguments.score else None
    if found:
        name, score = found
        interval = score.get("ci95")
        between = f" (95% between {interval[0]:.3f} and {interval[1]:.3f})" if interval else ""
        print(f"\nScore on all of them, {name}: F1 {score['f1']:.3f}{between}, precision"
              f" {score['precision']:.3f}, recall {score['recall']:.3f}.")
        print(f"Floor, the best constant answer: F1 {score['floor']:.3f}.")
        if score.get("definition"):
            print(f"Definition: {score['definition']}")


if __name__ == "__main__":
    main()
