#!/usr/bin/env python3
"""Checks the layer table: who includes whom, and who may see LibTorch's headers.

Looks at every `#include` of include/relata and src. A layer includes from itself and from the
layers its row names. LibTorch's headers are slow to compile, so they may be reached, directly or
through other headers, only from the layers and files that the table allows.
"""
import argparse
import functools
import pathlib
import re
import sys

# Layer -> the layers it may use. docs/architecture.md shows the same table; a test compares them.
ALLOWED = {
    "base": [],
    "text": ["base"],
    "data": ["base", "text"],
    "kernels": ["base"],
    "nn": ["base", "kernels"],
    "model": ["base", "text", "kernels", "nn"],
    "train": ["base", "text", "data", "nn", "model"],
    "generate": ["base", "text"],
    "engine": ["base", "text", "kernels", "nn", "model", "generate"],
    "retrieve": ["base", "text", "data", "kernels", "generate", "model", "train"],
    "extract": ["base", "text", "data", "generate"],
    "eval": ["base", "text", "data"],
    "graph": ["base", "text", "data"],
    "serve": ["base", "data", "extract", "generate", "graph", "eval"],
}
TORCH_LAYERS = {"nn", "model", "train"}
TORCH_IN_SOURCES = {"engine"}  # not in their public headers
TORCH_IN_PART = {"retrieve"}  # only in src/<layer>/torch, a library of its own

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")


def includes_of(path):
    """The (line number, target) of every include directive of a file."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            found.append((number, match.group(1)))
    return found


def layer_of(root, path):
    parts = path.relative_to(root).parts
    names = parts[2:] if parts[0] == "include" else parts[1:]
    return names[0] if len(names) > 1 else None


def resolve(root, path, target):
    """The project file that `target` names when included from `path`, or None."""
    layer = layer_of(root, path)
    own = [root / "src" / layer / target] if layer else []
    for candidate in (path.parent / target, root / "include" / target, *own):
        candidate = candidate.resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate
    return None


def may_see_torch(layer, path):
    public = "include" in path.parts
    if layer in TORCH_IN_PART:
        return not public and "torch" in path.parts
    return layer in TORCH_LAYERS or (layer in TORCH_IN_SOURCES and not public)


def check(root):
    """All violations, as "file:line: reason"."""
    root = root.resolve()

    @functools.cache
    def way_to_torch(path):
        """Files from `path` to the first include of LibTorch, or None. A cycle adds nothing new."""
        queue, seen = [(path, ())], {path}
        for current, way in queue:
            for _, target in includes_of(current):
                if TORCH.match(target):
                    return (*way, target)
                following = resolve(root, current, target)
                if following and following not in seen:
                    seen.add(following)
                    queue.append((following, (*way, str(following.relative_to(root)))))
        return None

    problems = []
    files = [path for top in ("include/relata", "src") for path in (root / top).rglob("*")
             if path.suffix in (".h", ".cpp", ".cu", ".cuh", ".inc")]
    for path in sorted(files):
        name = path.relative_to(root)
        layer = layer_of(root, path)
        if layer not in ALLOWED:
            problems.append(f"{name}:1: '{layer}' is no layer of the table")
            continue
        for number, target in includes_of(path):
            if TORCH.match(target):
                if not may_see_torch(layer, path):
                    problems.append(f"{name}:{number}: LibTorch's <{target}> is not allowed here")
                continue
            resolved = resolve(root, path, target)
            if resolved is None:
                if target.startswith("relata/"):
                    problems.append(f"{name}:{number}: there is no {target}")
                continue
            used = layer_of(root, resolved)
            if used != layer and used not in ALLOWED[layer]:
                problems.append(
                    f"{name}:{number}: layer {layer} may not use layer {used} ({target})")
            if not may_see_torch(layer, path):
                way = way_to_torch(resolved)
                if way:
                    problems.append(f"{name}:{number}: {target} brings in LibTorch's headers"
                                    f" (through {' > '.join(way)})")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent, help="the checkout")
    problems = check(parser.parse_args().root)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
