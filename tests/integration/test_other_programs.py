"""Training files of other programs: LLaMA-Factory's keys, its lists of data sets, instruction data."""
import json

import pytest

from program import json_lines, relata


ROWS = [{"instruction": "Name the relation.", "input": "Ada wrote a book.", "output": "wrote"},
        {"instruction": "甲公司拥有什么？", "input": "", "output": "乙公司"}]

# A file as LLaMA-Factory's examples are written.
FACTORY = """\
### model
model_name_or_path: {model}
trust_remote_code: true

### method
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 4
lora_target: all

### dataset
dataset_dir: {folder}/lists
dataset: one,two
template: default
cutoff_len: 2048
max_samples: 1000
overwrite_cache: true
preprocessing_num_workers: 16
dataloader_num_workers: 4

### output
output_dir: {folder}/out
logging_steps: 10
save_steps: 500
plot_loss: true
overwrite_output_dir: true
save_only_model: false
report_to: none

### train
per_device_train_batch_size: 1
gradient_accumulation_steps: 2
learning_rate: 1.0e-4
num_train_epochs: 1.0
lr_scheduler_type: cosine
warmup_ratio: 0.1
bf16: true
ddp_timeout: 180000000
resume_from_checkpoint: null
"""


@pytest.fixture
def factory(tmp_path, toy_model):
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "rows.json").write_text(json.dumps(ROWS))
    (lists / "talk.jsonl").write_text(json.dumps({"talk": [{"who": "me", "said": "Hello"},
                                                           {"who": "it", "said": "Good day"}]}) + "\n")
    (lists / "dataset_info.json").write_text(json.dumps({
        "one": {"file_name": "rows.json"},
        "two": {"file_name": "talk.jsonl", "formatting": "sharegpt", "columns": {"messages": "talk"},
                "tags": {"role_tag": "who", "content_tag": "said", "user_tag": "me", "assistant_tag": "it"}},
        "far": {"hf_hub_url": "somebody/something"},
        "pairs": {"file_name": "rows.json", "ranking": True},
        "some": {"file_name": "rows.json", "num_samples": 1},
        "seen": {"file_name": "rows.json", "columns": {"prompt": "instruction", "images": "pictures"}}}))
    path = tmp_path / "factory.yaml"
    path.write_text(FACTORY.format(model=toy_model, folder=tmp_path))
    return path


def test_a_file_of_llama_factory_trains_as_it_is(factory, tmp_path):
    done = relata("train", factory)
    assert "trust_remote_code" in done.err and "plot_loss" in done.err
    assert (tmp_path / "out/adapters/sft/adapter_model.safetensors").is_file()
    kept = (tmp_path / "out/train_config.yaml").read_text()
    assert "trust_remote_code" not in kept and "stage: sft" in kept
    # A finished run can be asked for again by what it wrote.
    relata("train", tmp_path / "out/train_config.yaml")


def test_lists_of_data_sets_are_read_by_their_names(factory, toy_model, tmp_path):
    relata("train", factory, "--rows", tmp_path / "rows", "template=none")
    rows = json_lines((tmp_path / "rows/train.jsonl").read_text())
    assert len(rows) == 3
    asked = "".join(json.dumps({"ids": row["ids"]}) + "\n" for row in rows)
    texts = relata("tokenizer", "decode", toy_model, stdin=asked).out
    assert "Name the relation.\\nAda wrote a book." in texts and "Good day" in texts


@pytest.mark.parametrize("change, words", [
    ("fp16=true", ["fp16", "bf16: true"]),
    ("optim=paged_adamw_8bit", ["optim", "AdamW"]),
    ("save_strategy=epoch", ["save_strategy", "save_steps"]),
    ("save_strategy=no", ["save_strategy", "leave save_steps out"]),
    ("eval_strategy=steps", ["eval_strategy", "name eval_steps"]),
    ("load_best_model_at_end=false", ["load_best_model_at_end"]),
    ("metric_for_best_model=f1", ["metric_for_best_model", "least loss"]),
    ("dataloader_drop_last=true", ["dataloader_drop_last", "last rows"]),
    ("lr_scheduler_type=polynomial", ["lr_scheduler_type", "constant_with_warmup"]),
    ("finetuning_type=", ["finetuning_type", "lora_rank", "finetuning_type: lora"]),
    ("val_size=0.1", ["val_size", "data split"]),
    ("deepspeed=ds.json", ["deepspeed", "torchrun"]),
    ("schema=redocred", ["stage sft", "schema"]),
    ("stage=dpo", ["stage", "sft"]),
    ("dataset=oen", ["oen", "did you mean 'one'"]),
    ("dataset=far", ["far", "file_name"]),
    ("dataset=pairs", ["pairs", "ranking"]),
    ("dataset=some", ["some", "num_samples"]),
    ("dataset=seen", ["seen", "columns: images"]),
    ("dataset_dir=nowhere", ["dataset_info.json", "dataset_dir"]),
])
def test_what_is_not_done_here_is_refused_by_name(factory, change, words):
    done = relata("train", factory, change, code=2)
    for word in words:
        assert word in done.err


