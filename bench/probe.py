"""What this machine can do at best: bf16 and fp32 products, and reading memory.

Every figure of the other benchmarks stands beside these, taken in the same run: machines of one
kind differ by a factor of two.
"""
import json
import os
import time

import torch


def best_of(work, seconds=2.0):
    """The shortest time of one call, over calls that fill `seconds`."""
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def probe(threads=None):
    torch.set_num_threads(threads or os.cpu_count())
    size = 2048
    result = {"threads": torch.get_num_threads()}
    for name, dtype in (("bf16_gflops", torch.bfloat16), ("fp32_gflops", torch.float32)):
        a = torch.randn(size, size, dtype=dtype)
        b = torch.randn(size, size, dtype=dtype)
        out = torch.empty(size, size, dtype=dtype)
        result[name] = round(2e-9 * size**3 / best_of(lambda: torch.mm(a, b, out=out)), 1)
    # 1 GiB is beyond every cache, and a sum of integers is faster than memory.
    block = torch.zeros(2**27, dtype=torch.int64)
    result["memory_read_gb_per_s"] = round(
        1e-9 * block.numel() * block.element_size() / best_of(block.sum), 1)
    return result


if __name__ == "__main__":
    print(json.dumps(probe()))
