"""GGUF blocks of every type, random ones, bit for bit as the `gguf` package reads and writes them."""

import os
import subprocess

import pytest

pytest.importorskip("gguf", reason="the oracle needs gguf")

import gguf_blocks


@pytest.mark.parametrize("seed", range(3))
def test_blocks(seed, relata, tmp_path):
    program = relata.path.parent / "test_kernels"
    if not program.exists():
        pytest.skip(f"no {program}: the unit tests are not built")
    path = tmp_path / "blocks.gguf"
    gguf_blocks.write(path, 3000, seed + 100)
    done = subprocess.run([program, "--gtest_filter=GgufBlocks.*"], capture_output=True, text=True,
                          env={**os.environ, "RELATA_GGUF_BLOCKS": str(path)}, check=False)
    assert done.returncode == 0, done.stdout
