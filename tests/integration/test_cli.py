"""The program as users meet it: help, exit codes, messages and round trips."""

import json
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from program import RELATA, ROOT, ROWS, json_lines, relata

VERBS = [
    "train", "extract", "evaluate", "generate", "score", "serve", "doctor", "completion",
    "data convert", "data stats", "data validate", "data split", "data formats",
    "schema validate", "schema show", "schema list", "schema infer",
    "index build", "index search", "index add", "index delete", "index stats", "encode",
    "retriever train", "retriever build", "retriever bm25", "retriever score",
    "retriever reward-train", "retriever reward-score",
    "graph build", "graph merge", "graph show", "graph query", "graph export",
    "tokenizer train", "tokenizer encode", "tokenizer decode", "tokenizer show",
]
pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")
no_gpu = pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine may have a GPU")


# ---- help and usage ----------------------------------------------------------------------------


def test_root_help_lists_every_verb():
    text = relata("--help").out
    for verb in VERBS:
        assert f"\n  {verb.split()[0]} " in text
    assert "Exit codes" in text


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches(verb):
    text = relata(*verb.split(), "--help").out
    examples = text.split("Examples:\n")[1]
    assert examples.count("relata ") >= 2
    assert f"relata {verb}" in examples
    assert relata(*verb.split(), "-h").out == text


def test_help_of_models_has_examples_of_its_own():
    text = relata("model", "-h").out
    assert "relata model show" in text and "relata extract" not in text


def test_version():
    assert relata("--version").out.startswith("relata 0.")


@pytest.mark.parametrize("arguments, message, hint", [
    ([], "needs a verb", "relata --help"),
    (["data"], "needs a verb", "relata data --help"),
    (["trian"], "unknown verb 'trian'", "did you mean 'train'?"),
    (["data", "convrt"], "'convrt'", "did you mean 'convert'?"),
    (["data", "convert", "--fro", "x"], "unknown flag '--fro'", "did you mean '--from'?"),
    (["evaluate"], "--gold is required", "relata evaluate --help"),
    (["doctor", "--threads", "0"], "--threads", "--help"),
    (["doctor", "--device", "tpu"], "'tpu'", "--help"),
    (["doctor", "--log-file", "-"], "- is no file", "standard error"),
    (["data", "convert", "-", "-"], "standard input cannot be two files", "give - once"),
    (["doctor", "--seed", "-1"], "'-1' is not a whole number from 0", "--help"),
    (["doctor", "--seed", "99999999999999999999"], "--seed", "--help"),
    (["doctor", "extra"], "'extra'", "relata doctor --help"),
    (["data", "convert", "--to", "jsnl", "-"], "jsnl", "did you mean 'jsonl'?"),
])
def test_wrong_usage_exits_2_with_a_hint(arguments, message, hint):
    result = relata(*arguments, code=2)
    first, second = result.err.splitlines()
    assert first.startswith("relata: ") and message in first
    assert hint in second
    assert result.out == ""


def test_shared_flags_work_before_and_after_the_verb():
    for result in (relata("--json", "doctor"), relata("doctor", "--json"),
                   relata("doctor", env={"RELATA_JSON": "1"})):
        assert {"relata", "libtorch", "machine"} <= json.loads(result.out).keys()
    relata("doctor", env={"RELATA_SEED": "many"}, code=2)


def test_verbs_without_a_model_load_no_libtorch():
    libraries = subprocess.run(["ldd", RELATA], capture_output=True, text=True, check=True).stdout
    assert "libsentencepiece" in libraries
    assert "libtorch" not in libraries and "libcurl" not in libraries


@pytest.mark.parametrize("flags", [
    ["--threads", "2"], ["--threads=2"], ["-q"], ["-q", "--seed", "3", "--no-progress"]])
def test_shared_flags_before_a_verb_of_either_program(flags, tmp_path, tsv):
    assert relata(*flags, "doctor", "--json").out
    assert "cre-tsv" in relata(*flags, "data", "formats").out
    # The value of a flag is not the verb, even when it has the name of one.
    relata(*flags, "--log-file", "doctor", "data", "convert", tsv, cwd=tmp_path)
    relata(*flags, "--log-file", "data", "doctor", cwd=tmp_path)
    assert (tmp_path / "doctor").exists() and (tmp_path / "data").exists()


