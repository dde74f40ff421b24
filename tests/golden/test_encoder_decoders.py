"""Random tiny T5, Flan-T5 and mT5 models beside Transformers' classes and PEFT.

A source is longer than the farthest distance that has a kind of its own, the stacks differ in depth,
and heads are not as wide as the model's width divided by their number.
"""

import copy
import json

import pytest

from oracle import TOLERANCE, VOCAB, assert_close, randomised, torch, transformers
from test_gradients import RELATIVE, our_moments

peft = pytest.importorskip("peft", reason="the oracle needs peft")
safetensors_torch = pytest.importorskip("safetensors.torch")

# PEFT 0.21's class for encoder-decoders keeps hold of a method that Transformers 5 no longer has.
for kind in (transformers.T5ForConditionalGeneration, transformers.MT5ForConditionalGeneration):
    if not hasattr(kind, "_prepare_encoder_decoder_kwargs_for_generation"):
        kind._prepare_encoder_decoder_kwargs_for_generation = None

EOS = 1
START = 0
SIZES = {
    "vocab_size": VOCAB, "d_model": 36, "d_kv": 10, "d_ff": 52, "num_layers": 3, "num_heads": 4,
    "num_decoder_layers": 2, "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20,
    "decoder_start_token_id": START, "pad_token_id": 0, "eos_token_id": EOS,
}  # fmt: skip
T5, MT5 = transformers.T5Config, transformers.MT5Config
# Name: configuration, what differs from SIZES, whether the head is a matrix of its own.
CASES = {
    "t5_v1_0": (T5, {"feed_forward_proj": "relu"}, False),
    "t5_v1_1": (T5, {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}, True),
    # As Transformers 5 makes it of that configuration without a checkpoint.
    "t5_tied_unscaled": (T5, {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}, False),
    "t5_untied_scaled": (T5, {"feed_forward_proj": "gated-silu"}, True),
    "t5_usual_distances": (T5, {"relative_attention_num_buckets": 32, "num_layers": 2,
                                "relative_attention_max_distance": 128, "d_kv": 16}, False),
    "mt5": (MT5, {}, True),
}  # fmt: skip


def random_case(name):
    config_class, changes, own_head = CASES[name]
    config = config_class(**(SIZES | changes))
    model = transformers.AutoModelForSeq2SeqLM.from_config(config, attn_implementation="eager")
    if own_head:
        model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.lm_head.weight))
    return randomised(model, list(CASES).index(name), 1.0)


class Checkpoint:
    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.model = random_case(name)
        self.model.save_pretrained(folder)


@pytest.fixture(scope="module", params=CASES, ids=str)
def checkpoint(request, tmp_path_factory):
    return Checkpoint(request.param, tmp_path_factory.mktemp(request.param))


def random_ids(seed, length):
    generator = torch.Generator().manual_seed(1000 + seed)
    return torch.randint(3, VOCAB, (length,), generator=generator).tolist()


def source_ids(seed, length):
    return random_ids(seed, length - 1) + [EOS]


@torch.no_grad()
def oracle_logits(model, source, target):
    """After each token of `target`, which begins with START."""
    return model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([target]),
                 use_cache=False).logits[0].float()  # fmt: skip


def oracle_logprobs(model, source, answer):
    logits = oracle_logits(model, source, [START] + answer[:-1])
    return torch.log_softmax(logits.double(), -1)[range(len(answer)), answer].tolist()


def oracle_greedy(model, source, count):
    """Greedy tokens, their log-probabilities, and how far each led the runner-up at least."""
    ids, logprobs, lead = [], [], float("inf")
    while len(ids) < count and (not ids or ids[-1] != EOS):
        last = torch.log_softmax(oracle_logits(model, source, [START] + ids)[-1].double(), -1)
        best = torch.topk(last, 2)
        lead = min(lead, (best.values[0] - best.values[1]).item())
        ids.append(best.indices[0].item())
        logprobs.append(best.values[0].item())
    return ids, logprobs, lead


def our_logits(relata, folder, pairs, *options):
    requests = [{"source_ids": source, "ids": target} for source, target in pairs]
    found = relata.answers("model", "logits", folder, *options, requests=requests)
    return [answer["logits"] for answer in found]


PAIRS = [
    (source_ids(1, 1), [START]), (source_ids(2, 2), [START, 5]), (source_ids(3, 30), [START]),
    (source_ids(4, 9), [START] + random_ids(5, 33)), (source_ids(6, 150), [START] + random_ids(7, 12)),
]  # fmt: skip


