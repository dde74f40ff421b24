"""How the program ends when something around it fails: the right exit code, never an abort."""

import json
import os
import resource
import signal
import subprocess
import time

import pytest

from program import RELATA, json_lines, relata, toy_recipe


def shell(command, code, **options):
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300,
                          env={"RELATA": RELATA, "PATH": "/usr/bin:/bin"}, **options)
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stderr}"
    return done


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
def test_an_error_that_nobody_can_read_still_has_its_code(stderr, tmp_path):
    shell(f'"$RELATA" train missing.yaml {stderr}', 2)
    shell(f'"$RELATA" train {stderr}', 2)
    shell(f'"$RELATA" data stats --format jsonl - {stderr} <<< "no json"', 3)
    shell(f'"$RELATA" tokenizer encode missing {stderr} <<< text', 2)


def test_no_file_becomes_stderr_when_that_is_closed(gold, tmp_path):
    """Log lines for people must not land in the first file that the program opens."""
    log = tmp_path / "log.txt"
    shell(f'"$RELATA" --log-file {log} data split {gold} --parts train=0.5,dev=0.5 '
          f'-o {tmp_path}/parts 2>&-', 0)
    shell(f'"$RELATA" --log-file {log} train missing.yaml 2>&-', 2)
    assert all(line[:2] == "20" and "Z " in line for line in log.read_text().splitlines())


@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
def test_a_result_that_cannot_be_written_is_an_error(trained, stdout):
    done = shell(f'"$RELATA" model show {trained}/model {stdout}', 5)
    assert "standard output" in done.stderr or "write" in done.stderr


