"""Fifty optimiser steps beside Transformers and PEFT: the loss must follow at every step."""
import json
import subprocess

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

STEPS = 50
BATCH = 4


def small_model(folder):
    torch.manual_seed(11)
    config = transformers.LlamaConfig(
        vocab_size=101,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        initializer_range=0.08,
    )
    model = transformers.LlamaForCausalLM(config).float()
    model.save_pretrained(folder)
    return model


def training_rows():
    generator = torch.Generator().manual_seed(5)
    rows = []
    for _ in range(STEPS * BATCH):
        length = int(torch.randint(6, 20, (1,), generator=generator))
        ids = torch.randint(3, 101, (length,), generator=generator).tolist()
        prompt = length // 2
        # The answer depends on the prompt, so that there is something to learn.
        ids[prompt:] = [(token * 7 + 1) % 98 + 3 for token in ids[: length - prompt]]
        rows.append({"ids": ids, "labels": [-100] * prompt + ids[prompt:]})
    return rows


def peer_losses(model, rows, rate):
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    model.train()
    losses = []
    for step in range(STEPS):
        batch = rows[step * BATCH : (step + 1) * BATCH]
        width = max(len(row["ids"]) for row in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        labels = torch.full((len(batch), width), -100)
        mask = torch.zeros(len(batch), width, dtype=torch.long)
        for i, row in enumerate(batch):
            ids[i, : len(row["ids"])] = torch.tensor(row["ids"])
            labels[i, : len(row["ids"])] = torch.tensor(row["labels"])
            mask[i, : len(row["ids"])] = 1
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss))
    return losses


def our_losses(relata, tmp_path, rows, rate, extra):
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "model_name_or_path": str(tmp_path / "base"),
        "dataset": str(data),
        "dataset_format": "ids",
        "output_dir": str(tmp_path / "out"),
        "learning_rate": rate,
        "lr_scheduler_type": "constant",
        "max_steps": STEPS,
        "per_device_train_batch_size": BATCH,
        "shuffle": False,
        "bf16": False,
        "logging_steps": 1,
        **extra,
    }
    path = tmp_path / "train.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    subprocess.run([str(relata.path), "train", str(path)], check=True, capture_output=True, timeout=300)
    log = (tmp_path / "out" / "train_log.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in log]


def assert_same_curve(ours, theirs):
    assert len(ours) == len(theirs) == STEPS
    worst = max(abs(a - b) for a, b in zip(ours, theirs))
    assert worst <= 1e-3, f"losses differ by up to {worst}"
    assert theirs[-1] < theirs[0] - 0.1, "the run must learn, or the comparison says nothing"


def test_full_fine_tuning_follows_transformers(relata, tmp_path):
    model = small_model(tmp_path / "base")
    rows = training_rows()
    ours = our_losses(relata, tmp_path, rows, 2e-3, {"finetuning_type": "full"})
    assert_same_curve(ours, peer_losses(model, rows, 2e-3))


@pytest.mark.parametrize("rslora", [False, True])
def test_lora_follows_peft(relata, tmp_path, rslora):
    base = small_model(tmp_path / "base")
    lora = peft.LoraConfig(
        r=4,
        lora_alpha=16,
        lora_dropout=0.0,
        use_rslora=rslora,
        target_modules=["q_proj", "v_proj", "o_proj", "down_proj"],
        task_type="CAUSAL_LM",
    )
    model = peft.get_peft_model(base, lora)
    model.save_pretrained(tmp_path / "start")
    rows = training_rows()
    ours = our_losses(
        relata,
        tmp_path,
        rows,
        1e-2,
        {"finetuning_type": "lora", "adapter_name_or_path": str(tmp_path / "start")},
    )
    assert_same_curve(ours, peer_losses(model, rows, 1e-2))

    # The adapter that relata wrote, loaded by PEFT, is the one that PEFT trained itself.
    fresh = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base").float()
    loaded = peft.PeftModel.from_pretrained(fresh, tmp_path / "out" / "adapters" / "pair")
    ids = torch.tensor([rows[0]["ids"]])
    with torch.no_grad():
        difference = (loaded(ids).logits - model(ids).logits).abs().max()
    assert float(difference) <= 1e-2
