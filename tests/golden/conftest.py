"""The program under test: RELATA_BIN, or build/release/bin/relata. A missing program fails."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Relata:
    """Runs the program; requests go in, and answers come out, as JSON lines."""

    def __init__(self, path):
        self.path = path

    def run(self, *arguments, requests=()):
        lines = "".join(json.dumps(request) + "\n" for request in requests)
        return subprocess.run(
            [str(self.path), *map(str, arguments)],
            input=lines,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def answers(self, *arguments, requests):
        done = self.run(*arguments, requests=requests)
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stderr}"
        found = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        assert len(found) == len(requests), done.stdout + done.stderr
        return found

    def logits(self, model, sequences, *options):
        requests = [{"ids": ids} for ids in sequences]
        found = self.answers("model", "logits", model, *options, requests=requests)
        return [answer["logits"] for answer in found]


@pytest.fixture(scope="session")
def relata():
    named = os.environ.get("RELATA_BIN")
    path = pathlib.Path(named) if named else ROOT / "build" / "release" / "bin" / "relata"
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path}: no such program; build it, or set RELATA_BIN", pytrace=False)
    return Relata(path.resolve())
