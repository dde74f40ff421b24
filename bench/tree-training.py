"""Training on all questions of a document, its text computed once, beside one example a sequence."""
import argparse
import sys

import run
from sft import compare, run_ours

MODEL = run.ROOT / "models/smollm2-135m-instruct.Q4_1.gguf"
DOCUMENTS = run.ROOT.parent / "shared/data/redocred/dev_revised.json"
ROWS = 32  # a step's: of one document or two


def rows_of_documents():
    """The rows of `rhf` for the documents, in their order, as JSONL {"ids", "labels"}."""
    folder = run.WORK / "rhf-rows"
    if not (folder / "train.jsonl").is_file():
        run.run([run.PROGRAM, "train", run.ROOT / "recipes/redocred_smollm2.yaml",
                 f"dataset={DOCUMENTS}", f"output_dir={folder}/out", "--rows", folder])
    return folder / "train.jsonl"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    arguments = parser.parse_args()
    for path in (MODEL, DOCUMENTS):
        if not path.is_file():
            sys.exit(f"bench: {path} is not there")
    limits = run.probe()
    model = run.WORK / "smollm2-hf"
    if not (model / "config.json").is_file():
        run.run([run.PROGRAM, "model", "export", MODEL, model, "--to", "hf"])
    rows = rows_of_documents()
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
