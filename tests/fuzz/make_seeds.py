#!/usr/bin/env python3
"""Writes the first inputs of each fuzz target: make_seeds.py FOLDER makes FOLDER/TARGET/..."""

import pathlib
import shutil
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "golden"))
from chat_cases import REFUSED, SMALL, WHOLE  # noqa: E402

YAML = ["a: 1\nb: [1, 2.5, null, 'x']\n", "a: &x {k: v}\nb: *x\n", "- |\n  text\n- >\n  folded\n",
        "a: !!str 1\nb: 0x1f\nc: .inf\nd: -.nan\n", "\"k\\u00e9\": \"v\\n\"\n", "# c\n---\na: ~\n"]
JSON = ['{"a": [1, -2.5e3, true, null, "\\u00e9\\ud83d\\ude00"]}', "[]", '"x"', "0", "[[[[]]]]"]
DOCRED = ["\n---\n".join((TESTS / "files/eval" / name).read_text(encoding="utf-8") for name in
                          ("docred_gold.json", "docred_result.json", "docred_train.fact"))]
UTF8 = ["abc", "é中😀", "\u0000"]


def main():
    folder = pathlib.Path(sys.argv[1])
    seeds = {"jinja": [*WHOLE.values(), *SMALL.values(), *REFUSED.values()],
             "yaml": YAML, "json": JSON, "json_view": JSON, "utf8": UTF8,
             "docred_scores": DOCRED}
    for target, texts in seeds.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(texts):
            (folder / target / f"seed_{number:03}").write_bytes(text.encode())
    shutil.copytree(TESTS / "fuzz/seeds", folder, dirs_exist_ok=True)
    files = [path for path in (TESTS / "files").rglob("*") if path.is_file()]
    small = [path for path in files if path.stat().st_size <= 20_000]
    # Every reader gets every file: a wrong format is an input too.
    for target in sys.argv[2:]:
        if target.startswith("reader_") or target in ("guess", "json"):
            (folder / target).mkdir(parents=True, exist_ok=True)
            for path in small:
                name = "_".join(path.relative_to(TESTS / "files").parts)
                (folder / target / f"file_{name}").write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