@pytest.mark.parametrize("kernels", [None, "reference"])
def test_logits(relata, checkpoint, kernels, monkeypatch):
    if kernels:
        monkeypatch.setenv("RELATA_KERNELS", kernels)
    for (source, target), logits in zip(PAIRS, our_logits(relata, checkpoint.folder, PAIRS), strict=True):
        assert_close(logits, oracle_logits(checkpoint.model, source, target))


def test_bfloat16_is_as_exact_as_theirs(relata, checkpoint, tmp_path):
    """Errors of logits from float32 on the same bits of the weights, root mean squares."""
    half = copy.deepcopy(checkpoint.model).to(torch.bfloat16)
    half.save_pretrained(tmp_path)
    exact = type(half).from_pretrained(tmp_path, dtype=torch.float32).eval()
    ours = our_logits(relata, tmp_path, PAIRS, "--dtype", "bfloat16")
    errors = torch.zeros(2, dtype=torch.double)
    for (source, target), found in zip(PAIRS, ours, strict=True):
        wanted = oracle_logits(exact, source, target)
        for i, logits in enumerate((torch.tensor(found), oracle_logits(half, source, target))):
            errors[i] += (logits - wanted).double().square().sum()
    ours_off, theirs_off = errors.sqrt().tolist()
    assert 0 < ours_off <= 1.1 * theirs_off, (ours_off, theirs_off)


def test_the_cases_test_what_they_are_for():
    """Distances, the head's own matrix and its scale change the logits."""
    model = random_case("t5_v1_0")
    source, target = PAIRS[-1][0], PAIRS[-2][1]
    before = oracle_logits(model, source, target)
    for stack in (model.encoder, model.decoder):
        with torch.no_grad():  # of the farthest distances
            stack.block[0].layer[0].SelfAttention.relative_attention_bias.weight[-1] += 1
        after = oracle_logits(model, source, target)
        assert (after - before).abs().max() > 100 * TOLERANCE
        before = after
    model.config.scale_decoder_outputs = False
    assert (oracle_logits(model, source, target) - before).abs().max() > 1
    untied = random_case("t5_v1_1")
    assert not torch.equal(untied.lm_head.weight, untied.shared.weight)


@pytest.mark.parametrize("kernels", [None, "reference"])
def test_scores_that_share_a_source(relata, checkpoint, kernels, monkeypatch):
    if kernels:
        monkeypatch.setenv("RELATA_KERNELS", kernels)
    source, fork = source_ids(7, 20), random_ids(8, 11)
    answers = [fork, fork[:4] + random_ids(9, 9), fork[:3] + [EOS], random_ids(10, 12), [EOS]]
    requests = [
        {"prompt_ids": source, "continuation_ids": answers},
        {"prompt_ids": source[:17] + [EOS], "continuation_ids": answers},
        {"prompt_ids": source, "continuation_ids": [random_ids(12, 9)]},
        {"prompt_ids": source[:3], "continuation_ids": answers[:2]},
    ]
    found = relata.answers("score", "-m", checkpoint.folder, "--per-token", requests=requests)
    for request, answer in zip(requests, found, strict=True):
        for tokens, wanted in zip(answer["token_logprobs"], request["continuation_ids"], strict=True):
            assert_close(tokens, oracle_logprobs(checkpoint.model, request["prompt_ids"], wanted))


@pytest.mark.parametrize("kernels", [None, "reference"])
def test_greedy_generation(relata, checkpoint, kernels, monkeypatch):
    """Many at once, some of one source; past the farthest distance of the decoder's own."""
    if kernels:
        monkeypatch.setenv("RELATA_KERNELS", kernels)
    sources = [source_ids(100 + length, length) for length in (1, 3, 12, 30, 12, 60)]
    sources += [sources[2], sources[2][:5] + [EOS]]
    requests, wanted = [], []
    for source in sources:
        ids, logprobs, lead = oracle_greedy(checkpoint.model, source, 24)
        # An answer that rounding could decide tests nothing here.
        if lead > 10 * TOLERANCE:
            requests.append({"prompt_ids": source, "max_new_tokens": 24})
            wanted.append((ids, logprobs))
    assert len(requests) >= 3
    found = relata.answers("generate", "-m", checkpoint.folder, requests=requests)
    for answer, (ids, logprobs) in zip(found, wanted, strict=True):
        ended = ids[-1] == EOS
        assert answer["ids"] == (ids[:-1] if ended else ids)
        assert answer["finish"] == ("eos" if ended else "length")
        if answer["ids"]:
            assert_close(answer["logprobs"], logprobs[:-1] if ended else logprobs)


