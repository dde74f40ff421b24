"""The include-table check finds what it must and passes what it should."""
import importlib.util
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("check_includes", ROOT / "tools/check_includes.py")
check_includes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_includes)


def problems_of(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return check_includes.check(root)


HEADERS = {
    "include/relata/base/result.h": "#include <string>\n",
    "include/relata/model/config.h": '#include "relata/base/result.h"\n',
    "include/relata/model/llama.h": "#include <torch/torch.h>\n",
    "include/relata/generate/engine.h": '#include "relata/base/result.h"\n',
}


def test_clean_tree(tmp_path):
    assert problems_of(tmp_path, HEADERS | {
        "src/engine/native.cpp": '#include "relata/model/llama.h"\n#include <ATen/ATen.h>\n',
        "src/train/loop.cpp": '#include "loop.h"\n',
        "src/retrieve/torch/encoder.cpp": '#include "relata/model/llama.h"\n',
        "src/train/loop.h": "#include <c10/util/ArrayRef.h>\n",
        "src/extract/pair.cpp": '#include "relata/generate/engine.h"\n#include <fmt/core.h>\n',
    }) == []


@pytest.mark.parametrize("name, line, expected", [
    ("src/base/a.cpp", '#include "relata/generate/engine.h"',
     "layer base may not use layer generate"),
    ("src/base/a.cpp", '#  include <relata/generate/engine.h>',
     "layer base may not use layer generate"),
    ("src/eval/a.cpp", '#include "../model/hidden.h"', "layer eval may not use layer model"),
    ("src/extract/a.cpp", "#include <torch/torch.h>", "is not allowed here"),
    ("include/relata/generate/a.h", "#include <ATen/ATen.h>", "is not allowed here"),
    ("src/retrieve/a.cpp", "#include <torch/torch.h>", "is not allowed here"),
    ("include/relata/retrieve/torch/a.h", "#include <torch/torch.h>", "is not allowed here"),
    ("include/relata/engine/a.h", '#include "relata/model/llama.h"',
     "through torch/torch.h"),
    ("src/base/a.cpp", '#include "relata/base/none.h"', "there is no relata/base/none.h"),
    ("src/magic/a.cpp", "#include <vector>", "'magic' is no layer"),
])
def test_violation(tmp_path, name, line, expected):
    files = HEADERS | {"src/model/hidden.h": "\n", name: f"// first line\n{line}\n"}
    problems = problems_of(tmp_path, files)
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"{name}:")
    assert expected in problems[0]


def test_torch_through_two_headers(tmp_path):
    """A public header of the engine may not reach LibTorch, not even two steps away."""
    problems = problems_of(tmp_path, HEADERS | {
        "include/relata/engine/deep.h": '#include "relata/model/llama.h"\n',
        "include/relata/engine/a.h": '#include "relata/engine/deep.h"\n',
    })
    assert len(problems) == 2
    assert problems[0] == (
        "include/relata/engine/a.h:1: relata/engine/deep.h brings in LibTorch's headers"
        " (through include/relata/model/llama.h > torch/torch.h)")


def test_include_cycle_ends(tmp_path):
    assert problems_of(tmp_path, {
        "include/relata/base/a.h": '#include "relata/base/b.h"\n',
        "include/relata/base/b.h": '#include "relata/base/a.h"\n',
    }) == []


def test_documented_table_is_the_enforced_one():
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|([^|]*)\|$",
                      (ROOT / "docs/architecture.md").read_text(encoding="utf-8"), re.M)
    table = {name: re.findall(r"\w+", uses) for name, uses, _ in rows}
    assert table == check_includes.ALLOWED
    torch = {name: column.strip() for name, _, column in rows}
    assert {name for name, word in torch.items() if word == "yes"} == check_includes.TORCH_LAYERS
    assert ({name for name, word in torch.items() if word == "in src only"}
            == check_includes.TORCH_IN_SOURCES)
    assert ({name for name, word in torch.items() if word == "in src/torch only"}
            == check_includes.TORCH_IN_PART)


def test_this_checkout():
    assert check_includes.check(ROOT) == []
