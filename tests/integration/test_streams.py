"""`relata extract` on inputs that are larger than memory should be, or go on being written."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from program import RELATA, ROWS, json_lines, relata

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")


def begin(extractor, server, *arguments):
    environment = {**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": ""}
    return subprocess.Popen(
        [RELATA, "extract", "-x", str(extractor), "--backend", "openai", "--decode", "free",
         *map(str, arguments)], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_pipe_is_answered_before_its_end(extractor, server, gold):
    lines = gold.read_text().splitlines()
    process = begin(extractor, server)
    for line, row in zip(lines, ROWS):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        found = json.loads(process.stdout.readline())
        assert found["relations"][0]["type"] == row[2]
    out, err = process.communicate('{"text": 1}\n', timeout=60)
    assert (out, process.returncode) == ("", 4)
    assert f"stdin:{len(lines) + 1}: " in err and "1 record skipped, listed above" in err


def test_a_pipe_without_a_usable_record_is_an_error(extractor, server):
    process = begin(extractor, server)
    out, err = process.communicate('{"text": 1}\n', timeout=60)
    assert (out, process.returncode) == ("", 3)
    assert "no usable record; the first problem: stdin:1: " in err
    assert not server.seen


def large_file(path, megabytes, alike=2):
    """Documents with a pair in each hundredth; so many of one id."""
    padding = "Nothing is said here. " * 2000
    with open(path, "w") as file:
        number = 0
        while file.tell() < megabytes << 20:
            document = {"id": f"d{number // alike}", "text": padding}
            if number % 100 == 0:
                head, tail, _, sentence = ROWS[number // 100 % len(ROWS)]
                document["text"] = sentence
                document["entities"] = [
                    {"id": "a", "text": head, "mentions": [[sentence.find(head),
                                                            sentence.find(head) + len(head)]]},
                    {"id": "b", "text": tail, "mentions": [[sentence.find(tail),
                                                            sentence.find(tail) + len(tail)]]}]
                document["meta"] = {"pairs": [["a", "b"]]}
            file.write(json.dumps(document, ensure_ascii=False) + "\n")
            number += 1
    return number


def peak_memory(arguments, environment):
    """Runs the program; its exit code, and the largest share of memory it had, in MiB."""
    process = subprocess.Popen([RELATA, *map(str, arguments)], stderr=subprocess.DEVNULL,
                               env={**os.environ, **environment})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss / 1024


def test_memory_does_not_grow_with_the_input(extractor, server, tmp_path):
    environment = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": ""}
    source, out = tmp_path / "large.jsonl", tmp_path / "out.jsonl"
    arguments = ["extract", "-x", extractor, "--backend", "openai", "--decode", "free", source,
                 "-o", out]
    large_file(source, 1)
    code, little = peak_memory(arguments, environment)
    assert code == 0
    server.seen.clear()
    count = large_file(source, 70)
    code, memory = peak_memory(arguments, environment)
    assert code == 0
    # A batch is up to 256 of these documents, which the small file does not have.
    assert memory < little + 40
    with open(out) as file:
        ids = [json.loads(line)["id"] for line in file]
    assert len(ids) == len(set(ids)) == count
    assert len(server.bodies()) == (count + 99) // 100


def test_records_are_converted_one_after_the_other(tmp_path):
    source, out = tmp_path / "large.jsonl", tmp_path / "out.jsonl"
    command = ["data", "convert", source, "-o", out]
    large_file(source, 1, alike=1)
    code, little = peak_memory(command, {})
    assert code == 0
    few = out.read_bytes()
    count = large_file(source, 70, alike=1)
    code, memory = peak_memory(command, {})
    assert code == 0 and memory < little + 20
    with open(out, "rb") as file:
        assert file.read(len(few)) == few
        assert few.count(b"\n") + sum(1 for _ in file) == count
    with open(source, "a") as file:
        file.write('{"text": 1}\n')
    relata(*command, code=3)
    assert out.stat().st_size > 69 << 20  # as it was
    relata(*command, "--on-error", "skip", code=4)
    assert f"{source}:{count + 1}: " in Path(f"{out}.skipped.txt").read_text()


def test_a_pipe_is_converted_before_its_end(tmp_path):
    process = subprocess.Popen([RELATA, "data", "convert", "-", "--on-error", "skip"], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    for name in ("a", "b"):
        process.stdin.write(json.dumps({"id": name, "text": "Ada met Bo."}) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == name
    out, err = process.communicate('{"text": 1}\n', timeout=60)
    assert (out, process.returncode) == ("", 4)
    assert "stdin:3: " in err and "2 documents, jsonl to jsonl" in err


def test_ids_of_several_files_are_the_same_from_a_pipe(tmp_path):
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_text('{"id": "x", "text": "One."}\n')
    second.write_text('{"id": "x", "text": "Two."}\n{"id": "x#2", "text": "Three."}\n')
    whole = relata("data", "convert", first, second)
    assert [document["id"] for document in json_lines(whole.out)] == ["x", "x#2", "x#2#2"]
    parts = relata("data", "convert", "-", second, "--on-error", "skip", stdin=first.read_bytes())
    assert parts.out == whole.out


def test_a_killed_stream_goes_on_to_the_same_file(extractor, server, gold, tmp_path):
    lines = [json.loads(line) for line in gold.read_text().splitlines()]
    text = "".join(json.dumps({**lines[i % 4], "id": f"d{i}"}) + "\n" for i in range(40))
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    arguments = ("--batch", 2, "-o")
    begin(extractor, server, *arguments, whole).communicate(text, timeout=60)
    asked = len(server.bodies())
    process = begin(extractor, server, *arguments, out)
    process.stdin.write(text)
    process.stdin.flush()  # and no end
    journal = Path(f"{out}.journal")
    while not journal.exists() or len(journal.read_text().splitlines()) < 9:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process = begin(extractor, server, *arguments, out)
    _, err = process.communicate(text, timeout=60)
    assert process.returncode == 0, err
    assert out.read_bytes() == whole.read_bytes()
    assert len(server.bodies()) < 3 * asked
    assert not journal.exists()


def test_a_stream_of_text_is_one_document(facts_extractor):
    result = relata("extract", "-x", facts_extractor, stdin="Ada knew Byron.\n\nAnd he her.\n")
    found = json_lines(result.out)
    assert [document["id"] for document in found] == ["stdin"]
