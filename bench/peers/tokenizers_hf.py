"""Times Hugging Face's tokenizers on the lines of a file; one JSON line of what it found.

usage: tokenizers_hf.py TOKENIZER.JSON TEXTS one|batch

As bench/tokenizers.cpp: the first pass alone, then whole passes until two seconds are over.
"""
import json
import sys
import time

from tokenizers import Tokenizer

SECONDS = 2.0


def main():
    path, texts_path, way = sys.argv[1:]
    tokenizer = Tokenizer.from_file(path)
    with open(texts_path, encoding="utf-8") as lines:
        texts = [line.rstrip("\n") for line in lines if line.rstrip("\n")]

    def one():
        return sum(len(tokenizer.encode(text, add_special_tokens=False)) for text in texts)

    def batch():
        return sum(map(len, tokenizer.encode_batch(texts, add_special_tokens=False)))

    encode = {"one": one, "batch": batch}[way]
    size = sum(len(text.encode()) for text in texts)
    started = time.perf_counter()
    tokens = encode()
    first = time.perf_counter() - started
    passes, seconds, started = 0, 0.0, time.perf_counter()
    while seconds < SECONDS:
        encode()
        passes += 1
        seconds = time.perf_counter() - started
    print(json.dumps({"bytes_per_second": size * passes / seconds,
                      "first_bytes_per_second": size / first, "tokens": tokens}))


if __name__ == "__main__":
    main()
