"""Vectors and scores of encoders against Transformers' classes, pooled as sentence-transformers does.

Random tiny models of each family with tokenizers of their kind, and MiniLM's real weights. The
oracle pads a batch and masks it; relata packs texts without padding.
"""

import json
import pathlib
import re

import pytest

from encoder_oracles import (
    CASES, LENGTH, PAIRS, SIZES, TEXTS, WORDS, Checkpoint, assert_near, oracle_states, our_vectors,
    pooled,
)
from oracle import torch, transformers

safetensors_torch = pytest.importorskip("safetensors.torch")

ROOT = pathlib.Path(__file__).resolve().parents[2]
MINILM = ROOT / "models" / "all-minilm-l6-v2"

@pytest.fixture(scope="module", params=CASES, ids=str)
def checkpoint(request, tmp_path_factory):
    return Checkpoint(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "mean_sqrt_len", "lasttoken"])
def test_vectors(relata, checkpoint, pooling):
    states, mask = oracle_states(checkpoint.model, checkpoint.tokenizer, TEXTS, LENGTH)
    assert mask.sum(1).max() == LENGTH, "one text is cut"
    found = our_vectors(relata, checkpoint.folder, TEXTS, "--pooling", pooling)
    assert_near(found, pooled(states, mask, pooling))


@pytest.mark.parametrize("activation", ["gelu_python", "gelu_fast", "swish"])
def test_old_names(relata, tmp_path, activation):
    """Of layer norms, as in the first BERTs' files, and of functions."""
    checkpoint = Checkpoint("bert", tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = safetensors_torch.load_file(path)
    for new, old in (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")):
        tensors = {name.replace(new, old): value for name, value in tensors.items()}
    tensors = {"bert." + name: value for name, value in tensors.items()}
    tensors["cls.predictions.transform.LayerNorm.gamma"] = torch.ones(SIZES["hidden_size"])
    safetensors_torch.save_file(tensors, path, metadata={"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_act": activation}))
    model = transformers.AutoModel.from_pretrained(tmp_path, attn_implementation="eager").eval()
    states = oracle_states(model, checkpoint.tokenizer, TEXTS, LENGTH)
    assert_near(our_vectors(relata, tmp_path, TEXTS), pooled(*states, "mean"))


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


@pytest.mark.parametrize("verb", [("export", "--to", "hf"), ("quantize", "--to", "nf4")])
def test_what_sentence_transformers_says_goes_along(relata, checkpoint, tmp_path, verb):
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    prompts = {"query": "when was: ", "document": "it: "}
    sentence_transformers_folder(checkpoint, source, "cls_token", prompts=prompts)
    done = relata.run("model", verb[0], source, out, *verb[1:])
    assert done.returncode == 0, done.stderr
    for name in ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
                 "config_sentence_transformers.json"):  # fmt: skip
        assert (out / name).read_bytes() == (source / name).read_bytes()
    if verb[0] == "export":
        for role in ("query", "passage"):
            wanted = our_vectors(relata, source, TEXTS, "--as", role)
            assert_near(our_vectors(relata, out, TEXTS, "--as", role), wanted)
        return
    stated = our_vectors(relata, out, TEXTS, "--as", "query", "--query-prefix", prompts["query"],
                         "--pooling", "cls", "--max-tokens", 12)  # fmt: skip
    assert_near(our_vectors(relata, out, TEXTS, "--as", "query"), stated)
    assert_near(stated.norm(dim=1), torch.ones(len(TEXTS)))


@pytest.mark.parametrize("name", ["bert", "electra", "electra_small", "roberta", "bert_one_type"])
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


@pytest.mark.parametrize("name, labels", [
    ("bert", None), ("bert", 1), ("roberta", None), ("roberta", 1), ("electra_small", 1),
])
def test_transformers_loads_encoders_in_nf4(relata, tmp_path, name, labels):
    pytest.importorskip("bitsandbytes", reason="the oracle needs bitsandbytes")
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    checkpoint = Checkpoint(name, source, labels=labels)
    done = relata.run("model", "quantize", source, out, "--to", "nf4")
    assert done.returncode == 0, done.stderr
    model, loading = type(checkpoint.model).from_pretrained(
        out, dtype=torch.float32, attn_implementation="eager", device_map="cpu",
        output_loading_info=True,
    )  # fmt: skip
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not loading[kind], kind
    plain = dict(checkpoint.model.named_parameters())
    for key, value in model.named_parameters():
        if value.is_floating_point():
            assert torch.equal(value, plain[key]), key
    # In evaluation bitsandbytes multiplies in bfloat16 on some CPUs.
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if labels is None:
        wanted = pooled(*oracle_states(model, checkpoint.tokenizer, TEXTS, LENGTH), "mean")
        assert_near(our_vectors(relata, out, TEXTS, "--dtype", "float32"), wanted)
        return
    text, pair = PAIRS[0]
    batch = checkpoint.tokenizer(text, pair, return_tensors="pt")
    if not checkpoint.types:
        batch.pop("token_type_ids", None)
    with torch.no_grad():
        wanted = model(**batch).logits[0]
    requests = [{"text": text, "pair": pair}]
    (found,) = relata.answers("encode", "-m", out, "--dtype", "float32", requests=requests)
    assert_near(torch.tensor([found["score"]]), wanted)


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
