"""Token ids of `relata tokenizer encode` against SentencePiece and Hugging Face tokenizers."""

import json
import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
TOKENIZERS = DATA / "tokenizers"
BINARY = pathlib.Path(os.environ.get("RELATA_BIN", ROOT / "build/release/bin/relata"))
REAL_TEXTS = 4000
RANDOM_TEXTS = 1500

pytestmark = [
    pytest.mark.skipif(not TOKENIZERS.is_dir(), reason=f"no {TOKENIZERS}"),
    pytest.mark.skipif(not BINARY.is_file(), reason=f"{BINARY} is not built"),
]


def real_texts(rng):
    """Lines of every data set, so that several languages and file formats take part."""
    lines = []
    for folder in sorted(path for path in DATA.iterdir() if path.is_dir()):
        if folder.name in ("tokenizers", "tiny_models"):
            continue
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        for path in rng.sample(files, min(4, len(files))):
            with path.open("rb") as stream:
                content = stream.read(400_000)
            found = content.decode("utf-8", errors="ignore").splitlines()
            found = [line[:3000] for line in found if line.strip()]
            lines += rng.sample(found, min(60, len(found)))
    rng.shuffle(lines)
    return lines[:REAL_TEXTS]


def random_texts(rng):
    ranges = [(0x20, 0x7E), (0x09, 0x0D), (0xA0, 0x24F), (0x300, 0x36F), (0x400, 0x6FF),
              (0x2000, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3),
              (0xE000, 0xFFFD), (0x1F300, 0x1FAFF), (0x10000, 0x10FFFD)]
    texts = []
    for _ in range(RANDOM_TEXTS):
        length = rng.choice([0, 1, 2, 5, 20, 80])
        low_high = [rng.choice(ranges) for _ in range(length)]
        texts.append("".join(chr(rng.randint(low, high)) for low, high in low_high))
    return texts


@pytest.fixture(scope="module")
def texts():
    rng = random.Random(20240607)
    fixed = ["", " ", "  ", "\u2581", " \u2581a", "a  b   c", "\n", "\t\ta", "e\u0301", "\ufeffx",
             "👩‍👩‍👧‍👦", "a" * 5000, " " * 3000, "中" * 3000]
    return fixed + real_texts(rng) + random_texts(rng)


def relata(folder, texts, *flags):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([BINARY, "tokenizer", "encode", folder, *flags], input=lines.encode(),
                          stdout=subprocess.PIPE, check=True, timeout=600)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(texts)
    return answers


def assert_same(texts, answers, expected):
    assert len(texts) >= 5000
    wrong = [text for text, answer, ids in zip(texts, answers, expected) if answer["ids"] != ids]
    assert not wrong, f"{len(wrong)} of {len(texts)} differ, first: {wrong[0]!r}"


def assert_offsets(texts, answers):
    for text, answer in zip(texts, answers):
        size, end = len(text.encode()), 0
        assert len(answer["offsets"]) == len(answer["ids"])
        for begin, stop in answer["offsets"]:
            assert begin <= stop <= size and begin >= end, text
            end = stop
        assert end <= size


# Byte-pair models only: between unigram pieces of equal score, SentencePiece 0.1.97 and 0.2 choose
# differently (8 of these texts with T5's model).
@pytest.mark.parametrize("file", ["llama2/tokenizer.model", "mistral_v1/tokenizer.model",
                                  "mistral_v3/tokenizer.model.v3"])
def test_sentencepiece(file, texts, tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    # A folder with nothing else: a tokenizer.json beside the model would be read instead.
    (tmp_path / "tokenizer.model").write_bytes((TOKENIZERS / file).read_bytes())
    model = sentencepiece.SentencePieceProcessor(str(TOKENIZERS / file))
    # relata finds the names of BOS and EOS in the text, as Transformers does; SentencePiece not.
    texts = [text for text in texts if "<s>" not in text and "</s>" not in text]
    answers = relata(tmp_path, texts, "--no-special")
    assert_same(texts, answers, [model.encode(text) for text in texts])
    assert_offsets(texts, answers)


@pytest.mark.parametrize("name", ["mistral_v1", "mistral_v3"])
@pytest.mark.parametrize("special", [False, True])
def test_tokenizer_json(name, special, texts):
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.Tokenizer.from_file(str(TOKENIZERS / name / "tokenizer.json"))
    marked = [text[:3] + "</s>" + text[3:40] + " [INST] <s>" for text in texts[:200]]
    texts = texts + marked
    answers = relata(TOKENIZERS / name, texts, *([] if special else ["--no-special"]))
    expected = [model.encode(text, add_special_tokens=special).ids for text in texts]
    assert_same(texts, answers, expected)
    if not special:
        assert_offsets(texts, answers)
