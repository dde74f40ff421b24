"""Training on all questions of a document, its text computed once, beside one example a sequence."""
import argparse
import sys

import run
from sft import compare, run_ours

DOCUMENTS = run.ROOT.parent / "shared/data/redocred/dev_revised.json"
ROWS = 32  # a step's: of one document or two


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    arguments = parser.parse_args()
    if not DOCUMENTS.is_file():
        sys.exit(f"bench: {DOCUMENTS} is not there")
    model = run.smollm2()
    limits = run.probe()
    rows = run.recipe_rows("redocred_smollm2", "rhf-rows", f"dataset={DOCUMENTS}")
    adapter = run.WORK / "smollm2-adapter"
    theirs = run.peer("sft_tinyllama", "--model", model, "--rows", rows, "--batch", ROWS,
                      "--steps", arguments.steps, "--warmup", 1, "--rate", 1e-4,
                      "--save-initial", adapter)
    ours = run_ours("tree", model, rows, batch=ROWS, steps=arguments.steps, warmup=1, rate=1e-4,
                    adapter=adapter)
    result, details = compare("rhf rows, SmolLM2 LoRA,", ours, theirs, 6.0,
                              "Transformers 5.23 + PEFT 0.21, one example a sequence")
    run.finish("tree-training", result, limits, details=details)


if __name__ == "__main__":
    main()
