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
)

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
        ("rank_pattern", {"rank_pattern": {"q_proj": 2}}),
        ("modules_to_save", {"modules_to_save": ["lm_head"]}),
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
