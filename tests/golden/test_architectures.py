"""Random tiny checkpoints of every architecture but Llama, which test_llama_parity.py has.

Oracles: Transformers' classes; for Baichuan and ChatGLM plain_models.py. Sequences are longer than
the sliding windows.
"""

import json

import pytest

import plain_models
from oracle import (
    EOS,
    TOLERANCE,
    VOCAB,
    assert_close,
    oracle_greedy,
    oracle_logits,
    oracle_logprobs,
    random_ids,
    randomised,
    torch,
    transformers,
)
from test_gradients import RELATIVE, our_moments, rows_of

safetensors_torch = pytest.importorskip("safetensors.torch")

SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 36,
    "intermediate_size": 52,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": EOS,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
}
WINDOW = {"sliding_window": 7}
QWEN_WINDOW = WINDOW | {"use_sliding_window": True, "max_window_layers": 1}
BOTH_ROPES = {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 50000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 1000.0},
}
GEMMA = WINDOW | {
    "head_dim": 16,
    "query_pre_attn_scalar": 24,
    "tie_word_embeddings": True,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
}

# Name: Transformers' configuration and what differs from SIZES, or a maker of a plain model.
CASES = {
    "qwen2": (transformers.Qwen2Config, {}),
    "qwen2_tied": (transformers.Qwen2Config, {"tie_word_embeddings": True}),
    "qwen2_window": (transformers.Qwen2Config, QWEN_WINDOW),
    "qwen3": (transformers.Qwen3Config, {"head_dim": 16}),
    "qwen3_window": (transformers.Qwen3Config, QWEN_WINDOW | {"head_dim": 8}),
    "qwen3_biases": (transformers.Qwen3Config, {"head_dim": 12, "attention_bias": True}),
    "mistral": (transformers.MistralConfig, WINDOW),
    "mistral_full": (transformers.MistralConfig, {"sliding_window": None, "head_dim": 8}),
    "mistral_layers": (
        transformers.MinistralConfig,
        WINDOW
        | {"head_dim": 8, "layer_types": ["full_attention", "sliding_attention", "full_attention"]},
    ),
    "gemma3": (transformers.Gemma3TextConfig, GEMMA),
    "gemma3_ropes": (transformers.Gemma3TextConfig, GEMMA | {"rope_parameters": BOTH_ROPES}),
    "gemma3_head": (transformers.Gemma3TextConfig, GEMMA | {"tie_word_embeddings": False}),
    "baichuan_7b": lambda: plain_models.Baichuan(VOCAB, EOS, second=False, alibi=False),
    "baichuan_13b": lambda: plain_models.Baichuan(VOCAB, EOS, second=False, alibi=True),
    "baichuan2_7b": lambda: plain_models.Baichuan(VOCAB, EOS, second=True, alibi=False),
    "baichuan2_13b": lambda: plain_models.Baichuan(VOCAB, EOS, second=True, alibi=True, heads=6),
    "chatglm": lambda: plain_models.ChatGlm(VOCAB, EOS),
    "chatglm3_long": lambda: plain_models.ChatGlm(VOCAB, EOS, ratio=4.0),
    "chatglm2_long": lambda: plain_models.ChatGlm(VOCAB, EOS, ratio=4.0, generation=2),
}
IN_TRANSFORMERS = [name for name, case in CASES.items() if isinstance(case, tuple)]


