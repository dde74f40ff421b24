"""The questions of documents by llama.cpp, from the package xllamacpp: prompt cache, parallel slots.

Each line of --documents is a list of {"prompt_ids", "max_new_tokens"} that begin with the same text.
Its first is answered alone, so that all slots may find the text in the cache. An end token does not
end an answer.
"""
import argparse
import concurrent.futures
import importlib.metadata
import json
import time

from llamacpp import open_server


def answer(server, request):
    server.handle_completions({
        "prompt": request["prompt_ids"], "n_predict": request["max_new_tokens"], "temperature": 0,
        "cache_prompt": True, "ignore_eos": True})


def seconds_with(arguments, documents, slots):
    longest = max(len(r["prompt_ids"]) + r["max_new_tokens"] for d in documents for r in d)
    server = open_server(arguments.model, arguments.threads, slots, longest + 16)
    with concurrent.futures.ThreadPoolExecutor(slots) as pool:
        answer(server, {"prompt_ids": documents[0][0]["prompt_ids"][:8], "max_new_tokens": 4})
        started = time.perf_counter()
        for first, *others in documents:
            answer(server, first)
            list(pool.map(lambda request: answer(server, request), others))
        return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--documents", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 4, 16])
    arguments = parser.parse_args()
    with open(arguments.documents, encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    print(json.dumps({
        "version": importlib.metadata.version("xllamacpp"),
        "seconds": {slots: seconds_with(arguments, documents, slots) for slots in arguments.slots},
    }), flush=True)


if __name__ == "__main__":
    main()
