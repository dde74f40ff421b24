"""What a GGUF file's metadata says of attention and rotation, against Transformers' model of it.

Files are those that `relata model export` writes, with other metadata.
"""

import numpy
import pytest

from oracle import TOLERANCE, assert_close, oracle_logits, random_ids, torch, transformers
from test_export import Case, export, random_case

gguf = pytest.importorskip("gguf", reason="the oracle needs gguf")

ADDERS = {bool: "add_bool", int: "add_uint32", float: "add_float32", str: "add_string",
          list: "add_array"}  # fmt: skip
LAYERS = 7  # of the Gemma
WINDOW, PATTERN = "gemma3.attention.sliding_window", "gemma3.attention.sliding_window_pattern"
TYPE, FACTOR = "llama.rope.scaling.type", "llama.rope.scaling.factor"
OLD_FACTOR, ATTENTION = "llama.rope.scale_linear", "llama.rope.scaling.attn_factor"
SCALING = "llama.rope.scaling."
YARN = {TYPE: "yarn", FACTOR: 4.0, "llama.rope.scaling.original_context_length": 16}
ONES_THAT_SLIDE = [True, False, True, True, False, False, True]


def layers(slide):
    return {"layer_types": [f"{'sliding' if s else 'full'}_attention" for s in slide]}


def rope(**parameters):
    return {"rope_parameters": {"rope_theta": 10000.0} | parameters}


def gemma_bases(full, sliding):
    return {
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": full},
            "sliding_attention": {"rope_type": "default", "rope_theta": sliding},
        }
    }


LINEAR = rope(rope_type="linear", factor=4.0)
# Name: the metadata that is added, what is left out, and Transformers' configuration.
CASES = {
    "gemma3_no_window": ({}, [WINDOW], layers([False] * LAYERS)),
    "gemma3_window_0": ({WINDOW: 0}, [], layers([False] * LAYERS)),
    "gemma3_period": ({PATTERN: 3}, [], layers([(i + 1) % 3 != 0 for i in range(LAYERS)])),
    "gemma3_each_layer": ({PATTERN: ONES_THAT_SLIDE}, [], layers(ONES_THAT_SLIDE)),
    "gemma3_cap_of_0": ({"gemma3.final_logit_softcapping": 0.0}, [], {}),
    "gemma3_no_base": ({}, ["gemma3.rope.freq_base"], {}),
    "gemma3_ollama_bases": (
        {"gemma3.rope.global.freq_base": 50000.0, "gemma3.rope.local.freq_base": 500.0},
        ["gemma3.rope.freq_base"],
        gemma_bases(50000.0, 500.0),
    ),
    "gemma3_both_bases": (
        {"gemma3.rope.global.freq_base": 50000.0, "gemma3.rope.local.freq_base": 500.0,
         "gemma3.rope.freq_base_swa": 700.0},
        [],
        gemma_bases(1e6, 700.0),
    ),
    "llama_factor": ({FACTOR: 4.0}, [], LINEAR),
    "llama_old_factor": ({OLD_FACTOR: 4.0}, [], LINEAR),
    "llama_linear_old_factor": ({TYPE: "linear", OLD_FACTOR: 4.0}, [], LINEAR),
    "llama_both_factors": ({FACTOR: 4.0, OLD_FACTOR: 2.0}, [], LINEAR),
    "llama_factor_0": ({TYPE: "linear", FACTOR: 0.0, ATTENTION: 1.0}, [], {}),
    "llama_sizes_by_layer": (
        {"llama.attention.head_count": [4, 4], "llama.attention.head_count_kv": [2, 2],
         "llama.feed_forward_length": [96, 96]},
        [],
        {},
    ),
    "llama_yarn_attention": (
        YARN | {ATTENTION: 1.5},
        [],
        rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=16,
             attention_factor=1.5 * (1 + 0.1 * torch.tensor(4.0).log().item())),
    ),
    "llama_yarn_numbers": (
        YARN | {f"{SCALING}yarn_beta_fast": 8.0, f"{SCALING}yarn_beta_slow": 2.0,
                f"{SCALING}yarn_attn_factor": 1.7, f"{SCALING}yarn_ext_factor": 1.0},
        [],
        rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=8.0,
             beta_slow=2.0, attention_factor=1.7),
    ),
    "llama_yarn_both_attention_factors": (
        YARN | {f"{SCALING}yarn_attn_factor": 1.7, ATTENTION: 1.5},
        [],
        rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=16,
             attention_factor=1.7 * 1.5),
    ),
    "llama_two_epsilons": ({"llama.attention.layer_norm_epsilon": 0.1}, [], {}),
    "llama_yarn_numbers_without_yarn": ({f"{SCALING}yarn_beta_fast": 8.0}, [], {}),
}  # fmt: skip
INFINITE = float("inf")
# llama.cpp's program does not read them of these architectures.
OTHERS_ONLY = ["gemma3_no_base", "gemma3_ollama_bases", "llama_yarn_numbers",
               "llama_yarn_both_attention_factors"]  # fmt: skip


