"""Memory that `relata model show` forecasts beside what training and answering take at their peaks."""
import argparse
import json
import random
import shutil

import run

SMOLLM2 = run.ROOT / "models/smollm2-135m-instruct.Q4_1.gguf"
QWEN = run.ROOT / "models/qwen2.5-coder-0.5b-instruct.Q4_K_M.gguf"
ALLOWED = 0.10


def folder_of(name, file, *command):
    """A folder made from a GGUF file, once."""
    folder = run.WORK / name
    if not (folder / "config.json").exists():
        run.run([run.PROGRAM, "model", *command[:1], file, folder, *command[1:]])
    return folder


def bases(which):
    """(name, path, options of training, options of `model show`)."""
    file = SMOLLM2 if which == "smollm2" else QWEN
    folder = folder_of(f"memory-{which}", file, "export", "--to", "hf", "--dtype", "bf16")
    nf4 = folder_of(f"memory-{which}-nf4", file, "quantize", "--to", "nf4")
    return [("bfloat16", folder, {}, []),
            ("NF4", nf4, {}, []),
            ("NF4 at load", folder, {"quantization_bit": 4}, ["--quantize", "nf4"]),
            ("GGUF's blocks", file, {}, [])]


def rows_of(tokens, row, seed=1):
    """One step's rows: random tokens, a fifth of them answers."""
    chance = random.Random(seed)
    path = run.WORK / f"memory-{tokens}-{row}.jsonl"
    lines = []
    for _ in range(max(1, tokens // row)):
        ids = [chance.randrange(100, 40000) for _ in range(min(row, tokens))]
        answers = len(ids) // 5
        lines.append({"ids": ids, "labels": [-100] * (len(ids) - answers) + ids[-answers:]})
    run.write_lines(path, lines)
    return path, len(lines)


def shown(model, *options):
    text, _, _ = run.run([run.PROGRAM, "--json", "model", "show", model, *options])
    return json.loads(text)


def train(model, tokens, row, checkpointing, rank, more):
    rows, batch = rows_of(tokens, row)
    out = run.WORK / "memory-run"
    shutil.rmtree(out, ignore_errors=True)
    config = {
        "model_name_or_path": str(model), "dataset": str(rows), "dataset_format": "ids",
        "output_dir": str(out), "finetuning_type": "lora", "lora_rank": rank, "lora_target": "all",
        "per_device_train_batch_size": batch, "max_steps": 3, "bf16": True,
        "gradient_checkpointing": checkpointing,
    } | more
    path = run.WORK / "memory.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return run.run([run.PROGRAM, "--no-progress", "train", path])[2]


def training(which, sizes, only):
    found = []
    for name, model, more, options in bases(which):
        if only and only not in name:
            continue
        for tokens, row in sizes:
            for checkpointing in (False, True):
                flags = [*options, "--lora-rank", 8, "--lora-target", "all", "--tokens", tokens]
                flags += ["--gradient-checkpointing"] * checkpointing
                forecast = shown(model, *flags)["lora_training_bytes"]
                measured = train(model, tokens, row, checkpointing, 8, more)
                found.append((f"{which} {name}, {tokens} tokens"
                              f"{', checkpointing' if checkpointing else ''}", forecast, measured))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["smollm2", "qwen"], default="smollm2")
    parser.add_argument("--only", help="a form of the weights, by a part of its name")
    parser.add_argument("--sizes", default="512:128,2048:128,4096:1024",
                        help="tokens a step : tokens a row, ...")
    arguments = parser.parse_args()
    run.WORK.mkdir(parents=True, exist_ok=True)
    sizes = [tuple(map(int, size.split(":"))) for size in arguments.sizes.split(",")]
    found = training(arguments.model, sizes, arguments.only)
    for work, forecast, measured in found:
        total = forecast["total"]
        parts = ", ".join(f"{key} {value / 1e6:.0f}" for key, value in forecast.items()
                          if key != "total")
        apart = total / measured - 1
        print(f"{work:55} measured {measured / 1e6:7.0f} MB, forecast {total / 1e6:7.0f} ({parts})"
              f"  {100 * apart:+.1f} %{'  MISSED' if abs(apart) > ALLOWED else ''}")


if __name__ == "__main__":
    main()
