"""Weights that are not finite: no verb answers from them or writes them on, and the first is named."""

import json
import math
import shutil
import struct
from pathlib import Path

import pytest

from program import RELATA, json_lines, relata

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")
DOWN = "model.layers.0.mlp.down_proj.weight"
IDS = json.dumps({"ids": [1, 5, 9]})


def fill(path, tensor, value, count=None):
    """The first numbers of a float32 tensor of a safetensors file; None: all of them."""
    content = bytearray(path.read_bytes())
    size = struct.unpack_from("<Q", content)[0]
    entry = json.loads(content[8:8 + size])[tensor]
    assert entry["dtype"] == "F32"
    begin, end = (8 + size + offset for offset in entry["data_offsets"])
    numbers = (end - begin) // 4 if count is None else count
    content[begin:begin + 4 * numbers] = struct.pack("<f", value) * numbers
    path.write_bytes(bytes(content))


def set_number(path, tensor, value):
    fill(path, tensor, value, count=1)


@pytest.fixture(scope="module")
def base(toy_model, tmp_path_factory):
    """The toy model with a tokenizer that GGUF can hold, byte-level BPE without merges."""
    folder = tmp_path_factory.mktemp("base") / "model"
    shutil.copytree(toy_model, folder)
    for path in folder.glob("*token*"):
        path.unlink()
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    letters = [chr(c) for c in range(33, 127)]
    pieces = letters + [a + b for a in letters for b in letters]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": byte_level,
        "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "vocab": {p: i for i, p in enumerate(pieces[:size])}, "merges": []}}))
    return folder


@pytest.fixture
def damaged(base, tmp_path):
    def make(tensor=DOWN, value=math.nan):
        folder = tmp_path / "damaged"
        shutil.copytree(base, folder)
        set_number(folder / "model.safetensors", tensor, value)
        return folder
    return make


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter")
    data = folder / "gold.txt"
    data.write_text("Ada\tByron\tparent\tAda was the daughter of Byron.\nAda\tLund\tunknown\tAda saw Lund.\n")
    config = folder / "lora.yaml"
    config.write_text(json.dumps({
        "model_name_or_path": str(base), "dataset": str(data), "dataset_format": "cre-tsv",
        "output_dir": str(folder / "run"), "finetuning_type": "lora", "lora_rank": 2,
        "lora_target": "q_proj,v_proj", "max_steps": 1, "learning_rate": 0.01}))
    relata("train", config)
    return next((folder / "run").rglob("adapter_model.safetensors")).parent


@pytest.fixture
def damaged_adapter(adapter, tmp_path):
    folder = tmp_path / "adapter"
    shutil.copytree(adapter, folder)
    name = "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"
    set_number(folder / "adapter_model.safetensors", name, math.nan)
    return folder, name


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("tensor", [DOWN, "model.norm.weight", "lm_head.weight",
                                    "model.layers.1.self_attn.v_proj.weight"])
def test_logits_are_never_null(damaged, tensor, value):
    failed = relata("model", "logits", damaged(tensor, value), stdin=IDS, code=3)
    assert failed.out == "" and "not a number" in failed.err
    assert tensor in failed.err


@pytest.mark.parametrize("flags", [(), ("--dtype", "bfloat16")])
def test_what_answers_names_the_weight(damaged, flags):
    model = damaged()
    for verb, more in (("generate", {"max_new_tokens": 3}), ("score", {"continuations": ["a", "b"]})):
        request = json.dumps({"prompt": "Ada", **more})
        failed = relata(verb, "-m", model, *flags, stdin=request, code=3)
        assert "the model's output is not a number" in failed.err
        assert f"{model}: tensor {DOWN} " in failed.err


def test_a_gguf_file_names_its_own_tensor(base, tmp_path):
    whole = tmp_path / "model.gguf"
    relata("model", "export", base, whole, "--to", "gguf", "--dtype", "f32")
    content = bytearray(whole.read_bytes())
    struct.pack_into("<f", content, len(content) - 64, math.nan)  # in the last tensor
    whole.write_bytes(bytes(content))
    failed = relata("model", "logits", whole, stdin=IDS, code=3)
    assert f"{whole}: tensor " in failed.err and " holds a number" in failed.err


def test_a_damaged_adapter_is_named(base, damaged_adapter):
    folder, name = damaged_adapter
    failed = relata("model", "logits", base, "--adapter", folder, stdin=IDS, code=3)
    assert f"{folder}: tensor {name} " in failed.err
    request = json.dumps({"prompt": "Ada", "max_new_tokens": 3})
    failed = relata("generate", "-m", base, "--adapter", folder, stdin=request, code=3)
    assert name in failed.err


