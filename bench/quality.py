"""Models trained from scratch by the recipes, beside Transformers: same rows, size and minutes."""
import argparse
import json
import shutil

import run

PEER = "Transformers 5.23"
# The part of the data that is scored; settings never see it.
SCORED = {"fewrel": "fewrel/test.json", "sanwen": "sanwen/valid.txt", "finre": "finre/test.txt"}
GOALS = {"fewrel": 0.80, "sanwen": 0.55, "finre": 0.25}


def settings_of(recipe):
    """The recipe's keys outside sections, as text."""
    lines = (run.ROOT / f"recipes/{recipe}_scratch.yaml").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("#")[0].split(":") for line in lines if line[:1].isalpha()]
    return {key.strip(): value.strip() for key, value in pairs}


def train_ours(recipe, gold, folder, overrides):
    """Trains by the recipe; returns relata's own score of the scored part, and the seconds."""
    text, _, _ = run.run([run.PROGRAM, "train", run.ROOT / f"recipes/{recipe}_scratch.yaml",
                          f"output_dir={folder}", *overrides, "--threads", run.THREADS,
                          "--no-progress", "--json", "overwrite_output_dir=true"])
    seconds = json.loads(text.strip().splitlines()[-1])["seconds"]
    found = folder / "predictions.jsonl"
    run.run([run.PROGRAM, "extract", "-x", folder, gold, "-o", found, "--no-progress"])
    text, _, _ = run.run([run.PROGRAM, "evaluate", "--gold", gold, "--pred", found,
                          "--schema", folder / "schema.json", "--metric", "pair-micro", "--json"])
    return json.loads(text)["pair-micro"], seconds


def write_rows(recipe, gold, folder, overrides):
    """Token rows of training, development and scored part, made by relata."""
    common = [run.PROGRAM, "train", run.ROOT / f"recipes/{recipe}_scratch.yaml", *overrides,
              f"output_dir={folder}/vocabulary", "--no-progress"]
    run.run([*common, "--rows", folder])
    run.run([*common, f"eval_dataset={gold}", "--rows", folder / "scored"])


def train_peer(folder, schema, model, minutes, settings):
    relations = json.loads(schema.read_text(encoding="utf-8"))["relation_types"]
    negative = next((i for i, r in enumerate(relations) if r.get("negative")), -1)
    size = json.loads((model / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    return run.peer("from_scratch", "--train", folder / "train.jsonl", "--dev",
                    folder / "eval.jsonl", "--test", folder / "scored/eval.jsonl", "--minutes",
                    minutes, "--negative", negative, "--vocab-size", size, "--dropout",
                    settings["dropout"], "--text-weight", settings["prompt_loss_weight"],
                    "--warmup", settings["warmup_ratio"], "--rate", settings["learning_rate"],
                    "--weight-decay", settings["weight_decay"])


def compare(recipe, arguments):
    gold = run.ROOT / "recipes/data" / SCORED[recipe]
    overrides = [f"max_train_minutes={arguments.minutes}"] if arguments.minutes else []
    folder = run.WORK / f"quality-{recipe}"
    shutil.rmtree(folder, ignore_errors=True)
    ours, seconds = train_ours(recipe, gold, folder / "ours", overrides)
    write_rows(recipe, gold, folder, overrides)
    minutes = round(seconds / 60, 2)
    theirs = train_peer(folder, folder / "ours/schema.json", folder / "ours/model", minutes,
                        settings_of(recipe))
    low, high = ours["ci95"]
    print(f"{recipe}: {ours['f1']:.4f} ({low:.4f} to {high:.4f}), floor {ours['floor']:.4f}, goal "
          f"{GOALS[recipe]}; Transformers {theirs['f1']:.4f} after the same {minutes:g} minutes")
    row = run.row(f"{recipe}, {minutes:g} min", "micro-F1", ours["f1"], theirs["f1"], PEER, 1.0)
    return row, {"ours": ours, "peer": theirs, "goal_f1": GOALS[recipe]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(SCORED))
    parser.add_argument("--minutes", type=float, help="instead of the recipe's own")
    arguments = parser.parse_args()
    limits, rows, details = run.probe(), [], {}
    for recipe in SCORED:
        if arguments.only in (None, recipe):
            row, details[recipe] = compare(recipe, arguments)
            rows.append(row)
    run.finish("quality", rows, limits, details=details)


if __name__ == "__main__":
    main()
