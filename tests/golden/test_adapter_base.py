"""Adapters know the base they were trained on: PEFT still loads them, other bases are refused, and what
relata itself made of the base is not another."""

import json
import shutil
import warnings

import pytest

from oracle import (
    assert_close,
    oracle_logits,
    random_ids,
    random_model,
    torch,
    transformers,
)
from test_export import Case, export
from test_gradients import our_moments, rows_of

peft = pytest.importorskip("peft", reason="the oracle needs peft")
safetensors = pytest.importorskip("safetensors")

IDS = random_ids(5, 20)


@pytest.fixture(scope="module")
def place(relata, tmp_path_factory):
    """A model with its tokenizer, and an adapter that relata trained on it."""
    folder = tmp_path_factory.mktemp("base")
    Case(relata, "llama", folder)
    train(relata, folder)
    return folder


def train(relata, folder, **options):
    our_moments(relata, folder, rows_of("apart"), 8, finetuning_type="lora", lora_target="all",
                learning_rate=0.05, max_steps=2, **options)


def adapter_of(folder):
    return folder / "out" / "adapters" / "pair"


def recorded(adapter):
    with safetensors.safe_open(adapter / "adapter_model.safetensors", "pt") as file:
        return (file.metadata() or {}).get("relata.base")


def refused(relata, model, adapter, *options):
    done = relata.run("model", "logits", model, "--adapter", adapter, *options,
                      requests=[{"ids": IDS}])
    assert done.returncode == 3, done.stderr
    return done.stderr


def test_peft_loads_it_without_a_word(relata, place):
    assert recorded(adapter_of(place)).startswith("sha256:")
    base = transformers.AutoModelForCausalLM.from_pretrained(
        place / "base", dtype=torch.float32, attn_implementation="eager"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = peft.PeftModel.from_pretrained(base, adapter_of(place)).eval()
    (logits,) = relata.logits(place / "base", [IDS], "--adapter", adapter_of(place))
    assert_close(logits, oracle_logits(model, IDS))
    with model.disable_adapter():
        assert (torch.tensor(logits) - oracle_logits(model, IDS)).abs().max() > 0.01


@pytest.fixture(scope="module")
def other(place, tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    shutil.copytree(place / "base", folder / "base")
    model = transformers.AutoModelForCausalLM.from_pretrained(place / "base", dtype=torch.float32)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[3, 4] += 0.01
    model.save_pretrained(folder / "base")
    return folder / "base"


def test_another_base_is_refused(relata, place, other):
    error = refused(relata, other, adapter_of(place))
    assert str(place / "base") in error and "another base" in error and "--any-base" in error
    request = [{"prompt_ids": IDS, "max_new_tokens": 2}]
    options = ("generate", "-m", other, "--adapter", adapter_of(place))
    done = relata.run(*options, requests=request)
    assert done.returncode == 3 and "another base" in done.stderr
    done = relata.run(*options, "--any-base", requests=request)
    assert done.returncode == 0 and "another base" in done.stderr
    for verb in (["merge"], ["export", "--to", "gguf-lora"]):
        out = other.parent / ("out.gguf" if len(verb) > 1 else "out")
        arguments = ("model", verb[0], other, out, *verb[1:], "--adapter", adapter_of(place))
        assert relata.run(*arguments).returncode == 3
        assert relata.run(*arguments, "--any-base").returncode == 0


def test_going_on_with_training_on_another_base(relata, place, other, tmp_path):
    (tmp_path / "base").symlink_to(other, target_is_directory=True)
    config = {
        "model_name_or_path": str(other), "dataset_format": "ids", "finetuning_type": "lora",
        "adapter_name_or_path": str(adapter_of(place)), "output_dir": str(tmp_path / "out"),
        "max_steps": 1, "dataset": str(place / "rows.jsonl"),
    }
    path = tmp_path / "train.yaml"
    path.write_text(json.dumps(config))
    done = relata.run("train", path)
    assert done.returncode == 3 and "any_base=true" in done.stderr
    done = relata.run("train", path, "any_base=true")
    assert done.returncode == 0, done.stderr
    # What comes out was trained on this one.
    assert recorded(adapter_of(tmp_path)) != recorded(adapter_of(place))
    relata.logits(other, [IDS], "--adapter", adapter_of(tmp_path))


def test_other_files_of_the_same_weights_are_the_same_base(relata, place, tmp_path):
    shutil.copytree(place / "base", tmp_path / "copy")
    (tmp_path / "copy" / "tokenizer_config.json").write_text("{}")
    relata.logits(tmp_path / "copy", [IDS], "--adapter", adapter_of(place))


def test_sharded_weights_are_the_same_base(relata, place, tmp_path):
    model = transformers.AutoModelForCausalLM.from_pretrained(place / "base", dtype=torch.float32)
    model.save_pretrained(tmp_path / "shards", max_shard_size="40KB")
    assert (tmp_path / "shards" / "model.safetensors.index.json").exists()
    relata.logits(tmp_path / "shards", [IDS], "--adapter", adapter_of(place))


CONVERSIONS = {
    "gguf": ["export", "--to", "gguf"],
    "q8_0.gguf": ["export", "--to", "gguf", "--dtype", "q8_0"],
    "bf16": ["export", "--to", "hf", "--dtype", "bf16"],
    "nf4": ["quantize", "--to", "nf4"],
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_what_relata_made_of_the_base_is_not_another(relata, place, tmp_path, name):
    verb, *options = CONVERSIONS[name]
    out = tmp_path / ("plain.gguf" if name == "gguf" else name)
    done = relata.run("model", verb, place / "base", out, *options)
    assert done.returncode == 0, done.stderr
    relata.logits(out, [IDS], "--adapter", adapter_of(place))
    # And the other way round: what was trained there goes with the base, and with what is made anew.
    (tmp_path / "base").symlink_to(out)
    train(relata, tmp_path)
    assert recorded(adapter_of(tmp_path)) == recorded(adapter_of(place))
    relata.logits(place / "base", [IDS], "--adapter", adapter_of(tmp_path))
    if name.endswith("gguf"):
        export(relata, out, tmp_path / "again", "--to", "hf")
        relata.logits(tmp_path / "again", [IDS], "--adapter", adapter_of(place))


def test_what_an_adapter_was_merged_into_is_another(relata, place, tmp_path):
    done = relata.run("model", "merge", place / "base", tmp_path / "merged", "--adapter",
                      adapter_of(place))
    assert done.returncode == 0, done.stderr
    refused(relata, tmp_path / "merged", adapter_of(place))


def test_adapters_that_say_nothing_are_taken_by_shape_alone(relata, place, other, tmp_path):
    base = transformers.AutoModelForCausalLM.from_pretrained(place / "base", dtype=torch.float32)
    peft.PeftModel.from_pretrained(base, adapter_of(place)).save_pretrained(tmp_path / "adapter")
    assert recorded(tmp_path / "adapter") is None
    relata.logits(other, [IDS], "--adapter", tmp_path / "adapter")


def test_a_damaged_record_is_named(relata, place, tmp_path):
    shutil.copytree(adapter_of(place), tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"sha256:", b"sha255:"))
    assert "relata.base" in refused(relata, place / "base", tmp_path / "adapter")
