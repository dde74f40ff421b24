"""Added tokens of every kind against Hugging Face's tokenizers: flags, ids and the text around."""

import random

import pytest
import tokenizer_oracles as oracles
from test_tokenizers import compare

tokenizers = pytest.importorskip("tokenizers")

CONTENTS = ["<x>", "<x>y", "xy", "ab", "ABC", "b", "\u00e9", "e\u0301", "\u4e2d", " x", "x ", "\u2581a",
            "[M]", "abc", "FIN", "\ufb01n", "\u0130", "a b", "<|e|>", "aa", "aaa"]
WORDS = CONTENTS + ["a", "A", " ", "  ", "\t", "\u3000", "_", "-", "z9", "\u4e2d\u56fd", "Xy", "aB",
                    "FIN", "e", "\u0301", "\n", "1"]


def made(rng):
    """A model of single code points, with added tokens, a normaliser and a pre-tokenizer by lot."""
    normal, pre = tokenizers.normalizers, tokenizers.pre_tokenizers
    points = "<unk> \u2581 a b c x y z A B C X Y < > | [ ] M e \u00e9 \u0301 \u4e2d _ - 1 9".split()
    vocab = {point: i for i, point in enumerate(points)}
    merges = [("a", "b")] if rng.random() < 0.5 else []
    if merges:
        vocab["ab"] = len(vocab)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab, merges, unk_token="<unk>"))
    rules = [normal.Lowercase(), normal.NFC(), normal.NFKC(), normal.StripAccents(), normal.Strip(),
             normal.Prepend("\u2581"), normal.Replace(" ", "\u2581"), normal.NFD()]
    rng.shuffle(rules)
    tokenizer.normalizer = normal.Sequence(rules[: rng.choice([0, 1, 2, 3])])
    chosen = rng.choice([None, pre.WhitespaceSplit(), pre.Metaspace(prepend_scheme="first"),
                         pre.Metaspace(prepend_scheme="always"), pre.BertPreTokenizer()])
    if chosen is not None:
        tokenizer.pre_tokenizer = chosen
    seen = set()
    for content in rng.sample(CONTENTS, rng.randint(1, 7)):
        flags = {name: rng.random() < 0.4 for name in
                 ("single_word", "lstrip", "rstrip", "normalized", "special")}
        # Of two contents that are searched as one, Hugging Face takes one by chance.
        searched = content
        if flags["normalized"] and tokenizer.normalizer is not None:
            searched = tokenizer.normalizer.normalize_str(content)
        if searched not in seen:
            tokenizer.add_tokens([tokenizers.AddedToken(content, **flags)])
        seen.add(searched)
    return tokenizer


def text(rng):
    return "".join(rng.choice(WORDS) + rng.choice(["", "", " "]) for _ in range(rng.randint(0, 8)))


@pytest.mark.parametrize("seed", range(25))
def test_flags(seed, relata, tmp_path):
    rng = random.Random(seed)
    tokenizer = made(rng)
    texts = list(dict.fromkeys(text(rng) for _ in range(400)))
    compare(relata, oracles.save(tokenizer, tmp_path), oracles.from_hf(tokenizer), texts)


@pytest.mark.parametrize("ids", [[5, 6], [300, 200], [0, 0], [1, 1000], [9, 3]])
def test_ids(ids, relata, tmp_path):
    """Ids with gaps, twice, or of other tokens: the file is what Hugging Face makes of it."""
    path = tmp_path / "tokenizer.json"
    tokens = ", ".join(
        f'{{"id": {token}, "content": "{content}", "special": true, "normalized": false, '
        '"lstrip": false, "rstrip": false, "single_word": false}'
        for token, content in zip(ids * 2, ["<x>", "<y>", "a", "<x>"]))
    path.write_text(
        '{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [' + tokens + "], "
        '"normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, '
        '"decoder": null, "model": {"type": "WordLevel", "unk_token": "<unk>", '
        '"vocab": {"a": 0, "b": 1, "<unk>": 2, "p": 7}}}')
    compare(relata, tmp_path, oracles.hf_file(path), ["a <x> b<y>p", "<y><x>", "p a", "b <x><x>"])
