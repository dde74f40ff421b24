"""An installed relata serves a CMake project outside its tree, without LibTorch."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = ROOT / "build/release"
# Head, tail, relation, sentence; one pair has two relations.
ROWS = """\
Ada\tByron\tchild\tAda was the only child of Byron born in marriage .
Ada\tByron\their\tAda was the only child of Byron born in marriage .
Turin\tItaly\tcountry\tTurin lies in the north of Italy .
Lyon\tFrance\tcountry\tLyon lies in the east of France .
"""


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], text=True, capture_output=True,
                            timeout=600, check=False, **options)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    if not (BUILD / "build.ninja").exists():
        pytest.skip("build/release is not built; ./dev test builds it")
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", folder)
    return folder


@pytest.fixture(scope="module")
def consumer(prefix, tmp_path_factory):
    folder = tmp_path_factory.mktemp("consumer")
    # An environment without Torch_DIR and a prefix path without torch: nothing may ask for it.
    env = {key: value for key, value in os.environ.items() if key != "Torch_DIR"}
    run("cmake", "-G", "Ninja", "-S", ROOT / "examples/consumer", "-B", folder,
        f"-DCMAKE_PREFIX_PATH={prefix}", env=env)
    run("cmake", "--build", folder)
    return folder / "consumer"


def test_consumer_counts(consumer, tmp_path):
    table = tmp_path / "rows.txt"
    table.write_text(ROWS)
    lines = run(consumer, table).splitlines()
    assert lines[0].startswith("format cre-tsv, documents ")
    assert lines[1:] == ["child 1", "country 2", "heir 1", "f1 of gold against itself 1.0000"]


def test_package_names_no_build_folder(prefix):
    """The package must work after the checkout is gone."""
    for path in prefix.rglob("*.cmake"):
        assert str(ROOT) not in path.read_text(), path


def test_installed_program_runs(prefix):
    assert "relata" in run(prefix / "bin/relata", "--version")
    assert "libtorch" in run(prefix / "bin/relata", "doctor")


def test_installed_program_finds_its_schemas(prefix):
    assert "P36 (capital)" in run(prefix / "bin/relata", "schema", "show", "redocred")
