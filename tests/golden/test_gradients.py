"""Every parameter's gradient beside Transformers, tensor by tensor.

After one optimiser step from zero moments Adam's first moment is (1 - beta1) times the gradient,
and a checkpoint holds it: relata needs no door of its own for this test.
"""
import json
import subprocess

import pytest

from oracle import random_model

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

RELATIVE = 1e-4


def rows_of(kind):
    """Rows apart, or rows that begin alike at two depths, which relata computes once."""
    generator = torch.Generator().manual_seed(3)

    def draw(count):
        return torch.randint(3, 90, (count,), generator=generator).tolist()

    if kind == "apart":
        texts = [draw(length) for length in (5, 17, 30, 44)]
    else:
        root, left, right = draw(18), draw(19), draw(16)
        texts = [root + left + draw(3), root + left + draw(7), root + right + draw(4), root + draw(2)]
        texts += [texts[0]]  # a row twice
    # Loss on the last tokens, in one row on nearly all.
    rows = [{"ids": ids, "labels": [-100] * (len(ids) - 2) + ids[-2:]} for ids in texts]
    rows[1]["labels"] = [-100] * 2 + rows[1]["ids"][2:]
    return rows


def peer_gradients(model, rows):
    width = max(len(row["ids"]) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), -100)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row["ids"])] = torch.tensor(row["ids"])
        labels[i, : len(row["ids"])] = torch.tensor(row["labels"])
        mask[i, : len(row["ids"])] = 1
    model.zero_grad()
    model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def our_moments(relata, tmp_path, rows, batch, **options):
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "model_name_or_path": str(tmp_path / "base"), "dataset": str(data), "dataset_format": "ids",
        "output_dir": str(tmp_path / "out"), "finetuning_type": "full", "bf16": False,
        "learning_rate": 1e-4, "lr_scheduler_type": "constant", "max_grad_norm": 0, "max_steps": 1,
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": -(-len(rows) // batch), "shuffle": False, "save_steps": 1,
    } | options
    path = tmp_path / "train.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    subprocess.run([str(relata.path), "train", str(path)], check=True, capture_output=True, timeout=300)
    return safetensors_torch.load_file(str(tmp_path / "out/checkpoint-1/state.safetensors"))


def checkpoint_order(model):
    """The checkpoint names behind each trained tensor, in relata's order; fused ones are lists."""
    names = dict(model.named_parameters())
    order = [["model.embed_tokens.weight"]]
    layers = [f"model.layers.{i}." for i in range(model.config.num_hidden_layers)]
    for layer in layers:
        order += [[layer + "input_layernorm.weight"], [layer + "post_attention_layernorm.weight"]]
    for layer in layers:
        for fused in (["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
                      ["self_attn.o_proj"], ["mlp.gate_proj", "mlp.up_proj"], ["mlp.down_proj"]):
            for end in (".weight", ".bias"):
                if layer + fused[0] + end in names:
                    order.append([layer + name + end for name in fused])
    order.append(["model.norm.weight"])
    if "lm_head.weight" in names:
        order.append(["lm_head.weight"])
    return order


def compare_gradients(relata, tmp_path, model, rows, batch):
    wanted = peer_gradients(model, rows)
    state = our_moments(relata, tmp_path, rows, batch)
    order = checkpoint_order(model)
    assert sum(name.startswith("first.") for name in state) == len(order)
    for i, names in enumerate(order):
        gradient = torch.cat([wanted.pop(name) for name in names])
        found = state[f"first.{i}"] / 0.1
        assert found.shape == gradient.shape, names
        apart = ((found - gradient).norm() / gradient.norm()).item()
        assert apart <= RELATIVE, f"{names}: relative difference {apart:.2e}"
    assert not wanted, f"not trained by relata: {list(wanted)}"


@pytest.mark.parametrize("kind", ["apart", "shared"])
@pytest.mark.parametrize("batch", [8, 2])
@pytest.mark.parametrize("shape", [
    {},
    {"tie_word_embeddings": True, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 16},
    {"attention_bias": True, "mlp_bias": True, "num_attention_heads": 6, "num_key_value_heads": 2},
])
def test_every_gradient(relata, tmp_path, kind, batch, shape):
    model = random_model(7, **shape)
    model.save_pretrained(tmp_path / "base")
    compare_gradients(relata, tmp_path, model, rows_of(kind), batch)


def test_a_row_beyond_the_trained_length_of_dynamic_scaling(relata, tmp_path):
    dynamic = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    model = random_model(7, max_position_embeddings=24, rope_parameters=dynamic)
    model.save_pretrained(tmp_path / "base")
    (row,) = [row for row in rows_of("apart") if len(row["ids"]) == 44]
    compare_gradients(relata, tmp_path, model, [row], 1)
