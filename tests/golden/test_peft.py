"""Adapters written by PEFT give the same logits, scores and answers in relata."""

import json

import pytest

from oracle import (
    EOS,
    TOLERANCE,
    assert_close,
    oracle_greedy,
    oracle_logits,
    oracle_logprobs,
    random_ids,
    random_model,
    torch,
    transformers,
)
from test_gradients import RELATIVE, our_moments, rows_of

peft = pytest.importorskip("peft", reason="the oracle needs peft")

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

CASES = {
    "query_value": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]},
    "attention": {"r": 3, "lora_alpha": 5, "target_modules": ALL[:4]},
    "mlp": {"r": 1, "lora_alpha": 2, "target_modules": ALL[4:]},
    "everything": {"r": 8, "lora_alpha": 16, "target_modules": ALL},
    "all_linear": {"r": 2, "lora_alpha": 3, "target_modules": "all-linear"},
    "rslora": {"r": 9, "lora_alpha": 6, "target_modules": ALL, "use_rslora": True},
    "dropout": {"r": 4, "lora_alpha": 4, "target_modules": ["down_proj"], "lora_dropout": 0.5},
    "expression": {
        "r": 4,
        "lora_alpha": 8,
        "target_modules": r"model\.layers\.(0\.self_attn\.[qk]|1\.mlp\.(up|down))_proj",
    },
    "patterns": {
        "r": 4,
        "lora_alpha": 8,
        "target_modules": ALL,
        # The first that matches counts.
        "rank_pattern": {r"layers\.1\.self_attn\.q_proj": 2, "q_proj": 6, "mlp\\.[gd].*": 3},
        "alpha_pattern": {"k_proj": 5, r"self_attn\.[kv]_proj": 3},
        "use_rslora": True,
    },
}


def add_adapter(model, seed, **options):
    """`model` with a LoRA adapter whose two factors are both random."""
    adapted = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **options))
    generator = torch.Generator().manual_seed(500 + seed)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return adapted.eval()


@pytest.fixture(scope="module", params=CASES, ids=str)
def adapted(request, tmp_path_factory):
    """The base's folder, the adapter's folder and the oracle."""
    folder = tmp_path_factory.mktemp(request.param)
    seed = list(CASES).index(request.param)
    base = random_model(50 + seed, attention_bias=seed % 2 == 1)
    base.save_pretrained(folder / "base")
    model = add_adapter(base, seed, **CASES[request.param])
    model.save_pretrained(folder / "adapter")
    return folder / "base", folder / "adapter", model


def test_logits(relata, adapted):
    base, adapter, model = adapted
    sequences = [random_ids(length, length) for length in (1, 2, 9, 33)]
    plain = relata.logits(base, sequences)
    found = relata.logits(base, sequences, "--adapter", adapter)
    for ids, before, logits in zip(sequences, plain, found, strict=True):
        assert_close(logits, oracle_logits(model, ids))
        with model.disable_adapter():
            assert_close(before, oracle_logits(model, ids))
        changed = torch.tensor(logits) - torch.tensor(before)
        assert changed.abs().max() > 100 * TOLERANCE


def test_scores_and_generation(relata, adapted):
    base, adapter, model = adapted
    prompt = random_ids(7, 8)
    continuations = [random_ids(8, 1), random_ids(9, 5)]
    request = {"prompt_ids": prompt, "continuation_ids": continuations}
    (answer,) = relata.answers(
        "score", "-m", base, "--adapter", adapter, "--per-token", requests=[request]
    )
    for tokens, continuation in zip(answer["token_logprobs"], continuations, strict=True):
        assert_close(tokens, oracle_logprobs(model, prompt, continuation))

    ids, logprobs, lead = oracle_greedy(model, prompt, 8)
    if lead > 10 * TOLERANCE:
        request = {"prompt_ids": prompt, "max_new_tokens": 8}
        (answer,) = relata.answers(
            "generate", "-m", base, "--adapter", adapter, requests=[request]
        )
        length = ids.index(EOS) if EOS in ids else 8
        assert answer["ids"] == ids[:length]
        assert_close(answer["logprobs"], logprobs[:length])


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("use_dora", {"use_dora": True}),
        ("modules_to_save", {"modules_to_save": ["lm_head"]}),
        ("exclude_modules", {"exclude_modules": ["layers.0.self_attn.q_proj"]}),
        ("layers_to_transform", {"layers_to_transform": [1]}),
    ],
)
def test_refuses_what_it_cannot_compute(relata, tmp_path, key, options):
    base = random_model(60)
    base.save_pretrained(tmp_path / "base")
    model = add_adapter(base, 60, r=4, target_modules=["q_proj"], **options)
    model.save_pretrained(tmp_path / "adapter")
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())[key]
    done = relata.run(
        "model", "logits", tmp_path / "base", "--adapter", tmp_path / "adapter",
        requests=[{"ids": [1, 2]}],
    )
    assert done.returncode == 3
    assert key in done.stderr


