"""Strings for comparing tokenizers: from every data set at hand, and random Unicode."""

import itertools
import json
import os
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
FULL = os.environ.get("FULL_TESTS") == "1"
# Some tests leave out a few: those that remain are 200,000 at least.
ENOUGH = 200_000 if FULL else 3_900
COUNT = 204_000 if FULL else 4_000
SEED = 20240607
LONGEST = 400  # code points of a string from a data set

FIXED = [
    "", " ", "  ", "\u2581", " \u2581a", "a\u2581b", "a  b   c", "\n", "\t\ta", "\r\n\r\n x",
    "e\u0301", "\ufeffx", "\u00a0a\u3000b", "👩‍👩‍👧‍👦 🇨🇳", "it's IT'S 'Re 'ſ 'LL we'Ve", "1234567 8,9",
    "a" * 3000, " " * 2000, "中" * 1500, "\u0d4e\u0331ab", "\u1100\u1161\u11a8", "\u0130\u1e9e",
    "<unk>", "x<unk>y", "ﬁ①㍿", "don't   stop\n\n\n  now", "a\x00b\x07c\x7f", "１２３ ＡＢＣ", "\u2028",
]

BLOCKS = [
    (0x20, 0x7E), (0x20, 0x7E), (0x00, 0x1F), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x6FF),
    (0x700, 0x10FF), (0x1100, 0x1FFF), (0x2000, 0x2BFF), (0x2C00, 0x30FF), (0x3100, 0x33FF),
    (0x3400, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7A3), (0xE000, 0xFFFD), (0x10000, 0x1FFFF),
    (0x1F300, 0x1FAFF), (0x20000, 0x323AF), (0xE0000, 0x10FFFD),
]


def random_text(rng):
    """Runs of one block, with spaces between some of them."""
    parts = []
    for _ in range(rng.choice([0, 1, 1, 2, 3, 6])):
        low, high = rng.choice(BLOCKS)
        length = rng.choice([1, 1, 2, 3, 8])
        parts.append("".join(chr(rng.randint(low, high)) for _ in range(length)))
        parts.append(rng.choice(["", " ", "", "  ", "\n", "a"]))
    return "".join(parts)


def strings_of(path):
    """The lines of a text file; of JSON lines, the strings in them too."""
    with path.open("rb") as stream:
        content = stream.read(4_000_000).decode("utf-8", errors="ignore")
    lines = content.splitlines() if "\n" in content[:200_000] else [content[:200_000]]
    for line in lines:
        for start in range(0, min(len(line), 20 * LONGEST), LONGEST):
            yield line[start : start + LONGEST]


def data_texts(rng, count):
    folders = [path for path in sorted(DATA.iterdir()) if path.is_dir()]
    folders = [path for path in folders if path.name not in ("tokenizers", "tiny_models")]
    share = 2 * count // max(len(folders), 1)
    pools = []
    for folder in folders:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        rng.shuffle(files)
        lines = itertools.chain.from_iterable(strings_of(path) for path in files[:12])
        found = [line for line in itertools.islice(lines, 8 * share) if line.strip()]
        found = list(dict.fromkeys(found))
        rng.shuffle(found)
        pools.append(found[:share])
    texts = [text for pool in pools for text in pool]
    # Chinese text is often written as escapes in these files: read them as JSON does.
    texts = [json.loads('"' + text + '"') if is_escaped(text) else text for text in texts]
    rng.shuffle(texts)
    return texts[:count]


def is_escaped(text):
    if "\\u" not in text:
        return False
    try:
        json.loads('"' + text + '"').encode()
        return True
    except (ValueError, UnicodeEncodeError):
        return False


def all_texts(count=COUNT):
    """`count` different strings, at least a quarter of them random."""
    rng = random.Random(SEED)
    found = data_texts(rng, count - count // 4 - len(FIXED)) if DATA.is_dir() else []
    texts = dict.fromkeys(FIXED + found)
    while len(texts) < count:
        texts[random_text(rng)] = None
    return list(texts)
