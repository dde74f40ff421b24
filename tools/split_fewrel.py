#!/usr/bin/env python3
"""Splits FewRel's val_wiki.json by head entity into train, dev and test files of FewRel's format.

No head entity (Wikidata id) occurs in two of the files. The split depends on nothing but the
SHA-256 of the head ids, so running this again gives the same bytes:

    python3 tools/split_fewrel.py ../shared/data/fewrel recipes/data/fewrel
"""

import argparse
import hashlib
import json
import pathlib
import shutil

# Each share is about 1,161 of the 11,200 items.
HELD_OUT_SHARE = 1161 / 11200

NOTICE = """\
train.json, dev.json and test.json are a re-split, by head entity, of val_wiki.json of FewRel 1.0:

  Xu Han, Hao Zhu, Pengfei Yu, Ziyun Wang, Yuan Yao, Zhiyuan Liu, Maosong Sun: FewRel: A
  Large-Scale Supervised Few-Shot Relation Classification Dataset with State-of-the-Art
  Evaluation. EMNLP 2018.
  https://github.com/thunlp/FewRel, commit 278a2315d2138810a379cd8d5718914dc56e2582,
  data/val_wiki.json (SHA-256 {sha256})

The items are unchanged; tools/split_fewrel.py only chose a file for each. FewRel is under the MIT
licence in LICENSE. The sentences come from Wikipedia, the entity and relation ids from Wikidata.
schema.json was written for relata; only its ids and the short names are Wikidata's.
"""


def part_of(head_id):
    digest = hashlib.sha256(head_id.encode("utf-8")).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < HELD_OUT_SHARE:
        return "dev"
    return "test" if position < 2 * HELD_OUT_SHARE else "train"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("source", type=pathlib.Path, help="folder with val_wiki.json and LICENSE")
    parser.add_argument("target", type=pathlib.Path, help="folder to write")
    arguments = parser.parse_args()

    content = (arguments.source / "val_wiki.json").read_bytes()
    parts = {"train": {}, "dev": {}, "test": {}}
    for relation, items in json.loads(content).items():
        for part in parts.values():
            part[relation] = []
        for item in items:
            parts[part_of(item["h"][1])][relation].append(item)

    arguments.target.mkdir(parents=True, exist_ok=True)
    for name, relations in parts.items():
        text = json.dumps(relations, ensure_ascii=False, separators=(",", ":"))
        (arguments.target / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="\n")
        print(f"{name}: {sum(map(len, relations.values())):,} items, {len(text.encode()):,} bytes")
    shutil.copyfile(arguments.source / "LICENSE", arguments.target / "LICENSE")
    sha256 = hashlib.sha256(content).hexdigest()
    (arguments.target / "NOTICE").write_text(NOTICE.format(sha256=sha256), encoding="utf-8")


if __name__ == "__main__":
    main()
