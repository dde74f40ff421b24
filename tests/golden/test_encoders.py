"""Vectors and scores of encoders against Transformers' classes, pooled as sentence-transformers does.

Random tiny models of each family with tokenizers of their kind, and MiniLM's real weights. The
oracle pads a batch and masks it; relata packs texts without padding.
"""

import json
import pathlib
import re

import pytest

from oracle import TOLERANCE, randomised, torch, transformers

tokenizers = pytest.importorskip("tokenizers")

ROOT = pathlib.Path(__file__).resolve().parents[2]
MINILM = ROOT / "models" / "all-minilm-l6-v2"

WORDS = "who founded the company and when was it sold again by the board of directors".split()
TEXTS = [
    "a", "", "who founded it?", "The board of directors sold the company again.",
    "Ünïcode naïveté, 東京 and emoji 🙂", " ".join(WORDS * 9), "company company company",
    "when was it sold", "again and again", "x" * 30,
]  # fmt: skip
PAIRS = [
    ("who founded it?", "the company was founded by the board"),
    ("a", ""), ("", "b c"), (" ".join(WORDS * 3), "short"), ("short", " ".join(WORDS * 3)),
    (" ".join(WORDS * 2), " ".join(reversed(WORDS * 2))), ("when", "was it sold again"),
]  # fmt: skip
LENGTH = 40
SIZES = {
    "hidden_size": 30, "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 6,
    "max_position_embeddings": LENGTH, "layer_norm_eps": 1e-7,
}  # fmt: skip


def wordpiece(folder):
    letters = sorted(set("".join(WORDS)) | set("?.,xü"))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters)]
    pieces += [word for word in sorted(set(WORDS)) if len(word) > 1]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    fast = transformers.BertTokenizerFast(vocab=dict(zip(pieces, range(len(pieces)), strict=True)))
    fast.save_pretrained(folder)
    return len(pieces)