def test_program_without_its_other_half(tmp_path):
    alone = tmp_path / "bin" / "relata"
    alone.parent.mkdir()
    shutil.copy2(RELATA, alone)
    assert subprocess.run([alone, "data", "formats"], capture_output=True).returncode == 0
    result = subprocess.run([alone, "doctor"], capture_output=True, text=True)
    assert result.returncode == 5
    assert f"{tmp_path}/libexec/relata-models: cannot be started: No such file" in result.stderr
    assert "install relata again" in result.stderr


def test_completion_scripts_parse(tmp_path):
    script = tmp_path / "relata.bash"
    script.write_text(relata("completion", "bash").out)
    probe = (f"source {script}; COMP_WORDS=(relata data conv); COMP_CWORD=2; _relata; "
             "echo ${COMPREPLY[@]}")
    completed = subprocess.run(["bash", "-c", probe], capture_output=True, text=True)
    assert completed.stdout == "convert\n"


@pytest.mark.parametrize("words, offered", [
    ("--json model q", "quantize"), ("model --json q", "quantize"), ("--threads 2 data conv", "convert"),
    ("--threads = 2 data conv", "convert"), ("--log-file data tokenizer enc", "encode"), ("-q -v doc", "doctor"),
    ("data --seed 7 --device cpu conv", "convert"), ("train recipe --no-prog", "--no-progress"),
    ("data convert data --on-err", "--on-error"), ("doc", "doctor"), ("data data", "")])
def test_completion_walks_past_shared_flags(words, offered, tmp_path):
    script = tmp_path / "relata.bash"
    script.write_text(relata("completion", "bash").out)
    probe = (f"source {script}; COMP_WORDS=(relata {words}); COMP_CWORD={len(words.split())}; _relata; "
             "echo ${COMPREPLY[@]}")
    completed = subprocess.run(["bash", "-c", probe], capture_output=True, text=True)
    assert completed.stdout == offered + "\n", completed.stderr


def test_completion_of_the_other_shells():
    assert "complete -c relata" in relata("completion", "fish").out
    assert "bashcompinit" in relata("completion", "zsh").out


# ---- streams and signals -----------------------------------------------------------------------


def test_full_disk_is_a_resource_error():
    with open("/dev/full", "wb") as full:
        result = subprocess.run([RELATA, "data", "formats"], stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 5
    assert b"No space left" in result.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["data", "convert", "-h"], ["train", "-h"]])
