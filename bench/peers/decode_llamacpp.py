"""Prefill and decoding speed of llama.cpp, from the package xllamacpp. Reads the requests' JSONL.

Each line of --requests is {"name", "requests": [{"prompt" or "prompt_ids", "max_new_tokens"}]}: the
requests of a line are answered together. Greedy, and an end token does not end an answer.
"""
import argparse
import concurrent.futures
import importlib.metadata
import json
import time

from llamacpp import open_server


def answer(server, request):
    """The answer's tokens, and llama.cpp's own clock: seconds of the prompt, and of the rest."""
    result = server.handle_completions({
        "prompt": request.get("prompt_ids") or request["prompt"],
        "n_predict": request["max_new_tokens"], "temperature": 0, "cache_prompt": False,
        "ignore_eos": True})
    timings = result["timings"]
    return {"tokens": timings["predicted_n"], "prompt_tokens": timings["prompt_n"],
            "prompt_seconds": timings["prompt_ms"] / 1e3,
            "answer_seconds": timings["predicted_ms"] / 1e3}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--requests", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with open(arguments.requests, encoding="utf-8") as lines:
        groups = [json.loads(line) for line in lines]
    slots = max(len(group["requests"]) for group in groups)
    server = open_server(arguments.model, arguments.threads, slots, 1024)
    out = {"version": importlib.metadata.version("xllamacpp")}
    with concurrent.futures.ThreadPoolExecutor(slots) as pool:
        for group in groups:
            rounds = []
            for _ in range(arguments.rounds):
                started = time.perf_counter()
                answers = list(pool.map(lambda one: answer(server, one), group["requests"]))
                rounds.append({"seconds": time.perf_counter() - started, "answers": answers})
            out[group["name"]] = rounds
    print(json.dumps(out), flush=True)


if __name__ == "__main__":
    main()
