"""A disk that fills up: a clear message, exit 5, and nothing that was there before is lost."""

import json
import os
import resource
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from program import RELATA, ROWS, json_lines, relata, toy_recipe

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")


class FileSizeLimit:
    """No file may grow beyond what is left: works everywhere, with the limit's own message."""

    message = "File too large"

    def __init__(self, folder):
        self.folder = folder
        self.options = {}

    def shrink(self, left):
        limit = (left, left)
        self.options = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)}

    def grow(self):
        self.options = {}


class SmallDisk:
    """A file system in memory, with a filler on it; needs the right to mount."""

    message = "No space left"
    options = {}

    def __init__(self, folder):
        self.folder = folder
        self.filler = folder / "filler"

    def shrink(self, left):
        free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
        with open(self.filler, "wb") as file:
            file.write(b"\0" * (free - left))

    def grow(self):
        self.filler.unlink()


@pytest.fixture(params=["limit", "disk"])
def disk(request, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "limit":
        yield FileSizeLimit(folder)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a file system in memory is not allowed here")
    yield SmallDisk(folder)
    subprocess.run(["umount", str(folder)], check=True)


def names(folder):
    return {path.name for path in folder.iterdir()} - {"filler"}


def test_convert_keeps_the_old_file(disk, tmp_path):
    rows = tmp_path / "rows.txt"
    rows.write_text("".join(f"h{i}\tt{i}\tr\th{i} met t{i} again .\n" for i in range(2000)))
    out = disk.folder / "out.jsonl"
    out.write_text("old\n")
    disk.shrink(40_000)
    result = relata("data", "convert", rows, "-o", out, code=5, **disk.options)
    assert str(out) in result.err and disk.message in result.err
    assert len(result.err.splitlines()) >= 2
    assert out.read_text() == "old\n" and names(disk.folder) == {"out.jsonl"}
    disk.grow()
    relata("data", "convert", rows, "-o", out)
    assert len(out.read_text().splitlines()) == 2000


def test_extract_keeps_the_old_file_and_goes_on_later(disk, trained, gold, tmp_path):
    documents = tmp_path / "documents.jsonl"
    with documents.open("w") as file:
        for i in range(40):
            document = json_lines(gold.read_text())[i % len(ROWS)]
            document.update(id=f"d{i}", meta={"note": "x" * 2000})
            file.write(json.dumps(document) + "\n")
    command = ["extract", "-x", trained, documents, "--batch", 1, "-o"]
    relata(*command, tmp_path / "whole.jsonl")
    out, journal = disk.folder / "out.jsonl", disk.folder / "out.jsonl.journal"
    out.write_text("old\n")
    disk.shrink(40_000)
    result = relata(*command, out, code=5, **disk.options)
    assert str(out) in result.err and disk.message in result.err  # the journal or the result
    assert out.read_text() == "old\n" and names(disk.folder) == {"out.jsonl", "out.jsonl.journal"}
    done = json_lines(journal.read_text())
    assert 1 < len(done) < 40
    disk.grow()
    relata(*command, out)
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert names(disk.folder) == {"out.jsonl"}


def test_train_keeps_its_checkpoints_and_goes_on_later(disk, tmp_path):
    data = tmp_path / "train.txt"
    data.write_text("".join("\t".join(row) + "\n" for row in ROWS * 8))
    out = disk.folder / "out"
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(json.dumps(toy_recipe(
        data, out, max_steps=4, save_steps=2, save_total_limit=5, learning_rate=0.01)))
    relata("train", recipe)
    weights = (out / "model/model.safetensors").read_bytes()
    kept = out / "checkpoint-2"
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    shutil.rmtree(out / "checkpoint-4")
    disk.shrink(len(before["state.safetensors"]) // 2)
    result = relata("train", recipe, "resume_from_checkpoint=auto", code=5, **disk.options)
    assert str(out) in result.err and disk.message in result.err
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    assert not (out / "checkpoint-4").exists()
    disk.grow()
    relata("train", recipe, "resume_from_checkpoint=auto")
    assert (out / "model/model.safetensors").read_bytes() == weights


def test_a_full_device_is_written_in_place(trained, facts_extractor, gold, tmp_path):
    """One of the test's own: what goes wrong must not replace the machine's."""
    full = tmp_path / "full"
    try:
        os.mknod(full, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        full.open("wb").close()
    except PermissionError:
        pytest.skip("devices may not be made or opened here")
    for command in (["data", "convert", gold], ["extract", "-x", trained, gold],
                    ["extract", "-x", facts_extractor, gold]):
        result = relata(*command, "-o", full, code=5)
        assert str(full) in result.err and "No space left" in result.err
        assert full.is_char_device() and not list(tmp_path.glob("full?*"))
