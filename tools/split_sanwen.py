#!/usr/bin/env python3
"""Splits SanWen's train.txt into fit.txt and dev.txt; all rows of one sentence stay together.

The split depends on nothing but the SHA-256 of the sentences, so running this again gives the same
bytes (the rows themselves, CRLF line ends included, are unchanged):

    python3 tools/split_sanwen.py ../shared/data/sanwen recipes/data/sanwen
"""

import argparse
import hashlib
import pathlib
import shutil

DEV_SHARE = 0.08


def is_dev(row):
    sentence = row.rstrip(b"\r\n").split(b"\t")[3]
    position = int.from_bytes(hashlib.sha256(sentence).digest()[:8], "big") / 2**64
    return position < DEV_SHARE


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("source", type=pathlib.Path, help="folder with train.txt, valid.txt, LICENSE")
    parser.add_argument("target", type=pathlib.Path, help="folder to write")
    arguments = parser.parse_args()

    parts = {"fit.txt": [], "dev.txt": []}
    for row in (arguments.source / "train.txt").read_bytes().splitlines(keepends=True):
        if row.strip():
            parts["dev.txt" if is_dev(row) else "fit.txt"].append(row)

    arguments.target.mkdir(parents=True, exist_ok=True)
    for name, rows in parts.items():
        (arguments.target / name).write_bytes(b"".join(rows))
        print(f"{name}: {len(rows):,} rows")
    for name in ("valid.txt", "LICENSE"):
        shutil.copyfile(arguments.source / name, arguments.target / name)


if __name__ == "__main__":
    main()
