"""What `relata train` looks at before and while it trains, so that nothing is lost or left out without a word."""
import hashlib
import json

import pytest

from program import ROWS, json_lines, relata, toy_recipe


@pytest.fixture
def config(tmp_path, toy_model, tsv):
    path = tmp_path / "lora.yaml"
    path.write_text(json.dumps({
        "model_name_or_path": str(toy_model), "dataset": str(tsv), "dataset_format": "cre-tsv", "bf16": False,
        "output_dir": str(tmp_path / "out"), "finetuning_type": "lora", "max_steps": 3}))
    return path


def adapter(folder):
    return (folder / "adapters/pair/adapter_model.safetensors").read_bytes()


def tree(folder):
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}


def test_a_refused_run_leaves_the_pool_of_the_one_before(config, tmp_path, gold):
    rag = ["pipeline=rag", f"dataset={gold}", "dataset_format=jsonl", "save_steps=1"]
    relata("train", config, *rag)
    before = tree(tmp_path / "out")
    assert (tmp_path / "out/demonstrations.jsonl").is_file()
    other = tmp_path / "other.jsonl"
    other.write_text("".join(gold.read_text(encoding="utf-8").splitlines(True)[:2]), encoding="utf-8")
    refused = relata("train", config, *rag, f"pool={other}", "resume_from_checkpoint=auto", code=2)
    assert "demonstrations" in refused.err
    relata("train", config, *rag, f"pool={other}", "eval_dataset=nowhere.jsonl", "overwrite_output_dir=true", code=2)
    assert tree(tmp_path / "out") == before
    relata("extract", "-x", tmp_path / "out", gold)


def test_a_refused_run_leaves_the_vocabulary_of_the_one_before(tmp_path, tsv):
    path = tmp_path / "toy.yaml"
    path.write_text(json.dumps(toy_recipe(tsv, tmp_path / "toy")))
    relata("train", path)
    assert (tmp_path / "toy/model/tokenizer.model").is_file() and not (tmp_path / "toy/vocabulary").exists()
    before = tree(tmp_path / "toy")
    relata("train", path, "tokenizer.vocab_size=380", "eval_dataset=nowhere", "overwrite_output_dir=true", code=2)
    after = tree(tmp_path / "toy")
    assert {name: after[name] for name in before} == before
    relata("train", path, "overwrite_output_dir=true")
    assert not (tmp_path / "toy/vocabulary").exists()


@pytest.mark.parametrize("change, key", [
    ("learning_rate=0.5", "learning_rate"), ("token_dropout_id=340", "token_dropout_id"),
    ("tokenizer.vocab_size=380", "tokenizer"), ("cutoff_len=100", "cutoff_len"),
])
def test_a_resume_with_other_settings_is_refused_before_a_vocabulary_is_made(tmp_path, tsv, change, key):
    path = tmp_path / "toy.yaml"
    path.write_text(json.dumps(toy_recipe(tsv, tmp_path / "toy", save_steps=1)))
    relata("train", path)
    before = tree(tmp_path / "toy")
    refused = relata("train", path, change, "resume_from_checkpoint=auto", code=2)
    assert f"{key} was " in refused.err and "vocabulary" not in refused.err
    assert tree(tmp_path / "toy") == before


def test_what_only_the_vocabulary_shows_leaves_nothing_behind(tmp_path, tsv):
    path = tmp_path / "toy.yaml"
    path.write_text(json.dumps(toy_recipe(tsv, tmp_path / "toy", save_steps=1)))
    relata("train", path)
    before = tree(tmp_path / "toy")
    other = tmp_path / "other.txt"
    other.write_text("\n".join("\t".join((*row[:3], row[3] + " Not so.")) for row in ROWS))
    refused = relata("train", path, f"dataset={other}", "resume_from_checkpoint=auto", code=2)
    assert "dataset was " in refused.err
    refused = relata("train", path, "token_dropout_id=399", "overwrite_output_dir=true", code=2)
    assert "outside the vocabulary" in refused.err
    assert tree(tmp_path / "toy") == before
    assert {entry.name for entry in (tmp_path / "toy").iterdir() if entry.name.startswith(".")} == set()


