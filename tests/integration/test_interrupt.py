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


def interrupted(command, journal, wait, number=signal.SIGINT, documents=1):
    """Sends a signal `wait` seconds after the journal has so many documents; the exit code."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE,  # also where nohup runs the tests
                               preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
    for _ in range(3000):
        if process.poll() is not None:
            break
        if journal.exists() and journal.read_bytes().count(b"\n") > documents:
            time.sleep(wait)
            process.send_signal(number)
            break
        time.sleep(0.01)
    _, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


@pytest.fixture
def source(tmp_path):
    chance = random.Random(5)
    names = ["Lund Mill", "Tarn Works", "Ada", "Byron", "Owl Bank", "Karl Lund"]
    documents = [{"id": f"d{i}", "text": ". ".join(
        f"{chance.choice(names)} owns {chance.choice(names)}" for _ in range(12)) + "."}
        for i in range(96)]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(d) + "\n" for d in documents))
    return path


def test_an_interrupted_extraction_goes_on(facts_extractor, source, tmp_path):
    whole = tmp_path / "whole.jsonl"
    arguments = ["extract", "-x", facts_extractor, source, "--min-score", 0, "--no-progress"]
    relata(*arguments, "-o", whole)
    out = tmp_path / "out.jsonl"
    journal = tmp_path / "out.jsonl.journal"
    command = [RELATA, *map(str, arguments), "-o", str(out)]
    code, err = interrupted(command, journal, random.Random(5).uniform(0, 0.05))
    assert code == 130, err
    assert "the same command goes on from there" in err and not out.exists()
    done = len(json_lines(journal.read_text(encoding="utf-8"))) - 1
    assert 0 < done < 96
    relata(*arguments, "-o", out)
    assert out.read_bytes() == whole.read_bytes()
    assert not journal.exists()


def test_only_what_has_changed_since_a_kill_is_asked_again(facts_extractor, source, tmp_path):
    """The second of the finished documents changes, and one is put before the first."""
    out, journal = tmp_path / "out.jsonl", tmp_path / "out.jsonl.journal"
    arguments = ["extract", "-x", facts_extractor, source, "--min-score", 0, "--no-progress",
                 "--batch", 1]
    documents = json_lines(source.read_text())[:8]
    source.write_text("".join(json.dumps(document) + "\n" for document in documents))
    code, err = interrupted([RELATA, *map(str, arguments), "-o", str(out)], journal, 0,
                            signal.SIGKILL, documents=3)
    assert code == -signal.SIGKILL, err
    documents[1]["text"] = documents[1]["text"].replace(" owns ", " owned ")
    documents.insert(0, {"id": "new", "text": "Ada owns Tarn Works."})
    source.write_text("".join(json.dumps(document) + "\n" for document in documents))
    err = relata(*arguments, "-o", out).err
    assert "1 document has changed since" in err
    whole = tmp_path / "whole.jsonl"
    assert "changed" not in relata(*arguments, "-o", whole).err
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_what_ends_a_run_leaves_its_journal_alone(facts_extractor, source, tmp_path, number):
    """A kill leaves a temporary file too, which the next run to the same place removes."""
    out, journal = tmp_path / "out.jsonl", tmp_path / "out.jsonl.journal"
    arguments = ["extract", "-x", facts_extractor, source, "--no-progress", "-o", out]
    code, err = interrupted([RELATA, *map(str, arguments)], journal, 0.02, number)
    assert code == (130 if number == signal.SIGINT else -number), err
    left = [path.name for path in tmp_path.glob("out.jsonl?*") if path != journal]
    assert len(left) == (1 if number == signal.SIGKILL else 0), left
    (tmp_path / "out.jsonl.tmp.1.0").write_text("of a process that lives")
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in ("skipped.txt", "fixed.txt", "failed.jsonl"):
        (tmp_path / f"out.jsonl.{name}.tmp.{dead.pid}.0").write_text("of a killed run")
    (tmp_path / f"out.jsonl.notes.tmp.{dead.pid}.0").write_text("of another program")
    relata(*arguments)
    assert sorted(path.name for path in tmp_path.glob("out.jsonl?*")) == [
        f"out.jsonl.notes.tmp.{dead.pid}.0", "out.jsonl.tmp.1.0"]


def test_what_a_killed_run_left_goes_with_the_next_result(trained, tmp_path, gold):
    """Results that are written at once, too, and lists where there is something to list."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    bad = tmp_path / "bad.jsonl"
    bad.write_text(gold.read_text() + "{}\n")
    for name in ("out.jsonl", "out.jsonl.skipped.txt", "page.html"):
        (tmp_path / f"{name}.tmp.{dead.pid}.7").write_text("of a killed run")
    relata("extract", "-x", trained, bad, "-o", tmp_path / "out.jsonl", "--html",
           tmp_path / "page.html", code=4)
    assert (tmp_path / "out.jsonl.skipped.txt").exists()
    assert not list(tmp_path.glob("*.tmp.*"))
