"""Training runs as a user makes them: small, killed, resumed, and wrong."""
import json
import os
import pathlib
import random
import signal
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
    assert "another run" in other.stderr or "other data or settings" in other.stderr


@pytest.mark.parametrize(
    "override, code, words",
    [
        ("lerning_rate=1", 2, "learning_rate"),
        ("dataset=missing.jsonl", 5, "missing.jsonl"),
        ("per_device_train_batch_size=0", 2, "per_device_train_batch_size"),
        ("lr_scheduler_type=cosin", 2, "cosine"),
    ],
)
def test_wrong_settings_are_explained(tmp_path, rows, override, code, words):
    done = run("train", configure(tmp_path, rows, "run"), override)
    assert done.returncode == code, done.stderr
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
