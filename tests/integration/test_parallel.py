"""Several processes train together, as torchrun starts them."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from test_train import RELATA, configure, rows, run  # noqa: F401  (a fixture)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(config, rank, port, *overrides, count=2):
    environment = os.environ | {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RELATA_THREADS": "1",
    }
    return subprocess.Popen(
        [RELATA, "train", str(config), *overrides], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def finish(processes):
    return [(process.communicate(timeout=300), process.returncode) for process in processes]


def adapter(tmp_path, output):
    return (tmp_path / output / "adapters/pair/adapter_model.safetensors").read_bytes()


def losses(tmp_path, output):
    lines = (tmp_path / output / "train_log.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


LORA = {"finetuning_type": "lora", "lora_target": "all", "dropout": 0, "ema_decay": 0,
        "logging_steps": 1, "max_steps": 10}


def test_two_processes_train_as_one(tmp_path, rows):  # noqa: F811
    port = free_port()
    config = configure(tmp_path, rows, "two", **LORA)
    (first, code), (second, other) = finish([start(config, rank, port) for rank in (0, 1)])
    assert code == 0 and other == 0, first[1] + second[1]
    assert first[0].startswith("10 steps") and second[0] == ""
    assert "2 processes" in first[1] and second[1] == ""
    one = configure(tmp_path, rows, "one", **LORA, gradient_accumulation_steps=2)
    done = subprocess.run([RELATA, "--threads", "1", "train", str(one)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    # The same micro-batches, added in the same order.
    assert losses(tmp_path, "two") == losses(tmp_path, "one")
    assert adapter(tmp_path, "two") == adapter(tmp_path, "one")
    # One batch of all rows: to rounding.
    wide = configure(tmp_path, rows, "wide", **LORA, per_device_train_batch_size=8)
    assert run("train", wide).returncode == 0
    for found, wanted in zip(losses(tmp_path, "two"), losses(tmp_path, "wide"), strict=True):
        assert abs(found - wanted) < 1e-3


def test_torchrun(tmp_path, rows):  # noqa: F811
    """As docs/training.md says it."""
    torchrun = pathlib.Path(sys.executable).with_name("torchrun")
    if not torchrun.exists() and shutil.which("torchrun") is None:
        pytest.skip("no torchrun here: it comes with PyTorch")
    config = configure(tmp_path, rows, "two", **LORA)
    command = [str(torchrun) if torchrun.exists() else "torchrun", "--no-python",
               "--nproc-per-node", "2", "--master-port", str(free_port()),
               RELATA, "train", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False,
                          env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    one = configure(tmp_path, rows, "one", **LORA, gradient_accumulation_steps=2)
    assert run("--threads", "1", "train", one).returncode == 0
    assert adapter(tmp_path, "two") == adapter(tmp_path, "one")


@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_dies_ends_the_other_and_the_run_goes_on_later(tmp_path, rows, victim):  # noqa: F811
    endless = ["max_steps=100000", "lr_scheduler_type=constant"]
    config = configure(tmp_path, rows, "killed", **LORA | {"save_steps": 5})
    port = free_port()
    processes = [start(config, rank, port, *endless) for rank in (0, 1)]
    deadline = time.monotonic() + 60
    while not (tmp_path / "killed/checkpoint-5").exists():
        assert time.monotonic() < deadline and all(p.poll() is None for p in processes)
        time.sleep(0.01)
    processes[victim].send_signal(signal.SIGKILL)
    ends = finish(processes)
    (_, errors), code = ends[1 - victim]
    assert code == 5, errors
    assert f"process {victim} of 2 has ended" in errors and "resume_from_checkpoint" in errors
    newest = max(int(p.name.split("-")[1]) for p in (tmp_path / "killed").glob("checkpoint-*"))
    port = free_port()
    resumed = finish([start(config, rank, port, f"max_steps={newest + 5}", endless[1],
                            "resume_from_checkpoint=auto") for rank in (0, 1)])
    assert all(code == 0 for _, code in resumed), resumed
    assert f"resuming after step {newest}" in resumed[0][0][1]


def test_what_one_process_says_is_what_the_other_ends_with(tmp_path, rows):  # noqa: F811
    port = free_port()
    config = configure(tmp_path, rows, "two", **LORA)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"ids": [1, 2')
    ends = finish([start(config, 0, port), start(config, 1, port, f"dataset={bad}")])
    assert [code for _, code in ends] == [5, 3]
    assert "process 1 of 2 has ended" in ends[0][0][1] and "bad.jsonl" in ends[0][0][1]
    ends = finish([start(config, 0, port := free_port()), start(config, 1, port, "seed=7")])
    assert [code for _, code in ends] == [5, 2]
    assert "differs from process 0 in: seed" in ends[1][0][1]


@pytest.mark.parametrize("variables, words", [
    ({"WORLD_SIZE": "2"}, "RANK is not"),
    ({"WORLD_SIZE": "2", "RANK": "5"}, "RANK=5"),
    ({"WORLD_SIZE": "x"}, "WORLD_SIZE=x"),
])
def test_half_an_environment_is_explained(tmp_path, rows, variables, words):  # noqa: F811
    config = configure(tmp_path, rows, "two", **LORA)
    done = subprocess.run([RELATA, "train", str(config)], capture_output=True, text=True,
                          env=os.environ | variables, check=False)
    assert done.returncode == 2 and words in done.stderr
    assert not (tmp_path / "two").exists()


def test_new_models_and_rows_are_the_work_of_one(tmp_path, rows):  # noqa: F811
    config = configure(tmp_path, rows, "two", **LORA)
    for options, words in [(["--rows", str(tmp_path / "out")], "--rows"),
                           (["model_name_or_path=", "finetuning_type=full"], "a new model")]:
        (_, errors), code = finish([start(config, 0, free_port(), *options)])[0]
        assert code == 2 and words in errors
