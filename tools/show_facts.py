#!/usr/bin/env python3
"""Prints the facts of extracted documents with their probabilities and evidence, for people."""
import argparse
import json
import os
import pathlib
import shutil
import sys
import textwrap

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def show(document, names, most):
    entities = {entity["id"]: entity["text"] for entity in document["entities"]}
    meta = document.get("meta") or {}
    derived = set(meta.get("derived", []))
    # What follows by inverse relations says nothing new to a reader.
    facts = [fact for index, fact in enumerate(document["relations"]) if index not in derived]
    title = meta.get("title") or document["id"]
    print(f"\n{paint('1', title)}: {len(facts)} facts")
    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    for fact in facts[:most]:
        score = f"{fact['score']:.2f}" if "score" in fact else "  - "
        relation = names.get(fact["type"], fact["type"])
        print(f"  p {score}  {paint('1', entities[fact['head']])} -- {paint('36', relation)} --> "
              f"{paint('1', entities[fact['tail']])}")
        for begin, end in fact.get("evidence", [])[:1]:
            sentence = " ".join(document["text"][begin:end].split())
            print(textwrap.fill(textwrap.shorten(sentence, 2 * width, placeholder=" ..."),
                                width=width, initial_indent=" " * 10,
                                subsequent_indent=" " * 10))
    if len(facts) > most:
        print(f"  ... and {len(facts) - most} less probable ones")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("facts", type=pathlib.Path, help="what relata extract wrote")
    parser.add_argument("--schema", type=pathlib.Path, help="for the relations' names")
    parser.add_argument("--most", type=int, default=8, help="facts of a document")
    arguments = parser.parse_args()
    names = {}
    if arguments.schema:
        schema = json.loads(arguments.schema.read_text(encoding="utf-8"))
        names = {kind["id"]: kind.get("name", kind["id"]) for kind in schema["relation_types"]}
    for line in arguments.facts.read_text(encoding="utf-8").splitlines():
        show(json.loads(line), names, arguments.most)
    print()


if __name__ == "__main__":
    main()
