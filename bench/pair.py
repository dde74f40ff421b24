"""Generation and label scoring of the pair task beside Transformers: the small model, and SmolLM2."""
import argparse
import collections
import random

import run

TABLE = run.ROOT / "recipes/data/finre/train.txt"
PEER = "Transformers 5.23"
ROUNDS = 3  # of either side; the fastest counts, since what else runs here only slows down


def run_ours(verb, model, prompts, out):
    """`relata generate` or `relata score` over a JSONL file; returns {"seconds", "peak_rss_bytes"}.

    The peer's clock starts after its model is loaded, so the time of a run with one request of one
    token, which is all start and load, is taken off ours.
    """
    command = [run.PROGRAM, verb, "-m", model, "--threads", run.THREADS, "--no-progress"]
    first = dict(run.read_lines(prompts)[0])
    if verb == "generate":
        first["max_new_tokens"] = 1
    else:
        first["continuation_ids"] = first["continuation_ids"][:1]
    one = run.WORK / f"one-{verb}.jsonl"
    run.write_lines(one, [first])
    start = min(run.run(command, stdin=one, stdout=run.WORK / "one.out")[1]
                for _ in range(ROUNDS))
    rounds = [run.run(command, stdin=prompts, stdout=out) for _ in range(ROUNDS)]
    return {"seconds": min(seconds for _, seconds, _ in rounds) - start,
            "peak_rss_bytes": max(memory for _, _, memory in rounds)}


def run_peer(name, rate, *arguments):
    """Of ROUNDS runs the one with the best rate."""
    return max((run.peer(name, *arguments) for _ in range(ROUNDS)), key=lambda one: one[rate])


def generate(kind, model, source, count, new_tokens):
    prompts = run.WORK / f"generate-{kind}.jsonl"
    run.write_lines(prompts, [{"prompt_ids": row["prompt_ids"], "max_new_tokens": new_tokens}
                              for row in source[:count]])
    out = {side: run.WORK / f"generate-{side}.jsonl" for side in ("ours", "peer")}
    theirs = run_peer("generate", "tokens_per_second", "--model", model, "--prompts", prompts,
                      "--out", out["peer"], "--batch", 16)
    ours = run_ours("generate", model, prompts, out["ours"])
    answers = {side: [line["ids"] for line in run.read_lines(path)] for side, path in out.items()}
    same = sum(a == b for a, b in zip(answers["ours"], answers["peer"]))
    tokens = sum(len(ids) for ids in answers["ours"])
    print(f"generate, {kind} rows: {same} of {len(answers['peer'])} answers have the same tokens")
    return [run.row(f"generate greedy, {kind} rows, batch 16", "tok/s", tokens / ours["seconds"],
                    theirs["tokens_per_second"], PEER, 5.0),
            run.row(f"generate peak memory, {kind} rows", "bytes", ours["peak_rss_bytes"],
                    theirs["peak_rss_bytes"], PEER, smaller_is_better=True)]


def label(kind, model, source, count, peer_count, goal=20.0, options=()):
    prompts = run.WORK / f"label-{kind}.jsonl"
    run.write_lines(prompts, [{key: row[key] for key in ("prompt_ids", "continuation_ids")}
                              for row in source[:count]])
    out = {side: run.WORK / f"label-{side}.jsonl" for side in ("ours", "peer")}
    theirs = run_peer("label", "prompts_per_second", "--model", model, "--prompts", prompts,
                      "--out", out["peer"], "--limit", peer_count, *options)
    ours = run_ours("score", model, prompts, out["ours"])
    scores = {side: [line["logprobs"] for line in run.read_lines(path)]
              for side, path in out.items()}
    apart = max(abs(a - b) for mine, other in zip(scores["ours"], scores["peer"])
                for a, b in zip(mine, other))
    print(f"label, {kind} rows: largest difference of a log-probability {apart:.5f}")
    return [run.row(f"label scoring, {kind} rows, {len(source[0]['continuation_ids'])} labels",
                    "prompts/s",
                    count / ours["seconds"], theirs["prompts_per_second"],
                    PEER + ", one pass a label", goal)]


def smollm2_questions(count):
    """Prompts of recipes/fewrel.yaml, each with the answers of all its relations."""
    rows = run.read_lines(run.recipe_rows("fewrel", "fewrel-rows"))
    asked = [next(i for i, label in enumerate(row["labels"]) if label >= 0) for row in rows]
    answers = collections.Counter(tuple(row["ids"][at:]) for row, at in zip(rows, asked))
    relations = [list(answer) for answer, _ in answers.most_common(16)]
    chosen = random.Random(0).sample(range(len(rows)), count)
    return [{"prompt_ids": rows[i]["ids"][:asked[i]], "continuation_ids": relations}
            for i in chosen]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["generate", "label", "smollm2"])
    parser.add_argument("--prompts", type=int, default=64, help="of generation")
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--label-prompts", type=int, default=256)
    parser.add_argument("--peer-label-prompts", type=int, default=8, help="its rate is steady")
    arguments = parser.parse_args()
    limits, result = run.probe(), []
    for kind, options in {} if arguments.only == "smollm2" else run.INSTRUCTIONS.items():
        model = run.model("small")
        source = run.read_lines(run.rows(f"small-score-{kind}.jsonl", TABLE, "--vocab-size", 8000,
                                         "--kind", "score", "--limit", 512, *options))
        if arguments.only != "label":
            result += generate(kind, model, source, arguments.prompts, arguments.new_tokens)
        if arguments.only != "generate":
            result += label(kind, model, source, arguments.label_prompts,
                            arguments.peer_label_prompts)
    if arguments.only in (None, "smollm2"):
        result += label("smollm2 FewRel", run.smollm2(), smollm2_questions(arguments.label_prompts),
                        arguments.label_prompts, arguments.peer_label_prompts, 10.0,
                        ["--dtype", "bfloat16"])
    run.finish("pair", result, limits)


if __name__ == "__main__":
    main()
