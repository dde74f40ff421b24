"""Tokens that the configuration names, and the offsets of tokens that take white space, against
Transformers and Hugging Face's tokenizers."""

import json
import random

import pytest
import tokenizer_oracles as oracles
from test_tokenizers import compare, encode

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
FAST = {"tokenizer_class": "PreTrainedTokenizerFast", **NAMES}
TEXTS = ["a <pad> b <x> <y> c <z>", "<z><x>a", "<unk> <nope> a"]


def folder_with(path, config, special_map=None, added=None):
    vocab = {"<unk>": 0, "a": 1, "b": 2, "<s>": 3, "</s>": 4, "c": 5}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 3)])
    made.add_special_tokens(["<s>", "</s>"])
    made.save(str(path / "tokenizer.json"))
    files = {"tokenizer_config.json": config, "special_tokens_map.json": special_map,
             "added_tokens.json": added}
    for name, content in files.items():
        if content is not None:
            (path / name).write_text(json.dumps(content))
    return path


CASES = {
    "one": ({"pad_token": "<pad>"}, None, None),
    "list": ({"pad_token": "<pad>", "additional_special_tokens": ["<x>", "<y>"]}, None, None),
    "new list": ({"extra_special_tokens": ["<x>", "<y>"], "pad_token": "<pad>"}, None, None),
    "order": ({"mask_token": "<y>", "cls_token": "<x>", "pad_token": "<pad>"}, None, None),
    "own": ({"zoo_token": "<z>", "additional_special_tokens": ["<x>"], "foo_token": "<y>",
             "pad_token": "<pad>"}, None, None),
    "map": ({}, {"pad_token": "<pad>", "additional_special_tokens": ["<x>"]}, None),
    "both": ({"pad_token": "<pad>", "additional_special_tokens": ["<x>"]},
             {"pad_token": "<z>", "additional_special_tokens": ["<y>"]}, None),
    "decoder": ({"added_tokens_decoder": {"9": {"content": "<x>", "special": True},
                                          "7": {"content": "<y>", "special": False}},
                 "pad_token": "<pad>"}, None, None),
    "added": ({"pad_token": "<pad>", "extra_special_tokens": ["<x>"]}, None, {"<y>": 9}),
    "unknown": ({"unk_token": "<nope>"}, None, None),
    "known": ({"pad_token": "a", "additional_special_tokens": ["<x>", "a"]}, None, None),
    "add bos": ({"add_bos_token": False}, None, None),
    "add eos": ({"add_eos_token": True}, None, None),
    "add both": ({"add_bos_token": True, "add_eos_token": True}, None, None),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["PreTrainedTokenizerFast", "TokenizersBackend"])
def test_names(case, kind, relata, tmp_path):
    config, special_map, added = CASES[case]
    path = folder_with(tmp_path, {**FAST, **config, "tokenizer_class": kind}, special_map, added)
    theirs = transformers.AutoTokenizer.from_pretrained(str(path))
    for text, ours in zip(TEXTS, encode(relata, path, TEXTS)):
        assert ours["ids"] == theirs(text)["input_ids"], text


CLASSES = [None, "LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizerFast", "CohereTokenizerFast",
           "PreTrainedTokenizerFast", "TokenizersBackend"]


@pytest.mark.parametrize("adds", [(True, True), (False, False), (False, True)])
@pytest.mark.parametrize("kind", CLASSES)
def test_adds(kind, adds, relata, tmp_path):
    """What frames a text is in tokenizer.json, whatever class the configuration names. For Mistral
    Transformers takes the file's other parts as they are, too."""
    config = {**NAMES, "add_bos_token": adds[0], "add_eos_token": adds[1]}
    if kind:
        config["tokenizer_class"] = kind
    path = folder_with(tmp_path, config)
    (path / "config.json").write_text(json.dumps({"model_type": "mistral"}))
    theirs = transformers.AutoTokenizer.from_pretrained(str(path))
    for text, ours in zip(TEXTS, encode(relata, path, TEXTS)):
        assert ours["ids"] == theirs(text)["input_ids"], text


