"""Random tiny Llama checkpoints: logits, scores and greedy answers equal those of Transformers."""

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

THETA = {"rope_theta": 10000.0}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16} | THETA

# Name: what differs from conftest.random_model, and how the checkpoint is stored.
CASES = {
    "grouped": ({}, {}),
    "multi_head": ({"num_key_value_heads": 3}, {}),
    "grouped_pairs": (
        {"hidden_size": 40, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 10},
        {},
    ),
    "wide_heads": ({"head_dim": 20}, {}),
    "one_layer": ({"num_hidden_layers": 1, "intermediate_size": 7}, {}),
    "tied": ({"tie_word_embeddings": True}, {}),
    "biases": ({"attention_bias": True, "mlp_bias": True}, {}),
    "linear": ({"rope_parameters": {"rope_type": "linear", "factor": 3.0} | THETA}, {}),
    "dynamic": ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0} | THETA}, {}),
    "llama3": ({"rope_parameters": LLAMA3}, {}),
    "yarn": ({"rope_parameters": YARN}, {}),
    "yarn_all": (
        {
            "rope_parameters": YARN
            | {"beta_fast": 8.0, "beta_slow": 0.5, "truncate": False, "attention_factor": 1.3}
        },
        {},
    ),
    "yarn_mscale": ({"rope_parameters": YARN | {"mscale": 0.7, "mscale_all_dim": 1.1}}, {}),
    "sharded": ({}, {"max_shard_size": "20KB"}),
    "bfloat16": ({}, {"dtype": torch.bfloat16}),
    "float16": ({}, {"dtype": torch.float16}),
}


class Checkpoint:
    def __init__(self, folder, seed, changes, storage):
        self.folder = folder
        self.options = []
        storage = dict(storage)
        dtype = storage.pop("dtype", None)
        model = random_model(seed, **changes)
        if dtype is not None:
            model = model.to(dtype)
            self.options = ["--dtype", "float32"]
        model.save_pretrained(folder, **storage)
        # The oracle computes with what was stored, in float32.
        self.model = transformers.LlamaForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()


@pytest.fixture(scope="module", params=CASES, ids=str)
def checkpoint(request, tmp_path_factory):
    name = request.param
    changes, storage = CASES[name]
    seed = list(CASES).index(name)
    return Checkpoint(tmp_path_factory.mktemp(name), seed, changes, storage)


def test_storage_is_what_the_case_says(tmp_path):
    sharded = Checkpoint(tmp_path / "s", 0, *CASES["sharded"])
    assert (sharded.folder / "model.safetensors.index.json").exists()
    assert len(list(sharded.folder.glob("model-*.safetensors"))) > 1
    single = Checkpoint(tmp_path / "b", 0, *CASES["bfloat16"])
    assert transformers.AutoConfig.from_pretrained(single.folder).dtype == torch.bfloat16


def test_logits(relata, checkpoint):
    longest = checkpoint.model.config.max_position_embeddings
    sequences = [random_ids(length, length) for length in (1, 2, 9, 33, longest)]
    found = relata.logits(checkpoint.folder, sequences, *checkpoint.options)
    for ids, logits in zip(sequences, found, strict=True):
        assert_close(logits, oracle_logits(checkpoint.model, ids))


def test_dynamic_logits_beyond_the_trained_length(relata, tmp_path):
    model = Checkpoint(tmp_path, 1, *CASES["dynamic"])
    sequences = [random_ids(length, length) for length in (64, 65, 100)]
    for ids, logits in zip(sequences, relata.logits(tmp_path, sequences), strict=True):
        assert_close(logits, oracle_logits(model.model, ids))


def test_dynamic_answers_beyond_the_trained_length(relata, tmp_path):
    model = Checkpoint(tmp_path, 1, *CASES["dynamic"]).model
    prompt, continuation = random_ids(5, 60), random_ids(2, 30)
    request = {"prompt_ids": prompt, "continuation_ids": [continuation]}
    (answer,) = relata.answers("score", "-m", tmp_path, "--per-token", requests=[request])
    # The last token is predicted, not computed with: 89 tokens give the frequencies.
    logits = oracle_logits(model, prompt + continuation[:-1])[len(prompt) - 1 :]
    logprobs = torch.log_softmax(logits.double(), dim=-1)
    assert_close(answer["token_logprobs"][0], logprobs[range(30), continuation])

    # As Transformers generates: what is cached keeps the frequencies that it was computed with.
    oracle_logits(model, prompt[:1])
    wanted = model.generate(
        torch.tensor([prompt]), max_new_tokens=20, do_sample=False, eos_token_id=None
    )[0, len(prompt) :].tolist()
    request = {"prompt_ids": prompt, "max_new_tokens": 20, "ignore_eos": True}
    (answer,) = relata.answers("generate", "-m", tmp_path, requests=[request])
    assert answer["ids"] == wanted

    request = {"prompt_ids": prompt, "max_new_tokens": 70}  # 129 positions of 64 times 2
    done = relata.run("generate", "-m", tmp_path, requests=[request])
    assert done.returncode == 3 and "the model takes 128" in done.stderr
    shown = relata.run("model", "show", tmp_path, "--json")
    assert json.loads(shown.stdout)["positions"] == 128


