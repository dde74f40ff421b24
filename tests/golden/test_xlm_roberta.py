"""XLM-RoBERTa's sentencepiece.bpe.model alone, against the class of Transformers made from it."""

import json
import random

import pytest

import tokenizer_oracles as oracles
from test_tokenizers import compare

sentencepiece = pytest.importorskip("sentencepiece")
transformers = pytest.importorskip("transformers")

WORDS = ["Anna", "was", "born", "in", "Köln", "and", "works", "at", "Müller", "GmbH", "in", "Bonn",
         "安娜", "出生于", "科隆", "ﬁne", "½", "2019", "the", "of"]  # fmt: skip
MASK = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
        "normalized": True, "single_word": False}  # fmt: skip
# Name: what tokenizer_config.json says.
CONFIGS = {
    "none": None,
    "no_class": {"model_max_length": 512},
    "mask_takes_spaces": {"tokenizer_class": "XLMRobertaTokenizer", "mask_token": MASK},
    "other_names": {"tokenizer_class": "XLMRobertaTokenizerFast", "bos_token": "<S>", "unk_token": "<?>"},
    "no_space": {"tokenizer_class": "XLMRobertaTokenizer", "add_prefix_space": False},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xlm")
    rng = random.Random(1)
    lines = [" ".join(rng.choices(WORDS, k=9)) for _ in range(300)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(folder / "m"), vocab_size=120,
        model_type="unigram", hard_vocab_limit=False, user_defined_symbols=["<own>"],
        control_symbols=["<ctl>"], minloglevel=2,
    )  # fmt: skip
    return folder / "m.model"


def theirs(path, config):
    """As AutoTokenizer makes it, which needs protobuf to read the file."""
    from transformers.convert_slow_tokenizer import XLMRobertaConverter

    pieces, _, charsmap = oracles.unigram_parts(path)
    model = sentencepiece.SentencePieceProcessor(str(path))
    own = [
        transformers.AddedToken(piece, normalized=False, special=model.is_control(id))
        for id, (piece, _) in enumerate(pieces)
        if model.is_control(id) or piece == "<own>"
    ]
    named = {key: value for key, value in (config or {}).items() if key != "tokenizer_class"}
    if isinstance(named.get("mask_token"), dict):
        flags = {key: value for key, value in MASK.items() if key != "__type"}
        named["mask_token"] = transformers.AddedToken(**flags, special=True)
    kwargs = XLMRobertaConverter.convert_from_spm(vocab=pieces, **named)
    return transformers.XLMRobertaTokenizer(
        **kwargs, additional_special_tokens=own, _spm_precompiled_charsmap=charsmap
    )


def folder_of(path, folder, config):
    oracles.copy(folder, (path, "sentencepiece.bpe.model"))
    (folder / "config.json").write_text(json.dumps({"model_type": "xlm-roberta"}))
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_ids_and_offsets(relata, model, tmp_path, name):
    oracle = theirs(model, CONFIGS[name])
    folder = folder_of(model, tmp_path, CONFIGS[name])
    rng = random.Random(2)
    parts = WORDS + ["<mask>", "<s>", "</s>", "<pad>", "<unk>", "<own>", "<ctl>", " ", "  ", "\n", "Ａ",
                     "\u0001", "é", "e\u0301", "x"]
    texts = ["".join(rng.choices([*parts, " "], k=rng.randint(1, 8))) for _ in range(300)]
    texts += ["", " ", "Anna was <mask> in Köln"]
    for special in (False, True):
        answer = oracles.from_hf(oracle._tokenizer, special)
        compare(relata, folder, answer, texts, special=special)


def test_those_of_other_models_are_refused(relata, model, tmp_path):
    folder = folder_of(model, tmp_path, {"tokenizer_class": "NllbTokenizer"})
    done = relata.run("tokenizer", "encode", folder, requests=["a"])
    assert done.returncode == 3
    assert 'tokenizer_class "NllbTokenizer"' in done.stderr
    (folder / "tokenizer_config.json").unlink()
    (folder / "config.json").write_text(json.dumps({"model_type": "mbart"}))
    done = relata.run("tokenizer", "encode", folder, requests=["a"])
    assert done.returncode == 3
    assert 'tokenizer_class "MBartTokenizer"' in done.stderr