def random_case(name):
    case = CASES[name]
    if callable(case):
        model = case()
    else:
        config_class, changes = case
        model = transformers.AutoModelForCausalLM.from_config(
            config_class(**(SIZES | changes)), attn_implementation="eager"
        )
    # Gemma stores what is added to 1.
    return randomised(model, list(CASES).index(name), 0.0 if name.startswith("gemma3") else 1.0)


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def loaded(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


class Checkpoint:
    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.model = random_case(name)
        self.model.save_pretrained(folder)
        if name == "mistral_layers":  # as Ministral is published
            edit_config(folder, model_type="mistral")


@pytest.fixture(scope="module", params=CASES, ids=str)
def checkpoint(request, tmp_path_factory):
    return Checkpoint(request.param, tmp_path_factory.mktemp(request.param))


def test_logits(relata, checkpoint):
    sequences = [random_ids(length, length) for length in (1, 2, 7, 8, 33, 64)]
    found = relata.logits(checkpoint.folder, sequences)
    for ids, logits in zip(sequences, found, strict=True):
        assert_close(logits, oracle_logits(checkpoint.model, ids))


def test_the_window_matters():
    """The cases with a window test it: what is outside it changes nothing."""
    for name in ("qwen2_window", "mistral", "mistral_layers", "gemma3"):
        model = random_case(name)
        ids = random_ids(3, 40)
        window = oracle_logits(model, ids)
        model.config.sliding_window = 1000
        changed = (oracle_logits(model, ids) - window).abs().max()
        assert changed > 100 * TOLERANCE, name


def test_scores_that_share_a_prompt(relata, checkpoint):
    prompt = random_ids(7, 20)
    fork = random_ids(8, 11)
    continuations = [fork, fork[:4] + random_ids(9, 9), fork[:3], random_ids(10, 12)]
    requests = [
        {"prompt_ids": prompt, "continuation_ids": continuations},
        {"prompt_ids": prompt[:17] + random_ids(11, 2), "continuation_ids": continuations},
        {"prompt_ids": prompt, "continuation_ids": [random_ids(12, 9)]},
    ]
    found = relata.answers(
        "score", "-m", checkpoint.folder, "--per-token", requests=requests
    )
    for request, answer in zip(requests, found, strict=True):
        for tokens, continuation in zip(
            answer["token_logprobs"], request["continuation_ids"], strict=True
        ):
            assert_close(
                tokens, oracle_logprobs(checkpoint.model, request["prompt_ids"], continuation)
            )


def test_greedy_generation(relata, checkpoint):
    """Through cached runs, shared prompts, and windows that slide past both."""
    shared = random_ids(99, 14)
    prompts = [random_ids(100 + length, length) for length in (1, 3, 12, 30)]
    prompts += [shared, shared + random_ids(5, 3), shared[:9] + random_ids(6, 10), shared]
    requests, wanted = [], []
    for prompt in prompts:
        ids, logprobs, lead = oracle_greedy(checkpoint.model, prompt, 12)
        # An answer that rounding could decide, or that ends early, tests nothing here.
        if lead > 10 * TOLERANCE and EOS not in ids:
            requests.append({"prompt_ids": prompt, "max_new_tokens": 12})
            wanted.append((ids, logprobs))
    assert len(requests) >= 3
    found = relata.answers("generate", "-m", checkpoint.folder, requests=requests)
    for answer, (ids, logprobs) in zip(found, wanted, strict=True):
        assert answer["ids"] == ids
        assert_close(answer["logprobs"], logprobs)


LINEAR = {"rope_type": "linear", "factor": 8.0}
DEFAULT = {"rope_type": "default"}


@pytest.mark.parametrize(
    "changes",
    [
        {"rope_parameters": {"full_attention": LINEAR, "sliding_attention": DEFAULT}},
        {"rope_parameters": {"full_attention": LINEAR | {"rope_theta": 50000.0}}},
        {"rope_parameters": {"sliding_attention": LINEAR | {"rope_theta": 500.0}}},
        {
            "rope_parameters": {"full_attention": DEFAULT, "sliding_attention": DEFAULT},
            "rope_theta": 70000.0,
            "rope_local_base_freq": 300.0,
        },
    ],
    ids=["no_bases", "full_only", "sliding_only", "bases_outside"],
)
def test_gemma_rotations_that_are_stated_in_part(relata, tmp_path, changes):
    Checkpoint("gemma3", tmp_path)
    edit_config(tmp_path, **changes)
    ids = random_ids(4, 40)
    (logits,) = relata.logits(tmp_path, [ids])
    assert_close(logits, oracle_logits(loaded(tmp_path), ids))


# ---- gradients -----------------------------------------------------------------------------------


def peer_gradients(model, rows):
    """Of the mean loss over all labels of all rows, one row at a time."""
    model.zero_grad()
    count = sum(label != -100 for row in rows for label in row["labels"][1:])
    for row in rows:
        logits = model(torch.tensor([row["ids"]]), use_cache=False).logits[0]
        labels = torch.tensor(row["labels"][1:])
        loss = torch.nn.functional.cross_entropy(logits[:-1], labels, reduction="sum") / count
        loss.backward()
    return {name: p.grad for name, p in model.named_parameters()}


LLAMA_PARTS = {
    "embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head",
    "layer": "model.layers.", "norms": ["input_layernorm", "post_attention_layernorm"],
    "projections": [
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], ["self_attn.o_proj"],
        ["mlp.gate_proj", "mlp.up_proj"], ["mlp.down_proj"],
    ],
}  # fmt: skip
HEAD_NORMS = ["self_attn.q_norm", "self_attn.k_norm"]
PARTS = {
    "llama": LLAMA_PARTS,
    "qwen3": LLAMA_PARTS | {"norms": LLAMA_PARTS["norms"] + HEAD_NORMS},
    "gemma3": LLAMA_PARTS
    | {
        "norms": ["input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
                  "post_feedforward_layernorm"] + HEAD_NORMS,
    },
    "baichuan": LLAMA_PARTS
    | {"projections": [["self_attn.W_pack"]] + LLAMA_PARTS["projections"][1:]},
    "chatglm": {
        "embedding": "transformer.embedding.word_embeddings",
        "norm": "transformer.encoder.final_layernorm", "head": "transformer.output_layer",
        "layer": "transformer.encoder.layers.",
        "norms": ["input_layernorm", "post_attention_layernorm"],
        "projections": [
            ["self_attention.query_key_value"], ["self_attention.dense"],
            ["mlp.dense_h_to_4h"], ["mlp.dense_4h_to_h"],
        ],
    },
}  # fmt: skip


