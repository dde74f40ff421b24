#!/usr/bin/env python3
"""Splits SanWen's train.txt into fit.txt and dev.txt, a run of neighbouring rows at a time.

The file goes article by article, and its sentences overlap: one row's sentence is often the
beginning of the next one's. Splitting sentences at random would therefore put most of dev.txt into
fit.txt as well, and settings chosen on it would not carry over to valid.txt, which has articles of
its own. So whole blocks are set aside, and rows of one sentence stay together. Running this again
gives the same bytes (the rows themselves, CRLF line ends included, are unchanged):

    python3 tools/split_sanwen.py ../shared/data/sanwen recipes/data/sanwen
"""

import argparse
import pathlib
import shutil

BLOCK = 700  # rows; some articles
DEV_BLOCKS = (5, 17)  # of 25


def split(rows):
    parts = {"fit.txt": [], "dev.txt": []}
    home = {}  # the part of a sentence's first row
    for number, row in enumerate(rows):
        sentence = row.rstrip(b"\r\n").split(b"\t")[3]
        name = "dev.txt" if number // BLOCK in DEV_BLOCKS else "fit.txt"
        parts[home.setdefault(sentence, name)].append(row)
    return parts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("source", type=pathlib.Path, help="folder with train.txt, valid.txt, LICENSE")
    parser.add_argument("target", type=pathlib.Path, help="folder to write")
    arguments = parser.parse_args()

    lines = (arguments.source / "train.txt").read_bytes().splitlines(keepends=True)
    parts = split([line for line in lines if line.strip()])

    arguments.target.mkdir(parents=True, exist_ok=True)
    for name, rows in parts.items():
        (arguments.target / name).write_bytes(b"".join(rows))
        print(f"{name}: {len(rows):,} rows")
    for name in ("valid.txt", "LICENSE"):
        shutil.copyfile(arguments.source / name, arguments.target / name)


if __name__ == "__main__":
    main()
