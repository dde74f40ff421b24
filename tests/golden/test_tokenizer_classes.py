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


# What stands around every text: the class, what the configuration names.
FRAMES = [
    {"cls_token": "who", "sep_token": "founded"},
    {"sep_token": "[END]"},
    {"bos_token": "who", "eos_token": "founded"},
]
WORD_CLASSES = [None, "ElectraTokenizerFast", FAST]
BYTE_CLASSES = [None, "BartTokenizerFast", FAST]


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


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("kind", WORD_CLASSES)
def test_frames_of_bert(relata, tmp_path, kind, frame):
    wordpiece(tmp_path)
    compare(relata, tmp_path, "bert", kind, frame, lambda root: None)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("kind", BYTE_CLASSES)
def test_frames_of_roberta(relata, tmp_path, kind, frame):
    byte_pairs(tmp_path)
    compare(relata, tmp_path, "roberta", kind, frame, lambda root: None)


@pytest.mark.parametrize("named", [True, False])
def test_the_model_names_the_class(relata, tmp_path, named):
    """Where the tokenizer's configuration is missing, or names none."""
    wordpiece(tmp_path)
    path = tmp_path / "tokenizer.json"
    root = json.loads(path.read_text())
    root["normalizer"].update(lowercase=False)
    path.write_text(json.dumps(root))
    config = tmp_path / "tokenizer_config.json"
    config.unlink()
    if named:
        config.write_text(json.dumps({"model_max_length": 512}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    found = relata.answers("tokenizer", "encode", tmp_path, requests=TEXTS)
    assert [answer["ids"] for answer in found] == [theirs(text)["input_ids"] for text in TEXTS]


MASK = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
        "normalized": False, "single_word": False}  # fmt: skip


@pytest.mark.parametrize("config", [{}, {"mask_token": MASK}, {"pad_token": "who"}])
def test_roberta_of_older_files(relata, tmp_path, config):
    """vocab.json and merges.txt, with no class named but the model's."""
    byte_pairs(tmp_path)
    model = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (tmp_path / "merges.txt").write_text("#version: 0.2\n" + merges + "\n")
    config = {"model_max_length": 512, **config}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "roberta"}))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    texts = [*TEXTS, "a  <mask> b<pad> <unk>"]
    found = relata.answers("tokenizer", "encode", tmp_path, requests=texts)
    assert [answer["ids"] for answer in found] == [theirs(text)["input_ids"] for text in texts]