def run_without_reader(*arguments, **options):
    """Runs the program with nobody at the other end of its standard output."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run([RELATA, *map(str, arguments)], stdout=writing, text=True,
                              stderr=subprocess.PIPE, timeout=300, **options)
    finally:
        os.close(writing)


@pytest.mark.parametrize("command", [
    "--version", "data convert -h", "data formats", "data convert GOLD", "data stats GOLD --html -",
    "evaluate --gold GOLD --pred GOLD --metric pair-micro", "tokenizer show MODEL",
    "index search INDEX Ada", "model show MODEL", "generate -m MODEL ASK",
    "score -m MODEL WEIGH", "extract -x EXTRACTOR GOLD"])
def test_a_reader_that_has_gone_is_no_error(command, trained, gold, tmp_path):
    relata("index", "build", gold, "-o", tmp_path / "index")
    for name, more in (("ASK", {"max_new_tokens": 2}), ("WEIGH", {"continuations": ["a"]})):
        (tmp_path / name).write_text(json.dumps({"prompt": "Ada", **more}) + "\n")
    places = {"GOLD": gold, "MODEL": trained / "model", "INDEX": tmp_path / "index",
              "ASK": tmp_path / "ASK", "WEIGH": tmp_path / "WEIGH", "EXTRACTOR": trained}
    done = run_without_reader(*(places.get(word, word) for word in command.split()))
    assert done.returncode == -signal.SIGPIPE, done.stderr
    assert "relata:" not in done.stderr and "Broken pipe" not in done.stderr


def test_the_journal_is_kept_when_the_reader_goes(trained, gold, tmp_path):
    journal = tmp_path / "journal"
    command = ["extract", "-x", trained, gold, "--batch", 1, "--journal", journal]
    whole = relata("extract", "-x", trained, gold, "--batch", 1).out
    assert run_without_reader(*command).returncode == -signal.SIGPIPE
    assert len(json_lines(journal.read_text())) == 2  # its head, and what could not be told
    assert relata(*command).out == whole
    shell(f'set -o pipefail; "$RELATA" extract -x {trained} {gold} | true', 141)


@pytest.mark.parametrize("command", [
    "tokenizer encode MODEL ASK -o ASK", "tokenizer decode MODEL ASK -o ASK", "tokenizer chat MODEL ASK -o ASK",
    "generate -m MODEL ASK -o ASK", "score -m MODEL ASK -o ASK", "encode -m MODEL ASK -o ASK"])
def test_requests_are_not_written_over(command, trained, tmp_path):
    ask = tmp_path / "ask"
    ask.write_text("{}\n")
    places = {"MODEL": trained / "model", "ASK": ask}
    refused = relata(*(places.get(word, word) for word in command.split()), code=2)
    assert "would take the place of an input" in refused.err and ask.read_text() == "{}\n"


def test_too_little_memory_is_said_so(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"ids": [1, 4, 5], "labels": [-100, -100, 5]}) + "\n")
    recipe = tmp_path / "large.yaml"
    recipe.write_text(json.dumps({
        "dataset": str(rows), "dataset_format": "ids", "output_dir": str(tmp_path / "out"),
        "model": {"hidden_size": 65536, "intermediate_size": 65536, "num_hidden_layers": 1,
                  "num_attention_heads": 2, "max_position_embeddings": 64}}))
    limit = 16 << 30  # the projections alone ask for 51 GB
    done = relata("train", recipe, code=5,
                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert "out of memory" in done.err and "bytes wanted" in done.err
    assert "smaller model" in done.err


@pytest.mark.parametrize("line, words", [
    ('{"ids": [1, "5"]}', "whole numbers"),
    ('{"ids": [1, 4294967301]}', "4294967301"),
    ('{"ids": [1, 1.5]}', "whole numbers"),
    ('{"ids": "5"}', "whole numbers"),
    ('{"ids": []}', "empty"),
    ('{"ids": [1, 999999]}', "outside the vocabulary"),
    ('{"ids": ' + json.dumps([1] * 300) + '}', "300 tokens"),
    ('{"id": [1]}', 'no "ids"'),
    ('{"ids": [1', "stdin:2"),
])
def test_logits_of_what_are_no_ids(trained, line, words):
    good = '{"ids": [1, 5]}\n'
    done = relata("model", "logits", trained / "model", stdin=good + line + "\n", code=3)
    assert words in done.err and "stdin:2" in done.err
    assert len(json_lines(done.out)) == 1


def test_a_pointer_in_place_of_weights(trained, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    for path in (trained / "model").iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    (model / "model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n")
    done = relata("model", "logits", model, stdin='{"ids": [1]}\n', code=3)
    assert "Git LFS pointer" in done.err and "git lfs pull" in done.err


def test_an_extraction_is_not_continued_with_another_adapter(trained, gold, tmp_path):
    """One identity names a model in journals and results: weights, tokenizer and adapter."""
    out = tmp_path / "out.jsonl"
    adapters = []
    for name, seed in [("a", 1), ("b", 2)]:
        recipe = tmp_path / f"{name}.yaml"
        data = tmp_path / "train.txt"
        data.write_text("Ada\tByron\tparent\tAda was the daughter of Byron.\n" * 8)
        recipe.write_text(json.dumps({
            **toy_recipe(data, tmp_path / name, max_steps=2, seed=seed, learning_rate=0.01),
            "model": None, "tokenizer": None, "model_name_or_path": str(trained / "model"),
            "finetuning_type": "lora"}))
        relata("train", recipe)
        adapters.append(tmp_path / name)
    journal = tmp_path / "journal.jsonl"
    command = ["extract", gold, "--journal", journal, "-o", out, "-x"]
    relata(*command, adapters[0])
    first = json_lines(out.read_text())
    refused = relata(*command, adapters[1], code=2)
    assert "journal belongs to another model" in refused.err
    relata("extract", gold, "-o", out, "-x", adapters[1])
    second = json_lines(out.read_text())
    assert first[0]["meta"]["model"] != second[0]["meta"]["model"]


def test_generate_knows_every_tokenizer_that_encode_knows(trained, tmp_path):
    """A WordPiece vocabulary: one of the kinds that the engine did not know."""
    model = tmp_path / "model"
    model.mkdir()
    for name in ["config.json", "model.safetensors"]:
        (model / name).write_bytes((trained / "model" / name).read_bytes())
    (model / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nada\nowns\nbo\n")
    text = "ada owns bo"
    relata("tokenizer", "encode", model, stdin=json.dumps(text) + "\n")
    done = relata("generate", "-m", model, "--max-new-tokens", 2,
                  stdin=json.dumps({"prompt": text}) + "\n")
    assert len(json_lines(done.out)) == 1
    (model / "vocab.txt").unlink()
    none = relata("generate", "-m", model, stdin=json.dumps({"prompt": text}) + "\n", code=3)
    assert "no tokenizer" in none.err


@pytest.fixture(params=["data convert", "pairs", "facts"])
def writer(request, gold):
    """A command that writes what it is given with -o."""
    if request.param == "data convert":
        return ["data", "convert", gold]
    fixture = {"pairs": "trained", "facts": "facts_extractor"}[request.param]
    return ["extract", "-x", request.getfixturevalue(fixture), gold]


def test_results_follow_links(writer, tmp_path):
    (tmp_path / "far").mkdir()
    real, link = tmp_path / "far/real.jsonl", tmp_path / "link.jsonl"
    real.write_text("old\n")
    link.symlink_to(real)
    relata(*writer, "-o", link)
    assert link.is_symlink() and len(json_lines(real.read_text())) == 4
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["real.jsonl"]


def test_results_go_into_pipes(writer, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE) as reader:
        relata(*writer, "-o", fifo)
        assert len(json_lines(reader.communicate(timeout=60)[0].decode())) == 4
    assert fifo.is_fifo() and not list(tmp_path.glob("fifo?*"))


def test_results_go_to_commands(writer, tmp_path):
    """-o >(command): a name like /dev/fd/63, behind which is a pipe."""
    out = tmp_path / "copy.jsonl"
    command = " ".join(f"'{argument}'" for argument in writer)
    shell(f'"$RELATA" {command} -o >(cat > {out}.part; mv {out}.part {out})', 0)
    end = time.monotonic() + 30
    while not out.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert len(json_lines(out.read_text())) == 4


def test_one_request_that_is_too_long_loses_no_work(trained):
    """The model takes 256 tokens. Batches of one: the first would have been answered before."""
    short, long = {"prompt_ids": [1, 5]}, {"prompt_ids": [1] + [5] * 299}
    lines = "".join(json.dumps(line) + "\n" for line in (short, long))
    done = relata("generate", "-m", trained / "model", "--batch", 1, stdin="\n" + lines, code=3)
    assert "stdin:3: 300 tokens, the model takes 256" in done.err and done.out == ""
    lines = "".join(json.dumps({**line, "continuation_ids": [[6], [6] * 4]}) + "\n"
                    for line in (short, {"prompt_ids": [1] + [5] * 252}))
    done = relata("score", "-m", trained / "model", "--batch", 1, stdin=lines, code=3)
    assert "stdin:2: 257 tokens, the model takes 256" in done.err and done.out == ""


def test_answers_are_as_long_as_there_is_room(trained):
    request = {"prompt_ids": [1] + [5] * 199, "ignore_eos": True}
    [answer] = json_lines(relata("generate", "-m", trained / "model",
                                 stdin=json.dumps(request) + "\n").out)
    assert len(answer["ids"]) == 57 and answer["finish"] == "length"
    request["max_new_tokens"] = 58
    done = relata("generate", "-m", trained / "model", stdin=json.dumps(request) + "\n", code=3)
    assert "stdin:1: 257 tokens" in done.err