def test_another_training_drops_the_calibration_of_the_one_before(config, tmp_path, gold):
    steps = ["pipeline=drf", f"dataset={gold}", "dataset_format=jsonl"]
    relata("train", config, *steps)
    calibration = tmp_path / "out/calibration.json"
    calibration.write_text(json.dumps(
        {"method": "temperature", "temperature": 1000.0, "offset": 0.0, "threshold": 0.4}))
    figure = tmp_path / "out/reliability.svg"
    figure.write_text("<svg/>")
    relata("extract", "-x", tmp_path / "out", gold)  # it is one
    relata("train", config, *steps, "overwrite_output_dir=true")
    assert not calibration.exists() and not figure.exists()


def test_what_leaves_nothing_or_does_nothing_is_said(config):
    short = relata("train", config, "cutoff_len=2", code=3)
    assert "nothing to train on" in short.err and "cutoff_len are left out" in short.err
    unseen = 'template "marked" has no {instruction}'
    assert unseen in relata("train", config, "instruction=Name the relation.").err
    shown = ["prompt_template=cre-llm-en", "instruction=Name the relation.", "overwrite_output_dir=true"]
    assert unseen.split('"')[2] not in relata("train", config, *shown).err


@pytest.mark.parametrize("given, told", [
    (["relation_negatives=2", "language=zh"], ["relation_negatives (of document pipelines)", "language"]),
    (["pipeline=drf", "augment_inverse=true", "multi_label=split", "empty_documents=false"],
     ["multi_label, augment_inverse (of pipelines that ask about pairs)"]),
    (["finetuning_type=full", "lora_rank=4", "dequantize=true"], ["lora_rank, dequantize (of adapters"]),
    (["early_stopping_patience=2", "eval_steps=5"], ["eval_steps, early_stopping_patience (without an eval_dataset)"]),
    (["max_train_minutes=1", "warmup_steps=5"], ["warmup_steps", "set warmup_ratio"]),
    (["save_total_limit=2"], ["save_total_limit", "without save_steps"]),
    (["tokenizer.vocab_size=380", "model.hidden_size=32"], ["tokenizer", "model (of new models"]),
    (["augment_inverse=false", "relation_mode=list", "eval_steps=0", "warmup_steps=2"], []),
])
def test_good_keys_without_effect_are_told(config, tmp_path, given, told):
    err = relata("train", config, *given, "--rows", tmp_path / "rows").err
    assert ("without effect: " in err) == bool(told)
    for words in told:
        assert words in err


def test_a_document_pipeline_takes_no_template_that_is_no_file(config, tmp_path):
    for name in ("nowhere.yaml", "marked"):
        done = relata("train", config, "pipeline=drf", f"prompt_template={name}", "--rows", tmp_path / "rows", code=2)
        assert f"prompt_template {name}" in done.err


def test_a_vocabulary_is_taken_up_with_a_checkpoint_only(tmp_path, tsv):
    other = tmp_path / "other.txt"
    other.write_text("\n".join("\t".join((*row[:3], row[3] + " Zebra, quagga, okapi.")) for row in ROWS),
                     encoding="utf-8")
    for name, data in [("other", other), ("toy", tsv)]:
        (tmp_path / f"{name}.yaml").write_text(json.dumps(toy_recipe(data, tmp_path / name)))
        relata("train", tmp_path / f"{name}.yaml")
    vocabulary = tmp_path / "left/vocabulary"  # as a run of other data leaves it that is killed early
    vocabulary.mkdir(parents=True)
    for path in (tmp_path / "other/model").glob("tokenizer*"):
        (vocabulary / path.name).write_bytes(path.read_bytes())
    relata("train", tmp_path / "toy.yaml", f"output_dir={tmp_path}/left", "resume_from_checkpoint=auto")
    left, toy, others = ((tmp_path / name / "model/tokenizer.model").read_bytes() for name in ("left", "toy", "other"))
    assert left == toy != others