def test_generation_is_that_of_transformers(relata, checkpoint):
    source = source_ids(31, 25)
    if oracle_greedy(checkpoint.model, source, 10)[2] < 10 * TOLERANCE:
        pytest.skip("rounding could decide this answer")
    ids = checkpoint.model.generate(
        torch.tensor([source]), max_new_tokens=10, do_sample=False, num_beams=1,
        decoder_start_token_id=START,
    )[0].tolist()  # fmt: skip
    request = {"prompt_ids": source, "max_new_tokens": 10}
    (answer,) = relata.answers("generate", "-m", checkpoint.folder, requests=[request])
    assert answer["ids"] == [token for token in ids[1:] if token != EOS]


# ---- gradients -----------------------------------------------------------------------------------


def rows_of(kind):
    """Rows apart, or rows some of which have one source and targets that begin alike."""
    if kind == "apart":
        texts = [(source_ids(40 + n, n), random_ids(50 + n, m)) for n, m in ((5, 3), (17, 6), (60, 25))]
    else:
        source, begin = source_ids(60, 18), random_ids(61, 19)
        texts = [(source, begin + random_ids(62, 3)), (source, begin + random_ids(63, 5)),
                 (source[:-3] + [EOS], begin), (source, random_ids(64, 2)), (source, random_ids(64, 2))]
    rows = [
        {"source_ids": source, "ids": [START] + answer + [EOS], "labels": [-100] + answer + [EOS]}
        for source, answer in texts
    ]
    rows[0]["labels"][1] = -100
    return rows


def peer_gradients(model, rows, dtype=torch.float64):
    """Of the mean loss over all labels of all rows, in float64: the peer's own rounding, which differs by
    processor, is not relata's error."""
    model = copy.deepcopy(model).to(dtype)
    model.zero_grad()
    count = sum(label != -100 for row in rows for label in row["labels"])
    for row in rows:
        logits = model(input_ids=torch.tensor([row["source_ids"]]), use_cache=False,
                       decoder_input_ids=torch.tensor([row["ids"]])).logits[0]  # fmt: skip
        labels = torch.tensor(row["labels"][1:])
        (torch.nn.functional.cross_entropy(logits[:-1], labels, reduction="sum") / count).backward()
    return {name: p.grad for name, p in model.named_parameters()}


