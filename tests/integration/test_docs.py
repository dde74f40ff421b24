"""What the manual says of keys is what the program reads."""

import re

from program import ROOT

READS = re.compile(r'(?:fields\.(?:get|get_choice|has)|each\.(?:value|number|choice))\("([a-z_0-9]+)"')


def test_training_page_names_every_key_and_no_other():
    sources = [ROOT / "apps/relata_models/train/train_config.cpp", ROOT / "src/train/config.cpp"]
    known = {key for path in sources for key in READS.findall(path.read_text(encoding="utf-8"))}
    assert {"dataset", "learning_rate", "lora_rank"} <= known
    tables = [line for line in (ROOT / "docs/training.md").read_text(encoding="utf-8").splitlines()
              if line.startswith("| `")]
    # The first column names keys; the rows of sections (model, tokenizer) name theirs in the last.
    named = set(re.findall(r"`([a-z_0-9]+)`", "".join(line.split("|")[1] for line in tables)))
    for line in tables:
        if line.split("|")[1].strip() in ("`model`", "`tokenizer`"):
            named |= set(re.findall(r"`([a-z_0-9]+)`", line.split("|")[3]))
    assert named == known


def test_retriever_page_names_every_key_and_no_other():
    source = (ROOT / "src/retrieve/torch/recipe.cpp").read_text(encoding="utf-8")
    known = set(re.findall(r'(?:fields\.get(?:_choice)?|count)\("([a-z_]+)"', source))
    # Of data sets and of the reward model: named in the row of their section.
    known -= {"name", "task", "files", "format", "schema"}
    assert {"datasets", "reward_model", "query_negatives", "held_out"} <= known
    lines = [line for line in (ROOT / "docs/retriever.md").read_text(encoding="utf-8").splitlines()
             if line.startswith("| `")]
    keys = lines[[line.split("|")[1].strip() for line in lines].index("`output_dir`"):]
    named = set(re.findall(r"`([a-z_0-9]+)`", "".join(line.split("|")[1] for line in keys)))
    assert named == known | {"output_dir", "seed"}
