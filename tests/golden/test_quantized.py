"""NF4 to the byte as bitsandbytes makes it, folders as Transformers loads and writes them, and adapters
trained on quantised weights (QLoRA) beside PEFT."""

import json

import pytest

from oracle import (
    assert_close,
    oracle_logits,
    random_ids,
    random_model,
    torch,
    transformers,
)
from test_export import CASES, Case, export
from test_gradients import our_moments, rows_of
from test_peft import ALL, add_adapter, compare_adapter_gradients, peer_moments

peft = pytest.importorskip("peft", reason="the oracle needs peft")
bitsandbytes = pytest.importorskip("bitsandbytes", reason="the oracle needs bitsandbytes")
safetensors_torch = pytest.importorskip("safetensors.torch")

# On processors with AVX-512 bitsandbytes 0.50 reads rows as if each began a block, so that widths
# which are no multiple of 64, but one of 16, come out wrong there. Odd widths are right again.
SIZES = {
    "hidden_size": 128,
    "intermediate_size": 192,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
}
LARGE = SIZES | {"hidden_size": 1024, "intermediate_size": 2112, "head_dim": 256}
ODD = {"hidden_size": 36, "intermediate_size": 50, "num_attention_heads": 3, "head_dim": 10}


@pytest.fixture(autouse=True)
def one_thread():
    """The mean of the absolute maxima is summed in an order that depends on the threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def quantize(relata, *arguments):
    done = relata.run("model", "quantize", *arguments, "--to", "nf4")
    assert done.returncode == 0, done.stderr


def is_projection(name):
    return name.endswith("_proj.weight")


@pytest.mark.parametrize("twice", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("sizes", [SIZES, ODD, LARGE], ids=["whole", "odd", "large"])
def test_bytes_are_those_of_bitsandbytes(relata, tmp_path, sizes, dtype, twice):
    model = random_model(1, attention_bias=True, **sizes).to(getattr(torch, dtype))
    model.save_pretrained(tmp_path / "base")
    quantize(relata, tmp_path / "base", tmp_path / "out",
             *([] if twice else ["--no-double-quantization"]))
    found = safetensors_torch.load_file(tmp_path / "out" / "model.safetensors")
    for name, value in model.state_dict().items():
        if not is_projection(name):
            assert torch.equal(found.pop(name), value), name
            continue
        packed, state = bitsandbytes.functional.quantize_4bit(
            value, blocksize=64, compress_statistics=twice, quant_type="nf4"
        )
        assert torch.equal(found.pop(name), packed), name
        for end, tensor in state.as_dict(packed=True).items():
            ours = found.pop(f"{name}.{end}")
            if end.startswith("quant_state"):
                ours, tensor = (json.loads(bytes(t.tolist())) for t in (ours, tensor))
                assert ours == tensor, name
            else:
                assert ours.dtype == tensor.dtype and torch.equal(ours, tensor), f"{name}.{end}"
    assert not found, list(found)


def load_quantized(folder, dtype=torch.float32):
    # In evaluation bitsandbytes multiplies in bfloat16 on some CPUs; nothing here drops out.
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", device_map="cpu"
    ).train()


@pytest.fixture(scope="module")
def folders(relata, tmp_path_factory):
    """A float folder, and the same in NF4 by relata and by Transformers."""
    folder = tmp_path_factory.mktemp("nf4")
    random_model(2, attention_bias=True, **SIZES).save_pretrained(folder / "base")
    quantize(relata, folder / "base", folder / "ours")
    how = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    transformers.AutoModelForCausalLM.from_pretrained(
        folder / "base", dtype=torch.float32, quantization_config=how, device_map="cpu"
    ).save_pretrained(folder / "theirs")
    return folder


def test_transformers_loads_our_folder(relata, folders):
    model = load_quantized(folders / "ours")
    assert isinstance(model.model.layers[0].mlp.down_proj, bitsandbytes.nn.Linear4bit)
    ids = random_ids(3, 40)
    wanted = oracle_logits(model, ids)
    for options in ([], ["--no-dequantize"]):
        (logits,) = relata.logits(folders / "ours", [ids], *options)
        assert_close(logits, wanted)
    (logits,) = relata.logits(folders / "base", [ids])
    assert (torch.tensor(logits) - wanted).abs().max() > 0.01


def test_relata_loads_their_folder(relata, folders):
    ids = random_ids(4, 40)
    wanted = oracle_logits(load_quantized(folders / "theirs"), ids)
    for options in ([], ["--no-dequantize"]):
        (logits,) = relata.logits(folders / "theirs", [ids], *options)
        assert_close(logits, wanted)


def test_our_files_are_theirs(folders):
    ours, theirs = (
        safetensors_torch.load_file(folders / name / "model.safetensors")
        for name in ("ours", "theirs")
    )
    assert set(ours) == set(theirs)
    for name, tensor in ours.items():
        if ".quant_state." not in name:
            assert torch.equal(tensor, theirs[name]), name
    config = json.loads((folders / "ours" / "config.json").read_text())["quantization_config"]
    other = json.loads((folders / "theirs" / "config.json").read_text())["quantization_config"]
    assert config.items() <= other.items()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_products_in_float32_are_of_unrounded_numbers(relata, tmp_path, dtype):
    """bitsandbytes multiplies in the type of the other side, and rounds to that alone."""
    base = random_model(6, attention_bias=True, **SIZES).to(getattr(torch, dtype))
    base.save_pretrained(tmp_path / "base")
    quantize(relata, tmp_path / "base", tmp_path / "nf4")
    model = load_quantized(tmp_path / "nf4")
    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            assert module.weight.quant_state.dtype == getattr(torch, dtype)
            module.compute_dtype, module.compute_type_is_set = torch.float32, True
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.float()
    ids = random_ids(3, 40)
    wanted = oracle_logits(model, ids)
    for options in ([], ["--no-dequantize"]):
        (logits,) = relata.logits(tmp_path / "nf4", [ids], "--dtype", "float32", *options)
        assert_close(logits, wanted)


# ---- adapters on quantised weights -----------------------------------------------------------------


@pytest.fixture(scope="module")
def adapted(folders):
    model = load_quantized(folders / "ours")
    model = add_adapter(model, 7, r=4, lora_alpha=8, target_modules=ALL).train()
    model.save_pretrained(folders / "adapter")
    return folders / "adapter", model


def step_on(relata, tmp_path, base, adapter, rows, **options):
    (tmp_path / "base").symlink_to(base, target_is_directory=True)
    return our_moments(
        relata, tmp_path, rows, 8, finetuning_type="lora", adapter_name_or_path=str(adapter), **options
    )


@pytest.mark.parametrize("base, options", [
    ("ours", {}),
    ("ours", {"gradient_checkpointing": True}),
    ("ours", {"dequantize": True}),
    ("base", {"quantization_bit": 4, "quantization_type": "nf4", "double_quantization": True}),
], ids=["packed", "checkpointing", "dequantized", "quantized_at_load"])
@pytest.mark.parametrize("kind", ["apart", "shared"])
def test_gradients_of_adapters(relata, folders, adapted, tmp_path, kind, base, options):
    adapter, model = adapted
    rows = rows_of(kind)
    state = step_on(relata, tmp_path, folders / base, adapter, rows, **options)
    compare_adapter_gradients(state, peer_moments(model, rows))


# ---- a step in bfloat16 ----------------------------------------------------------------------------


def apart(found, wanted):
    """Of all gradients together, relative to their length."""
    errors = sum((found[name].float() - wanted[name]).pow(2).sum() for name in wanted)
    return (errors / sum(value.pow(2).sum() for value in wanted.values())).sqrt().item()


def matched(state, wanted):
    """Our tensors, which the state keeps without names, by the names of theirs that fit best."""
    ours = [value.float() / 0.1 for name, value in state.items() if name.startswith("first.")]
    assert len(ours) == len(wanted)
    out = {}
    for found in ours:
        fits = [name for name in wanted if name not in out and wanted[name].shape == found.shape]
        best = min(fits, key=lambda name: (found - wanted[name]).norm() / wanted[name].norm())
        out[best] = found
    return out


def in_type(folder, dtype, adapter):
    """Transformers with bitsandbytes and PEFT, everything computed in `dtype`."""
    model = load_quantized(folder, dtype)
    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            module.compute_dtype, module.compute_type_is_set = dtype, True
    return peft.PeftModel.from_pretrained(
        model, adapter, is_trainable=True, autocast_adapter_dtype=False
    ).to(dtype).train()


def test_a_step_in_bfloat16_is_as_exact_as_theirs(relata, tmp_path):
    """Roundings to eight bits come in another order on the two sides, so that neither's gradients can be
    the other's to 1e-3; the yardstick is the same step in float32, on the same bits of the weights."""
    base = random_model(9, **SIZES)
    with torch.no_grad():  # as small as trained weights are: larger ones make rounding chaotic
        for name, parameter in base.named_parameters():
            if is_projection(name):
                parameter.mul_(0.25)
    base.to(torch.bfloat16).save_pretrained(tmp_path / "float")
    quantize(relata, tmp_path / "float", tmp_path / "nf4")
    adapted = add_adapter(load_quantized(tmp_path / "nf4"), 7, r=4, lora_alpha=8, target_modules=ALL)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.mul_(0.25)
    adapted.save_pretrained(tmp_path / "adapter")
    rows = rows_of("apart")
    exact = peer_moments(in_type(tmp_path / "nf4", torch.float32, tmp_path / "adapter"), rows)
    theirs = peer_moments(in_type(tmp_path / "nf4", torch.bfloat16, tmp_path / "adapter"), rows)
    state = step_on(relata, tmp_path, tmp_path / "nf4", tmp_path / "adapter", rows, bf16=True)
    ours, peer = apart(matched(state, exact), exact), apart(theirs, exact)
    print(f"relative error of a step's gradients in bfloat16: {ours:.2e}, theirs {peer:.2e}")
    assert ours <= 1.1 * peer
    assert ours <= 2e-2


# ---- blocks of GGUF files --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama", "llama_tied_biases", "qwen2", "gemma3"])
def test_blocks_of_gguf_are_the_same_model_kept_and_dequantised(relata, tmp_path, name):
    """Llama's queries and keys lie in another order of rows there; embeddings are in blocks too."""
    assert name in CASES
    case = Case(relata, name, tmp_path)
    export(relata, case.base, tmp_path / "q8.gguf", "--to", "gguf", "--dtype", "q8_0")
    ids = random_ids(5, 40)
    wanted, found = (
        relata.logits(tmp_path / "q8.gguf", [ids], "--dtype", "float32", *options)[0]
        for options in ([], ["--no-dequantize"])
    )
    assert_close(found, wanted)
    plain = oracle_logits(case.model, ids)
    assert (torch.tensor(found) - plain).abs().max() > 1e-3