def test_refuses_an_adapter_of_another_model(relata, tmp_path):
    random_model(61).save_pretrained(tmp_path / "base")
    other = random_model(61, hidden_size=24, head_dim=8)
    add_adapter(other, 61, r=4, target_modules=["q_proj"]).save_pretrained(tmp_path / "adapter")
    done = relata.run(
        "model", "logits", tmp_path / "base", "--adapter", tmp_path / "adapter",
        requests=[{"ids": [1, 2]}],
    )
    assert done.returncode == 3
    assert "q_proj" in done.stderr


# ---- activated LoRA ------------------------------------------------------------------------------

INVOCATION = [41, 42, 43]


@pytest.fixture(scope="module")
def activated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alora")
    base = random_model(70)
    base.save_pretrained(folder / "base")
    model = add_adapter(
        base, 70, r=4, lora_alpha=8, target_modules=ALL, alora_invocation_tokens=INVOCATION
    )
    model.save_pretrained(folder / "adapter")
    return folder / "base", folder / "adapter", model


def without_invocation(ids):
    return [44 if token in INVOCATION else token for token in ids]


def activated_prompts():
    plain = [without_invocation(random_ids(seed, 14)) for seed in range(4)]
    return {
        "none": plain[0],
        "first": INVOCATION + plain[1],
        "middle": plain[2][:8] + INVOCATION + plain[2][8:],
        "last": plain[3] + INVOCATION,
        "twice": plain[0][:3] + INVOCATION + plain[1][:5] + INVOCATION + plain[2][:4],
        "beginnings": plain[0][:4] + [41, 42, 44, 41, 41, 42, 43, 41, 42],
    }


def test_activated_logits(relata, activated):
    base, adapter, model = activated
    prompts = activated_prompts()
    plain = relata.logits(base, prompts.values())
    found = relata.logits(base, prompts.values(), "--adapter", adapter)
    for (name, ids), before, logits in zip(prompts.items(), plain, found, strict=True):
        assert_close(logits, oracle_logits(model, ids))
        changed = (torch.tensor(logits) - torch.tensor(before)).abs().amax(-1)
        last = max((i for i in range(len(ids)) if ids[i : i + 3] == INVOCATION), default=len(ids))
        assert changed[:last].max() <= TOLERANCE if last else True, name
        assert changed[last:].min() > 100 * TOLERANCE if last < len(ids) else True, name


def test_activated_scores_and_generation(relata, activated):
    """What precedes the invocation is shared between prompts, and stays the base's."""
    base, adapter, model = activated
    shared = without_invocation(random_ids(30, 18))
    prompts = [
        shared + INVOCATION + without_invocation(random_ids(31, 3)),
        shared + INVOCATION,
        shared + without_invocation(random_ids(32, 4)),  # never invoked
        shared[:9] + INVOCATION + shared[9:],
    ]
    continuations = [without_invocation(random_ids(33 + n, n)) for n in (1, 4, 6)]
    requests = [{"prompt_ids": p, "continuation_ids": continuations} for p in prompts]
    found = relata.answers(
        "score", "-m", base, "--adapter", adapter, "--per-token", requests=requests
    )
    for prompt, answer in zip(prompts, found, strict=True):
        for tokens, continuation in zip(answer["token_logprobs"], continuations, strict=True):
            assert_close(tokens, oracle_logprobs(model, prompt, continuation))

    requests, wanted = [], []
    for prompt in prompts:
        ids, logprobs, lead = oracle_greedy(model, prompt, 8)
        if lead > 10 * TOLERANCE and EOS not in ids:
            requests.append({"prompt_ids": prompt, "max_new_tokens": 8})
            wanted.append((ids, logprobs))
    assert len(requests) >= 2
    found = relata.answers("generate", "-m", base, "--adapter", adapter, requests=requests)
    for answer, (ids, logprobs) in zip(found, wanted, strict=True):
        assert answer["ids"] == ids
        assert_close(answer["logprobs"], logprobs)


