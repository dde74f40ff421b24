"""bm25s with Numba, one thread: the best passages for each query.

Arguments: file of passages, JSON lines with "text"; file of queries, one a line; k. Prints the seconds
of tokenizing and answering all queries, the index and Numba's compilation not counted.
"""
import json
import pathlib
import sys
import time

import bm25s


def main():
    passages, queries, k = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    texts = [json.loads(line)["text"] for line in passages.read_text(encoding="utf-8").splitlines()]
    index = bm25s.BM25(k1=1.2, b=0.75, backend="numba")
    index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    asked = queries.read_text(encoding="utf-8").splitlines()

    def answer(some):
        tokens = bm25s.tokenize(some, stopwords="en", show_progress=False)
        return index.retrieve(tokens, k=k, n_threads=1, show_progress=False)

    answer(asked[:10])
    started = time.perf_counter()
    answer(asked)
    print(json.dumps({"seconds": time.perf_counter() - started,
                      "name": f"bm25s {bm25s.__version__} with Numba"}))


if __name__ == "__main__":
    main()
