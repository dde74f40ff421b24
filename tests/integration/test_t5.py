"""An encoder-decoder through the program: generated, scored, trained, killed, resumed, extracted with."""

import json
import subprocess
import time

import pytest

from program import RELATA, ROOT, ROWS, json_lines, relata
from small_t5 import write_t5

TEXTS = [row[3] for row in ROWS] + ["parent unknown 拥有 任职", "entity PER LOC none; Eve lives in Rome",
                                    "Ada met Byron at the fox", "-->(),:|、"]
POOL = [
    ("北风文具", "长升", "拥有", "北风文具拥有长升的股份。"),
    ("Eve", "Finn", "parent", "Eve was the mother of Finn."),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_t5(tmp_path_factory.mktemp("t5") / "base", TEXTS * 8)


def write_rows(path, rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def recipe(folder, base, rows=ROWS, **extra):
    data = write_rows(folder / "train.txt", rows)
    config = {
        "model_name_or_path": str(base), "dataset": str(data), "dataset_format": "cre-tsv",
        "output_dir": str(folder / "out"), "max_steps": 4, "per_device_train_batch_size": 4,
        "learning_rate": 0.01, "bf16": False, **extra,
    }
    path = folder / "train.json"
    path.write_text(json.dumps(config))
    return path


def asked(verb, base, *requests, flags=()):
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    return json_lines(relata(verb, "-m", base, *flags, stdin=lines).out)


def test_texts_are_closed_however_they_come(base):
    ids = relata("tokenizer", "encode", base, stdin=json.dumps(ROWS[3][3])).out
    ids = json.loads(ids.splitlines()[0])
    ids = ids["ids"] if isinstance(ids, dict) else ids
    assert ids[-1] == 1
    answers = asked("generate", base, *(
        {**prompt, "max_new_tokens": 6}
        for prompt in ({"prompt": ROWS[3][3]}, {"prompt_ids": ids}, {"prompt_ids": ids[:-1]})))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["text"]


def test_generated_and_scored_alike(base):
    prompt = {"prompt": ROWS[0][3]}
    answer = asked("generate", base, {**prompt, "max_new_tokens": 5})[0]
    score = asked("score", base, {**prompt, "continuation_ids": [answer["ids"], answer["ids"][:2]]},
                  flags=["--per-token"])[0]
    assert score["token_logprobs"][0] == pytest.approx(answer["logprobs"], abs=1e-4)
    assert score["token_logprobs"][1] == pytest.approx(answer["logprobs"][:2], abs=1e-4)


def test_what_a_model_is(base):
    report = json.loads(relata("model", "show", base, "--json", "--lora-rank", 4).out)
    assert report["encoder_layers"] == report["layers"] == 2
    assert report["positions"] is None
    # q and v of four and two attentions: 32 to 24.
    assert report["lora_parameters"] == 6 * 2 * 4 * (32 + 24)
    assert "2 encoder and 2 decoder layers" in relata("model", "show", base).out


T5_LARGE = {
    "model_type": "t5", "vocab_size": 32128, "d_model": 1024, "d_kv": 64, "d_ff": 4096, "num_layers": 24,
    "num_heads": 16, "feed_forward_proj": "relu", "tie_word_embeddings": True,
}  # fmt: skip


def test_the_preset_trains_as_many_weights_as_it_says(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(T5_LARGE))
    lines = (ROOT / "recipes/rag/semeval_t5_large.yaml").read_text()
    settings = dict(line.split(": ", 1) for line in lines.splitlines() if line[:1] != "#")
    targets = settings["lora_target"].strip("[]").replace(" ", "")
    report = json.loads(relata("model", "show", tmp_path, "--json", "--lora-rank", settings["lora_rank"],
                               "--lora-target", targets).out)
    assert report["lora_parameters"] == 288 * 4 * (1024 + 1024) == 2_359_296
    assert "2,359,296" in lines
    assert report["parameters"] == 737_668_096  # as its authors' checkpoint


@pytest.mark.parametrize("decode", ["labels", "free"])
def test_train_and_extract(base, tmp_path, decode):
    """Four sentences are learned by heart."""
    relata("train", recipe(tmp_path, base, decode=decode, max_steps=80,
                           prompt_template="sentence-first-zh"))
    questions = write_rows(tmp_path / "q.txt", ROWS)
    out = json_lines(relata("extract", "-x", tmp_path / "out", questions).out)
    assert [record["relations"][0]["type"] for record in out] == [row[2] for row in ROWS]


def test_an_adapter_is_evaluated_and_extracts(base, tmp_path):
    dev = write_rows(tmp_path / "dev.txt", ROWS)
    result = relata("train", recipe(tmp_path, base, finetuning_type="lora", eval_dataset=str(dev),
                                    eval_steps=2))
    assert "micro-F1" in result.out
    out = json_lines(relata("extract", "-x", tmp_path / "out", dev).out)
    assert {record["relations"][0]["type"] for record in out} <= {row[2] for row in ROWS}


def test_answers_that_could_never_be_read_are_refused(base, tmp_path):
    err = relata("train", recipe(tmp_path, base, decode="free", prompt_template="marked"), code=2).err
    assert 'which is no answer of template "marked"' in err and "decode: labels" in err


def test_examples_in_prompts(base, tmp_path):
    path = recipe(tmp_path, base, pipeline="rag", demonstrations={"examples": 1}, prompt_template="rag-zh",
                  pool=str(write_rows(tmp_path / "pool.txt", ROWS + POOL)), finetuning_type="lora")
    result = relata("train", path, "-v")
    assert "examples a question" in result.err
    question = write_rows(tmp_path / "q.txt", [("甲", "乙", "拥有", "甲拥有乙的全部股份。")])
    record = json_lines(relata("extract", "-x", tmp_path / "out", question).out)[0]
    assert record["meta"]["demonstrations"]["shown"] == 1
    relata("train", path, "--rows", tmp_path / "rows")
    row = json_lines((tmp_path / "rows/train.jsonl").read_text())[0]
    assert row["source_ids"][-1] == 1 and row["ids"][0] == 0 and row["labels"][0] == -100
    assert row["labels"][1:] == row["ids"][1:] and row["ids"][-1] == 1
    # What the rows hold is what training reads.
    again = tmp_path / "again.json"
    again.write_text(json.dumps({
        "model_name_or_path": str(base), "dataset": str(tmp_path / "rows/train.jsonl"),
        "dataset_format": "ids", "output_dir": str(tmp_path / "again"), "max_steps": 1, "bf16": False}))
    relata("train", again)


def test_lists_grounded_in_the_text(base, tmp_path):
    """The icl pipeline answers under a constraint: whatever a random model says is of the text."""
    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({
        "id": "p", "text": "Eve lives in Rome.",
        "entities": [{"id": "e0", "text": "Eve", "type": "PER", "mentions": [[0, 3]]},
                     {"id": "e1", "text": "Rome", "type": "LOC", "mentions": [[13, 17]]}],
        "relations": [{"head": "e0", "tail": "e1", "type": "lives in"}]}) + "\n")
    news = tmp_path / "news.txt"
    news.write_text("Ada met Byron at the fox.")
    out = relata("extract", "-m", base, "--pipeline", "icl", "--pool", pool, news).out
    record = json_lines(out)[0]
    for entity in record["entities"]:
        for begin, end in entity["mentions"]:
            assert record["text"][begin:end] == entity["text"]
    assert all(relation["type"] == "lives in" for relation in record["relations"])


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_killed_run_resumes_to_the_same_weights(base, tmp_path, kind):
    settings = {"finetuning_type": kind, "save_steps": 3, "max_steps": 40, "dropout": 0.1,
                "multi_label": "split"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    # A sentence that is there twice has two labels, and so two rows of one source.
    relata("train", recipe(whole, base, ROWS * 2, **settings))
    path = recipe(killed, base, ROWS * 2, **settings)
    process = subprocess.Popen([RELATA, "train", str(path)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until and not list((killed / "out").glob("checkpoint-*/*.json")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    relata("train", path, "resume_from_checkpoint=auto")
    place = "model/model.safetensors" if kind == "full" else "adapters/pair/adapter_model.safetensors"
    assert (whole / "out" / place).read_bytes() == (killed / "out" / place).read_bytes()


@pytest.mark.parametrize("extra, message", [
    ({"template": "llama2"}, "cannot be asked by a chat template"),
    ({"train_on_prompt": True}, "cannot learn prompts"),
    ({"prompt_loss_weight": 0.1}, "cannot learn prompts"),
    ({"finetuning_type": "alora"}, "activated LoRA"),
    ({"pipeline": "drsf"}, "the separator of the pipeline's answers cannot be written"),
    ({"finetuning_type": "lora", "lora_target": ["q_proj"]}, "its modules are q, k, v, o, wi_0, wi_1, wo"),
])
def test_settings_that_do_not_fit(base, tmp_path, extra, message):
    assert message in relata("train", recipe(tmp_path, base, **extra), code=2).err


def test_a_quantised_base(base, tmp_path):
    """QLoRA: wo stays as it is, as with bitsandbytes."""
    relata("train", recipe(tmp_path, base, finetuning_type="lora", quantization_bit=4))
    question = write_rows(tmp_path / "q.txt", ROWS[:1])
    relata("extract", "-x", tmp_path / "out", question)
    relata("model", "quantize", base, tmp_path / "nf4", "--to", "nf4")
    answers = asked("generate", tmp_path / "nf4", {"prompt": "Ada", "max_new_tokens": 4})
    assert len(answers[0]["ids"]) <= 4
