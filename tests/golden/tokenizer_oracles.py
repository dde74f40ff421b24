"""What the reference tokenizers say: (ids, offsets in code points) of every text.

Each case makes a folder for relata and the function that answers for the reference.
"""

import base64
import json
import pathlib
import shutil

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "tokenizers"
OWN = ROOT / "tests" / "files" / "text"

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + REST
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + REST


def from_hf(tokenizer, special=False):
    def answer(texts):
        found = tokenizer.encode_batch(texts, add_special_tokens=special)
        return [(item.ids, item.offsets) for item in found]

    return answer


def hf_file(path, special=False):
    tokenizers = pytest.importorskip("tokenizers")
    return from_hf(tokenizers.Tokenizer.from_file(str(path)), special)


def spread(answer, is_byte):
    """SentencePiece gives a code point's range to the last of its bytes; relata gives it to all."""
    offsets = list(answer["offsets"])
    run = 0
    for at, (token, (begin, end)) in enumerate(zip(answer["ids"], answer["offsets"]), 1):
        if not is_byte(token):
            run = at
        elif begin != end:
            offsets[run:at] = [(begin, end)] * (at - run)
            run = at
    return answer["ids"], offsets


def from_sentencepiece(path):
    sentencepiece = pytest.importorskip("sentencepiece")
    model = sentencepiece.SentencePieceProcessor(str(path))

    def answer(texts):
        found = model.encode(texts, return_type="offset_mapping")
        return [spread(item, model.is_byte) for item in found]

    return answer


def read_ranks(path):
    lines = path.read_bytes().split(b"\n")
    pairs = [line.split() for line in lines if line.strip()]
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def from_tiktoken(path, pattern, normalize=None):
    """tiktoken itself where it is installed; else its algorithm in plain Python. Ids only."""
    ranks = read_ranks(path)
    try:
        import tiktoken

        encoding = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        encode = encoding.encode_ordinary
    except ImportError:
        encode = plain_tiktoken(pytest.importorskip("regex").compile(pattern), ranks)

    def answer(texts):
        return [(encode(normalize(text) if normalize else text), None) for text in texts]

    return answer


def plain_tiktoken(pattern, ranks):
    known = {}

    def merge(piece):
        parts = [piece[i : i + 1] for i in range(len(piece))]
        while len(parts) > 1 and piece not in ranks:
            pairs = [ranks.get(a + b, 1 << 30) for a, b in zip(parts, parts[1:])]
            best = min(pairs)
            if best == 1 << 30:
                break
            at = pairs.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return [ranks[piece]] if piece in ranks else [ranks[part] for part in parts]

    def encode(text):
        ids = []
        for match in pattern.finditer(text):
            piece = match.group().encode()
            if piece not in known:
                known[piece] = merge(piece)
            ids += known[piece]
        return ids

    return encode


def bpe_of_ranks(path, pattern):
    """Hugging Face's tokenizer that merges by tiktoken's ranks."""
    tokenizers = pytest.importorskip("tokenizers")
    ranks = read_ranks(path)
    visible = bytes_to_visible()
    vocab = {"".join(visible[byte] for byte in token): rank for token, rank in ranks.items()}
    merges = []
    for token in sorted(ranks, key=ranks.get):
        splits = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
        splits = [pair for pair in splits if pair[0] in ranks and pair[1] in ranks]
        for pair in sorted(splits, key=lambda pair: (ranks[pair[0]], ranks[pair[1]])):
            merges.append(tuple("".join(visible[byte] for byte in part) for part in pair))
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab, merges, ignore_merges=True))
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")
    bytes_ = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([split, bytes_])
    return made


def bytes_to_visible():
    """GPT-2's printable stand-ins of the 256 bytes."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in kept]
    return {byte: chr(byte) for byte in kept} | {byte: chr(256 + i) for i, byte in enumerate(rest)}


def byte_level_bpe(folder, pattern=None, nfc=False, trim=False):
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    made = tokenizers.Tokenizer(model)
    bytes_ = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    if nfc:
        made.normalizer = tokenizers.normalizers.NFC()
    if pattern:
        split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")
        bytes_ = tokenizers.pre_tokenizers.Sequence([split, bytes_])
    made.pre_tokenizer = bytes_
    made.decoder = tokenizers.decoders.ByteLevel()
    if trim:
        made.post_processor = tokenizers.processors.ByteLevel(trim_offsets=True)
    return made


def word_piece(path, lowercase=True):
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece.from_file(str(path)))
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.decoder = tokenizers.decoders.WordPiece(prefix="##")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.add_special_tokens([name for name in names if made.token_to_id(name) is not None])
    return made


def fields(message):
    """(number, value) of every field of a serialized protocol buffer."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(key & 7) or varint()
        yield key >> 3, message[at : at + size]
        at += size


