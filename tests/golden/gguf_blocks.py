"""Random GGUF blocks of every type that relata reads, beside what the `gguf` package makes of them.

As a program: python gguf_blocks.py OUT.gguf BLOCKS SEED
"""

import sys
import warnings

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

TYPES = [Type.F32, Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0,
         Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K, Type.IQ4_NL, Type.IQ4_XS]
# Where the half-precision scales of a block are.
SCALES = {Type.F16: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2],
          Type.Q8_0: [0], Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2],
          Type.Q5_K: [0, 2], Type.Q6_K: [208], Type.IQ4_NL: [0], Type.IQ4_XS: [0]}
# Zeros, the smallest subnormal and normal halves, the largest, infinities.
EXTREME = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00]


def random_blocks(kind, count, random):
    _, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for place in SCALES.get(kind, []):
        # Plain scales for most, as any 16 bits would be often a NaN or absurdly large.
        scales = random.normal(0, 0.1, count).astype(np.float16).view(np.uint16)
        some = random.random(count) < 0.3
        scales[some] = random.choice(EXTREME, some.sum())
        any_bits = random.random(count) < 0.1
        scales[any_bits] = random.integers(0, 1 << 16, any_bits.sum())
        blocks[:, place : place + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks.reshape(1, -1)


def random_floats(count, random):
    """Rows of 32 of very different sizes, with ties at halves, zeros and large outliers."""
    values = random.normal(0, 1, (count, 32)) * 10.0 ** random.uniform(-30, 30, (count, 1))
    values[::5] = random.integers(-254, 255, (len(values[::5]), 32)) / 2
    values[::5, 0] = 127  # a scale of 1, so that halves are ties
    values[::7] = 0
    values[::11, 3] = 70_000 * 127.0  # the scale overflows half precision
    values[::13] *= 1e-9
    return values.astype(np.float32)


def write(path, blocks, seed):
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "blocks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of overflow, which is meant
        for kind in TYPES:
            elements, _ = gguf.GGML_QUANT_SIZES[kind]
            data = random_blocks(kind, blocks * (256 // elements if elements == 1 else 1), random)
            values = gguf.quants.dequantize(data, kind).astype(np.float32, copy=False)
            writer.add_tensor(kind.name, data, raw_dtype=kind)
            writer.add_tensor(f"{kind.name}.values", np.ascontiguousarray(values))
        floats = random_floats(blocks * 4, random)
        writer.add_tensor("floats", floats)
        writer.add_tensor("floats.blocks", gguf.quants.quantize(floats, Type.Q8_0),
                          raw_dtype=Type.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