def test_scores(relata, checkpoint):
    requests = []
    for seed, prompt_length in enumerate((1, 5, 20)):
        requests.append(
            {
                "prompt_ids": random_ids(seed, prompt_length),
                "continuation_ids": [random_ids(10 * seed + n, n) for n in (1, 2, 7, 11)],
            }
        )
    # Continuations that begin alike, one a prefix of the other.
    shared = random_ids(77, 6)
    continuations = [shared, shared[:3], shared[:2] + [5]]
    requests.append({"prompt_ids": random_ids(78, 4), "continuation_ids": continuations})
    found = relata.answers(
        "score", "-m", checkpoint.folder, "--per-token", *checkpoint.options, requests=requests
    )
    for request, answer in zip(requests, found, strict=True):
        wanted = [
            oracle_logprobs(checkpoint.model, request["prompt_ids"], continuation)
            for continuation in request["continuation_ids"]
        ]
        assert len(answer["token_logprobs"]) == len(wanted)
        for tokens, wanted_tokens in zip(answer["token_logprobs"], wanted, strict=True):
            assert_close(tokens, wanted_tokens)
        assert_close(answer["logprobs"], [sum(tokens) for tokens in wanted])


def test_greedy_generation(relata, checkpoint):
    requests, wanted = [], []
    for seed, length in enumerate((1, 3, 12, 30, 4, 25, 2, 17)):
        prompt = random_ids(100 + seed, length)
        ids, logprobs, lead = oracle_greedy(checkpoint.model, prompt, 8)
        # An answer that rounding could decide, or that ends early, tests nothing here.
        if lead > 10 * TOLERANCE and EOS not in ids:
            requests.append({"prompt_ids": prompt, "max_new_tokens": 8})
            wanted.append((ids, logprobs))
    assert len(requests) >= 3
    found = relata.answers(
        "generate", "-m", checkpoint.folder, *checkpoint.options, requests=requests
    )
    for answer, (ids, logprobs) in zip(found, wanted, strict=True):
        assert answer["ids"] == ids
        assert_close(answer["logprobs"], logprobs)


@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
def test_generation_stops_at_an_end_token(relata, tmp_path, file):
    model = random_model(3)
    # The first prompt whose answer has different tokens: the one at `stop` has not come before.
    for seed in range(100):
        prompt = random_ids(seed, 6)
        ids, _, lead = oracle_greedy(model, prompt, 8)
        stop = next((i for i in range(2, 8) if ids[i] not in ids[:i]), None)
        if stop and lead > 10 * TOLERANCE:
            break
    if file == "config.json":
        model.config.eos_token_id = [EOS, ids[stop]]
    model.generation_config.eos_token_id = [EOS, ids[stop]]
    model.save_pretrained(tmp_path)
    if file == "config.json":
        (tmp_path / "generation_config.json").unlink()
    request = {"prompt_ids": prompt, "max_new_tokens": 8}
    (answer,) = relata.answers("generate", "-m", tmp_path, requests=[request])
    assert answer["ids"] == ids[:stop]
    assert answer["finish"] == "eos"


def test_refuses_a_pickled_checkpoint(relata, tmp_path):
    model = random_model(4)
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    done = relata.run("model", "logits", tmp_path, requests=[{"ids": [1]}])
    assert done.returncode == 3
    assert "pytorch_model.bin" in done.stderr and "save_pretrained" in done.stderr


def test_refuses_a_truncated_checkpoint(relata, tmp_path):
    random_model(5).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    done = relata.run("model", "logits", tmp_path, requests=[{"ids": [1]}])
    assert done.returncode == 3
    assert "model.safetensors" in done.stderr


def test_continuations_that_part_at_different_depths_do_not_see_each_other(relata, tmp_path):
    model = random_model(77)
    model.save_pretrained(tmp_path)
    prompt = random_ids(77, 6)
    continuations = [[5, 6, 7], [5, 7], [5, 7, 8], [5]]
    request = {"prompt_ids": prompt, "continuation_ids": continuations}
    answer = relata.answers("score", "-m", tmp_path, "--per-token", requests=[request])[0]
    for found, continuation in zip(answer["token_logprobs"], continuations):
        wanted = oracle_logprobs(model, prompt, continuation)
        assert max(abs(a - b) for a, b in zip(found, wanted)) <= TOLERANCE
