"""Ctrl-C in the middle of an extraction: what is done is kept, and the same command goes on."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from program import RELATA, json_lines, relata

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")


def interrupted(command, journal, wait):
    """Sends SIGINT `wait` seconds after the journal has its first document; the exit code."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    for _ in range(3000):
        if process.poll() is not None:
            break
        if journal.exists() and journal.read_bytes().count(b"\n") > 1:
            time.sleep(wait)
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    _, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


def test_an_interrupted_extraction_goes_on(facts_extractor, tmp_path):
    chance = random.Random(5)
    names = ["Lund Mill", "Tarn Works", "Ada", "Byron", "Owl Bank", "Karl Lund"]
    documents = [{"id": f"d{i}", "text": ". ".join(
        f"{chance.choice(names)} owns {chance.choice(names)}" for _ in range(12)) + "."}
        for i in range(96)]
    source = tmp_path / "texts.jsonl"
    source.write_text("".join(json.dumps(d) + "\n" for d in documents))
    whole = tmp_path / "whole.jsonl"
    arguments = ["extract", "-x", facts_extractor, source, "--min-score", 0, "--no-progress"]
    relata(*arguments, "-o", whole)
    out = tmp_path / "out.jsonl"
    journal = tmp_path / "out.jsonl.journal"
    command = [RELATA, *map(str, arguments), "-o", str(out)]
    code, err = interrupted(command, journal, chance.uniform(0, 0.05))
    assert code == 130, err
    assert "the same command goes on from there" in err and not out.exists()
    done = len(json_lines(journal.read_text(encoding="utf-8"))) - 1
    assert 0 < done < len(documents)
    relata(*arguments, "-o", out)
    assert out.read_bytes() == whole.read_bytes()
    assert not journal.exists()