def test_a_folder_of_files_is_a_data_set(config, tmp_path, gold):
    folder = tmp_path / "brat"
    relata("data", "convert", gold, "--to", "brat", "-o", folder)
    assert len(list(folder.glob("*.ann"))) > 1
    (tmp_path / "whole.jsonl").write_text(relata("data", "convert", folder, "--to", "jsonl").out)
    rows = []
    for source in (folder, tmp_path / "whole.jsonl"):
        relata("train", config, f"dataset={source}", f"eval_dataset={source}", "dataset_format=", "--rows",
               tmp_path / "rows")
        rows.append([(tmp_path / "rows" / name).read_text() for name in ("train.jsonl", "eval.jsonl")])
    assert rows[0] == rows[1] and rows[0][0]
    relata("train", config, f"dataset={folder}", f"pool={folder}", "pipeline=rag", "dataset_format=")
    missing = relata("train", config, f"dataset={tmp_path}/nowhere", f"output_dir={tmp_path}/other", code=2)
    assert "no such file" in missing.err


def test_document_pipelines_are_evaluated_and_their_documents_drawn(config, tmp_path, gold):
    steps = ["pipeline=drf", f"dataset={gold}", "dataset_format=jsonl"]
    assert "nowhere" in relata("train", config, *steps, "eval_dataset=nowhere", code=2).err
    done = relata("train", config, *steps, f"eval_dataset={gold}", "eval_steps=1", "max_steps=2", "--json")
    result = json.loads(done.out)
    assert 0 < result["eval_token_probability"] < 1
    log = json_lines((tmp_path / "out/train_log.jsonl").read_text())
    assert [line["step"] for line in log if "metric" in line] == [1, 2]
    relata("train", config, *steps, "max_samples=1", "max_eval_samples=2", f"eval_dataset={gold}",
           "--rows", tmp_path / "some")
    relata("train", config, *steps, "--rows", tmp_path / "all")
    count = {name: len(json_lines((tmp_path / name / "train.jsonl").read_text())) for name in ("some", "all")}
    assert 0 < count["some"] < count["all"]
    assert (tmp_path / "some/eval.jsonl").is_file() and not (tmp_path / "all/eval.jsonl").exists()


def test_an_adapter_for_each_step_is_evaluated_with_its_own(config, tmp_path, gold):
    done = relata("train", config, "pipeline=drf", f"dataset={gold}", "dataset_format=jsonl",
                  "adapter_per_step=true", f"eval_dataset={gold}", "--json")
    assert json.loads(done.out)["eval_token_probability"] > 0
    assert "adapter_per_step" in relata("train", config, "pipeline=drf", "adapter_per_step=true",
                                        "finetuning_type=full", code=2).err