def test_strategies_agree_with_the_other_keys(factory, tmp_path):
    rows = f"eval_dataset={tmp_path}/lists/rows.json"
    refused = relata("train", factory, "eval_strategy=no", rows, code=2)
    assert "leave eval_dataset out" in refused.err
    refused = relata("train", factory, "eval_strategy=epoch", "eval_steps=1", rows, code=2)
    assert "leave eval_steps out" in refused.err
    agreed = relata("train", factory, "eval_strategy=epoch", "save_strategy=steps", "max_steps=4", rows,
                    "lr_scheduler_type=constant_with_warmup", "warmup_ratio=0.5", "warmup_steps=2")
    assert "without effect here, or done anyway" in agreed.err and "eval_strategy" in agreed.err
    log = json_lines((tmp_path / "out/train_log.jsonl").read_text())
    assert [line["step"] for line in log if "metric" in line] == [2, 4]
    assert [line["learning_rate"] for line in log if "loss" in line] == [5e-5, 1e-4]


def test_all_unknown_keys_are_told_at_once(factory):
    done = relata("train", factory, "lerning_rate=1", "loss_function=x", "lora_rnk=3", code=2)
    assert all(key in done.err for key in ("lerning_rate", "loss_function", "lora_rnk"))
    assert "did you mean 'learning_rate' for 'lerning_rate', 'lora_rank' for 'lora_rnk'?" in done.err


@pytest.mark.parametrize("record, words", [
    ({"text": "a"}, ["instruction", "messages"]),
    ({"instruction": "a"}, ["output"]),
    ({"instruction": "a", "output": ""}, ["empty"]),
    ({"instruction": "a", "output": 3}, ["output", "text"]),
    ({"messages": [{"role": "user", "content": "a"}]}, ["no question with an answer"]),
    ({"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]}, ["turns"]),
    ({"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}]}, ["tool", "roles"]),
    ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                   {"role": "user", "content": "c"}]}, ["no answer"]),
    ({"messages": "a"}, ["list"]),
    ({"instruction": "a", "output": "b", "history": [["q"]]}, ["history"]),
    ({"instruction": "a", "output": "b", "system": "c"}, ["system", "template: auto"]),
    ({"instruction": "a", "output": "b", "history": [["q", "r"]]}, ["several turns", "template: auto"]),
])
def test_what_is_wrong_with_a_record_is_told_with_its_place(factory, tmp_path, record, words):
    data = tmp_path / "bad.jsonl"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [ROWS[0], record]))
    done = relata("train", factory, f"dataset={data}", code=3)
    assert f"{data}:2" in done.err
    for word in words:
        assert word in done.err
    assert not (tmp_path / "out").exists()


def test_answers_that_are_too_long_are_left_out_and_counted(factory, tmp_path):
    data = tmp_path / "long.json"
    data.write_text(json.dumps([*ROWS, {"instruction": "a " * 500, "output": "b"}]))
    done = relata("train", factory, f"dataset={data}", "cutoff_len=200", "template=none", "--rows", tmp_path / "rows")
    assert "1 answer" in done.err and "cutoff_len" in done.err
    assert len(json_lines((tmp_path / "rows/train.jsonl").read_text())) == 2


def test_a_chat_is_asked_by_the_models_own_template(toy_model, factory):
    asked = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "max_new_tokens": 2})
    done = relata("generate", "-m", toy_model, stdin=asked, code=3)
    assert "template" in done.err  # this model has none
    both = json.dumps({"messages": [], "prompt": "a"})
    assert "exactly one" in relata("generate", "-m", toy_model, stdin=both, code=3).err