def trained_order(config, parameters):
    """The names behind each tensor that relata trains, in its order; fused ones are lists."""
    attention = [["SelfAttention.q", "SelfAttention.k", "SelfAttention.v"], ["SelfAttention.o"]]
    blocks = [(f"encoder.block.{i}.", 1) for i in range(config.num_layers)]
    blocks += [(f"decoder.block.{i}.", 2) for i in range(config.num_decoder_layers)]
    order = [["shared"]]
    for prefix, last in blocks:
        order += [[f"{prefix}layer.{layer}.layer_norm"] for layer in range(last + 1)]
    for prefix, last in blocks:
        order += [[f"{prefix}layer.0.{name}" for name in names] for names in attention]
        if last == 2:
            source = f"{prefix}layer.1.EncDecAttention."
            order += [[source + "q"], [source + "k", source + "v"], [source + "o"]]
        inner = f"{prefix}layer.{last}.DenseReluDense."
        order += [[inner + "wi_0", inner + "wi_1"] if config.is_gated_act else [inner + "wi"], [inner + "wo"]]
    order += [["decoder.final_layer_norm"], ["encoder.final_layer_norm"]]
    order += [[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias"]
              for stack in ("decoder", "encoder")]  # fmt: skip
    if "lm_head.weight" in parameters:
        order.append(["lm_head"])
    return [[name + ".weight" for name in names] for names in order]


@pytest.mark.parametrize("options", [{}, {"gradient_checkpointing": True}], ids=["plain", "checkpointed"])
@pytest.mark.parametrize("kind", ["apart", "shared"])
def test_every_gradient(relata, checkpoint, tmp_path, kind, options):
    (tmp_path / "base").symlink_to(checkpoint.folder, target_is_directory=True)
    rows = rows_of(kind)
    wanted = peer_gradients(checkpoint.model, rows)
    state = our_moments(relata, tmp_path, rows, 8, **options)
    order = trained_order(checkpoint.model.config, wanted)
    assert sum(name.startswith("first.") for name in state) == len(order)
    for i, names in enumerate(order):
        gradient = torch.cat([wanted.pop(name) for name in names])
        found = state[f"first.{i}"] / 0.1
        assert found.shape == gradient.shape, names
        apart = ((found - gradient).norm() / gradient.norm()).item()
        assert apart <= RELATIVE, f"{names}: relative difference {apart:.2e}"
    assert not wanted, f"not trained by relata: {list(wanted)}"


# ---- adapters ------------------------------------------------------------------------------------

ADAPTERS = {
    "usual": {"r": 4, "lora_alpha": 8},
    "attention": {"r": 4, "lora_alpha": 32, "target_modules": ["q", "k", "v", "o"]},
    "all_linear": {"r": 2, "lora_alpha": 3, "target_modules": "all-linear", "use_rslora": True},
    "expression": {"r": 3, "target_modules": r".*decoder\.block\.1\.layer\.1\.EncDecAttention\.[kv]"},
}


@pytest.fixture(scope="module", params=ADAPTERS, ids=str)
def adapted(request, tmp_path_factory):
    """The base's folder, the adapter's and the oracle."""
    folder = tmp_path_factory.mktemp(request.param)
    base = random_case("t5_v1_1")
    base.save_pretrained(folder / "base")
    model = peft.get_peft_model(
        base, peft.LoraConfig(task_type="SEQ_2_SEQ_LM", **ADAPTERS[request.param])
    )
    generator = torch.Generator().manual_seed(500)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:  # small: scores are not scaled, and large ones magnify rounding
                parameter.copy_(0.07 * torch.randn(parameter.shape, generator=generator))
    model.eval().save_pretrained(folder / "adapter")
    return folder / "base", folder / "adapter", model


def test_adapted_logits(relata, adapted):
    base, adapter, model = adapted
    plain = our_logits(relata, base, PAIRS)
    found = our_logits(relata, base, PAIRS, "--adapter", adapter)
    for (source, target), before, logits in zip(PAIRS, plain, found, strict=True):
        assert_close(logits, oracle_logits(model, source, target))
        assert (torch.tensor(logits) - torch.tensor(before)).abs().max() > 100 * TOLERANCE


def test_adapted_scores_and_generation(relata, adapted):
    base, adapter, model = adapted
    source, answers = source_ids(70, 8), [random_ids(71, 1), random_ids(72, 5)]
    request = {"prompt_ids": source, "continuation_ids": answers}
    (answer,) = relata.answers(
        "score", "-m", base, "--adapter", adapter, "--per-token", requests=[request]
    )
    for tokens, wanted in zip(answer["token_logprobs"], answers, strict=True):
        assert_close(tokens, oracle_logprobs(model, source, wanted))
    ids, logprobs, lead = oracle_greedy(model, source, 8)
    if lead > 10 * TOLERANCE:
        request = {"prompt_ids": source, "max_new_tokens": 8}
        (answer,) = relata.answers("generate", "-m", base, "--adapter", adapter, requests=[request])
        assert answer["ids"] == [token for token in ids if token != EOS]
        assert_close(answer["logprobs"], logprobs[: len(answer["ids"])])


@pytest.mark.parametrize("options", [{}, {"gradient_checkpointing": True}], ids=["plain", "checkpointed"])
@pytest.mark.parametrize("kind", ["apart", "shared"])
def test_every_adapter_gradient(relata, adapted, tmp_path, kind, options):
    base, adapter, model = adapted
    rows = rows_of(kind)
    (tmp_path / "base").symlink_to(base, target_is_directory=True)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    wanted = {name: g for name, g in peer_gradients(model, rows).items() if "lora_" in name}
    # Keys' gradients are differences of nearly equal sums. Where float32 costs the peer a third of what is
    # allowed (3.3e-5 on Zen 4), other orders of the same sums cost a few times that (1.1e-4 here).
    single = peer_gradients(model, rows, torch.float32)
    within = {name: max(RELATIVE * g.norm(), 4 * (single[name] - g).norm()) for name, g in wanted.items()}
    state = our_moments(relata, tmp_path, rows, 8, finetuning_type="lora",
                        adapter_name_or_path=str(adapter), **options)  # fmt: skip
    ours = [value / 0.1 for name, value in state.items() if name.startswith("first.")]
    assert len(ours) == len(wanted)
    for found in ours:
        fits = [name for name, gradient in wanted.items() if gradient.shape == found.shape
                and (found - gradient).norm() <= within[name]]  # fmt: skip
        assert len(fits) == 1, f"{tuple(found.shape)}: {fits}; left {list(wanted)}"
        del wanted[fits[0]]


def test_peft_loads_what_is_trained(relata, tmp_path):
    base = random_case("t5_v1_1")
    base.save_pretrained(tmp_path / "base")
    train(relata, tmp_path)
    folder = tmp_path / "out/adapters/pair"
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["task_type"] == "SEQ_2_SEQ_LM"
    assert config["target_modules"] == ["q", "v"]
    model = peft.PeftModel.from_pretrained(base, folder).eval()
    found = our_logits(relata, tmp_path / "base", PAIRS, "--adapter", folder)
    for (source, target), logits in zip(PAIRS, found, strict=True):
        assert_close(logits, oracle_logits(model, source, target))
    with model.disable_adapter():
        changed = oracle_logits(model, *PAIRS[-1]) - torch.tensor(found[-1])
    assert changed.abs().max() > 100 * TOLERANCE


def train(relata, tmp_path, **options):
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows_of("apart")))
    config = {
        "model_name_or_path": str(tmp_path / "base"), "dataset": str(data), "dataset_format": "ids",
        "output_dir": str(tmp_path / "out"), "finetuning_type": "lora", "lora_rank": 3, "bf16": False,
        "learning_rate": 0.02, "max_steps": 3,
    } | options  # fmt: skip
    (tmp_path / "train.yaml").write_text(json.dumps(config))  # JSON is YAML
    done = relata.run("train", tmp_path / "train.yaml")
    assert done.returncode == 0, done.stderr


