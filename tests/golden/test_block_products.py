"""Products on GGUF blocks are as near to the exact ones as llama.cpp's own kernels are."""

import ctypes
import os
import subprocess

import numpy as np
import pytest

gguf = pytest.importorskip("gguf", reason="the oracle needs gguf")
llama = pytest.importorskip("xllamacpp", reason="the oracle needs xllamacpp")

from gguf import GGMLQuantizationType as Type

# The type that llama.cpp rounds x to before it multiplies.
TYPES = {Type.Q4_0: "q8_0", Type.Q4_1: "q8_1", Type.Q5_0: "q8_0", Type.Q5_1: "q8_1",
         Type.Q8_0: "q8_0", Type.Q4_K: "q8_K", Type.Q5_K: "q8_K", Type.Q6_K: "q8_K"}
SIZES = {"q8_0": (32, 34), "q8_1": (32, 36), "q8_K": (256, 292)}


class Kernels:
    """The functions of ggml's CPU backend, called as its products call them."""

    def __init__(self):
        self.library = ctypes.CDLL(llama.xllamacpp.__file__)
        try:
            self.library.ggml_cpu_init()
        except AttributeError:
            pytest.skip("this xllamacpp does not export ggml's functions")

    def blocks(self, kind, values):
        values = np.ascontiguousarray(values, dtype=np.float32)
        rows, width = values.shape
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        out = np.zeros((rows, width // elements * size), dtype=np.uint8)
        quantize = self.library.ggml_quantize_chunk
        quantize.restype = ctypes.c_size_t
        written = quantize(
            ctypes.c_int(int(kind)), ctypes.c_void_p(values.ctypes.data),
            ctypes.c_void_p(out.ctypes.data), ctypes.c_int64(0), ctypes.c_int64(rows),
            ctypes.c_int64(width), None)  # fmt: skip
        assert written == out.nbytes
        return out

    def products(self, kind, blocks, x):
        name = TYPES[kind]
        elements, size = SIZES[name]
        width = x.shape[1]
        quantize = getattr(self.library, f"quantize_row_{name}")
        dot = getattr(self.library, f"ggml_vec_dot_{kind.name.replace('Q', 'q')}_{name}")
        out = np.zeros((len(x), len(blocks)), dtype=np.float32)
        rounded = np.zeros(width // elements * size, dtype=np.uint8)
        for row, values in enumerate(x):
            quantize(ctypes.c_void_p(values.ctypes.data), ctypes.c_void_p(rounded.ctypes.data),
                     ctypes.c_int64(width))
            for column, weight in enumerate(blocks):
                dot(ctypes.c_int(width), ctypes.c_void_p(out[row:, column:].ctypes.data),
                    ctypes.c_size_t(0), ctypes.c_void_p(weight.ctypes.data), ctypes.c_size_t(0),
                    ctypes.c_void_p(rounded.ctypes.data), ctypes.c_size_t(0), ctypes.c_int(1))
        return out


def random_x(random, rows, width):
    """As activations are: some channels far larger than the others."""
    return (random.normal(0, 1, (rows, width)) * np.exp(random.normal(0, 1, (1, width)))).astype(
        np.float32)


@pytest.mark.parametrize("seed", range(2))
def test_error_is_no_more_than_llama_cpps(seed, relata, tmp_path):
    program = relata.path.parent / "test_kernels"
    if not program.exists():
        pytest.skip(f"no {program}: the unit tests are not built")
    kernels = Kernels()
    random = np.random.default_rng(seed)
    x = random_x(random, 24, 1536)
    writer = gguf.GGUFWriter(tmp_path / "products.gguf", "products")
    writer.add_tensor("x", x)
    for kind in TYPES:
        blocks = kernels.blocks(kind, random.normal(0, 0.02, (200, x.shape[1])))
        writer.add_tensor(kind.name, blocks, raw_dtype=kind)
        writer.add_tensor(f"{kind.name}.llama", kernels.products(kind, blocks, x))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    done = subprocess.run(
        [program, "--gtest_filter=BlockProduct.ErrorIsNoMoreThanLlamaCpps"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "RELATA_BLOCK_PRODUCTS": str(tmp_path / "products.gguf")})  # fmt: skip
    assert done.returncode == 0 and "SKIPPED" not in done.stdout, done.stdout
