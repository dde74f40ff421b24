"""Where tokenizer_config.json has another word than tokenizer.json: Transformers' classes decide."""

import json

import pytest

from encoder_oracles import byte_pairs, wordpiece
from oracle import transformers

TEXTS = ["Who founded It", "Xü xÜ é", "東京 a", "a b", " who", "who[MASK]x<mask> y"]
FAST = "PreTrainedTokenizerFast"
# Name: the class, the rest of the configuration, what the tokenizer.json says.
WORDS = {
    "cased_by_class": ("BertTokenizer", {"do_lower_case": False}, {}),
    "lower_by_default": ("BertTokenizer", {}, {"lowercase": False, "strip_accents": False}),
    "accents": ("BertTokenizerFast", {"strip_accents": False}, {"strip_accents": True}),
    "characters": ("BertTokenizer", {"tokenize_chinese_chars": False}, {}),
    "electra": ("ElectraTokenizerFast", {"do_lower_case": False}, {}),
    "no_class": (None, {"do_lower_case": False}, {}),
    "believed": (FAST, {"do_lower_case": False}, {"lowercase": True}),
    "believed_cased": (FAST, {}, {"lowercase": False}),
}
BYTES = {
    "space_by_class": ("RobertaTokenizer", {"add_prefix_space": True}, {}),
    "none_by_default": ("RobertaTokenizerFast", {}, {"add_prefix_space": True}),
    "gpt2": ("GPT2Tokenizer", {"add_prefix_space": True}, {}),
    "qwen2": ("Qwen2Tokenizer", {}, {"add_prefix_space": True}),
    "believed": (FAST, {"add_prefix_space": False}, {"add_prefix_space": True}),
}


def compare(relata, folder, model_type, tokenizer_class, config, change):
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    for key in ("tokenizer_class", "do_lower_case", "strip_accents", "tokenize_chinese_chars"):
        settings.pop(key, None)
    if tokenizer_class:
        settings["tokenizer_class"] = tokenizer_class
    path.write_text(json.dumps(settings | config))
    root = json.loads((folder / "tokenizer.json").read_text())
    change(root)
    (folder / "tokenizer.json").write_text(json.dumps(root))
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    found = relata.answers("tokenizer", "encode", folder, requests=TEXTS)
    assert [answer["ids"] for answer in found] == [theirs(text)["input_ids"] for text in TEXTS]


@pytest.mark.parametrize("name", WORDS)
def test_wordpiece(relata, tmp_path, name):
    wordpiece(tmp_path)
    *config, changes = WORDS[name]
    compare(relata, tmp_path, "bert", *config, lambda root: root["normalizer"].update(changes))


@pytest.mark.parametrize("name", BYTES)
def test_byte_level(relata, tmp_path, name):
    byte_pairs(tmp_path)
    *config, changes = BYTES[name]
    compare(relata, tmp_path, "gpt2", *config, lambda root: root["pre_tokenizer"].update(changes))