# ---- written again -------------------------------------------------------------------------------


def loaded(folder):
    return transformers.AutoModelForSeq2SeqLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def test_transformers_loads_what_is_exported(relata, checkpoint, tmp_path):
    done = relata.run("model", "export", checkpoint.folder, tmp_path / "out", "--to", "hf")
    assert done.returncode == 0, done.stderr
    before = safetensors_torch.load_file(str(checkpoint.folder / "model.safetensors"))
    after = safetensors_torch.load_file(str(tmp_path / "out" / "model.safetensors"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    written = loaded(tmp_path / "out")
    for (source, target), logits in zip(PAIRS, our_logits(relata, tmp_path / "out", PAIRS), strict=True):
        wanted = oracle_logits(checkpoint.model, source, target)
        assert_close(logits, wanted)
        assert_close(oracle_logits(written, source, target), wanted)


def test_transformers_loads_what_is_trained(relata, checkpoint, tmp_path):
    (tmp_path / "base").symlink_to(checkpoint.folder, target_is_directory=True)
    train(relata, tmp_path, finetuning_type="full", learning_rate=1e-3)
    written = loaded(tmp_path / "out/model")
    source, target = PAIRS[-1]
    (logits,) = our_logits(relata, tmp_path / "out/model", [(source, target)])
    assert_close(logits, oracle_logits(written, source, target))
    changed = oracle_logits(checkpoint.model, source, target) - torch.tensor(logits)
    assert changed.abs().max() > 100 * TOLERANCE


def test_a_merged_adapter_is_that_of_peft(relata, adapted, tmp_path):
    base, adapter, model = adapted
    done = relata.run("model", "merge", base, tmp_path / "out", "--adapter", adapter)
    assert done.returncode == 0, done.stderr
    source, target = PAIRS[-1]
    assert_close(oracle_logits(loaded(tmp_path / "out"), source, target), oracle_logits(model, source, target))


def test_old_files(relata, tmp_path):
    """Copies of the embeddings, a score of distances that no version reads, a tied head's copy."""
    model = random_case("t5_v1_0")
    model.save_pretrained(tmp_path)
    path = str(tmp_path / "model.safetensors")
    tensors = safetensors_torch.load_file(path)
    for name in ("encoder.embed_tokens", "decoder.embed_tokens", "lm_head"):
        tensors[name + ".weight"] = tensors["shared.weight"].clone()
    tensors["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = torch.ones(8, 4)
    safetensors_torch.save_file(tensors, path, {"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    for key in ("scale_decoder_outputs", "tie_word_embeddings", "num_decoder_layers"):
        config.pop(key, None)
    config["num_decoder_layers"] = 2
    config["n_positions"] = 512
    (tmp_path / "config.json").write_text(json.dumps(config))
    for (source, target), logits in zip(PAIRS, our_logits(relata, tmp_path, PAIRS), strict=True):
        assert_close(logits, oracle_logits(model, source, target))


@pytest.mark.parametrize("stacks", [("encoder",), ("decoder",), ("encoder", "decoder")])
def test_embeddings_under_the_name_of_a_stack(relata, tmp_path, stacks):
    model = random_case("t5_v1_1")
    model.save_pretrained(tmp_path)
    path = str(tmp_path / "model.safetensors")
    tensors = safetensors_torch.load_file(path)
    shared = tensors.pop("shared.weight")
    tensors |= {stack + ".embed_tokens.weight": shared.clone() for stack in stacks}
    safetensors_torch.save_file(tensors, path, {"format": "pt"})
    source, target = PAIRS[-1]
    (logits,) = our_logits(relata, tmp_path, PAIRS[-1:])
    assert_close(logits, oracle_logits(model, source, target))


# ---- what is refused -----------------------------------------------------------------------------


def refused(relata, *arguments, code=3, requests=({"source_ids": [1], "ids": [0]},)):
    done = relata.run(*arguments, requests=requests)
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.mark.parametrize(("name", "change", "message"), [
    ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", None, "is missing"),
    ("decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", None, "is missing"),
    ("decoder.block.1.layer.1.EncDecAttention.k.weight", None, "is missing"),
    ("decoder.block.1.layer.1.EncDecAttention.k.weight", (36, 40), "has shape [36, 40]"),
    ("encoder.block.2.layer.1.DenseReluDense.wi_0.weight", (51, 36), "has shape [51, 36]"),
    ("encoder.embed_tokens.weight", (VOCAB, 36), "differs from shared.weight"),
    ("decoder.block.2.layer.0.layer_norm.weight", (36,), "is not part of this architecture"),
])  # fmt: skip
def test_weights_that_do_not_fit(relata, tmp_path, name, change, message):
    random_case("t5_v1_1").save_pretrained(tmp_path)
    path = str(tmp_path / "model.safetensors")
    tensors = safetensors_torch.load_file(path)
    tensors.pop(name, None)
    if change:
        tensors[name] = torch.ones(change)
    safetensors_torch.save_file(tensors, path, {"format": "pt"})
    error = refused(relata, "model", "logits", tmp_path)
    assert f"tensor {name} {message}" in error


@pytest.mark.parametrize(("key", "value", "message"), [
    ("feed_forward_proj", "gated-mish", "one of relu, gated-gelu"),
    ("d_kv", 11, "an even number"),
    ("num_heads", None, '"num_heads" is missing'),
    ("relative_attention_num_buckets", 2, "from 4 to"),
    ("relative_attention_max_distance", 4, "above half of"),
    ("decoder_start_token_id", VOCAB, 'below "vocab_size"'),
    ("is_encoder_decoder", False, '"is_encoder_decoder" must be true'),
])  # fmt: skip
def test_configurations_that_are_refused(relata, tmp_path, key, value, message):
    random_case("t5_v1_1").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config[key] = value
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert message in refused(relata, "model", "logits", tmp_path)


def test_verbs_that_do_not_fit(relata, tmp_path):
    random_case("t5_v1_1").save_pretrained(tmp_path / "base")
    base = tmp_path / "base"
    text = [{"text": "a"}]
    assert 'cannot make vectors' in refused(relata, "encode", "-m", base, code=2, requests=text)
    error = refused(relata, "model", "export", base, tmp_path / "x.gguf", "--to", "gguf", code=2)
    assert 'model type "t5" has no GGUF form' in error
    assert '"source_ids"' in refused(relata, "model", "logits", base, requests=[{"ids": [0]}])
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps({"ids": [3, 4, 5], "labels": [-100, 4, 5]}) + "\n")
    config = {"model_name_or_path": str(base), "dataset": str(data), "dataset_format": "ids",
              "output_dir": str(tmp_path / "out"), "max_steps": 1, "bf16": False}  # fmt: skip
    (tmp_path / "train.yaml").write_text(json.dumps(config))
    assert "needs rows of a source and a target" in refused(relata, "train", tmp_path / "train.yaml")


def test_activated_adapters_are_refused(relata, tmp_path):
    base = random_case("t5_v1_1")
    base.save_pretrained(tmp_path / "base")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": ["q"],
              "alora_invocation_tokens": [5, 6]}  # fmt: skip
    model = peft.get_peft_model(base, peft.LoraConfig(r=2, target_modules=["q"]))
    model.save_pretrained(tmp_path / "adapter")
    (tmp_path / "adapter/adapter_config.json").write_text(json.dumps(config))
    error = refused(relata, "model", "logits", tmp_path / "base", "--adapter", tmp_path / "adapter", code=2)
    assert "activated LoRA" in error
