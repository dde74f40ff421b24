"""Made the small tokenizers in this folder, and what their own libraries say of some texts.

Run with the Python of tests/requirements.txt; the sentences are ours. expected.jsonl holds a line
{"file", "text", "ids", "offsets"} for every file and text; offsets are code points.
"""

import json
import pathlib
import sys

import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "golden"))
import tokenizer_oracles as oracles  # noqa: E402

SENTENCES = [
    "The river rises in the hills and reaches the sea near the old harbour.",
    "Anna Berg founded the company in 1987 and sold it to her brother in 2004.",
    "She doesn't work there any more; they've moved the office to Lisbon.",
    "The mother of the poet was born in the town where the poet died.",
    "小林在上海出生，后来在北京大学学习历史。", "这家公司由两位工程师于2004年创立。",
    "他的母亲是一位医生，父亲在中学教数学。", "Le café de la gare est fermé, dit-il.",
    "The treaty was signed in Vienna on 3 May 1815 by eight states.",
]
TEXTS = SENTENCES[::2] + [
    "", " ", "  the  river ", "the poet's MOTHER isn't here", "1815年 in 北京\n\n\nThe  end",
    "e\u0301 café ﬁ ① １２", "😀👩‍👧 龘 unknown ✓", "\ttabs\r\nand\u00a0spaces\u3000", "<unk> [CLS] </s> <mask>x",
    "İSTANBUL ß ẞ", "a\u0300\u0323b",
]


def trained(model, trainer, **parts):
    made = Tokenizer(model)
    for name, part in parts.items():
        setattr(made, name, part)
    made.train_from_iterator(SENTENCES * 3, trainer)
    return made


def tokenizers():
    space = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=False)
    words = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first")
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    made = trained(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
                   trainers.BpeTrainer(vocab_size=420, special_tokens=["<unk>", "<s>", "</s>"] + bytes_,
                                       show_progress=False), pre_tokenizer=words)
    # The byte pieces are of the vocabulary, but not special.
    root = json.loads(made.to_str())
    root["added_tokens"] = [token for token in root["added_tokens"] if token["id"] < 3]
    made = Tokenizer.from_str(json.dumps(root))
    made.pre_tokenizer = space
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    made.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                      decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    yield "bpe_fallback", made
    split = pre_tokenizers.Split(Regex(oracles.LLAMA3), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    yield "bpe_bytes", trained(
        models.BPE(ignore_merges=True),
        trainers.BpeTrainer(vocab_size=330, special_tokens=["<|end|>"], show_progress=False,
                            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
        normalizer=normalizers.NFC(), decoder=decoders.ByteLevel(),
        pre_tokenizer=pre_tokenizers.Sequence([split, byte_level]))
    made = trained(models.BPE(),
                   trainers.BpeTrainer(vocab_size=330, special_tokens=["<s>", "</s>", "<mask>"],
                                       show_progress=False,
                                       initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
                   decoder=decoders.ByteLevel(),
                   pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True))
    made.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=True)
    yield "bpe_roberta", made
    yield "wordpiece", trained(
        models.WordPiece(unk_token="[UNK]"),
        trainers.WordPieceTrainer(vocab_size=220, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"],
                                  show_progress=False),
        normalizer=normalizers.BertNormalizer(), decoder=decoders.WordPiece(),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        post_processor=processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)))
    yield "unigram", trained(
        models.Unigram(),
        trainers.UnigramTrainer(vocab_size=180, special_tokens=["<unk>", "</s>"], unk_token="<unk>",
                                show_progress=False),
        normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(),
                                         normalizers.Replace(Regex(" {2,}"), " ")]),
        pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(),
                                               pre_tokenizers.Metaspace()]),
        decoder=decoders.Metaspace())
    yield "wordlevel", trained(
        models.WordLevel(unk_token="<unk>"),
        trainers.WordLevelTrainer(vocab_size=60, special_tokens=["<unk>"], show_progress=False),
        normalizer=normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(),
                                         normalizers.Lowercase()]),
        pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Whitespace(),
                                               pre_tokenizers.Digits(True)]))


# Rules of our own keep the model small: ﬁ, ①, é, １, white space of other kinds.
RULES = ["FB01\t66 69", "2460\t31", "65 301\tE9", "FF11\t31", "A0\t20", "3000\t20", "9\t20",
         "D A\t20", "A\t20", "2713\t"]


def sentencepieces():
    rules = HERE / "rules.tsv"
    rules.write_text("\n".join(RULES) + "\n")
    common = {"minloglevel": 2, "hard_vocab_limit": False}
    for name, options in (
        ("sp_unigram", {"model_type": "unigram", "vocab_size": 150,
                        "normalization_rule_tsv": str(rules)}),
        ("sp_bpe", {"model_type": "bpe", "vocab_size": 460, "byte_fallback": True,
                    "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
                    "user_defined_symbols": ["<rel>", "出生"]}),
    ):
        prefix = str(HERE / name)
        common["sentence_iterator"] = iter(SENTENCES * 3)
        sentencepiece.SentencePieceTrainer.train(model_prefix=prefix, **common, **options)
        pathlib.Path(prefix + ".vocab").unlink()
        yield name
    rules.unlink()


def main():
    with (HERE / "expected.jsonl").open("w", encoding="utf-8") as out:
        def write(file, texts, answers):
            for text, (ids, offsets) in zip(texts, answers):
                line = {"file": file, "text": text, "ids": ids, "offsets": offsets}
                out.write(json.dumps(line, ensure_ascii=False) + "\n")

        for name, made in tokenizers():
            made.save(str(HERE / f"{name}.json"), pretty=False)
            write(f"{name}.json", TEXTS, oracles.from_hf(made)(TEXTS))
        for name in sentencepieces():
            texts = [text for text in TEXTS if "<unk>" not in text]
            path = HERE / f"{name}.model"
            write(f"{name}.model", texts, oracles.from_sentencepiece(path)(texts))


if __name__ == "__main__":
    main()
