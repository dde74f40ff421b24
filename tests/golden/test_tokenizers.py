"""Ids and offsets of `relata tokenizer` against Hugging Face's tokenizers, SentencePiece, tiktoken.

Every tokenizer of ../shared/data/tokenizers and of tests/files/text, on strings from all data sets
and random Unicode: 4,000 of them, or over 200,000 with FULL_TESTS=1 (`./dev test --full`).
"""

import json
import re
import subprocess
import unicodedata

import pytest
import tokenizer_oracles as oracles
from tokenizer_oracles import OWN, SHARED
from tokenizer_texts import COUNT, ENOUGH, all_texts

CHUNK = 20_000  # texts whose answers are in memory at a time


@pytest.fixture(scope="module")
def texts():
    found = all_texts()
    assert len(set(found)) == COUNT
    return found


def encode(relata, folder, texts, *flags):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([relata.path, "tokenizer", "encode", folder, *flags], check=False,
                          input=lines.encode(), capture_output=True, timeout=3000)
    assert done.returncode == 0, done.stderr.decode()
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(texts)
    return answers


def decode(relata, folder, rows):
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run([relata.path, "tokenizer", "decode", folder, "--keep-special"],
                          input=lines.encode(), capture_output=True, check=True, timeout=3000)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(relata, folder, answer, texts, special=False):
    """Every id and every offset. The reference answers None where it has no offsets."""
    wrong = []
    for start in range(0, len(texts), CHUNK):
        part = texts[start : start + CHUNK]
        found = encode(relata, folder, part, *([] if special else ["--no-special"]))
        for text, ours, (ids, offsets) in zip(part, found, answer(part)):
            same = ours["ids"] == ids
            if same and offsets is not None:
                same = [tuple(pair) for pair in ours["offsets"]] == [tuple(p) for p in offsets]
            if not same:
                wrong.append((text, ours, ids, offsets))
    assert not wrong, f"{len(wrong)} of {len(texts)} differ, first: {wrong[0]!r}"


def needs(path):
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


# SentencePiece itself does not look for the names of BOS and EOS in a text.
def plain(texts):
    found = [text for text in texts if not re.search("</?s>|<unk>|<pad>", text)]
    assert len(found) >= ENOUGH
    return found


@pytest.mark.parametrize("name", ["llama2/tokenizer.model", "mistral_v1/tokenizer.model",
                                  "mistral_v3/tokenizer.model.v3", "t5/spiece.model",
                                  "sentencepiece_test/test_model.model",
                                  "sentencepiece_test/test_ja_model.model"])
def test_sentencepiece(name, texts, relata, tmp_path):
    path = needs(SHARED / name)
    folder = oracles.copy(tmp_path, (path, "tokenizer.model"))
    compare(relata, folder, oracles.from_sentencepiece(path), plain(texts))


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("name", ["mistral_v1", "mistral_v3", "pubmedbert_uncased"])
def test_tokenizer_json(name, special, texts, relata):
    folder = needs(SHARED / name)
    marked = [text[:3] + "</s>" + text[3:40] + " [INST] <s> [MASK]" for text in texts[:500]]
    answer = oracles.hf_file(folder / "tokenizer.json", special)
    compare(relata, folder, answer, texts[: 2000 if special else None] + marked, special)


