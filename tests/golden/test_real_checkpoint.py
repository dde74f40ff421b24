"""SmolLM2 from its GGUF file beside Transformers on the same dequantised weights, in float32.

Part of ./dev test where the file is there (./dev models smollm2 fetches it); minutes of computing, so the
long ones only in --full.
"""

import json
import os
import pathlib

import pytest

from oracle import torch, transformers
from real_texts import CODE, ENGLISH, PROMPTS, fifty_sequences

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMOLLM2 = ROOT / "models" / "smollm2-135m-instruct.Q4_1.gguf"
TOLERANCE = 1e-3  # nats a token
GREEDY = 64

pytestmark = pytest.mark.skipif(
    not SMOLLM2.exists(), reason="no models/smollm2: ./dev models smollm2 fetches it"
)
full = pytest.mark.skipif(not os.environ.get("FULL_TESTS"), reason="part of ./dev test --full")


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """Transformers' reading of the file, which the gguf package dequantises, and its tokenizer."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        SMOLLM2.parent, gguf_file=SMOLLM2.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(SMOLLM2.parent, gguf_file=SMOLLM2.name)
    return model, tokenizer


def encode(tokenizer):
    return lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]


@torch.no_grad()
def wanted_logprobs(model, ids):
    """Log-probabilities of ids[1:], each after what precedes it."""
    logits = model(torch.tensor([ids]), use_cache=False).logits[0].double()
    return torch.log_softmax(logits, -1)[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def check_scores(relata, model, sequences):
    requests = [{"prompt_ids": ids[:1], "continuation_ids": [ids[1:]]} for ids in sequences]
    answers = relata.answers(
        "score", "-m", SMOLLM2, "--dtype", "float32", "--per-token", requests=requests
    )
    worst = 0.0
    for ids, answer in zip(sequences, answers, strict=True):
        found = torch.tensor(answer["token_logprobs"][0], dtype=torch.float64)
        apart = (found - wanted_logprobs(model, ids)).abs().max().item()
        assert apart <= TOLERANCE, f"{len(ids)} tokens: {apart:.2e} nats"
        worst = max(worst, apart)
    print(f"largest difference {worst:.2e} nats over {len(sequences)} texts")


def check_logits(relata, model, sequences):
    found = relata.logits(SMOLLM2, sequences, "--dtype", "float32")
    for ids, logits in zip(sequences, found, strict=True):
        with torch.no_grad():
            wanted = model(torch.tensor([ids]), use_cache=False).logits[0].double()
        ours, theirs = (torch.log_softmax(t, -1) for t in
                        (torch.tensor(logits, dtype=torch.float64), wanted))
        assert (ours - theirs).abs().max() <= TOLERANCE


def check_greedy(relata, peer, prompts, count):
    model, tokenizer = peer
    ids = [encode(tokenizer)(prompt) for prompt in prompts]
    requests = [{"prompt_ids": prompt, "max_new_tokens": count} for prompt in ids]
    answers = relata.answers("generate", "-m", SMOLLM2, "--dtype", "float32", requests=requests)
    for prompt, answer in zip(ids, answers, strict=True):
        with torch.no_grad():
            made = model.generate(
                input_ids=torch.tensor([prompt]), max_new_tokens=count, do_sample=False
            )
        wanted = made[0, len(prompt) :].tolist()
        found = answer["ids"]
        assert found == wanted[: len(found)]
        # What ends an answer is no part of ours.
        assert len(found) == count or wanted[len(found)] == tokenizer.eos_token_id


def test_a_few_texts(relata, peer):
    model, tokenizer = peer
    texts = [encode(tokenizer)(text)[:200] for text in (ENGLISH[0], CODE[1])]
    check_scores(relata, model, texts)
    check_logits(relata, model, [texts[0][:1], texts[1][:12]])


def test_a_few_greedy_answers(relata, peer):
    check_greedy(relata, peer, PROMPTS[:3], 16)


@full
def test_fifty_texts(relata, peer):
    model, tokenizer = peer
    sequences = fifty_sequences(encode(tokenizer))
    assert len(sequences) == 50 and {len(ids) for ids in sequences} >= {1, 2, 1500}
    check_scores(relata, model, [ids for ids in sequences if len(ids) > 1])
    check_logits(relata, model, [ids for ids in sequences if len(ids) <= 21])


@full
def test_twenty_greedy_answers(relata, peer):
    check_greedy(relata, peer, PROMPTS, GREEDY)


# ---- an adapter that relata trained on the file's blocks ---------------------------------------------


@pytest.fixture(scope="module")
def trained(relata, peer, tmp_path_factory):
    """A few steps on the blocks as they lie, and the base as Transformers and llama.cpp take it."""
    folder = tmp_path_factory.mktemp("trained")
    _, tokenizer = peer
    rows = []
    for text in ENGLISH:
        ids = encode(tokenizer)(text)
        rows.append({"ids": ids, "labels": [-100] * 8 + ids[8:]})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "model_name_or_path": str(SMOLLM2), "dataset": str(folder / "rows.jsonl"),
        "dataset_format": "ids", "output_dir": str(folder / "run"), "finetuning_type": "lora",
        "lora_rank": 8, "lora_target": "all", "learning_rate": 2e-3, "max_steps": 6,
        "per_device_train_batch_size": 4, "lr_scheduler_type": "constant",
    }
    (folder / "train.yaml").write_text(json.dumps(config))
    done = relata.run("train", folder / "train.yaml")
    assert done.returncode == 0, done.stderr
    adapter = folder / "run" / "adapters" / "pair"
    for arguments in (["hf", "--to", "hf", "--dtype", "f32"],
                      ["base.gguf", "--to", "gguf", "--dtype", "f32"],
                      ["lora.gguf", "--to", "gguf-lora", "--adapter", adapter]):
        done = relata.run("model", "export", SMOLLM2, folder / arguments[0], *arguments[1:])
        assert done.returncode == 0, done.stderr
    return folder, adapter


@full
def test_a_trained_adapter_answers_the_same_everywhere(relata, peer, trained):
    peft = pytest.importorskip("peft")
    llamacpp = pytest.importorskip("llamacpp")
    folder, adapter = trained
    base = transformers.AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32)
    model = peft.PeftModel.from_pretrained(base, adapter).eval()
    server = llamacpp.LlamaCpp(folder / "base.gguf", folder / "lora.gguf")
    prompts = [encode(peer[1])(prompt) for prompt in PROMPTS[:6]]
    requests = [{"prompt_ids": prompt, "max_new_tokens": 24} for prompt in prompts]
    options = ("--adapter", adapter, "--dtype", "float32")
    answers = relata.answers("generate", "-m", SMOLLM2, *options, requests=requests)
    again = relata.answers("generate", "-m", folder / "hf", *options, requests=requests)
    plain = relata.answers("generate", "-m", SMOLLM2, "--dtype", "float32", requests=requests)
    assert [a["ids"] for a in answers] != [a["ids"] for a in plain]
    compared = 0
    for prompt, answer, other in zip(prompts, answers, again, strict=True):
        ids = answer["ids"]
        with torch.no_grad():
            made = model.generate(
                input_ids=torch.tensor([prompt]), max_new_tokens=24, do_sample=False
            )
        assert made[0, len(prompt) :].tolist()[: len(ids)] == ids
        assert other["ids"] == ids
        found, logprobs = server.greedy(prompt, len(ids))
        for k, (ours, theirs) in enumerate(zip(answer["logprobs"], logprobs, strict=True)):
            assert abs(ours - theirs) < 0.02  # llama.cpp's half precision
            if found[k] != ids[k]:  # two tokens as likely as each other: what follows differs
                break
            compared += 1
    assert compared > len(prompts) * 24 / 2