def parts_of(name):
    return next((parts for prefix, parts in PARTS.items() if name.startswith(prefix)), LLAMA_PARTS)


def trained_order(name, parameters):
    """The names behind each tensor that relata trains, in its order; fused ones are lists."""
    parts = parts_of(name)
    layers = 2 if callable(CASES[name]) else SIZES["num_hidden_layers"]
    prefixes = [f"{parts['layer']}{i}." for i in range(layers)]
    order = [[parts["embedding"] + ".weight"]]
    order += [[prefix + norm + ".weight"] for prefix in prefixes for norm in parts["norms"]]
    for prefix in prefixes:
        for fused in parts["projections"]:
            for end in (".weight", ".bias"):
                if prefix + fused[0] + end in parameters:
                    order.append([prefix + module + end for module in fused])
    order.append([parts["norm"] + ".weight"])
    if parts["head"] + ".weight" in parameters:
        order.append([parts["head"] + ".weight"])
    return order


def pair_rows(found):
    """ChatGLM's query and key rows in relata's order: pairs (j, j + 4) instead of (2j, 2j + 1)."""
    head = [0, 2, 4, 5, 1, 3, 6, 7]  # 4 of 8 rows are turned
    rows = [8 * h + row for h in range(6) for row in head]  # 4 query heads, 2 key heads
    return found[rows + list(range(48, 64))]


@pytest.mark.parametrize("kind", ["apart", "shared"])
def test_every_gradient(relata, checkpoint, tmp_path, kind):
    (tmp_path / "base").symlink_to(checkpoint.folder, target_is_directory=True)
    rows = rows_of(kind)
    wanted = peer_gradients(checkpoint.model, rows)
    state = our_moments(relata, tmp_path, rows, 8)
    order = trained_order(checkpoint.name, wanted)
    assert sum(name.startswith("first.") for name in state) == len(order)
    for i, names in enumerate(order):
        gradient = torch.cat([wanted.pop(name) for name in names])
        if "query_key_value" in names[0]:
            gradient = pair_rows(gradient)
        found = state[f"first.{i}"] / 0.1
        assert found.shape == gradient.shape, names
        apart = ((found - gradient).norm() / gradient.norm()).item()
        assert apart <= RELATIVE, f"{names}: relative difference {apart:.2e}"
    assert not wanted, f"not trained by relata: {list(wanted)}"


# ---- written again -------------------------------------------------------------------------------


def test_exported_weights_are_the_same(relata, checkpoint, tmp_path):
    done = relata.run("model", "export", checkpoint.folder, tmp_path / "out", "--to", "hf")
    assert done.returncode == 0, done.stderr
    before = safetensors_torch.load_file(str(checkpoint.folder / "model.safetensors"))
    after = safetensors_torch.load_file(str(tmp_path / "out" / "model.safetensors"))
    assert before.keys() == after.keys()
    for name, value in before.items():
        # Adding 1 to Gemma's norms and taking it away rounds at 1.
        assert torch.allclose(after[name], value, rtol=0, atol=1.2e-7), name
    ids = random_ids(4, 40)
    (logits,) = relata.logits(tmp_path / "out", [ids])
    assert_close(logits, oracle_logits(checkpoint.model, ids))


@pytest.mark.parametrize("name", IN_TRANSFORMERS)
def test_transformers_loads_what_is_exported(relata, tmp_path, name):
    checkpoint = Checkpoint(name, tmp_path / "base")
    done = relata.run("model", "export", checkpoint.folder, tmp_path / "out", "--to", "hf")
    assert done.returncode == 0, done.stderr
    ids = random_ids(4, 40)
    assert_close(oracle_logits(loaded(tmp_path / "out"), ids), oracle_logits(checkpoint.model, ids))
    eos = json.loads((tmp_path / "out" / "config.json").read_text())["eos_token_id"]
    assert eos == EOS
