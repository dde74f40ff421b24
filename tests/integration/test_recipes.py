"""Every key of every recipe is one that the manual explains, and what it names is there."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
RECIPES = sorted(path for path in (ROOT / "recipes").glob("**/*.yaml") if path.parent.name != "data")


def keys_of(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.split(":")[0]: line.split(":", 1)[1].split("#")[0].strip()
            for line in lines if re.match(r"[a-z_0-9]+:", line)}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: str(path.relative_to(ROOT)))
def test_keys_are_documented_and_data_are_there(recipe):
    keys = keys_of(recipe)
    pages = ["training"] + (["retriever"] if "datasets" in keys else [])
    text = "".join((ROOT / f"docs/{page}.md").read_text() for page in pages)
    documented = set(re.findall(r"`([a-z_0-9]+)`", text))
    assert set(keys) <= documented
    assert keys["output_dir"].startswith("out/")
    for key in ("dataset", "eval_dataset", "schema"):
        if keys.get(key, "").startswith("recipes/"):
            assert (ROOT / keys[key]).is_file()


def test_there_are_recipes():
    assert len(RECIPES) >= 10