def test_numbers_that_overflow_are_no_damage(damaged):
    """Finite weights, whose products are not: the type is told, not a tensor."""
    model = damaged("lm_head.weight", 3e38)
    fill(model / "model.safetensors", "lm_head.weight", 3e38)
    fill(model / "model.safetensors", "model.norm.weight", 1e30)
    for dtype in ("float32", "bfloat16"):
        failed = relata("model", "logits", model, "--dtype", dtype, stdin=IDS, code=3)
        assert f"though all its weights are: it overflows in {dtype}" in failed.err
        assert ("--dtype float32" in failed.err) == (dtype == "bfloat16")


@pytest.mark.parametrize("tensor", [DOWN, "model.norm.weight", "model.embed_tokens.weight"])
def test_nothing_damaged_is_written(damaged, tensor, tmp_path):
    model = damaged(tensor)
    for out, flags in (("hf", ("export", "--to", "hf")), ("bf", ("export", "--to", "hf", "--dtype", "bf16")),
                       ("a.gguf", ("export", "--to", "gguf")),
                       ("b.gguf", ("export", "--to", "gguf", "--dtype", "q8_0")),
                       ("nf4", ("quantize", "--to", "nf4"))):
        failed = relata("model", flags[0], model, tmp_path / out, *flags[1:], code=3)
        if not out.endswith(".gguf"):
            assert tensor in failed.err
        assert "not finite" in failed.err and not (tmp_path / out).exists()


def test_a_damaged_adapter_is_not_written(base, damaged_adapter, tmp_path):
    folder, name = damaged_adapter
    for verb, out, flags in (("merge", "hf", ()), ("merge", "a.gguf", ()),
                             ("export", "b.gguf", ("--to", "gguf")), ("export", "hf2", ("--to", "hf")),
                             ("export", "lora.gguf", ("--to", "gguf-lora"))):
        failed = relata("model", verb, base, tmp_path / out, "--adapter", folder, *flags, code=3)
        assert f"{folder}: tensor {name} " in failed.err and not (tmp_path / out).exists()


def test_numbers_too_large_for_a_type_are_not_written_in_it(damaged, tmp_path):
    model = damaged(value=1e6)
    failed = relata("model", "export", model, tmp_path / "f16", "--to", "hf", "--dtype", "f16", code=3)
    assert f"tensor {DOWN} holds a number that is too large for type F16" in failed.err
    assert not (tmp_path / "f16").exists()
    failed = relata("model", "export", model, tmp_path / "f16.gguf", "--to", "gguf", "--dtype", "f16",
                    code=3)
    assert "too large for type F16" in failed.err and not (tmp_path / "f16.gguf").exists()
    relata("model", "export", model, tmp_path / "bf16", "--to", "hf", "--dtype", "bf16")


# ---- encoders ----

QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.fixture
def encoders(tmp_path):
    pytest.importorskip("safetensors.numpy", reason="the tests make an encoder with it")
    from small_encoder import write_cross_encoder, write_encoder

    single = write_encoder(tmp_path / "single", words=["river", "bridge"])
    pair = write_cross_encoder(tmp_path / "pair", words=["river", "bridge"])
    return single, pair


def test_vectors_and_scores_are_never_null(encoders):
    single, pair = encoders
    lines = json.dumps({"text": "river"})
    pairs = json.dumps({"text": "river", "pair": "bridge"})
    assert len(json_lines(relata("encode", "-m", single, stdin=lines).out)) == 1
    assert len(json_lines(relata("encode", "-m", pair, stdin=pairs).out)) == 1
    for folder, text, name in ((single, lines, QUERY), (pair, pairs, "bert." + QUERY)):
        set_number(folder / "model.safetensors", name, math.nan)
        failed = relata("encode", "-m", folder, stdin=text, code=3)
        assert failed.out == "" and f"{folder}: tensor {name} " in failed.err


def test_no_index_of_damaged_vectors_is_written(encoders, tmp_path):
    single, _ = encoders
    data = tmp_path / "a.jsonl"
    data.write_text(json.dumps({"id": "d", "text": "a river", "entities": [], "relations": []}) + "\n")
    set_number(single / "model.safetensors", QUERY, math.nan)
    index = tmp_path / "a.bm25"
    failed = relata("index", "build", data, "-o", index, "--encoder", single, code=3)
    assert QUERY in failed.err
    assert not index.exists() and not Path(f"{index}.vectors").exists()
    assert not Path(f"{index}.vectors.next").exists()