def test_an_activated_adapter_cannot_be_merged(relata, activated, tmp_path):
    base, adapter, _ = activated
    done = relata.run("model", "merge", base, tmp_path / "out", "--adapter", adapter)
    assert done.returncode == 2
    assert "activated" in done.stderr


# ---- merging -------------------------------------------------------------------------------------


def test_merged_weights_are_those_of_peft(relata, adapted, tmp_path):
    base, adapter, model = adapted
    done = relata.run("model", "merge", base, tmp_path / "out", "--adapter", adapter)
    assert done.returncode == 0, done.stderr
    ids = random_ids(3, 30)
    (logits,) = relata.logits(tmp_path / "out", [ids])
    assert_close(logits, oracle_logits(model, ids))
    merged = transformers.LlamaForCausalLM.from_pretrained(
        tmp_path / "out", dtype=torch.float32, attn_implementation="eager"
    ).eval()
    assert_close(oracle_logits(merged, ids), oracle_logits(model, ids))


# ---- gradients -----------------------------------------------------------------------------------


def peer_moments(model, rows):
    model.zero_grad()
    count = sum(label != -100 for row in rows for label in row["labels"][1:])
    for row in rows:
        logits = model(torch.tensor([row["ids"]]), use_cache=False).logits[0]
        labels = torch.tensor(row["labels"][1:])
        loss = torch.nn.functional.cross_entropy(logits[:-1], labels, reduction="sum") / count
        loss.backward()
    return {
        name.removeprefix("base_model.model.").replace(".default.weight", ""): parameter.grad
        for name, parameter in model.named_parameters()
        if "lora_" in name
    }


@pytest.mark.parametrize("kind", ["apart", "shared"])
def test_every_adapter_gradient(relata, adapted, tmp_path, kind):
    base, adapter, model = adapted
    if (json.loads((adapter / "adapter_config.json").read_text()))["lora_dropout"] > 0:
        pytest.skip("dropout draws other noise in another program")
    rows = rows_of(kind)
    (tmp_path / "base").symlink_to(base, target_is_directory=True)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    wanted = peer_moments(model, rows)
    state = our_moments(
        relata, tmp_path, rows, 8, finetuning_type="lora", adapter_name_or_path=str(adapter)
    )
    compare_adapter_gradients(state, wanted)


def compare_adapter_gradients(state, wanted):
    """Without names in the state: every tensor of ours is one of theirs, of its shape, and all."""
    ours = [value / 0.1 for name, value in state.items() if name.startswith("first.")]
    assert len(ours) == len(wanted)
    left = dict(wanted)
    for found in ours:
        fits = [
            name
            for name, gradient in left.items()
            if gradient.shape == found.shape
            and (found - gradient).norm() <= RELATIVE * gradient.norm()
        ]
        assert len(fits) == 1, f"{tuple(found.shape)}: {fits}; left {list(left)}"
        del left[fits[0]]


def test_every_gradient_of_an_activated_adapter(relata, activated, tmp_path):
    """Rows with the invocation at the beginning, within, twice, and one without, which trains nothing."""
    base, adapter, model = activated
    rows = []
    for ids in activated_prompts().values():
        if len(ids) > 1:
            rows.append({"ids": ids, "labels": [-100] * 2 + ids[2:]})
    shared = without_invocation(random_ids(40, 20))
    for seed in (41, 42):  # what begins alike is computed once, and by the base alone
        ids = shared + INVOCATION + without_invocation(random_ids(seed, 6))
        rows.append({"ids": ids, "labels": [-100] * (len(ids) - 4) + ids[-4:]})
    (tmp_path / "base").symlink_to(base, target_is_directory=True)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    wanted = peer_moments(model, rows)
    state = our_moments(
        relata, tmp_path, rows, 8, finetuning_type="alora", adapter_name_or_path=str(adapter)
    )
    compare_adapter_gradients(state, wanted)
