"""Answering from GGUF blocks beside llama.cpp on the same file: decoding 1 and 16, prefill of 512."""
import argparse
import random
import select
import subprocess
import time

import run

MODELS = {"SmolLM2-135M": "smollm2-135m-instruct.Q4_1.gguf",
          "Qwen2.5-0.5B": "qwen2.5-coder-0.5b-instruct.Q4_K_M.gguf"}
GOALS = {"decode batch 1": 1.0, "decode batch 16": 1.5, "prefill 512": 1.5}
ROUNDS = 3  # of either side; the fastest counts, since what else runs here only slows down


def counting(start):
    """A prompt that greedy answers go on with for long."""
    return " ".join(str(number) for number in range(start, start + 8))


def groups(new_tokens, prefill):
    """What is answered together; no two prompts of a group begin alike."""
    ids = random.Random(0)
    return {
        "decode batch 1": [{"prompt": counting(11), "max_new_tokens": new_tokens}],
        "decode batch 16": [{"prompt": counting(100 * (i + 1)), "max_new_tokens": new_tokens}
                            for i in range(16)],
        "prefill 512": [{"prompt_ids": [ids.randrange(1000, 40000) for _ in range(prefill)],
                         "max_new_tokens": 1}],
    }


def arrivals(command, lines):
    """Runs relata and returns its lines, each with the time it came at."""
    print("+ " + " ".join(map(str, command)), flush=True)
    out = []
    with subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, cwd=run.ROOT) as process:
        process.stdin.write("".join(run.json.dumps(line) + "\n" for line in lines).encode())
        process.stdin.close()
        pending = b""
        while True:
            select.select([process.stdout], [], [])
            part = process.stdout.read1()
            now = time.perf_counter()
            if not part:
                break
            *whole, pending = (pending + part).split(b"\n")
            out += [(now, run.json.loads(line)) for line in whole]
    if process.returncode != 0:
        run.sys.exit(f"bench: {command[0]} ended with {process.returncode}")
    return out


def run_ours(model, requests, options):
    """Seconds and tokens of the fastest of ROUNDS rounds.

    Answers are written batch by batch; the first round is start and load. Rounds begin with another
    token each, or the next would find the prompt in the cache.
    """
    lines = []
    for turn in range(ROUNDS + 1):
        for request in requests:
            line = dict(request)
            if "prompt" in line:
                line["prompt"] = f"{chr(65 + turn)}: " + line["prompt"]
            else:
                line["prompt_ids"] = [100 + turn] + line["prompt_ids"][1:]
            lines.append(line)
    command = [run.PROGRAM, "generate", "-m", model, "--no-dequantize", "--no-progress",
               "--batch", len(requests), *options]
    out = arrivals(command, lines)
    rounds = []
    for turn in range(1, ROUNDS + 1):
        answers = out[turn * len(requests):(turn + 1) * len(requests)]
        seconds = answers[-1][0] - out[turn * len(requests) - 1][0]
        rounds.append((seconds, sum(len(line["ids"]) for _, line in answers)))
    return min(rounds, key=lambda one: one[0] / one[1])


def rate_of_peer(name, rounds, prompt_tokens):
    """Tokens a second of the best round: of prefill by llama.cpp's own clock."""
    if name.startswith("prefill"):
        return max(prompt_tokens / one["answers"][0]["prompt_seconds"] for one in rounds)
    return max(sum(a["tokens"] for a in one["answers"]) / one["seconds"] for one in rounds)


def compare(name, path, arguments):
    work = groups(arguments.new_tokens, 512)
    requests = run.WORK / "decode-requests.jsonl"
    run.WORK.mkdir(parents=True, exist_ok=True)
    run.write_lines(requests, [{"name": key, "requests": value} for key, value in work.items()])
    theirs = run.peer("decode_llamacpp", "--model", path, "--requests", requests, "--threads",
                      arguments.threads, "--rounds", ROUNDS)
    options = ["--threads", arguments.threads, *arguments.options]
    rows = []
    for key, group in work.items():
        seconds, tokens = run_ours(path, group, options)
        if key.startswith("prefill"):
            tokens = 512
        rows.append(run.row(f"{key} {name}", "tok/s", tokens / seconds,
                            rate_of_peer(key, theirs[key], 512),
                            f"llama.cpp (xllamacpp {theirs['version']})", GOALS[key]))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(MODELS))
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=run.THREADS, help="of either side")
    parser.add_argument("options", nargs="*", help="of relata generate, after --")
    arguments = parser.parse_args()
    limits, result = run.probe(), []
    for name, file in MODELS.items():
        path = run.ROOT / "models" / file
        if arguments.only not in (None, name):
            continue
        if not path.exists():
            print(f"{file} is not there: ./dev models brings it")
            continue
        # A token reads every weight but the embedding's other rows once; a tied one is the head.
        limits[f"{name}_tokens_per_s_by_memory"] = round(
            limits["memory_read_gb_per_s"] * 1e9 / path.stat().st_size, 1)
        result += compare(name, path, arguments)
    if not result:
        run.sys.exit("bench: no model is there")
    run.finish("decode", result, limits, threads=arguments.threads)


if __name__ == "__main__":
    main()
