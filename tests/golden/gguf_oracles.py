"""Tokenizers of GGUF files by others: llama.cpp itself, and Hugging Face's from the same metadata."""

import json
import pathlib
import urllib.request

import pytest
import tokenizer_oracles as oracles

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)


def model_file(name):
    path = MODELS / name
    if not path.exists():
        pytest.skip(f"no models/{name}: ./dev models fetches it")
    return path


def metadata(path):
    """The file's fields by their names, as Python values."""
    gguf = pytest.importorskip("gguf")
    fields = gguf.GGUFReader(str(path)).fields
    return {name: field.contents() for name, field in fields.items()}


class LlamaCpp:
    """llama.cpp's own server, in this process."""

    def __init__(self, path):
        llama = pytest.importorskip("xllamacpp", reason="the oracle needs xllamacpp")
        params = llama.CommonParams()
        params.model.path = str(path)
        params.n_ctx = 256
        params.n_predict = 1
        params.warmup = False
        params.cpuparams.n_threads = 1
        self.server = llama.Server(params)

    def post(self, path, content):
        request = urllib.request.Request(self.server.listening_address + path,
                                         json.dumps(content).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def tokenizer(self, special=False):
        def answer(texts):
            return [(self.post("/tokenize", {"content": text, "add_special": special,
                                             "parse_special": True})["tokens"], None)
                    for text in texts]

        return answer


def byte_level(path, pre_tokenizer, nfc=False):
    """Hugging Face's byte-level BPE from the metadata of a file."""
    tokenizers = pytest.importorskip("tokenizers")
    fields = metadata(path)
    tokens, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    vocab = {token: i for i, token in enumerate(tokens)}
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab, merges))
    if nfc:
        made.normalizer = tokenizers.normalizers.NFC()
    made.pre_tokenizer = pre_tokenizer
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens([token for token, kind in zip(tokens, kinds) if kind == CONTROL])
    made.add_tokens([tokenizers.AddedToken(token, normalized=False)
                     for token, kind in zip(tokens, kinds) if kind == USER])
    return made


def write(path, model, pre, tokens, kinds, scores=None, merges=None, **more):
    """A GGUF file that has a tokenizer and no tensors."""
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_tokenizer_model(model)
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    if scores is not None:
        writer.add_token_scores(scores)
    if merges is not None:
        writer.add_token_merges(merges)
    for name, value in more.items():
        getattr(writer, f"add_{name}")(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_sentencepiece(path, source):
    """As llama.cpp converts a SentencePiece model."""
    model = pytest.importorskip("sentencepiece").SentencePieceProcessor(str(source))
    tokens, kinds = [], []
    for i in range(model.get_piece_size()):
        tokens.append(model.id_to_piece(i))
        kinds.append(UNKNOWN if model.is_unknown(i) else CONTROL if model.is_control(i) else
                     BYTE if model.is_byte(i) else UNUSED if model.is_unused(i) else NORMAL)
    scores = [model.get_score(i) for i in range(len(tokens))]
    return write(path, "llama", "default", tokens, kinds, scores, bos_token_id=model.bos_id(),
                 eos_token_id=model.eos_id(), unk_token_id=model.unk_id())


def write_byte_level(path, folder, pre, added=(), **more):
    """As llama.cpp converts a vocab.json with its merges.txt."""
    vocab = json.loads((folder / "vocab.json").read_text())
    tokens = sorted(vocab, key=vocab.get)
    lines = (folder / "merges.txt").read_text().splitlines()
    merges = [line for line in lines if line and not line.startswith("#version")]
    kinds = [NORMAL] * len(tokens) + [CONTROL] * len(added)
    return write(path, "gpt2", pre, tokens + list(added), kinds, merges=merges, **more)


def write_ranks(path, source, pre, **more):
    """As llama.cpp converts tiktoken's ranks."""
    visible = oracles.bytes_to_visible()
    ranks = oracles.read_ranks(source)
    order = sorted(ranks, key=ranks.get)
    tokens = ["".join(visible[byte] for byte in token) for token in order]
    merges = []
    for token in order:
        if len(token) == 1:
            continue
        pair = last_pair(ranks, token)
        if pair is None:  # taken whole only
            continue
        left, right = pair
        merges.append(" ".join("".join(visible[byte] for byte in part) for part in (left, right)))
    return write(path, "gpt2", pre, tokens, [NORMAL] * len(tokens), merges=merges, **more)


def last_pair(ranks, token):
    """The two tokens that are left when a token is built of earlier ones alone; None: it is not."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(a + b, 1 << 30) for a, b in zip(parts, parts[1:])]
        if min(pairs) >= ranks[token]:
            return None
        at = pairs.index(min(pairs))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts
