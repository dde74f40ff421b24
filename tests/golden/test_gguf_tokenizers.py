"""Tokenizers out of GGUF files: the ids of llama.cpp, of Hugging Face's tokenizers made of the same
metadata, and of the files that such a tokenizer was converted from.

The checkpoints are those of `./dev models`; tests that need an absent one are skipped.
"""

import random
import re

import gguf_oracles
import pytest
import tokenizer_oracles as oracles
from gguf_oracles import LlamaCpp, model_file
from test_tokenizers import compare, decode, encode, needs, plain
from tokenizer_oracles import OWN, SHARED
from tokenizer_texts import FULL, all_texts

SMOLLM = "smollm2-135m-instruct.Q4_1.gguf"
QWEN = "qwen2.5-coder-0.5b-instruct.Q4_K_M.gguf"
GEMMA = "gemma-3-270m.Q4_K_M.gguf"

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
CODE = [
    "def f(x):\n    return [y ** 2 for y in x if y % 3 == 0]  # squares\n",
    "int main() {\n\tstd::vector<int> v{1, 2, 3};\n\treturn v.size() > 2 ? 0 : 1;\n}\r\n",
    "SELECT a.id, COUNT(*) FROM t AS a WHERE a.x <> 'y' GROUP BY a.id;",
    "<div class=\"a\">\n  <table><tr><td>1</td></tr></table>\n</div>",
    "   \n\n\n\t\t  x\n \n  \n", "a" + " " * 40 + "b" + "\n" * 40 + "c" + "\t" * 40, "中文，标点。１２３",
]


@pytest.fixture(scope="module")
def texts():
    return all_texts() + CODE


def marked(texts, tokens):
    """Texts with the names of special tokens in them."""
    rng = random.Random(3)
    found = []
    for text in texts[:600]:
        at = rng.randint(0, min(len(text), 40))
        name = rng.choice(tokens)
        found.append(text[:at] + rng.choice(["", " "]) + name + rng.choice(["", " ", name])
                     + text[at : at + 60])
    return found


def special_tokens(path):
    fields = gguf_oracles.metadata(path)
    kinds = fields["tokenizer.ggml.token_type"]
    return [token for token, kind in zip(fields["tokenizer.ggml.tokens"], kinds)
            if kind in (gguf_oracles.CONTROL, gguf_oracles.USER) and token.strip()]


def smollm_pre_tokenizer():
    pre = pytest.importorskip("tokenizers").pre_tokenizers
    return pre.Sequence([pre.Digits(individual_digits=True),
                         pre.ByteLevel(add_prefix_space=False, use_regex=True)])


def qwen_pre_tokenizer():
    tokenizers = pytest.importorskip("tokenizers")
    pre = tokenizers.pre_tokenizers
    return pre.Sequence([pre.Split(tokenizers.Regex(oracles.QWEN), "isolated"),
                         pre.ByteLevel(add_prefix_space=False, use_regex=False)])


def without_offsets_of_lost_bytes(made):
    """SmolLM2 has no token for some control characters. Both leave such a byte out; in the word
    around it, Hugging Face's offsets go astray."""
    visible = oracles.bytes_to_visible()
    lost = {byte for byte, token in visible.items() if made.token_to_id(token) is None}
    answer = oracles.from_hf(made)

    def checked(texts):
        return [(ids, None if lost.intersection(text.encode()) else offsets)
                for text, (ids, offsets) in zip(texts, answer(texts))]

    return checked


@pytest.mark.parametrize("name", [SMOLLM, QWEN])
def test_byte_level(name, texts, relata):
    path = model_file(name)
    pre = smollm_pre_tokenizer() if name == SMOLLM else qwen_pre_tokenizer()
    made = gguf_oracles.byte_level(path, pre, nfc=name == QWEN)
    every = texts + marked(texts, special_tokens(path))
    compare(relata, path, without_offsets_of_lost_bytes(made), every)
    rows = [item.ids for item in made.encode_batch(every[:3000])]
    assert decode(relata, path, rows) == made.decode_batch(rows, skip_special_tokens=False)


def test_qwen_is_qwen3(texts, relata):
    """The maker's own files of a later model with the same merges."""
    path = model_file(QWEN)
    made = oracles.byte_level_bpe(needs(SHARED / "qwen3"), oracles.QWEN, nfc=True)
    compare(relata, path, oracles.from_hf(made), plain(texts))