@pytest.mark.parametrize("name", ["bert-base-uncased", "bert-base-chinese", "pubmedbert_uncased"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_vocab_txt(name, lowercase, texts, relata, tmp_path):
    path = needs(SHARED / name / "vocab.txt")
    folder = oracles.copy(tmp_path, (path, "vocab.txt"))
    oracles.config(folder, do_lower_case=lowercase)
    answer = oracles.from_hf(oracles.word_piece(path, lowercase))
    compare(relata, folder, answer, texts if lowercase else texts[:20_000])


def test_gpt2(texts, relata):
    folder = needs(SHARED / "gpt2")
    compare(relata, folder, oracles.from_hf(oracles.byte_level_bpe(folder)), texts)


def test_qwen3(texts, relata):
    folder = needs(SHARED / "qwen3")
    made = oracles.byte_level_bpe(folder, oracles.QWEN, nfc=True)
    compare(relata, folder, oracles.from_hf(made), texts)


def test_qwen_tiktoken(texts, relata):
    folder = needs(SHARED / "qwen1")

    def nfc(text):
        return unicodedata.normalize("NFC", text)

    # tiktoken does not compose; Qwen's own code does before it. Python's Unicode is newer than the
    # one that relata composes by: texts where the two differ are left out.
    found = [text for text in texts if oracle_nfc(text) == nfc(text)]
    assert len(found) >= ENOUGH
    answer = oracles.from_tiktoken(folder / "qwen.tiktoken", oracles.QWEN, nfc)
    compare(relata, folder, answer, found)


def oracle_nfc(text):
    return pytest.importorskip("tokenizers").normalizers.NFC().normalize_str(text)


def test_qwen_tiktoken_is_qwen3(texts, relata):
    """The two families share ranks and merges, so offsets can be compared too."""
    made = oracles.byte_level_bpe(needs(SHARED / "qwen3"), oracles.QWEN, nfc=True)
    compare(relata, SHARED / "qwen1", oracles.from_hf(made), texts)


def test_llama3_tiktoken(texts, relata):
    folder = needs(SHARED / "llama3")
    answer = oracles.from_tiktoken(folder / "tokenizer.model", oracles.LLAMA3)
    compare(relata, folder, answer, texts)


def test_llama3_offsets(texts, relata):
    """tiktoken gives no offsets; Hugging Face's tokenizers with the same ranks do."""
    folder = needs(SHARED / "llama3")
    made = oracles.bpe_of_ranks(folder / "tokenizer.model", oracles.LLAMA3)
    compare(relata, folder, oracles.from_hf(made), texts)


@pytest.mark.parametrize("kind", ["xlmr", "deberta"])
@pytest.mark.parametrize("name", ["t5/spiece.model", "sentencepiece_test/test_model.model",
                                  "sentencepiece_test/test_ja_model.model"])
def test_unigram_json(name, kind, texts, relata, tmp_path):
    made = oracles.unigram(needs(SHARED / name), kind)
    compare(relata, oracles.save(made, tmp_path), oracles.from_hf(made), texts)


@pytest.mark.parametrize("kind", ["roberta", "forms", "whitespace", "digits", "punctuation",
                                  "contiguous", "first"])
def test_components(kind, texts, relata, tmp_path):
    gpt2 = needs(SHARED / "gpt2") if kind in ("roberta", "forms") else None
    made = oracles.synthetic(kind, gpt2)
    compare(relata, oracles.save(made, tmp_path), oracles.from_hf(made), texts[:50_000])


@pytest.mark.parametrize("name, folder, files", [
    ("llama-spm", "llama2", ["tokenizer.model"]), ("gpt-2", "gpt2", ["vocab.json", "merges.txt"]),
    ("qwen2", "qwen3", ["vocab.json", "merges.txt", "tokenizer_config.json"]),
    ("bert-bge", "bert-base-uncased", ["vocab.txt"])])
def test_llama_cpp_vectors(name, folder, files, relata, tmp_path):
    vectors = needs(SHARED / "llama_cpp_test_vectors")
    texts = (vectors / f"ggml-vocab-{name}.gguf.inp").read_text().split("\n__ggml_vocab_test__\n")
    rows = (vectors / f"ggml-vocab-{name}.gguf.out").read_text().splitlines()
    wanted = [[int(token) for token in row.split()] for row in rows]
    texts = texts[: len(wanted)]  # what follows the last separator is no text
    assert len(texts) == len(wanted) == 46
    oracles.copy(tmp_path, *((SHARED / folder / file, file) for file in files))
    found = encode(relata, tmp_path, texts, "--no-special")
    assert [answer["ids"] for answer in found] == wanted


@pytest.mark.parametrize("name", ["mistral_v1", "mistral_v3", "pubmedbert_uncased"])
def test_decoding(name, texts, relata):
    tokenizers = pytest.importorskip("tokenizers")
    folder = needs(SHARED / name)
    model = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = [item.ids for item in model.encode_batch(texts[:3000])]
    wanted = model.decode_batch(rows, skip_special_tokens=False)
    assert decode(relata, folder, rows) == wanted


@pytest.mark.parametrize("name", ["llama2/tokenizer.model", "t5/spiece.model"])
def test_sentencepiece_decoding(name, texts, relata, tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    path = needs(SHARED / name)
    model = sentencepiece.SentencePieceProcessor(str(path))
    rows = [ids for ids in model.encode(plain(texts)[:3000]) if model.unk_id() not in ids]
    rows += [[3 + (i * 7919 + k * 104729) % 250 for k in range(1 + i % 9)] for i in range(500)]
    folder = oracles.copy(tmp_path, (path, "tokenizer.model"))
    assert decode(relata, folder, rows) == model.decode(rows)


# Small tokenizers of our own, so that the above means something without ../shared.
@pytest.mark.parametrize("name", sorted(path.stem for path in OWN.glob("*.json")))
def test_own_tokenizer_json(name, texts, relata, tmp_path):
    path = OWN / f"{name}.json"
    folder = oracles.copy(tmp_path, (path, "tokenizer.json"))
    compare(relata, folder, oracles.hf_file(path), texts[:5000])


@pytest.mark.parametrize("name", sorted(path.stem for path in OWN.glob("*.model")))
def test_own_sentencepiece(name, texts, relata, tmp_path):
    path = OWN / f"{name}.model"
    folder = oracles.copy(tmp_path, (path, "tokenizer.model"))
    compare(relata, folder, oracles.from_sentencepiece(path), plain(texts)[:5000])
