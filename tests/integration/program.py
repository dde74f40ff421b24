"""The built program, as the tests of this folder run it."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELATA = os.environ.get("RELATA_BIN", str(ROOT / "build/release/bin/relata"))
ROWS = [
    ("东部文具", "永升", "拥有", "东部文具拥有永升的股份。"),
    ("甲公司", "乙公司", "unknown", "甲公司与乙公司昨日会面。"),
    ("李四", "甲公司", "任职", "李四昨日进入甲公司。"),
    ("Ada", "Byron", "parent", "Ada was the daughter of Byron."),
]


def relata(*arguments, stdin="", env=None, code=0, **options):
    """Runs the program and checks its exit code; bytes or text on stdin."""
    data = stdin if isinstance(stdin, bytes) else stdin.encode()
    result = subprocess.run([RELATA, *map(str, arguments)], input=data, timeout=120,
                            capture_output=True, env={**os.environ, **(env or {})}, **options)
    result.out = result.stdout.decode()
    result.err = result.stderr.decode()
    assert result.returncode == code, f"{arguments}: {result.returncode}\n{result.err}{result.out}"
    return result


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def toy_recipe(data, output, **extra):
    """A training from scratch that takes a moment; what it learns does not matter."""
    return {
        "dataset": str(data),
        "dataset_format": "cre-tsv",
        "output_dir": str(output),
        "model": {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 256,
        },
        "tokenizer": {"vocab_size": 400},
        "max_steps": 1,
        **extra,
    }


def train_toy_model(folder, positions):
    """A model next to chance that takes prompts of so many tokens; its folder."""
    data = folder / "train.txt"
    data.write_text("".join("\t".join(row) + "\n" for row in ROWS * 30))
    recipe = toy_recipe(data, folder / "out")
    recipe["model"]["max_position_embeddings"] = positions
    (folder / "toy.yaml").write_text(json.dumps(recipe))
    relata("train", folder / "toy.yaml")
    return folder / "out/model"
