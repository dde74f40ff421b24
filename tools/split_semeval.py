#!/usr/bin/env python3
"""Splits SemEval-2010 Task 8's training file into train and dev files of its own format.

Every tenth sentence is development data. Lines end in LF; nothing else is changed:

    python3 tools/split_semeval.py ../shared/data/semeval2010_task8 recipes/data/semeval
"""

import argparse
import hashlib
import pathlib
import shutil

HELD_OUT_EVERY = 10

NOTICE = """\
train.txt and dev.txt are the two parts of TRAIN_FILE.TXT, test.txt is TEST_FILE_FULL.TXT of

  Iris Hendrickx, Su Nam Kim, Zornitsa Kozareva, Preslav Nakov, Diarmuid O Seaghdha, Sebastian Pado,
  Marco Pennacchiotti, Lorenza Romano, Stan Szpakowicz: SemEval-2010 Task 8: Multi-Way
  Classification of Semantic Relations Between Pairs of Nominals. SemEval 2010.
  Full release of 16 July 2010 (SHA-256 of the files: {train},
  {test})

under the Creative Commons Attribution 3.0 Unported licence,
http://creativecommons.org/licenses/by/3.0/ (LICENSE is the release's own README, which says so).
Changes: line ends are LF, and tools/split_semeval.py chose a file for each sentence.
schema.json was written for relata.
"""


def blocks_of(path):
    """Sentence, label and comment of each item, as the file has them."""
    text = path.read_bytes().decode("ascii").replace("\r\n", "\n")
    return [block for block in text.split("\n\n") if block.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("source", type=pathlib.Path, help="folder of the full release")
    parser.add_argument("target", type=pathlib.Path, help="folder to write")
    arguments = parser.parse_args()

    train_path = arguments.source / "SemEval2010_task8_training/TRAIN_FILE.TXT"
    test_path = arguments.source / "SemEval2010_task8_testing_keys/TEST_FILE_FULL.TXT"
    blocks = blocks_of(train_path)
    parts = {
        "train": [b for i, b in enumerate(blocks) if i % HELD_OUT_EVERY != HELD_OUT_EVERY - 1],
        "dev": blocks[HELD_OUT_EVERY - 1::HELD_OUT_EVERY],
        "test": blocks_of(test_path),
    }
    arguments.target.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        content = "".join(block.strip("\n") + "\n\n" for block in part)
        (arguments.target / f"{name}.txt").write_text(content, encoding="ascii", newline="\n")
        print(f"{name}: {len(part):,} sentences, {len(content):,} bytes")
    shutil.copyfile(arguments.source / "SEMEVAL_TASK8_FULL_RELEASE_README.txt",
                    arguments.target / "LICENSE")
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest()
              for name, path in (("train", train_path), ("test", test_path))}
    (arguments.target / "NOTICE").write_text(NOTICE.format(**hashes), encoding="utf-8")


if __name__ == "__main__":
    main()