def unigram_parts(path):
    """The pieces, the unknown piece's id and the precompiled map of a SentencePiece model."""
    model = pytest.importorskip("sentencepiece").SentencePieceProcessor(str(path))
    pieces = [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]
    charsmap = b""
    for number, value in fields(path.read_bytes()):
        if number == 3:
            charsmap = dict(fields(value)).get(2, b"")
    return pieces, model.unk_id(), charsmap


def unigram(path, kind):
    """T5's, XLM-R's or DeBERTa-v3's pipeline around the pieces of a SentencePiece model."""
    tokenizers = pytest.importorskip("tokenizers")
    pieces, unknown, charsmap = unigram_parts(path)
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unknown, byte_fallback=False))
    rules, pre = tokenizers.normalizers, tokenizers.pre_tokenizers
    steps = [rules.Precompiled(charsmap)] if charsmap else []
    if kind == "deberta":
        steps = [rules.Strip()] + steps
    steps.append(rules.Replace(tokenizers.Regex(" {2,}"), " "))
    made.normalizer = rules.Sequence(steps)
    scheme = "always"
    space = pre.Metaspace(replacement="\u2581", prepend_scheme=scheme)
    made.pre_tokenizer = space if kind == "deberta" else pre.Sequence([pre.WhitespaceSplit(), space])
    made.decoder = tokenizers.decoders.Metaspace(replacement="\u2581", prepend_scheme=scheme)
    return made


def synthetic(kind, gpt2):
    """Components that no published file at hand has, around GPT-2's vocabulary or a small one."""
    tokenizers = pytest.importorskip("tokenizers")
    rules, pre = tokenizers.normalizers, tokenizers.pre_tokenizers
    if kind in ("roberta", "forms"):
        made = byte_level_bpe(gpt2)
        if kind == "forms":
            made.normalizer = rules.Sequence([rules.NFKC(), rules.Lowercase(), rules.StripAccents()])
            made.add_tokens(["It's", tokenizers.AddedToken("Der", normalized=True)])
        made.pre_tokenizer = pre.ByteLevel(add_prefix_space=True)
        made.add_special_tokens([tokenizers.AddedToken("<mask>", lstrip=True)])
        made.post_processor = tokenizers.processors.RobertaProcessing(
            ("<|endoftext|>", 50256), ("<|endoftext|>", 50256), trim_offsets=True)
        return made
    letters = [chr(c) for c in range(33, 127)] + ["\u2581", "é", "中", "国"]
    words = ["the", "of", "and", "in", "2", "19", "中国", "é"]
    vocab = {word: i for i, word in enumerate(dict.fromkeys(["<unk>"] + letters + words))}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab, unk_token="<unk>"))
    made.normalizer = rules.Sequence([rules.Nmt(), rules.NFKD(), rules.Strip(right=False)])
    made.pre_tokenizer = {
        "whitespace": pre.Whitespace(),
        "digits": pre.Sequence([pre.Digits(individual_digits=False), pre.WhitespaceSplit()]),
        "punctuation": pre.Punctuation(behavior="merged_with_previous"),
        "contiguous": pre.Sequence([pre.Punctuation(behavior="contiguous"), pre.Digits(True)]),
        "first": pre.Sequence([pre.CharDelimiterSplit("e"), pre.Metaspace(prepend_scheme="first")]),
    }[kind]
    return made


def copy(tmp, *paths):
    for source, name in paths:
        shutil.copy(source, tmp / name)
    return tmp


def save(tokenizer, tmp):
    tokenizer.save(str(tmp / "tokenizer.json"))
    return tmp


def config(tmp, **values):
    (tmp / "tokenizer_config.json").write_text(json.dumps(values))
    return tmp