def byte_pairs(folder):
    """RoBERTa's kind: <s> text </s>, two separators between the texts of a pair."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    inner = tokenizers.ByteLevelBPETokenizer()
    inner.train_from_iterator([" ".join(WORDS)] * 3, vocab_size=300, special_tokens=specials)
    inner._tokenizer.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>",
    ).save_pretrained(folder)  # fmt: skip
    return inner.get_vocab_size()


# Name: model_type, its tokenizer, what differs from SIZES.
CASES = {
    "bert": ("bert", wordpiece, {}),
    "bert_odd_heads": ("bert", wordpiece, {"num_attention_heads": 10, "hidden_act": "gelu_new"}),
    "bert_one_type": ("bert", wordpiece, {"type_vocab_size": 1, "hidden_act": "relu"}),
    "electra": ("electra", wordpiece, {"embedding_size": 30}),
    "roberta": ("roberta", byte_pairs, {"max_position_embeddings": LENGTH + 2, "type_vocab_size": 1,
                                        "pad_token_id": 1}),
    "xlm_roberta": ("xlm-roberta", byte_pairs,
                    {"max_position_embeddings": LENGTH + 2, "type_vocab_size": 1,
                     "pad_token_id": 1, "hidden_act": "silu"}),
}  # fmt: skip


class Checkpoint:
    def __init__(self, name, folder, labels=None):
        model_type, make_tokenizer, changes = CASES[name]
        vocabulary = make_tokenizer(folder)
        config = transformers.AutoConfig.for_model(
            model_type, **(SIZES | {"vocab_size": vocabulary, "num_labels": labels or 2} | changes)
        )
        kind = transformers.AutoModelForSequenceClassification if labels else transformers.AutoModel
        model = kind.from_config(config, attn_implementation="eager")
        self.model = randomised(model, list(CASES).index(name), 1.0)
        self.model.save_pretrained(folder)
        self.folder = folder
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.types = model_type != "roberta" and changes.get("type_vocab_size") != 1


@torch.no_grad()
def oracle_states(model, tokenizer, texts, length):
    batch = tokenizer(texts, padding=True, truncation=True, max_length=length, return_tensors="pt")
    keys = ("input_ids", "attention_mask")
    states = model(**{key: batch[key] for key in keys}).last_hidden_state
    return states, batch["attention_mask"]


def pooled(states, mask, pooling):
    counts = mask.sum(1, keepdim=True)
    inside = mask.unsqueeze(-1)
    if pooling == "cls":
        return states[:, 0]
    if pooling == "lasttoken":
        return states[torch.arange(len(states)), counts.squeeze(1) - 1]
    if pooling == "max":
        return states.masked_fill(inside == 0, -torch.inf).amax(1)
    total = (states * inside).sum(1)
    return total / (counts if pooling == "mean" else counts.sqrt())


def our_vectors(relata, folder, texts, *options):
    found = relata.answers(
        "encode", "-m", folder, *options, requests=[{"text": text} for text in texts]
    )
    return torch.tensor([answer["vector"] for answer in found])


def assert_near(found, wanted):
    assert found.shape == wanted.shape
    worst = (found - wanted).abs().max().item()
    assert worst <= TOLERANCE, f"largest difference {worst:.3g}"


@pytest.fixture(scope="module", params=CASES, ids=str)
def checkpoint(request, tmp_path_factory):
    return Checkpoint(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "mean_sqrt_len", "lasttoken"])
def test_vectors(relata, checkpoint, pooling):
    states, mask = oracle_states(checkpoint.model, checkpoint.tokenizer, TEXTS, LENGTH)
    assert mask.sum(1).max() == LENGTH, "one text is cut"
    found = our_vectors(relata, checkpoint.folder, TEXTS, "--pooling", pooling)
    assert_near(found, pooled(states, mask, pooling))


def test_a_text_does_not_depend_on_the_others(relata, checkpoint):
    together = our_vectors(relata, checkpoint.folder, TEXTS)
    for i, text in enumerate(TEXTS):
        assert_near(our_vectors(relata, checkpoint.folder, [text]), together[i : i + 1])


def sentence_transformers_folder(checkpoint, folder, pooling, **more):
    """The files that sentence-transformers writes around a model."""
    for file in checkpoint.folder.iterdir():
        (folder / file.name).symlink_to(file)
    types = ["models.Transformer", "models.Pooling", "models.Normalize"]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": "sentence_transformers." + kind}
        for i, (path, kind) in enumerate(zip(["", "1_Pooling", "2_Normalize"], types, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    flags = {f"pooling_mode_{name}": name == pooling for name in
             ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")}  # fmt: skip
    (folder / "1_Pooling/config.json").write_text(
        json.dumps({"word_embedding_dimension": SIZES["hidden_size"]} | flags)
    )
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 12}))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(more))


@pytest.mark.parametrize("pooling", ["cls_token", "mean_tokens"])
def test_the_folder_of_sentence_transformers_is_followed(relata, checkpoint, tmp_path, pooling):
    prompts = {"query": "when was: ", "document": "it: "}
    sentence_transformers_folder(checkpoint, tmp_path, pooling, prompts=prompts)
    name = "cls" if pooling == "cls_token" else "mean"
    for role, prompt in (("query", prompts["query"]), ("passage", prompts["document"])):
        texts = [prompt + text for text in TEXTS]
        wanted = pooled(*oracle_states(checkpoint.model, checkpoint.tokenizer, texts, 12), name)
        wanted = torch.nn.functional.normalize(wanted, dim=1)
        assert_near(our_vectors(relata, tmp_path, TEXTS, "--as", role), wanted)


@pytest.mark.parametrize("name", ["bert", "electra", "roberta", "bert_one_type"])
def test_cross_encoders(relata, tmp_path, name):
    checkpoint = Checkpoint(name, tmp_path, labels=1)
    batch = checkpoint.tokenizer(
        [a for a, _ in PAIRS], [b for _, b in PAIRS], padding=True, truncation="longest_first",
        max_length=LENGTH, return_tensors="pt",
    )  # fmt: skip
    if not checkpoint.types:
        batch.pop("token_type_ids", None)
    with torch.no_grad():
        wanted = checkpoint.model(**batch).logits.squeeze(1)
    assert batch["attention_mask"].sum(1).max() == LENGTH, "one pair is cut"
    requests = [{"text": a, "pair": b} for a, b in PAIRS]
    found = relata.answers("encode", "-m", tmp_path, requests=requests)
    assert_near(torch.tensor([answer["score"] for answer in found]), wanted)


def test_what_writes_no_text_is_refused(relata, tmp_path):
    Checkpoint("bert", tmp_path)
    done = relata.run("generate", "-m", tmp_path, requests=[{"prompt": "a"}])
    assert done.returncode == 2
    assert 'model type "bert" is an encoder' in done.stderr
    done = relata.run("encode", "-m", tmp_path, requests=[{"text": "a", "pair": "b"}])
    assert done.returncode == 2
    assert "needs a head of one label" in done.stderr


# ---- real weights --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minilm():
    if not (MINILM / "model.safetensors").is_file():
        pytest.skip("models/all-minilm-l6-v2 is absent: ./dev models minilm")
    model = transformers.AutoModel.from_pretrained(
        MINILM, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    return model, transformers.AutoTokenizer.from_pretrained(MINILM)


def test_minilm(relata, minilm):
    texts = [*TEXTS, "The quick brown fox jumps over the lazy dog.", " ".join(WORDS * 40)]
    wanted = pooled(*oracle_states(*minilm, texts, 256), "mean")
    wanted = torch.nn.functional.normalize(wanted, dim=1)
    assert_near(our_vectors(relata, MINILM, texts), wanted)


RAG4RE = ROOT.parent / "shared" / "data" / "rag4re_semeval"


@pytest.fixture(scope="module")
def semeval(relata, minilm):
    """SemEval-2010 Task 8 as RAG4RE ships it, and our vectors of its sentences."""
    numpy = pytest.importorskip("numpy")
    if not RAG4RE.is_dir():
        pytest.skip(f"{RAG4RE} is absent")
    found = {path.stem: json.loads(path.read_text()) for path in RAG4RE.glob("*/*.json")}
    for part in ("train", "test"):
        # The marks of the entities were taken out for this.
        plain = [re.sub(r"</?e[12]>", "", text) for text in found[f"{part}_sentences"]]
        lines = our_vectors(relata, MINILM, plain)
        found[f"{part}_vectors"] = numpy.asarray(lines.tolist(), dtype=numpy.float32)
    return found


def test_vectors_of_rag4re(semeval):
    numpy = pytest.importorskip("numpy")
    theirs = numpy.load(RAG4RE / "test_emb.npy")
    cosines = (semeval["test_vectors"] * theirs).sum(1) / numpy.linalg.norm(theirs, axis=1)
    assert len(cosines) == 2717
    assert cosines.min() >= 0.999


def test_nearest_sentences_and_label_copy_of_rag4re(semeval):
    best = (semeval["test_vectors"] @ semeval["train_vectors"].T).argmax(1)
    theirs = [item["train_idex"] for item in semeval["sentence_sim_full"]]
    apart = int((best != theirs).sum())
    assert apart <= 0.01 * len(theirs)
    names, labels = semeval["relations"]["relation"]["names"], semeval["train_relations"]

    def right(neighbours):
        copied = [names[labels[i]] for i in neighbours]
        return sum(a == b for a, b in zip(copied, semeval["test_relations"], strict=True))

    assert round(100 * right(theirs) / len(theirs), 2) == 34.19
    assert abs(right(best) - right(theirs)) <= apart