def without_visible_spaces(texts):
    """Gemma's user-defined runs of spaces: SentencePiece, whose model it is, takes a U+2581 of the
    text for one of the spaces; llama.cpp and Hugging Face's tokenizers do not."""
    return [text for text in texts if "\u2581" not in text]


@pytest.mark.parametrize("name", [SMOLLM, QWEN, GEMMA])
def test_llama_cpp(name, texts, relata):
    path = model_file(name)
    peer = LlamaCpp(path)
    tokenizers = pytest.importorskip("tokenizers")
    every = [text for text in texts + marked(texts, special_tokens(path)) if "\0" not in text]
    if name == SMOLLM:  # where a byte without a token is left out, llama.cpp does not merge over it
        every = [text for text in every if not CONTROLS.search(text)]
    if name == GEMMA:
        every = without_visible_spaces(every)
    if name == QWEN:  # llama.cpp does not compose, the model's own tokenizer does
        nfc = tokenizers.normalizers.NFC()
        every = [text for text in every if nfc.normalize_str(text) == text]
    compare(relata, path, peer.tokenizer(), every)
    compare(relata, path, peer.tokenizer(special=True), every[:500], special=True)


@pytest.mark.parametrize("name", [SMOLLM, QWEN, GEMMA])
def test_transformers_loads_what_is_saved(name, relata, texts, tmp_path):
    transformers = pytest.importorskip("transformers")
    path = model_file(name)
    folder = tmp_path / "saved"
    done = relata.run("tokenizer", "save", path, folder)
    assert done.returncode == 0, done.stderr
    made = transformers.AutoTokenizer.from_pretrained(folder)
    found = texts[:1500] + marked(texts, special_tokens(path))[:300]
    if name == GEMMA:
        found = without_visible_spaces(found)
    ours = encode(relata, path, found)
    wrong = [(text, a["ids"], b) for text, a, b in zip(found, ours, made(found)["input_ids"])
             if a["ids"] != b]
    assert not wrong, f"{len(wrong)} of {len(found)} differ, first: {wrong[0]!r}"
    assert encode(relata, folder, found) == ours
    fields = gguf_oracles.metadata(path)
    if "tokenizer.chat_template" in fields:
        assert made.chat_template == fields["tokenizer.chat_template"]
    assert made.eos_token_id == fields["tokenizer.ggml.eos_token_id"]


# ---- files converted as llama.cpp does ------------------------------------------------------------

@pytest.mark.parametrize("name", ["llama2/tokenizer.model", "mistral_v1/tokenizer.model"])
def test_converted_sentencepiece(name, texts, relata, tmp_path):
    source = needs(SHARED / name)
    path = gguf_oracles.write_sentencepiece(tmp_path / "x.gguf", source)
    compare(relata, path, oracles.from_sentencepiece(source), plain(texts))


def test_own_sentencepiece(texts, relata, tmp_path):
    source = OWN / "sp_bpe.model"
    path = gguf_oracles.write_sentencepiece(tmp_path / "x.gguf", source)
    compare(relata, path, oracles.from_sentencepiece(source), plain(texts)[:5000])


def test_converted_gpt2(texts, relata, tmp_path):
    folder = needs(SHARED / "gpt2")
    path = gguf_oracles.write_byte_level(tmp_path / "x.gguf", folder, "gpt-2")
    compare(relata, path, oracles.from_hf(oracles.byte_level_bpe(folder)), texts)


def test_converted_llama3(texts, relata, tmp_path):
    source = needs(SHARED / "llama3" / "tokenizer.model")
    path = gguf_oracles.write_ranks(tmp_path / "x.gguf", source, "llama-bpe")
    compare(relata, path, oracles.from_tiktoken(source, oracles.LLAMA3),
            texts if FULL else texts[:2000])


@pytest.mark.parametrize("name, folder", [("gpt-2", "gpt2"), ("qwen2", "qwen3")])
def test_llama_cpp_vectors(name, folder, relata, tmp_path):
    vectors = needs(SHARED / "llama_cpp_test_vectors")
    texts = (vectors / f"ggml-vocab-{name}.gguf.inp").read_text().split("\n__ggml_vocab_test__\n")
    rows = (vectors / f"ggml-vocab-{name}.gguf.out").read_text().splitlines()
    wanted = [[int(token) for token in row.split()] for row in rows]
    added = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] if name == "qwen2" else []
    path = gguf_oracles.write_byte_level(tmp_path / "x.gguf", SHARED / folder, name, added)
    found = encode(relata, path, texts[: len(wanted)], "--no-special")
    assert [answer["ids"] for answer in found] == wanted
