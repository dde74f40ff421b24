"""Compares `relata --device DEVICE` with `--device cpu` on SmolLM2; called by tools/gpu_check.sh."""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build/release/bin/relata"
MODEL = ROOT / "models/smollm2-135m-instruct.Q4_1.gguf"
STEPS = 10
# Of recipes/fewrel.yaml, without its evaluation.
RECIPE = {
    "model_name_or_path": str(MODEL), "dataset": str(ROOT / "recipes/data/fewrel/train.json"),
    "schema": str(ROOT / "recipes/data/fewrel/schema.json"), "finetuning_type": "lora", "lora_rank": 16,
    "lora_alpha": 32, "lora_target": "all", "prompt_template": "marked", "decode": "labels",
    "multi_label": "join", "per_device_train_batch_size": 32, "learning_rate": 1e-3, "max_steps": STEPS,
    "logging_steps": 1, "seed": 42,
}

# In float32 both sides add the same products in another order.
NATS = 1e-3      # of a logit or a score
LOSS = 1e-3      # of a training step, relative
AGREE = 0.95     # share of greedy tokens: where two are as likely as each other either may be taken


def relata(*arguments, lines=()):
    command = [str(part) for part in (PROGRAM, *arguments)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    started = time.perf_counter()
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], \
        time.perf_counter() - started


def both(device, *arguments, lines=()):
    """Answers and seconds on the CPU, then on the device."""
    return [relata(*arguments, "--device", place, lines=lines) for place in ("cpu", device)]


def largest(a, b):
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


class Report:
    def __init__(self):
        self.failed = False

    def parity(self, what, found, limit, unit=""):
        good = found <= limit
        self.failed |= not good
        print(f"{'ok  ' if good else 'FAIL'}  {what}: {found:.2e}{unit}, at most {limit:.0e}")

    def speed(self, what, unit, here, there):
        print(f"      {what}: {here:,.0f} {unit} on the CPU, {there:,.0f} on the device, "
              f"{there / here:.2f} times")


def check_logits(report, device):
    chance = random.Random(1)
    lines = [{"ids": [chance.randrange(3, 40000) for _ in range(length)]} for length in (1, 7, 64)]
    (here, _), (there, _) = both(device, "model", "logits", MODEL, "--dtype", "float32", lines=lines)
    flat = [[x for line in side for row in line["logits"] for x in row] for side in (here, there)]
    report.parity("logits in float32", largest(*flat), NATS, " nats")


def prompts(count):
    with open(ROOT / "recipes/data/fewrel/test.json", encoding="utf-8") as file:
        rows = [" ".join(example["tokens"]) for examples in json.load(file).values()
                for example in examples]
    return random.Random(2).sample(rows, count)


def check_scores(report, device):
    lines = [{"prompt": text, "continuations": [" The", " It is in Italy.", " no"]}
             for text in prompts(32)]
    (here, _), (there, _) = both(device, "score", "-m", MODEL, "--dtype", "float32", lines=lines)
    flat = [[x for line in side for x in line["logprobs"]] for side in (here, there)]
    report.parity("scores in float32", largest(*flat), NATS, " nats")


def check_answers(report, device):
    lines = [{"prompt": text, "max_new_tokens": 64, "ignore_eos": True} for text in prompts(64)]
    (here, _), (there, _) = both(device, "generate", "-m", MODEL, "--dtype", "float32", lines=lines[:16])
    pairs = [(x, y) for a, b in zip(here, there) for x, y in zip(a["ids"], b["ids"], strict=True)]
    other = 1 - sum(x == y for x, y in pairs) / len(pairs)
    report.parity("greedy tokens that differ", other, 1 - AGREE)
    speeds = []
    for place in ("cpu", device):
        _, start = relata("generate", "-m", MODEL, "--dtype", "bfloat16", "--device", place, lines=lines[:1])
        _, all_of_them = relata("generate", "-m", MODEL, "--dtype", "bfloat16", "--device", place, lines=lines)
        speeds.append(63 * 64 / max(1e-9, all_of_them - start))
    report.speed("64 answers at once, bfloat16", "tokens/s", *speeds)


def trained(device, folder, *settings):
    out = pathlib.Path(folder) / "-".join((device.replace(":", "-"), *settings))
    recipe = pathlib.Path(folder) / "recipe.yaml"
    recipe.write_text(json.dumps(RECIPE))
    relata("train", recipe, f"output_dir={out}", *settings, "--device", device)
    lines = [json.loads(line) for line in open(out / "train_log.jsonl", encoding="utf-8")]
    return [line for line in lines if "loss" in line]


def check_training(report, device):
    with tempfile.TemporaryDirectory() as folder:
        here, there = (trained(place, folder, "bf16=false") for place in ("cpu", device))
        losses = [abs(a["loss"] - b["loss"]) / a["loss"] for a, b in zip(here, there, strict=True)]
        report.parity(f"losses of {STEPS} LoRA steps in float32, relative", max(losses), LOSS)
        speeds = [trained(place, folder, "bf16=true")[-1]["tokens_per_second"] for place in ("cpu", device)]
        report.speed("LoRA, bfloat16", "tokens/s", *speeds)


def main():
    device = sys.argv[1] if len(sys.argv) > 1 else "cuda"
    doctor = json.loads(subprocess.run([PROGRAM, "doctor", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    print(f"relata {doctor['relata']}, LibTorch {doctor['libtorch']['version']}; devices: "
          + "; ".join(f"{name}: {state}" for name, state in doctor["devices"].items()))
    found = Report()
    for check in (check_logits, check_scores, check_answers, check_training):
        check(found, device)
    sys.exit(1 if found.failed else 0)


if __name__ == "__main__":
    main()
