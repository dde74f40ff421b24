"""Training runs as a user makes them: small, killed, resumed, and wrong."""
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELATA = os.environ.get("RELATA_BIN", str(ROOT / "build/release/bin/relata"))


def run(*arguments):
    return subprocess.run(
        [RELATA, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def rows(tmp_path):
    chance = random.Random(4)
    path = tmp_path / "rows.jsonl"
    with path.open("w") as out:
        for _ in range(160):
            ids = [1] + [chance.randrange(3, 60) for _ in range(chance.randrange(4, 12))]
            labels = [-100] * (len(ids) - 2) + ids[-2:]
            out.write(json.dumps({"ids": ids, "labels": labels}) + "\n")
    return path


def configure(tmp_path, rows, output, **extra):
    base = tmp_path / "base"
    if not base.exists():
        # A model to start from: one step of training from scratch writes one.
        first = {
            "dataset": str(rows),
            "dataset_format": "ids",
            "output_dir": str(tmp_path / "first"),
            "model": {
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "max_position_embeddings": 64,
            },
            "max_steps": 1,
        }
        path = tmp_path / "first.yaml"
        path.write_text(json.dumps(first))
        done = run("train", path)
        assert done.returncode == 0, done.stderr
        (tmp_path / "first" / "model").rename(base)
    config = {
        "model_name_or_path": str(base),
        "dataset": str(rows),
        "dataset_format": "ids",
        "output_dir": str(tmp_path / output),
        "max_steps": 60,
        "per_device_train_batch_size": 4,
        "dropout": 0.1,
        "ema_decay": 0.9,
        "save_steps": 5,
        "logging_steps": 5,
        **extra,
    }
    path = tmp_path / f"{output}.yaml"
    path.write_text(json.dumps(config))
    return path


def weights(tmp_path, output):
    return (tmp_path / output / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("extra", [{}, {"finetuning_type": "lora", "lora_dropout": 0.1}])
def test_a_killed_run_resumes_to_the_same_weights(tmp_path, rows, extra):
    whole = run("train", configure(tmp_path, rows, "whole", **extra))
    assert whole.returncode == 0, whole.stderr
    config = configure(tmp_path, rows, "killed", **extra)
    process = subprocess.Popen(
        [RELATA, "train", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not list((tmp_path / "killed").glob("checkpoint-*")):
        assert process.poll() is None or list((tmp_path / "killed").glob("checkpoint-*"))
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = run("train", config, "resume_from_checkpoint=auto")
    assert resumed.returncode == 0, resumed.stderr
    if extra:
        name = "adapters/pair/adapter_model.safetensors"
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    else:
        assert weights(tmp_path, "whole") == weights(tmp_path, "killed")
    assert len(list((tmp_path / "killed").glob("checkpoint-*"))) <= 2


def test_a_checkpoint_of_other_settings_is_refused(tmp_path, rows):
    config = configure(tmp_path, rows, "run")
    assert run("train", config).returncode == 0
    other = run("train", config, "resume_from_checkpoint=auto", "learning_rate=0.5")
    assert other.returncode == 2
    assert "learning_rate was 0.001, now 0.5" in other.stderr
    # Adam's constants and the kind of arithmetic count too.
    for key, value in [("adam_beta2", 0.95), ("adam_epsilon", 1e-6), ("bf16", "false")]:
        other = run("train", config, "resume_from_checkpoint=auto", f"{key}={value}")
        assert other.returncode == 2 and key in other.stderr and str(value) in other.stderr
    more = run("train", config, "resume_from_checkpoint=auto", "max_steps=61", "logging_steps=1")
    assert more.returncode == 0, more.stderr
    assert more.stdout.startswith("61 steps")


def test_a_checkpoint_of_another_adapter_or_base_is_refused(tmp_path, rows):
    config = configure(tmp_path, rows, "run", finetuning_type="lora", max_steps=5)
    assert run("train", config).returncode == 0
    other = run("train", config, "resume_from_checkpoint=auto", "lora_alpha=32")
    assert other.returncode == 2 and "lora_alpha was 16.0, now 32.0" in other.stderr
    base, moved = tmp_path / "base", tmp_path / "moved"
    shutil.copytree(base, moved)
    same = run("train", config, "resume_from_checkpoint=auto", f"model_name_or_path={moved}")
    assert same.returncode == 0, same.stderr  # the same files elsewhere
    data = bytearray((moved / "model.safetensors").read_bytes())
    data[-4:] = struct.pack("<f", 0.25)
    (moved / "model.safetensors").write_bytes(data)
    other = run("train", config, "resume_from_checkpoint=auto", f"model_name_or_path={moved}")
    assert other.returncode == 2
    assert f"model_name_or_path was {base} (sha256:" in other.stderr
    assert f"now {moved} (sha256:" in other.stderr


def test_a_finished_run_is_not_written_over_unasked(tmp_path, rows):
    config = configure(tmp_path, rows, "run")
    assert run("train", config).returncode == 0
    first = weights(tmp_path, "run")
    refused = run("train", config, "learning_rate=0.01", "max_steps=20")
    assert refused.returncode == 2
    assert "finished run" in refused.stderr and "overwrite_output_dir=true" in refused.stderr
    assert weights(tmp_path, "run") == first
    # A shorter run into the folder keeps its own checkpoints, and can be killed and resumed.
    shorter = ["learning_rate=0.01", "max_steps=20", "save_steps=3"]
    process = subprocess.Popen(
        [RELATA, "train", str(config), *shorter, "overwrite_output_dir=true"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "run/checkpoint-3").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = run("train", config, *shorter, "resume_from_checkpoint=auto")
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after step" in resumed.stderr
    assert resumed.stdout.startswith("20 steps")
    whole = run("train", configure(tmp_path, rows, "whole"), *shorter)
    assert whole.returncode == 0, whole.stderr
    assert weights(tmp_path, "run") == weights(tmp_path, "whole")
    kept = sorted(p.name for p in (tmp_path / "run").glob("checkpoint-*"))
    assert kept == ["checkpoint-18", "checkpoint-20", "checkpoint-55", "checkpoint-60"]


def test_a_folder_without_state_is_no_checkpoint(tmp_path, rows):
    """What earlier versions left when they were killed while they removed a checkpoint."""
    config = configure(tmp_path, rows, "run", max_steps=5)
    assert run("train", config).returncode == 0
    torn = tmp_path / "run/checkpoint-7"
    torn.mkdir()
    (torn / "state.safetensors").write_bytes(b"")
    resumed = run("train", config, "resume_from_checkpoint=auto", "max_steps=8")
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming after step 5" in resumed.stderr

def test_a_checkpoint_takes_the_place_of_another_whole(tmp_path, rows):
    """At no moment has a folder of a checkpoint's name a part of its files."""
    config = configure(tmp_path, rows, "run", max_steps=4000, save_steps=1, save_total_limit=2)
    whole = {"state.safetensors", "rng_state.safetensors", "trainer_state.json"}
    for _ in range(10):
        process = subprocess.Popen(
            [RELATA, "train", str(config), "resume_from_checkpoint=auto", "--no-progress"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(random.uniform(0.1, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for folder in (tmp_path / "run").glob("checkpoint-*"):
            assert {p.name for p in folder.iterdir()} == whole, folder


def test_a_damaged_state_is_bad_input(tmp_path, rows):
    config = configure(tmp_path, rows, "run", max_steps=5)
    assert run("train", config).returncode == 0
    state = tmp_path / "run/checkpoint-5/trainer_state.json"
    good = json.loads(state.read_text())
    for text in ["{", "[]", json.dumps({**good, "global_step": "5"}), json.dumps({**good, "run": 1})]:
        state.write_text(text)
        done = run("train", config, "resume_from_checkpoint=auto")
        assert done.returncode == 3 and "checkpoint-5" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "override, code, words",
    [
        ("lerning_rate=1", 2, "learning_rate"),
        ("dataset=missing.jsonl", 2, "missing.jsonl"),
        ("lr_scheduler_type=cosin", 2, "cosine"),
        ("per_device_train_batch_size=0", 2, "'per_device_train_batch_size' must be"),
        ("learning_rate=-1", 2, "'learning_rate' must be a number from 0 to 1000, not -1"),
        ("warmup_ratio=2", 2, "'warmup_ratio' must be a number from 0 to 1, not 2"),
        ("dropout=1.5", 2, "'dropout' must be a number of at least 0 and below 1, not 1.5"),
        ("adam_beta1=1.5", 2, "'adam_beta1' must be"),
        ("num_train_epochs=.inf", 2, "'num_train_epochs' must be a finite number, not .inf"),
        ("lora_dropout=2", 2, "'lora_dropout' must be"),
        ("lora_alpha=.nan", 2, "'lora_alpha' must be"),
        ("lora_rank=0", 2, "'lora_rank' must be an integer from 1 to 65536, not 0"),
        ("cutoff_len=-5", 2, "'cutoff_len' must be"),
        ("max_samples=-1", 2, "'max_samples' must be"),
        ("model.hidden_size=-1", 2, "'hidden_size' must be"),
        ("model.num_attention_heads=3", 2, "num_attention_heads"),
        ("tokenizer.character_coverage=0.97", 2, "'character_coverage' must be a number from 0.98"),
    ],
)
def test_wrong_settings_are_explained(tmp_path, rows, override, code, words):
    done = run("train", configure(tmp_path, rows, "run"), override)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_token_to_hide_with_must_be_one(tmp_path, rows):
    done = run("train", configure(tmp_path, rows, "run"), "token_dropout=0.1",
               "token_dropout_id=999999")
    assert done.returncode == 2, done.stderr
    assert "token_dropout_id 999999 is outside the vocabulary" in done.stderr


@pytest.mark.parametrize(
    "ids, labels, words",
    [
        ([1, 4294967301, 5], [-100, -100, 5], "4294967301"),
        ([1, 18446744073709551615, 5], [-100, -100, 5], "token id"),
        ([1, -1, 5], [-100, -100, 5], "-1"),
        ([1, 4, 5], [-100, -100, 6], "label 6"),
        ([1, 4, 5], [-100, -100, 18446744073709551516], "label 18446744073709551516"),
        ([1, 4, 5], [-100, -100, "5"], 'label "5"'),
        ([1, "4", 5], [-100, -100, 5], "whole numbers"),
        ([1, 4, 32000], [-100, -100, 32000], "outside the vocabulary"),
    ],
)
def test_ids_are_never_cut(tmp_path, rows, ids, labels, words):
    config = configure(tmp_path, rows, "run")
    rows.write_text(json.dumps({"ids": ids, "labels": labels}) + "\n")
    done = run("train", config)
    assert done.returncode == 3, done.stderr
    assert words in done.stderr


def test_train_extract_evaluate(tmp_path):
    """The whole chain on a toy language in which the verb tells the relation."""
    verbs = {"owns": "owner", "sued": "lawsuit", "met": "unknown"}
    chance = random.Random(9)

    def write(path, count):
        lines = []
        for _ in range(count):
            head, tail = chance.sample(["Ada", "Bo", "Cy", "Di", "Ed", "Flo"], 2)
            verb = chance.choice(sorted(verbs))
            lines.append(f"{head}\t{tail}\t{verbs[verb]}\tToday {head} {verb} {tail} again .")
        path.write_text("\n".join(lines) + "\n")

    train, test = tmp_path / "train.tsv", tmp_path / "test.tsv"
    write(train, 300)
    write(test, 40)
    config = {
        "dataset": str(train),
        "dataset_format": "cre-tsv",
        "output_dir": str(tmp_path / "out"),
        "model": {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 128,
        },
        "tokenizer": {"vocab_size": 320},
        "multi_label": "split",
        "learning_rate": 0.003,
        "num_train_epochs": 25,
    }
    recipe = tmp_path / "toy.yaml"
    recipe.write_text(json.dumps(config))
    trained = run("train", recipe)
    assert trained.returncode == 0, trained.stderr
    predictions = tmp_path / "predictions.jsonl"
    extracted = run("extract", "-x", tmp_path / "out", test, "-o", predictions)
    assert extracted.returncode == 0, extracted.stderr
    scored = run(
        "evaluate", "--gold", test, "--pred", predictions, "--metric", "pair-micro", "--json"
    )
    assert scored.returncode == 0, scored.stderr
    score = json.loads(scored.stdout)["pair-micro"]
    assert score["f1"] > score["floor"] + 0.2
