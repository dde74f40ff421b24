"""QLoRA's speed and memory beside Transformers, PEFT and bitsandbytes: one base in NF4, same rows and loss."""
import argparse

import run
import sft

PEER = "Transformers 5.23 + PEFT 0.21 + bitsandbytes 0.50"
# Batch and steps of a shape; random weights, as speed and memory do not depend on them.
SHAPES = {"small": (16, 8), "qwen": (8, 4), "tinyllama": (4, 4)}
GOALS = {"tokens": 1.5, "memory": 1.6}


def quantised(shape):
    folder = run.WORK / f"model-{shape}-nf4"
    if not (folder / "config.json").exists():
        base = run.model(shape, "--bf16")
        run.run([run.PROGRAM, "model", "quantize", base, folder, "--to", "nf4"])
    return folder


def compare(shape, batch, steps, checkpointing):
    model = quantised(shape)
    rows = run.rows("qlora.jsonl", sft.TABLE, "--vocab-size", 8000, "--limit", 400,
                    *run.INSTRUCTIONS["instruction"])
    adapter = run.WORK / f"qlora-adapter-{shape}"
    theirs = run.peer("qlora", "--model", model, "--rows", rows, "--batch", batch, "--steps", steps,
                      "--warmup", 1, "--rate", 1e-4, "--save-initial", adapter)
    ours = sft.run_ours(f"qlora-{shape}", model, rows, batch, steps, 1, 1e-4, adapter,
                        gradient_checkpointing=checkpointing)
    apart = max(abs(a - b) for a, b in zip(ours["losses"], theirs["losses"]))
    print(f"{shape}: largest difference of a step's loss {apart:.4f}")
    return [run.row(f"{shape} tokens", "tok/s", ours["tokens_per_second"],
                    theirs["tokens_per_second"], PEER, GOALS["tokens"]),
            run.row(f"{shape} memory", "bytes", ours["peak_rss_bytes"], theirs["peak_rss_bytes"],
                    PEER, GOALS["memory"], smaller_is_better=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(SHAPES))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--no-checkpointing", action="store_true",
                        help="relata keeps all activations; the peer never does")
    arguments = parser.parse_args()
    limits, rows = run.probe(), []
    for shape, (batch, steps) in SHAPES.items():
        if arguments.only in (None, shape):
            rows += compare(shape, batch, arguments.steps or steps, not arguments.no_checkpointing)
    run.finish("qlora", rows, limits)


if __name__ == "__main__":
    main()
