"""Fine-tuning speed and memory beside Transformers and PEFT: same model, rows, loss and order."""
import argparse
import json
import shutil

import run

TABLE = run.ROOT / "recipes/data/finre/train.txt"
PEER = "Transformers 5.23"
# The vocabulary of Llama-2 where a copy is at hand; else one of the same size is trained.
LLAMA2 = run.ROOT.parent / "shared/data/tokenizers/llama2/tokenizer.model"
KEYS = ("tokens_per_second", "answer_tokens_per_second", "peak_rss_bytes", "losses")


def run_ours(name, model, rows, batch, steps, warmup, rate, adapter=None, **more):
    """Trains with `relata train` and returns the values of KEYS.

    `rows` is JSONL {"ids", "labels"}, taken in file order; `steps` optimiser steps of `batch` rows,
    of which the first `warmup` are outside the clock; constant rate, AdamW without weight decay,
    clipping at 1, bf16 autocast. `adapter` None trains all weights; else it is the PEFT folder of
    the initial adapter (rank 8 on q_proj and v_proj). `more`: further keys of the configuration.
    losses: the mean loss of every step.
    """
    folder = run.WORK / f"ours-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = {
        "model_name_or_path": str(model), "dataset": str(rows), "dataset_format": "ids",
        "output_dir": str(folder / "out"), "finetuning_type": "lora" if adapter else "full",
        "per_device_train_batch_size": batch, "max_steps": steps, "learning_rate": rate,
        "lr_scheduler_type": "constant", "weight_decay": 0.0, "max_grad_norm": 1.0,
        "shuffle": False, "logging_steps": 1, "bf16": True,
    } | more
    if adapter:
        config["adapter_name_or_path"] = str(adapter)
    path = folder / "config.yaml"  # JSON is YAML
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    _, _, memory = run.run([run.PROGRAM, "train", path, "--threads", run.THREADS, "--no-progress"])
    log = [line for line in run.read_lines(folder / "out/train_log.jsonl") if "loss" in line]
    # A line's seconds count from the start of the run and its rates are of one step.
    spans = [(line, line["seconds"] - before["seconds"])
             for before, line in zip(log[warmup - 1:], log[warmup:])]
    seconds = sum(span for _, span in spans)
    values = {key: sum(line[key] * span for line, span in spans) / seconds for key in KEYS[:2]}
    return values | {"peak_rss_bytes": memory, "losses": [line["loss"] for line in log]}


def compare(work, ours, theirs, goal, peer_name):
    rows = [run.row(f"{work} total", "tok/s", ours["tokens_per_second"],
                    theirs["tokens_per_second"], peer_name, goal),
            run.row(f"{work} answers", "tok/s", ours["answer_tokens_per_second"],
                    theirs["answer_tokens_per_second"], peer_name),
            run.row(f"{work} peak memory", "bytes", ours["peak_rss_bytes"],
                    theirs["peak_rss_bytes"], peer_name, smaller_is_better=True)]
    # Same weights, rows and order: the losses say whether both sides did the same work.
    apart = max((abs(a - b) for a, b in zip(ours["losses"], theirs["losses"])), default=0.0)
    print(f"{work}: largest difference of a step's loss {apart:.4f}"
          f" (first {ours['losses'][0]:.4f}, last {ours['losses'][-1]:.4f})")
    return rows, {"losses_ours": ours["losses"], "losses_peer": theirs["losses"],
                  "padding_factor_peer": theirs["padding_factor"]}


def small(kind, steps):
    model = run.model("small")
    rows = run.rows(f"small-{kind}.jsonl", TABLE, "--vocab-size", 8000, "--limit", 4000,
                    *run.INSTRUCTIONS[kind])
    theirs = run.peer("sft_small", "--model", model, "--rows", rows, "--batch", 16,
                      "--steps", steps, "--warmup", 2, "--rate", 3e-4)
    ours = run_ours("small", model, rows, batch=16, steps=steps, warmup=2, rate=3e-4)
    return compare(f"small full fine-tuning, {kind} rows,", ours, theirs, 2.5, PEER)


def tinyllama(kind, steps):
    model = run.model("tinyllama", "--bf16")
    vocabulary = ["--tokenizer", LLAMA2] if LLAMA2.exists() else ["--vocab-size", 32000]
    rows = run.rows(f"tinyllama-{kind}.jsonl", TABLE, *vocabulary, "--limit", 400,
                    *run.INSTRUCTIONS[kind])
    adapter = run.WORK / "tinyllama-adapter"
    theirs = run.peer("sft_tinyllama", "--model", model, "--rows", rows, "--batch", 4,
                      "--steps", steps, "--warmup", 1, "--rate", 1e-4, "--save-initial", adapter)
    ours = run_ours("tinyllama", model, rows, batch=4, steps=steps, warmup=1, rate=1e-4,
                    adapter=adapter)
    return compare(f"tinyllama LoRA, {kind} rows,", ours, theirs, 1.4, PEER + " + PEFT 0.21")


def smollm2(kind, steps):
    """Real weights and the rows of recipes/fewrel.yaml, which have no instruction."""
    model, rows = run.smollm2(), run.recipe_rows("fewrel", "fewrel-rows")
    adapter = run.WORK / "smollm2-fewrel-adapter"
    theirs = run.peer("sft_tinyllama", "--model", model, "--rows", rows, "--batch", 32,
                      "--steps", steps, "--warmup", 1, "--rate", 1e-4, "--save-initial", adapter)
    ours = run_ours("smollm2", model, rows, batch=32, steps=steps, warmup=1, rate=1e-4,
                    adapter=adapter)
    return compare(f"smollm2 LoRA, {kind} FewRel rows,", ours, theirs, 2.5, PEER + " + PEFT 0.21")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["small", "tinyllama", "smollm2"])
    parser.add_argument("--rows", choices=list(run.INSTRUCTIONS))
    parser.add_argument("--small-steps", type=int, default=14)
    parser.add_argument("--tinyllama-steps", type=int, default=5)
    parser.add_argument("--smollm2-steps", type=int, default=5)
    arguments = parser.parse_args()
    limits, result, extra = run.probe(), [], {}
    for name, work, steps in (("small", small, arguments.small_steps),
                              ("tinyllama", tinyllama, arguments.tinyllama_steps),
                              ("smollm2", smollm2, arguments.smollm2_steps)):
        for kind in ["plain"] if name == "smollm2" else run.INSTRUCTIONS:
            if arguments.only in (None, name) and arguments.rows in (None, kind):
                rows, extra[f"{name} {kind}"] = work(kind, steps)
                result += rows
    run.finish("sft", result, limits, details=extra)


if __name__ == "__main__":
    main()