def test_help_on_a_full_disk_is_a_resource_error(arguments):
    with open("/dev/full", "wb") as full:
        result = subprocess.run([RELATA, *arguments], stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 5
    assert b"No space left" in result.stderr


@pytest.mark.parametrize("command, code", [
    (["evaluate", "--gold", "NONE", "--pred", "NONE"], 2), (["train", "NONE"], 2), (["data", "convert", "NONE"], 2),
    (["generate", "-m", "NONE"], 2), (["model", "show", "NONE"], 2), (["index", "search", "NONE", "word"], 2),
    (["tokenizer", "show", "NONE"], 2), (["data", "convert", "HERE", "-o", "HERE/below"], 2),
    (["data", "convert", "HERE", "--log-file", "FOLDER"], 2)])
def test_a_wrong_path_is_wrong_usage(command, code, tsv, tmp_path):
    places = {"NONE": tmp_path / "none", "FOLDER": tmp_path, "HERE": tsv, "HERE/below": tsv / "below"}
    error = relata(*[places.get(word, word) for word in command], code=code).err
    assert str(tmp_path) in error and len(error.splitlines()) >= 2  # what, and what to do


def test_too_little_memory_is_a_resource_error(tmp_path):
    line = tmp_path / "line.jsonl"
    line.write_text('{"text": "' + "Ada leads the mill. " * 2_000_000 + '"}\n')  # 40 MB
    output = tmp_path / "out.jsonl"
    for limit in (100, 200):  # before and after the file is open
        result = relata("data", "convert", line, "-o", output, code=5, preexec_fn=lambda: (
            resource.setrlimit(resource.RLIMIT_AS, (limit << 20, limit << 20))))
        assert "memory" in result.err
        assert not output.exists()


def test_interrupt_exits_130():
    process = subprocess.Popen([RELATA, "data", "stats", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"relata: interrupted" in err


def test_log_file_and_quiet(tmp_path, tsv):
    log = tmp_path / "log.txt"
    result = relata("data", "convert", tsv, "-q", "--log-file", log)
    assert result.err == ""
    assert "4 documents" in log.read_text()


@pytest.mark.parametrize("command", [["data", "convert"], ["train"]])  # both programs
def test_log_file_holds_the_error_that_ended_the_run(command, tmp_path):
    log, missing = tmp_path / "log.txt", tmp_path / "none.yaml"
    result = relata(*command, missing, "--log-file", log, code=2)
    assert result.err.count("none.yaml") == 1
    lines = log.read_text().splitlines()
    assert "Z error " in lines[-2] and "none.yaml" in lines[-2]
    assert lines[-1].endswith("Z error hint: check the path")


def test_a_fault_of_a_recipe_is_wrong_usage(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    for text in ("dataset: a\noutput_dir: b\ndataset: c\n", "dataset: a\n\n   output_dir: b\n"):
        recipe.write_text(text)
        error = relata("train", recipe, code=2).err
        assert "recipe.yaml:3: " in error and "mend line 3" in error


def test_every_error_says_what_to_do(tmp_path):
    rows = tmp_path / "ids.jsonl"
    rows.write_text("[1, 2\n")
    relata("tokenizer", "train", tmp_path / "vocabulary", stdin="one two three\n" * 50)
    error = relata("tokenizer", "decode", tmp_path / "vocabulary", rows, code=3).err
    assert f"{rows}:1:6: " in error and f"{rows}:1:1:" not in error
    assert error.splitlines()[1].startswith("mend what is named")


# ---- data --------------------------------------------------------------------------------------


def test_convert_to_canonical_counts_code_points(gold):
    record = json_lines(gold.read_text())[0]
    assert record["text"] == ROWS[0][3]
    assert record["entities"][1]["mentions"] == [[6, 8]]
    assert record["relations"] == [{"head": "e0", "tail": "e1", "type": "拥有"}]


@pytest.mark.parametrize("name", ["cre-tsv", "cre-llm", "csv"])
def test_round_trip_through_format(name, gold, tmp_path):
    there = tmp_path / ("there.csv" if name == "csv" else "there")
    relata("data", "convert", "--to", name, gold, "-o", there, "--instruction", "Which relation?")
    back = relata("data", "convert", "--from", name, there).out
    triples = [(d["text"], d["entities"][0]["text"], d["entities"][1]["text"],
                [r["type"] for r in d["relations"]]) for d in json_lines(back)]
    assert triples == [(text, head, tail, [label]) for head, tail, label, text in ROWS]


def test_convert_reads_stdin_and_several_files(tsv):
    assert relata("data", "convert", "--from", "cre-tsv", "-", stdin=tsv.read_bytes()).out
    assert len(relata("data", "convert", tsv, tsv).out.splitlines()) == 2 * len(ROWS)


def test_bad_row_names_file_and_line(tmp_path, tsv):
    with open(tsv, "ab") as file:
        file.write("头\t尾\t少一列\n".encode())
    result = relata("data", "convert", "--from", "cre-tsv", tsv, "-o", tmp_path / "no", code=3)
    assert f"relata: {tsv}:9: 3 columns, 4 wanted" in result.err
    assert len(result.err.splitlines()) == 2
    assert not (tmp_path / "no").exists()


def test_skipped_rows_exit_4_and_are_listed(tmp_path, tsv):
    with open(tsv, "ab") as file:
        file.write("头\t尾\t少一列\n".encode())
    out = tmp_path / "out.jsonl"
    relata("data", "convert", "--from", "cre-tsv", "--on-error", "skip", tsv, "-o", out, code=4)
    assert len(out.read_text().splitlines()) == len(ROWS)
    assert f"{tsv}:9: 3 columns" in (tmp_path / "out.jsonl.skipped.txt").read_text()
    report = relata("data", "validate", "--from", "cre-tsv", tsv, "--json", code=3)
    assert json.loads(report.out)["records"] == len(ROWS)
    tsv.write_bytes(tsv.read_bytes().rsplit("头".encode(), 1)[0])
    relata("data", "convert", "--from", "cre-tsv", "--on-error", "skip", tsv, "-o", out)
    assert not (tmp_path / "out.jsonl.skipped.txt").exists()


@pytest.mark.parametrize("content, place", [
    (b'{"id": "a", "text": "x", "entities": [], "relations": []}\n{"id": \n', "bad.jsonl:2"),
    (b'{"id": "a", "text": "x", "entities": [{"id": "e0", "text": "x", "type": "",'
     b' "mentions": [[0, 9]]}], "relations": []}\n', "bad.jsonl:1"),
    (b'{"id": "a", "text": "\xff"}\n', "bad.jsonl:1"),
    (b"", "bad.jsonl"),
])
def test_bad_jsonl_names_the_place(tmp_path, content, place):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    assert place in relata("data", "stats", path, code=3).err


def test_stats_and_formats(gold):
    stats = json.loads(relata("data", "stats", gold, "--json").out)
    assert stats["documents"] == len(ROWS)
    assert stats["relation_types"]["拥有"] == 1
    names = {entry["name"] for entry in json.loads(relata("data", "formats", "--json").out)}
    assert {"jsonl", "cre-tsv", "cre-llm", "fewrel"} <= names


def test_split_keeps_heads_together_and_repeats(tmp_path):
    rows = [(f"head{i % 12}", f"tail{i}", "r", f"head{i % 12} saw tail{i} again.")
            for i in range(96)]
    source = tmp_path / "all.txt"
    source.write_text("".join("\t".join(row) + "\n" for row in rows))
    for folder in ("a", "b"):
        relata("data", "split", source, "-o", tmp_path / folder, "--by", "head", "--seed", 3,
               "--parts", "train=0.75,test=0.25")
    parts = {}
    for name in ("train", "test"):
        text = (tmp_path / "a" / f"{name}.jsonl").read_text()
        assert text == (tmp_path / "b" / f"{name}.jsonl").read_text()
        parts[name] = json_lines(text)
    assert len(parts["train"]) == 72 and len(parts["test"]) == 24
    heads = [{d["entities"][0]["text"] for d in part} for part in parts.values()]
    assert not heads[0] & heads[1]
    relata("data", "split", source, "-o", tmp_path / "c", "--parts", "train=x", code=2)
    error = relata("data", "split", source, "-o", tmp_path / "c", "--parts", "train=0.9,dev=0.9",
                   code=2).err
    assert "sum to 1.8" in error
    relata("data", "split", source, "-o", tmp_path / "d", "--parts", "a=0.7,b=0.2,c=0.1")


# ---- schema ------------------------------------------------------------------------------------


def test_schema_infer_show_validate(gold, tmp_path):
    path = tmp_path / "schema.json"
    relata("schema", "infer", gold, "-o", path)
    assert "unknown [negative]" in relata("schema", "show", path).out
    relata("schema", "validate", path)
    schema = json.loads(path.read_text())
    schema["relation_types"].append(dict(schema["relation_types"][0]))
    path.write_text(json.dumps(schema))
    report = json.loads(relata("schema", "validate", path, "--json", code=3).out)
    errors = [one for one in report["problems"] if one["kind"] == "error"]
    assert [one["place"] for one in errors] == ['relation_types[4] "拥有"']


def test_shipped_schemas_are_known_by_name(tmp_path):
    listed = json.loads(relata("schema", "list", "--json").out)
    names = [one["name"] for one in listed]
    assert "redocred" in names and names == sorted(names)
    assert "\nredocred " in relata("schema", "list").out
    page = relata("schema", "show", "redocred").out
    assert "P36 (capital) [inverse: P1376] LOC -> LOC" in page
    assert "P22 (father) [implies inverse: P40] PER -> PER" in page
    report = json.loads(relata("schema", "validate", "redocred", "--json").out)
    assert report["relation_types"] == 96 and report["problems"] == []
    # What show prints is a schema again; a file of that name comes before the shipped one.
    copy = json.loads(relata("schema", "show", "finre", "--json").out)
    copy["relation_types"] = copy["relation_types"][:1]
    (tmp_path / "finre").write_text(json.dumps(copy))
    assert json.loads(relata("schema", "validate", "finre", "--json",
                             cwd=tmp_path).out)["relation_types"] == 1
    result = relata("schema", "show", "redocrde", code=2)
    assert "did you mean 'redocred'?" in result.err


def test_schema_problems_have_places(tmp_path):
    path = tmp_path / "schema.json"
    path.write_text('{"entity_types": ["PER"], "relation_types": [{"id": "a", "symetric": true},'
                    ' {"id": "b", "head_types": ["PRE"], "description": "d"}]}')
    result = relata("schema", "validate", path, code=3)
    assert "relation_types[0]: unknown key 'symetric'; did you mean 'symmetric'?\n" in result.out
    assert ('relation_types[1] "b": head_types names the unknown entity type "PRE"; '
            'did you mean "PER"?\n') in result.out
    assert 'warning: relation_types[1] "b": no example\n' in result.out
    assert "2 errors" in result.err
    assert "unknown key 'symetric'" in relata("schema", "show", path, code=3).err


def test_schema_of_the_docs_has_no_problems(tmp_path):
    block = (ROOT / "docs/schemas.md").read_text().split("```json\n")[1].split("```")[0]
    (tmp_path / "schema.json").write_text(block)
    report = json.loads(relata("schema", "validate", tmp_path / "schema.json", "--json").out)
    assert report["problems"] == [] and report["event_types"] == 1


# ---- evaluate ----------------------------------------------------------------------------------


def test_gold_against_gold_is_one(gold, tsv):
    metrics = "pair-micro,pair-macro,crellm"
    for first, second in ((gold, gold), (tsv, gold), (tsv, tsv)):
        result = relata("evaluate", "--gold", first, "--pred", second, "--json",
                        "--metric", metrics)
        scores = json.loads(result.out)
        assert list(scores) == metrics.split(",")
        for score in scores.values():
            assert score["f1"] == 1.0
            assert {"precision", "recall", "ci95", "floor", "definition"} <= score.keys()


def test_label_lists(gold, tmp_path):
    lines = tmp_path / "labels.txt"
    lines.write_text("拥有\nunknown\n任职\nparent\n")
    listed = tmp_path / "labels.json"
    listed.write_text(json.dumps(["拥有", "unknown", "拥有", "parent"], ensure_ascii=False))
    perfect = relata("evaluate", "--gold", gold, "--pred", lines, "--json")
    assert json.loads(perfect.out)["pair-micro"]["f1"] == 1.0
    partly = relata("evaluate", "--gold", lines, "--pred", listed, "--json")
    assert json.loads(partly.out)["pair-micro"]["f1"] == pytest.approx(2 / 3)
    lines.write_text("拥有\n")
    assert str(lines) in relata("evaluate", "--gold", gold, "--pred", lines, code=3).err


def test_side_files_and_comparison(gold, tmp_path):
    listed = tmp_path / "labels.json"
    listed.write_text(json.dumps(["拥有", "unknown", "拥有", "parent"], ensure_ascii=False))
    page, errors = tmp_path / "report.html", tmp_path / "errors.jsonl"
    result = relata("evaluate", "--gold", gold, "--pred", gold, "--compare", listed, "--json",
                    "--report", page, "--errors", tmp_path / "none.jsonl")
    assert json.loads(result.out)["compare"]["pair-micro"]["difference"] == pytest.approx(1 / 3)
    assert page.read_text().lstrip().lower().startswith("<!doctype html")
    text = relata("evaluate", "--gold", gold, "--pred", listed, "--errors", errors).out
    assert "pair-micro" in text
    assert [e["predicted"] for e in json_lines(errors.read_text())] == [["拥有"]]
    unknown = relata("evaluate", "--gold", gold, "--pred", gold, "--metric", "pair-nano", code=2)
    assert "pair-nano" in unknown.err


# ---- tokenizer ---------------------------------------------------------------------------------


def test_encode_decode_round_trip(tokenizer):
    texts = ["东部文具拥有永升的股份。", "fox <a> 🦊 é", "the  quick\tbrown"]
    stdin = "".join(json.dumps(text) + "\n" for text in texts)
    encoded = relata("tokenizer", "encode", tokenizer, stdin=stdin).out
    decoded = relata("tokenizer", "decode", tokenizer, stdin=encoded).out
    assert json_lines(decoded) == texts
    for text, line in zip(texts, json_lines(encoded)):
        assert line["ids"][0] == 1 and len(line["ids"]) == len(line["offsets"])
        assert line["offsets"][-1][1] == len(text)
    bare = json_lines(relata("tokenizer", "encode", tokenizer, "--no-special", stdin=stdin).out)
    assert bare[0]["ids"] == json_lines(encoded)[0]["ids"][1:]


def test_tokenizer_show_and_bad_lines(tokenizer, tmp_path):
    shown = json.loads(relata("tokenizer", "show", tokenizer, "--json").out)
    assert shown["kind"].startswith("sentencepiece") and shown["eos"]["id"] == 2
    assert "stdin:2" in relata("tokenizer", "encode", tokenizer, stdin='"a"\n{}\n', code=3).err
    assert "stdin:1" in relata("tokenizer", "decode", tokenizer, stdin="[999999]\n", code=3).err
    assert "stdin:1" in relata("tokenizer", "decode", tokenizer, stdin="[99999999999]", code=3).err
    assert "no tokenizer" in relata("tokenizer", "show", tmp_path, code=3).err


def test_regular_expression_without_end_is_bad_input(tmp_path):
    file = json.loads((ROOT / "tests/files/text/bpe_bytes.json").read_text())
    file["pre_tokenizer"] = {"type": "Split", "pattern": {"Regex": "(x+x+)+y"},
                             "behavior": "Isolated", "invert": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    result = relata("tokenizer", "encode", tmp_path, stdin='"' + "x" * 60 + '"\n', code=3)
    assert f"{tmp_path}/tokenizer.json: pre_tokenizer.pattern: the regular" in result.err
    assert "text of 60 bytes" in result.err


# ---- requests to models ------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["generate", "score"])
def test_bad_request_lines_name_the_place(verb, tmp_path):
    requests = tmp_path / "requests.jsonl"
    requests.write_text('{"prompt_ids": [1], "continuation_ids": [[2]]}\n{"prompt_ids": \n')
    result = relata(verb, "-m", tmp_path, requests, code=3)
    assert f"relata: {requests}:2:" in result.err and f"{requests}:2:1:" not in result.err
    assert result.out == ""


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
@pytest.mark.parametrize("verb", ["generate", "score", "extract", "train"])
@no_gpu
def test_a_device_that_is_not_there_is_refused_with_the_reason(verb, device, extractor, gold, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"dataset: {gold}\noutput_dir: {tmp_path / 'out'}\n")
    arguments = {"extract": ["-x", extractor, gold], "train": [recipe]}
    arguments = arguments.get(verb, ["-m", tmp_path])
    for result in (relata(verb, *arguments, "--device", device, code=2),
                   relata(verb, *arguments, env={"RELATA_DEVICE": device}, code=2)):
        first, second = result.err.splitlines()
        assert first.startswith(f"relata: --device {device}: ")
        assert "--device cpu" in second and "relata doctor" in second
    assert not (tmp_path / "out").exists()


@no_gpu
def test_doctor_reports_devices():
    devices = json.loads(relata("doctor", "--json", "--device", "cuda").out)["devices"]
    assert devices["cpu"] == "supported" and devices["cuda"].startswith("not supported: ")
    assert "cuda: not supported: " in relata("doctor").out


# ---- extract -----------------------------------------------------------------------------------


def test_dry_run_counts_without_a_model(extractor, gold):
    work = json.loads(relata("extract", "-x", extractor, "--dry-run", "--json", gold).out)
    assert work["documents"] == work["pairs"] == len(ROWS)
    assert work["prompt_tokens"] >= work["longest_prompt"] > 0


def test_a_forecast_has_tenths(facts_extractor):
    work = json.loads(relata("extract", "-x", facts_extractor, "--dry-run", "--json",
                             stdin="Ada knew Byron.\n").out)
    for value in (work["minutes"], work["measured"]["loading_seconds"], work["measured"]["seconds"]):
        assert value == round(value, 1)


def test_a_forecast_asks_no_longer_than_it_may(facts_extractor, tmp_path):
    source = tmp_path / "texts.jsonl"
    source.write_text("".join(json.dumps({"id": str(i), "text": f"Ada knew Byron {i}."}) + "\n"
                              for i in range(16)))
    command = ["extract", "-x", facts_extractor, "--dry-run", "--json", source]
    whole = relata(*command, "--dry-run-seconds", 3600)
    assert "the sample was stopped" not in whole.err
    whole = json.loads(whole.out)
    assert whole["measured"]["questions_left_out"] == 0
    short = relata(*command, "--dry-run-seconds", 0)
    assert "the sample was stopped after" in short.err
    short = json.loads(short.out)
    # Of each step eight: they show how many more there would be time for.
    assert short["measured"]["questions"] <= 16 < whole["measured"]["questions"]
    assert short["measured"]["questions_left_out"] > 0
    assert short["prompt_tokens"] == pytest.approx(whole["prompt_tokens"], rel=0.5)
    relata("extract", "-x", facts_extractor, "--dry-run-seconds", 5, source, code=2)


def test_a_program_without_its_extractor_says_so(tmp_path):
    folder = Path(RELATA).resolve().parent
    for name in ("bin/relata", "libexec/relata-models"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(folder.parent / name, tmp_path / name)
    result = subprocess.run([tmp_path / "bin/relata", "extract"], input=b"Ada knew Byron.", timeout=60,
                            capture_output=True)
    assert result.returncode == 2
    assert b"the extractor that relata ships is not there" in result.stderr
    assert b"`relata train`" not in result.stderr


def test_extract_names_what_is_missing(extractor, gold, tmp_path):
    assert "extractor.yaml" in relata("extract", "-x", tmp_path, gold, code=2).err
    with open(extractor / "extractor.yaml", "a") as file:
        file.write("treshold: 0.5\n")
    assert "threshold" in relata("extract", "-x", extractor, "--dry-run", gold, code=2).err
    relata("extract", "-x", extractor, "--journal", "j", "--no-resume", gold, code=2)


BRAT_TEXT = "Ann met Bob in Oslo."
BRAT_MARKS = "T1\tPER 0 3\tAnn\nT2\tPER 8 11\tBob\nR1\tknows Arg1:T1 Arg2:T2\n"


def test_brat_folders_are_read_and_written(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.txt").write_text(BRAT_TEXT)
    (source / "a.ann").write_text(BRAT_MARKS)
    (source / "b.txt").write_text("Nothing here.")
    (source / "b.ann").write_text("")
    (source / "annotation.conf").write_text("[entities]\nPER\n")
    stats = json.loads(relata("data", "stats", source, "--json").out)
    assert (stats["format"], stats["documents"], stats["relations"]) == ("brat", 2, 1)
    out = tmp_path / "out"
    relata("data", "convert", source, "--to", "brat", "-o", out)
    assert (out / "a.ann").read_text() == BRAT_MARKS
    assert (out / "a.txt").read_text() == BRAT_TEXT
    assert "-o" in relata("data", "convert", source, "--to", "brat", code=2).err


def test_stats_of_parts_tell_what_they_share(tmp_path):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("a\tb\tr\ta saw b\nc\td\ts\tc saw d\n")
    test.write_text("a\tb\tr\ta saw b\ne\tf\tt\te saw f\n")
    page = tmp_path / "stats.html"
    stats = json.loads(relata("data", "stats", train, test, "--html", page, "--json").out)
    overlap = stats["overlap"][0]
    assert overlap["in"] == str(train) and overlap["of"] == str(test)
    assert overlap["texts"]["shared"] == 1 and overlap["labels_only_here"] == ["t"]
    assert stats["parts"][str(test)]["documents"] == 2
    assert "<svg" in page.read_text()
    assert "texts: 1 of 2 (50.0 %)" in relata("data", "stats", train, test).out
