"""What the benchmarks share: running both sides, the table, and bench/out/NAME.json.

A benchmark is a file bench/NAME.py whose docstring's first line says what it measures. Its rows are
made with row(); finish() prints and writes them. `python3 bench/run.py list` lists the benchmarks.
"""
import ast
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "bench/out"
WORK = ROOT / "build/bench-data"  # models and rows, made once
PROGRAM = ROOT / "build/release/bin/relata"
THREADS = os.cpu_count()

# Rows as CRE-LLM lays them out, an instruction before every sentence, and without it. relata computes
# what rows have in common once; the instruction is the greater part of a row.
INSTRUCTIONS = {
    "instruction": ["--instruction",
                    "下面的句子用方括号标出了两个实体。请判断头实体与尾实体之间的关系，"
                    "并按（头实体，关系，尾实体）的形式写出三元组；没有关系时写“unknown”。"],
    "plain": [],
}


def run(command, stdin=None, stdout=None, allowed=(0,)):
    """Runs a command to its end; returns (standard output, seconds, peak resident bytes).

    `stdin` and `stdout` are paths; `allowed` are the exit codes that are no failure. The memory is the kernel's figure for this one process.
    """
    command = [str(part) for part in command]
    print("+ " + " ".join(command), file=sys.stderr, flush=True)
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    target = open(stdout, "wb") if stdout else subprocess.PIPE
    started = time.perf_counter()
    with subprocess.Popen(command, stdin=source, stdout=target, cwd=ROOT) as process:
        text = process.stdout.read().decode() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    for stream, path in ((source, stdin), (target, stdout)):
        if path:
            stream.close()
    if process.returncode not in allowed:
        sys.exit(f"bench: {command[0]} ended with {process.returncode}")
    return text, seconds, usage.ru_maxrss * 1024


def peer(script, *arguments):
    """Runs bench/peers/SCRIPT.py and returns the values of its one JSON line."""
    text, _, _ = run([sys.executable, ROOT / f"bench/peers/{script}.py", *arguments])
    return json.loads(text.strip().splitlines()[-1]) if text.strip() else {}


def model(shape, *options):
    """A random-weight model folder, made once."""
    folder = WORK / "".join([f"model-{shape}", *options])
    if not (folder / "config.json").exists():
        peer("make_model", shape, folder, *options)
    return folder


SMOLLM2 = ROOT / "models/smollm2-135m-instruct.Q4_1.gguf"


def smollm2():
    """SmolLM2's weights as a Hugging Face folder in bfloat16, made once of its GGUF file."""
    if not SMOLLM2.is_file():
        sys.exit(f"bench: {SMOLLM2} is not there; ./dev models smollm2 brings it")
    folder = WORK / "smollm2-hf"
    if not (folder / "config.json").is_file():
        run([PROGRAM, "model", "export", SMOLLM2, folder, "--to", "hf"])
    return folder


def recipe_rows(recipe, name, *overrides):
    """The token rows, JSONL {"ids", "labels"}, that a recipe on SmolLM2 trains on; made once."""
    folder = WORK / name
    if not (folder / "train.jsonl").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        run([PROGRAM, "train", ROOT / f"recipes/{recipe}.yaml", f"output_dir={folder}/out",
             *overrides, "--rows", folder])
    return folder / "train.jsonl"


def rows(name, table, *options):
    """A JSONL file of token rows, made once from a table of the recipes."""
    path = WORK / name
    if not path.exists():
        run([sys.executable, ROOT / "bench/peers/make_rows.py", table, path, *options])
    return path


def read_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def write_lines(path, values):
    with open(path, "w", encoding="utf-8") as out:
        for value in values:
            out.write(json.dumps(value) + "\n")


def probe():
    text, _, _ = run([sys.executable, ROOT / "bench/probe.py"])
    return json.loads(text)


def row(work, unit, ours, theirs, peer_name, goal=None, smaller_is_better=False):
    """One line of the result. `ratio` above 1 means that relata is better, whatever the unit."""
    ratio = theirs / ours if smaller_is_better else ours / theirs
    return {"work": work, "unit": unit, "ours": ours, "peer": theirs, "peer_name": peer_name,
            "ratio": round(ratio, 3), "goal": goal}


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def commit():
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True,
                              check=False).stdout.strip()
    return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")


def finish(name, result_rows, limits, **extra):
    """Prints the table and writes bench/out/NAME.json."""
    wide = max([len(r["work"]) for r in result_rows] + [4])
    unit = max([len(r["unit"]) for r in result_rows] + [4])
    print(f"\n{'work':{wide}}  {'unit':{unit}}  {'relata':>12}  {'peer':>12}  {'ratio':>7}  goal")
    for r in result_rows:
        goal = "" if r["goal"] is None else f"{r['goal']:g}"
        if r["goal"] is not None and r["ratio"] < r["goal"]:
            goal += "  MISSED"
        print(f"{r['work']:{wide}}  {r['unit']:{unit}}  {r['ours']:12.5g}  {r['peer']:12.5g}"
              f"  {r['ratio']:7.2f}  {goal}")
    print(f"peers: {', '.join(sorted({r['peer_name'] for r in result_rows}))}")
    print("this machine's limits: " + ", ".join(f"{key} {value}" for key, value in limits.items()))
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.json"
    path.write_text(json.dumps({
        "name": name, "rows": result_rows,
        "machine": {"processor": processor(), "cores": THREADS, "probe": limits},
        "commit": commit(), **extra}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {path.relative_to(ROOT)}")


def list_benchmarks():
    for path in sorted((ROOT / "bench").glob("*.py")):
        if path.name != "run.py":
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            print(f"{path.stem:12} {text.splitlines()[0] if text else ''}")


if __name__ == "__main__":
    if sys.argv[1:] != ["list"]:
        sys.exit("usage: run.py list")
    list_benchmarks()