def rewritten(source, path, changes, dropped=(), tensors=()):
    """The file at `source` with other metadata, and with further tensors."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(str(path), reader.fields["general.architecture"].contents())
    passed_over = {"general.architecture", *changes, *dropped}
    for key, field in reader.fields.items():
        if key in passed_over or key.startswith("GGUF."):
            continue
        array = field.types[0] == gguf.GGUFValueType.ARRAY
        element = field.types[-1] if array else None
        writer.add_key_value(key, field.contents(), field.types[0], sub_type=element)
    for key, value in changes.items():
        getattr(writer, ADDERS[type(value)])(key, value)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data)
    for name, values in tensors:
        writer.add_tensor(name, numpy.asarray(values, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def bases(relata, tmp_path_factory):
    return {name: Case(relata, name, tmp_path_factory.mktemp(name)) for name in ("llama", "gemma3")}


class Changed:
    def __init__(self, name, bases, folder):
        changes, dropped, self.config = CASES[name]
        self.base = bases[name.split("_")[0]]
        self.file = rewritten(self.base.file, folder / "model.gguf", changes, dropped)
        self.model = random_case(self.base.name, **self.config)


@pytest.fixture(scope="module", params=CASES, ids=str)
def changed(request, bases, tmp_path_factory):
    return Changed(request.param, bases, tmp_path_factory.mktemp(request.param))


def test_logits(relata, changed):
    ids = random_ids(4, 40)
    wanted = oracle_logits(changed.model, ids)
    (logits,) = relata.logits(changed.file, [ids])
    assert_close(logits, wanted)
    if changed.config:  # and they are another model's
        assert (wanted - oracle_logits(changed.base.model, ids)).abs().max() > 10 * TOLERANCE


def test_the_exported_folder(relata, changed, tmp_path):
    export(relata, changed.file, tmp_path / "out", "--to", "hf")
    written = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "out", attn_implementation="eager"
    ).eval()
    ids = random_ids(4, 40)
    assert_close(oracle_logits(written, ids), oracle_logits(changed.model, ids))


@pytest.mark.parametrize("name", [name for name in CASES if name not in OTHERS_ONLY])
def test_llama_cpp_reads_them_so(bases, tmp_path, name):
    llamacpp = pytest.importorskip("llamacpp")
    case = Changed(name, bases, tmp_path)
    prompt = random_ids(5, 30)
    tokens, logprobs = llamacpp.LlamaCpp(case.file).next_tokens(prompt, 8)
    wanted = torch.log_softmax(oracle_logits(case.model, prompt)[-1].double(), dim=-1)
    # llama.cpp computes scores and mixtures of values in half precision.
    assert max(abs(wanted[t] - p) for t, p in zip(tokens, logprobs, strict=True)) < 0.05


@pytest.mark.parametrize(
    ("base", "changes", "words"),
    [
        ("gemma3", {"gemma3.final_logit_softcapping": 30.0}, "gemma3.final_logit_softcapping"),
        ("gemma3", {"gemma3.attn_logit_softcapping": 50.0}, "gemma3.attn_logit_softcapping"),
        ("gemma3", {PATTERN: [True, False]}, f"{PATTERN} has 2 values, the model 7 layers"),
        ("gemma3", {PATTERN: 0}, PATTERN),
        ("gemma3", {"gemma3.rope.freq_base_swa": 1.0}, "gemma3.rope.freq_base_swa"),
        ("gemma3", {"gemma3.attention.causal": False}, "gemma3.attention.causal"),
        ("llama", {"llama.attention.causal": False}, "llama.attention.causal"),
        ("llama", {"llama.expert_count": 8}, "llama.expert_count of 8"),
        ("llama", {FACTOR: -1.0}, FACTOR),
        ("llama", {FACTOR: 4.0, ATTENTION: 1.5}, ATTENTION),
        ("llama", YARN | {ATTENTION: 0.0}, ATTENTION),
        ("llama", YARN | {f"{SCALING}yarn_ext_factor": 0.5}, f"{SCALING}yarn_ext_factor"),
        ("llama", YARN | {f"{SCALING}yarn_log_multiplier": 0.1}, f"{SCALING}yarn_log_multiplier"),
        ("llama", YARN | {f"{SCALING}yarn_beta_fast": 0.0}, f"{SCALING}yarn_beta_fast"),
        ("llama", YARN | {f"{SCALING}yarn_attn_factor": -1.0}, f"{SCALING}yarn_attn_factor"),
        ("llama", {"llama.rope.freq_base": INFINITE}, "llama.rope.freq_base"),
        ("llama", {FACTOR: INFINITE}, FACTOR),
        ("gemma3", {"gemma3.rope.freq_base": INFINITE}, "gemma3.rope.freq_base"),
        ("gemma3", {"gemma3.rope.freq_base_swa": INFINITE}, "gemma3.rope.freq_base_swa"),
        ("llama", {"llama.attention.head_count_kv": [2, 1]},
         "llama.attention.head_count_kv has 2 for layer 0 and 1 for layer 1"),
        ("llama", {"llama.feed_forward_length": [96]},
         "llama.feed_forward_length has 1 values, the model 2 layers"),
        ("llama", {"tokenizer.ggml.tokens": ["a", "b"]},
         "tensor token_embd.weight has 97 rows, tokenizer.ggml.tokens has 2 tokens"),
        ("gemma3", {"tokenizer.ggml.tokens": [f"t{i}" for i in range(98)]},
         "tensor token_embd.weight has 97 rows, tokenizer.ggml.tokens has 98 tokens"),
    ],
)
def test_refuses_by_the_name_of_the_key(relata, bases, tmp_path, base, changes, words):
    file = rewritten(bases[base].file, tmp_path / "model.gguf", changes)
    done = relata.run("model", "logits", file, requests=[{"ids": [1, 2]}])
    assert done.returncode == 3, done.stdout
    assert f"{file}: {words}" in done.stderr


@pytest.mark.parametrize(
    ("file_type", "name"), [(15, "Q4_K_M"), (1024 + 14, "Q4_K_S"), (1, "float16"), (9999, "float32")]
)
def test_show_says_what_the_file_is_called(relata, bases, tmp_path, file_type, name):
    file = rewritten(bases["llama"].file, tmp_path / "model.gguf", {"general.file_type": file_type})
    shown = relata.run("model", "show", file).stdout
    assert f"stored as {name} (F32 in " in shown and "), computed in float32" in shown


# ---- divisors of the frequencies -----------------------------------------------------------------

DIVISORS = "rope_freqs.weight"
WIDTH = 16  # half of a head's


def test_divisors_multiply_linear_scaling(relata, bases, tmp_path):
    file = rewritten(bases["llama"].file, tmp_path / "model.gguf", {TYPE: "linear", FACTOR: 4.0},
                     tensors=[(DIVISORS, [2.0] * WIDTH)])  # fmt: skip
    ids = random_ids(4, 40)
    (logits,) = relata.logits(file, [ids])
    model = random_case("llama", **rope(rope_type="linear", factor=8.0))
    assert_close(logits, oracle_logits(model, ids))
    export(relata, file, tmp_path / "again.gguf", "--to", "gguf")
    assert_close(relata.logits(tmp_path / "again.gguf", [ids])[0], logits)


@pytest.mark.parametrize(
    ("changes", "divisors", "words"),
    [
        (YARN, [2.0] * WIDTH, f'{TYPE} "yarn" beside tensor {DIVISORS}'),
        ({}, [2.0] * (WIDTH - 1) + [INFINITE], f"tensor {DIVISORS}"),
        ({}, [0.0] * WIDTH, f"tensor {DIVISORS}"),
        ({}, [2.0] * (WIDTH - 1), f"tensor {DIVISORS}"),
    ],
)
def test_divisors_that_are_refused(relata, bases, tmp_path, changes, divisors, words):
    file = rewritten(bases["llama"].file, tmp_path / "model.gguf", changes,
                     tensors=[(DIVISORS, divisors)])  # fmt: skip
    done = relata.run("model", "logits", file, requests=[{"ids": [1, 2]}])
    assert done.returncode == 3, done.stdout
    assert f"{file}: {words}" in done.stderr