OLD_FILES = {
    "alone": ({}, None),
    "pad": ({"pad_token": "<Pad>"}, None),
    "list": ({"additional_special_tokens": ["<Pad>", "X"]}, None),
    "new list": ({"extra_special_tokens": ["<Pad>", "X"]}, None),
    "own": ({"zoo_token": "<Pad>"}, None),
    "map": ({}, {"pad_token": "<Pad>", "mask_token": "X"}),
    "map over": ({"pad_token": "<Pad>"}, {"pad_token": "X"}),
    "map list": ({}, {"additional_special_tokens": ["<Pad>"]}),
    "map new list": ({}, {"extra_special_tokens": ["<Pad>"]}),
    "decoder": ({"added_tokens_decoder": {"6": {"content": "<Pad>", "special": False}}}, None),
}


@pytest.mark.parametrize("case", OLD_FILES)
def test_added_file(case, relata, tmp_path):
    """Tokens of added_tokens.json are searched in the normalised text, unless they are special."""
    config, special_map = OLD_FILES[case]
    path = folder_with(tmp_path, {**FAST, **config}, special_map, {"<Pad>": 6, "X": 7, "Ab c": 8})
    made = json.loads((path / "tokenizer.json").read_text())
    made["normalizer"] = {"type": "Lowercase"}
    (path / "tokenizer.json").write_text(json.dumps(made))
    theirs = transformers.AutoTokenizer.from_pretrained(str(path))
    texts = ["a<Pad>b", "a<pad> b<PAD>", "X a x b", "aXb axb", "AB C ab c", "Ab c"]
    for text, ours in zip(texts, encode(relata, path, texts)):
        assert ours["ids"] == theirs(text)["input_ids"], text


def byte_level(rng):
    """Byte-level BPE as GPT-2 and RoBERTa have it, with added tokens that take white space."""
    points = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocab = {point: i for i, point in enumerate(points)}
    merges = [pair for pair in [("Ġ", "Ġ"), ("Ġ", "a"), ("a", "b"), ("ĠĠ", "a"), ("Ċ", "Ċ")]
              if rng.random() < 0.6]
    if ("Ġ", "Ġ") not in merges and ("ĠĠ", "a") in merges:
        merges.remove(("ĠĠ", "a"))
    for token in ["".join(pair) for pair in merges] + ["<s>", "</s>"]:
        vocab[token] = len(vocab)
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab, merges))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=rng.random() < 0.5)
    space = rng.random() < 0.5
    made.post_processor = rng.choice([
        tokenizers.processors.ByteLevel(trim_offsets=True, add_prefix_space=space),
        tokenizers.processors.ByteLevel(trim_offsets=False),
        tokenizers.processors.RobertaProcessing(("</s>", vocab["</s>"]), ("<s>", vocab["<s>"]),
                                                trim_offsets=True, add_prefix_space=space)])
    for content in rng.sample(["<x>", "<m>", "ab", "a b", "é"], rng.randint(1, 4)):
        flags = {name: rng.random() < 0.5 for name in ("lstrip", "rstrip", "normalized", "special")}
        made.add_tokens([tokenizers.AddedToken(content, **flags)])
    return made


@pytest.mark.parametrize("seed", range(20))
def test_offsets_of_white_space(seed, relata, tmp_path):
    rng = random.Random(seed)
    made = byte_level(rng)
    words = ["a", "b", "x", "<x>", "<m>", " ", "  ", "   ", "\n", "\t", "ab", "é", "\u3000", "1"]
    texts = list(dict.fromkeys("".join(rng.choices(words, k=rng.randint(1, 6))) for _ in range(200)))
    texts += [" ", "  ", "   ", " <x>", "  <x>  a", "\n", "   a"]
    folder = oracles.save(made, tmp_path)
    compare(relata, folder, oracles.from_hf(made), texts)
    compare(relata, folder, oracles.from_hf(made, True), texts, special=True)