def test_a_development_question_that_is_too_long_is_told_and_counts_as_missed(config, tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("".join("\t".join(row) + "\n" for row in [
        *ROWS, ("Ada", "Bob", "parent", "Ada " + "word " * 3000 + "Bob.")]), encoding="utf-8")
    done = relata("train", config, f"eval_dataset={path}", "eval_steps=1", "max_steps=2")
    assert done.err.count("1 of 5 questions cannot be asked: too long") == 1


@pytest.mark.parametrize("labels", [["unknown"], ["foe"], []])
def test_a_development_set_with_nothing_to_find_is_refused(config, tmp_path, labels):
    path = tmp_path / "dev.jsonl"
    path.write_text(json.dumps({"id": "d", "text": "Ada met Bob.", "entities": [
        {"id": "a", "text": "Ada", "type": "", "mentions": [[0, 3]]},
        {"id": "b", "text": "Bob", "type": "", "mentions": [[8, 11]]}],
        "relations": [{"head": "a", "tail": "b", "type": label} for label in labels]}) + "\n")
    done = relata("train", config, "dataset_format=", f"eval_dataset={path}", code=3)
    assert "eval_dataset" in done.err


def test_labels_that_only_the_development_set_has_are_told(config, tmp_path):
    path = tmp_path / "dev.txt"
    path.write_text("".join("\t".join(row) + "\n" for row in [*ROWS, ("Ada", "Bob", "foe", "Ada met Bob.")]),
                    encoding="utf-8")
    done = relata("train", config, f"eval_dataset={path}", "max_steps=1")
    assert "1 of its relations cannot be found" in done.err and "'foe'" in done.err
    assert "cannot be found" not in relata("train", config, f"eval_dataset={path}", "max_steps=1", "schema=",
                                           f"dataset={path}", "overwrite_output_dir=true").err


def test_the_flag_and_the_environment_give_the_seed(config, tmp_path):
    made = []
    for arguments, env in [(["seed=8"], {}), (["--seed", "8"], {}), ([], {"RELATA_SEED": "8"}), ([], {}),
                           (["--seed", "9", "seed=8"], {})]:
        relata("train", config, *arguments, "overwrite_output_dir=true", env=env)
        made.append(adapter(tmp_path / "out"))
    assert made[0] == made[1] == made[2] == made[4] != made[3]


def test_an_activated_adapter_that_cannot_act_is_refused(config, tmp_path):
    done = relata("train", config, "finetuning_type=alora", code=2)
    assert "alora_invocation" in done.err
    some = relata("train", config, "finetuning_type=alora", "alora_invocation=Ada")
    assert "3 of 4 rows lack" in some.err
    plain = relata("train", config, "finetuning_type=lora", f"adapter_name_or_path={tmp_path}/out/adapters/pair",
                   f"output_dir={tmp_path}/again", code=2)
    assert "finetuning_type: alora" in plain.err


def test_what_the_configuration_says_of_an_adapter_must_be_so(config, tmp_path):
    relata("train", config, "lora_rank=4")
    go_on = [f"adapter_name_or_path={tmp_path}/out/adapters/pair", f"output_dir={tmp_path}/again"]
    relata("train", config, *go_on)
    assert "lora_rank 4" in relata("train", config, *go_on, "lora_rank=8", "overwrite_output_dir=true", code=2).err
    full = relata("train", config, *go_on, "finetuning_type=full", "overwrite_output_dir=true", code=2)
    assert "adapter_name_or_path" in full.err
    wrong = relata("train", config, "lora_target=q_proj,v_porj", "overwrite_output_dir=true", code=2)
    assert "v_porj" in wrong.err and "'v_proj'" in wrong.err
    relata("train", config, "lora_target=self_attn.q_proj,v_proj", "overwrite_output_dir=true")


def test_a_run_that_goes_on_with_other_rows_is_told_so(config, tmp_path, tsv):
    relata("train", config, "save_steps=1", "max_steps=1", "per_device_train_batch_size=3")
    fewer = tmp_path / "fewer.txt"
    fewer.write_text("".join("\t".join(row) + "\n" for row in ROWS[:2]), encoding="utf-8")
    done = relata("train", config, "save_steps=1", "max_steps=4", "per_device_train_batch_size=3", f"dataset={fewer}",
                  "resume_from_checkpoint=auto", code=2)
    assert "dataset" in done.err and "damaged" not in done.err


def test_a_loss_is_told_where_steps_were_made(config, tmp_path):
    relata("train", config, "save_steps=1")
    again = relata("train", config, "save_steps=1", "resume_from_checkpoint=auto", "--json")
    assert json.loads(again.out)["loss"] is None
    empty = tmp_path / "ids.jsonl"
    empty.write_text('{"ids": [1, 5, 6], "labels": [-100, -100, -100]}\n')
    ids = ["dataset_format=ids", f"dataset={empty}", "overwrite_output_dir=true"]
    assert "nothing to learn" in relata("train", config, *ids, code=3).err
    empty.write_text('{"ids": [1, 5, 6], "labels": [-100, -100, 6]}\n{"ids": [1, 5], "labels": [-100, 5]}\n')
    assert "cutoff_len 2: 1 row" in relata("train", config, *ids, "cutoff_len=2").err
