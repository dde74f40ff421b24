"""`relata retriever`: what the stages make, that they go on where they were, what they refuse."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from program import RELATA, ROOT, json_lines, relata, train_toy_model

pytest.importorskip("safetensors.numpy", reason="the tests make an encoder with it")
from safetensors.numpy import load_file  # noqa: E402
from small_encoder import write_encoder  # noqa: E402

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")

PEOPLE = ["Ada", "Byron", "Carla", "Dorian", "Edith", "Falk"]
PLACES = ["Paris", "Oslo", "Lima", "Quito", "Turin"]


def sentences(count, seed):
    """Two kinds of sentences, with their entities and relation as canonical records."""
    draw = random.Random(seed)
    lines = []
    for i in range(count):
        person, place = draw.choice(PEOPLE), draw.choice(PLACES)
        verb, label = draw.choice([("lives in", "home"), ("was born in", "birth")])
        text = f"{person} {verb} {place} {i}."
        begin = text.index(place)
        lines.append(json.dumps({
            "id": f"s{i}", "text": text,
            "entities": [
                {"id": "e0", "text": person, "type": "person", "mentions": [[0, len(person)]]},
                {"id": "e1", "text": place, "type": "place",
                 "mentions": [[begin, begin + len(place)]]}],
            "relations": [{"head": "e0", "tail": "e1", "type": label}]}) + "\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    """A model next to chance that takes prompts of some length."""
    return train_toy_model(tmp_path_factory.mktemp("scorer"), 1024)


@pytest.fixture(scope="module")
def world(tmp_path_factory, scorer):
    folder = tmp_path_factory.mktemp("retriever")
    for name, seed in (("one", 1), ("two", 2), ("held", 3)):
        (folder / f"{name}.jsonl").write_text(sentences(40, seed))
    write_encoder(folder / "encoder", words=PEOPLE + PLACES, positions=96)
    (folder / "recipe.yaml").write_text(json.dumps({
        "datasets": [
            {"name": "one", "task": "re", "files": [str(folder / "one.jsonl")]},
            {"name": "two", "task": "ner", "files": [str(folder / "two.jsonl")]},
            {"name": "held", "task": "ner", "files": [str(folder / "held.jsonl")],
             "held_out": True}],
        "max_queries": 12, "candidates": 20, "scored": 8, "negatives": 4, "max_tokens": 1000,
        "scorer": str(scorer), "encoder": str(folder / "encoder"),
        "per_device_train_batch_size": 4, "num_train_epochs": 3, "save_steps": 2,
        "learning_rate": 1e-3, "instruction": "Extract.",
        "reward": {"learning_rate": 1e-3, "per_device_train_batch_size": 4, "num_train_epochs": 2,
                   "save_steps": 2, "passages": 4, "max_tokens": 90}}))
    return folder


STAGES = ["none", "build", "bm25", "score", "reward-train", "reward-score", "retriever-train"]


def train(world, output, *more, verb="train", **options):
    return relata("retriever", verb, world / "recipe.yaml", f"output_dir={output}", *more,
                  "--json", **options)


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def artefacts(output):
    """What the stages made, by name; the trained weights too."""
    names = ("build-*/pool.jsonl", "build-*/queries.jsonl", "bm25-*/candidates.jsonl",
             "reward-train-*/model/model.safetensors", "retriever-train-*/model/model.safetensors",
             "retriever-train-*/model/relata_retriever.json")
    return {str(path.relative_to(output)): path.read_bytes()
            for name in names for path in sorted(output.glob(name))}


def scores(output, stage="score"):
    lines = json_lines(only(output, f"{stage}-*/scores.jsonl").read_text())
    return sorted(tuple(pair) for line in lines for pair in line["pairs"])


@pytest.fixture(scope="module")
def finished(world):
    output = world / "finished"
    page = json.loads(train(world, output).out)
    return output, page


def test_stages_make_what_they_say(world, finished):
    output, page = finished
    assert page["build"] == {"pool": 120, "questions": 24}
    pool = json_lines(only(output, "build-*/pool.jsonl").read_text())
    questions = json_lines(only(output, "build-*/queries.jsonl").read_text())
    assert {pool[line["item"]]["dataset"] for line in questions} == {"one", "two"}
    first = pool[0]
    assert first["question"].startswith("Task: Relation extraction\nSchema: [")
    assert "<Keyword>" in first["tagged_question"] and "<Keyword>" not in first["question"]
    for line in json_lines(only(output, "bm25-*/candidates.jsonl").read_text()):
        asked = pool[line["query"]]
        assert 0 < len(line["documents"]) <= 20
        for document in line["documents"]:
            assert pool[document]["dataset"] == asked["dataset"]
            assert pool[document]["text"] != asked["text"]
    found = scores(output)
    assert page["score"]["too_long"] == 0 and len(found) == page["score"]["pairs"] == 24 * 8
    assert len(set(pair[:2] for pair in found)) == len(found)
    assert page["retriever-train"]["questions"] == page["reward-train"]["questions"] == 24
    # All candidates, of which the language model saw eight.
    rewards = scores(output, "reward-score")
    assert len(rewards) == page["reward-score"]["pairs"] == page["bm25"]["candidates"] > 24 * 8
    assert page["reward-score"]["already_scored"] == 0


def test_rewards_are_those_of_the_cross_encoder(finished):
    output, page = finished
    pool = json_lines(only(output, "build-*/pool.jsonl").read_text())

    def text(item):
        lines = f"{item['tagged_question']} {item['answer']}".split("\n")
        return "\n".join(line for line in lines if not line.startswith("Schema: "))

    some = scores(output, "reward-score")[::23]
    requests = "".join(json.dumps({"text": text(pool[query]), "pair": text(pool[document])}) + "\n"
                       for query, document, _ in some)
    found = json_lines(relata("encode", "-m", page["reward-train"]["model"], "--max-tokens", 90,
                              stdin=requests).out)
    assert len({line["score"] for line in found}) > 1
    for (_, _, score), line in zip(some, found, strict=True):
        assert score == pytest.approx(line["score"], abs=1e-4)


@pytest.mark.parametrize("kind", ["bert", "electra"])
def test_a_reward_model_is_a_classifier_that_others_read(world, finished, tmp_path, kind):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    folder = finished[1]["reward-train"]["model"]
    if kind == "electra":
        encoder = write_encoder(tmp_path / "electra", seed=3, words=PEOPLE + PLACES, positions=96)
        config = json.loads((encoder / "config.json").read_text())
        config |= {"model_type": "electra", "architectures": ["ElectraModel"], "embedding_size": 24}
        (encoder / "config.json").write_text(json.dumps(config))
        output = with_stages(finished, tmp_path / "out", "build", "bm25", "score")
        folder = json.loads(train(world, output, f"reward_model={encoder}",
                                  verb="reward-train").out)["reward-train"]["model"]
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert type(model).__name__.lower().startswith(kind)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    pair = ("ada lives in paris", "byron was born in oslo")
    ours = json.loads(relata("encode", "-m", folder, stdin=json.dumps(
        {"text": pair[0], "pair": pair[1]})).out)["score"]
    with torch.no_grad():
        theirs = model(**tokenizer(*pair, return_tensors="pt")).logits.item()
    assert ours == pytest.approx(theirs, abs=1e-4)


def with_stages(finished, output, *stages):
    """An output folder in which some stages are complete."""
    output.mkdir(exist_ok=True)
    for stage in stages:
        source = only(finished[0], f"{stage}-*")
        shutil.copytree(source, output / source.name)
    return output


@pytest.mark.parametrize("change", ["encoder=nowhere", "reward_model=nowhere"])
def test_a_model_that_is_not_there_is_told_before_scoring(world, finished, tmp_path, change):
    with_stages(finished, tmp_path, "build", "bm25")
    for more in ([], ["--dry-run"]):
        assert "nowhere" in train(world, tmp_path, change, *more, code=2).err
    assert not list(tmp_path.glob("score-*"))


def test_a_decoder_is_no_encoder(world, scorer, tmp_path):
    """It would have been trained, and no longer been what it was. Before anything else is done."""
    err = train(world, tmp_path, f"encoder={scorer}", "reward_model=none", code=2).err
    assert f"encoder: {scorer}: is no encoder" in err and "BERT" in err
    assert not list(tmp_path.glob("*-*"))


@pytest.mark.parametrize("name", ["build-*/pool.jsonl", "build-*/queries.jsonl",
                                  "bm25-*/candidates.jsonl"])
def test_a_file_that_is_not_as_it_was_written_is_refused(world, finished, tmp_path, name):
    output = with_stages(finished, tmp_path / "out", "build", "bm25")
    damaged = only(output, name)
    whole = damaged.read_bytes()
    damaged.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    err = train(world, output, verb="bm25", code=3).err
    assert f"{damaged}: is not as the stage wrote it" in err and "remove the folder" in err
    shutil.rmtree(damaged.parent)
    train(world, output, verb="bm25")
    assert only(output, name).read_bytes() == whole


def test_a_reward_model_that_was_taken_away_is_made_again(world, finished, tmp_path):
    """Not the model that it began as, which has learned nothing, gives the scores."""
    output = with_stages(finished, tmp_path / "out", "build", "bm25", "score", "reward-train")
    shutil.rmtree(only(output, "reward-train-*/model"))
    train(world, output, verb="reward-score")
    assert scores(output, "reward-score") == scores(finished[0], "reward-score")


def test_a_retriever_that_was_taken_away_is_made_again(world, finished, tmp_path):
    stages = ("build", "bm25", "score", "reward-train", "reward-score", "retriever-train")
    output = with_stages(finished, tmp_path / "out", *stages)
    shutil.rmtree(only(output, "retriever-train-*/model"))
    train(world, output)
    assert (output / "retriever/model.safetensors").exists()
    assert artefacts(output) == artefacts(finished[0])


def test_a_text_beside_the_data_is_no_instance(world, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(world / "one.jsonl", folder)
    (folder / "README.md").write_text("Who lives where.\n")
    registry = tmp_path / "registry.json"

    def build(on_error, code):
        registry.write_text(json.dumps({"datasets": [
            {"name": "mine", "task": "re", "files": [str(folder)], "on_error": on_error}]}))
        return train(world, tmp_path / "out", f"datasets={registry}", verb="build", code=code)

    err = build("stop", 3).err
    assert "README.md: is of the format text, without labels" in err and "*.jsonl" in err
    page = json.loads(build("skip", 0).out)["build"]
    assert page["pool"] == 40 and page["skipped"] == {"mine": 1}


def test_without_a_reward_model_scores_teach_directly(world, finished, tmp_path):
    with_stages(finished, tmp_path, "build", "bm25", "score")
    page = json.loads(train(world, tmp_path, "reward_model=none").out)
    assert "reward-train" not in page and not list(tmp_path.glob("reward-*"))
    assert page["retriever-train"]["questions"] == 24
    for verb in ("reward-train", "reward-score"):
        err = relata("retriever", verb, world / "recipe.yaml", f"output_dir={tmp_path}",
                     "reward_model=none", code=2).err
        assert "reward_model is none" in err


def test_each_stage_is_a_command(world, finished, tmp_path):
    wanted, _ = finished
    for verb in ("build", "bm25", "score", "reward-train", "reward-score", "train"):
        page = json.loads(train(world, tmp_path, verb=verb).out)
        last = "retriever-train" if verb == "train" else verb
        assert list(page)[-1] == last or last in page
        made = {path.name.rsplit("-", 1)[0] for path in tmp_path.glob("*-*")}
        assert last in made and len(made) == STAGES.index(last)
    assert artefacts(tmp_path) == artefacts(wanted)


@pytest.mark.parametrize("change", ["tags=false", "divergence=0", "contrastive=0", "query_negatives=false",
                                    "passage_negatives=false", "teacher_scale=3"])
def test_every_switch_makes_a_retriever_of_its_own(world, finished, tmp_path, change):
    wanted, _ = finished
    with_stages(finished, tmp_path, "build", "bm25", "score", "reward-train", "reward-score")
    train(world, tmp_path, change)
    own, other = (only(output, "retriever-train-*") for output in (tmp_path, wanted))
    assert own.name != other.name
    assert (own / "model/model.safetensors").read_bytes() != (
        other / "model/model.safetensors").read_bytes()
    form = json.loads((own / "model/relata_retriever.json").read_text())
    assert form["tags"] == (change != "tags=false")


def test_scores_are_those_of_relata_score(finished, scorer):
    output, _ = finished
    pool = json_lines(only(output, "build-*/pool.jsonl").read_text())
    some = scores(output)[::17]
    requests = []
    for query, document, _ in some:
        example, asked = pool[document], pool[query]
        prompt = (f"Extract.\n\n{example['question']} {example['answer']}\n\n"
                  f"{asked['question']}")
        requests.append({"prompt": prompt, "continuations": [" " + asked["answer"]]})
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    answers = json_lines(relata("score", "-m", scorer, "--per-token", stdin=lines).out)
    for (_, _, score), answer in zip(some, answers, strict=True):
        tokens = answer["token_logprobs"][0]
        assert score == pytest.approx(sum(tokens) / len(tokens), abs=1e-4)


def test_what_is_done_is_not_done_again(world, finished):
    output, page = finished
    before = artefacts(output)
    again = json.loads(train(world, output).out)
    assert again["score"]["already_scored"] == again["score"]["pairs"]
    assert again["score"]["tokens"] == 0
    assert artefacts(output) == before
    assert again["reward-score"]["already_scored"] == again["reward-score"]["pairs"]
    known = json.loads(train(world, output, "--dry-run").out)["reward-score"]
    assert known["already_scored"] == known["pairs"] and known["tokens"] == 0
    forecast = json.loads(train(world, output, "scored=10", "--dry-run").out)
    assert forecast["reward-score"]["already_scored"] == 0 < forecast["reward-score"]["tokens"]
    more = forecast["score"]
    assert more["pairs"] > page["score"]["pairs"]
    assert more["tokens"] > 0 and more["tokens_shared"] < more["tokens"]
    assert len(scores(output)) == page["score"]["pairs"]


TRIALS = 100 if os.environ.get("FULL_TESTS") else 3


def killed(command, wait):
    """Sends SIGKILL after so many seconds; whether the run was still going."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            run.wait(wait)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            return True
    return False


def stage_of(output):
    """The last stage that has a folder."""
    made = {path.name.rsplit("-", 1)[0] for path in output.glob("*-*")}
    return max(made, key=STAGES.index, default="none")


def test_killed_runs_end_in_the_same_artefacts(world, finished, tmp_path):
    """SIGKILL at a random moment, then again after a while, then left alone."""
    wanted, _ = finished
    draw = random.Random(11)
    output = tmp_path / "whole"
    command = [RELATA, "retriever", "train", str(world / "recipe.yaml")]
    start = time.monotonic()
    subprocess.run([*command, f"output_dir={output}"], check=True, capture_output=True)
    duration = time.monotonic() - start
    stages = set()
    for trial in range(TRIALS):
        output = tmp_path / f"out{trial}"
        moment = duration * (trial + draw.random()) / TRIALS
        if killed([*command, f"output_dir={output}"], moment):
            stages.add(stage_of(output))
            if killed([*command, f"output_dir={output}"], draw.uniform(0, duration - moment)):
                stages.add(stage_of(output))
        relata(*command[1:], f"output_dir={output}")
        assert artefacts(output) == artefacts(wanted), (trial, moment)
        for stage in ("score", "reward-score"):
            assert scores(output, stage) == scores(wanted, stage), (trial, moment, stage)
        assert (output / "retriever").resolve().parent.name.startswith("retriever-train-")
        shutil.rmtree(output)
    assert len(stages) >= 2, stages


def test_a_torn_record_is_scored_again(world, finished, tmp_path):
    wanted, page = finished
    output = with_stages(finished, tmp_path / "out", "build", "bm25")
    source = only(wanted, "score-*/scores.jsonl")
    target = output / source.parent.name / source.name
    target.parent.mkdir()
    target.write_bytes(source.read_bytes()[:-9])
    again = json.loads(train(world, output, verb="score").out)
    assert 0 < again["score"]["already_scored"] < page["score"]["pairs"]
    assert scores(output) == scores(wanted)
    with_stages(finished, output, "reward-train")
    source = only(wanted, "reward-score-*/scores.jsonl")
    target = output / source.parent.name / source.name
    target.parent.mkdir()
    target.write_bytes(source.read_bytes()[:-9])
    again = json.loads(train(world, output, verb="reward-score").out)["reward-score"]
    assert 0 < again["already_scored"] < page["reward-score"]["pairs"]
    assert scores(output, "reward-score") == scores(wanted, "reward-score")


def test_the_trained_encoder_is_one_that_relata_reads(world, finished):
    output, _ = finished
    line = json.dumps({"text": "Ada lives in Paris"})
    before = json.loads(relata("encode", "-m", world / "encoder", stdin=line).out)["vector"]
    after = json.loads(relata("encode", "-m", output / "retriever", stdin=line).out)["vector"]
    assert len(after) == len(before)
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) > 1e-3


@pytest.mark.parametrize("change, message", [
    ("temperature=0", "temperature"),
    ("candidats=3", "candidates"),
    ("scorer=none", "none"),
    ("datasets=[]", "datasets"),
    ("datasets=nowhere.yaml", "nowhere.yaml"),
    ("only=[one, tow]", "no data set 'tow'"),
    ("reward_model=nowhere", "nowhere"),
    ("reward.passages=1", "passages"),
    ("reward.output_dir=x", "output_dir"),
])
def test_bad_recipes_are_refused(world, tmp_path, change, message):
    done = subprocess.run([RELATA, "retriever", "train", str(world / "recipe.yaml"),
                           f"output_dir={tmp_path}", change], capture_output=True, check=False,
                          env=os.environ)
    assert done.returncode in (2, 3, 5)
    assert message in done.stderr.decode()


def weights(output, stage):
    return load_file(only(output, f"{stage}-*/model/model.safetensors"))


def start_together(world, output, count, *more):
    """As a launcher starts them."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return [subprocess.Popen(
        [RELATA, "retriever", "train", str(world / "recipe.yaml"), f"output_dir={output}", *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"RANK": str(rank), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1",
                          "MASTER_PORT": str(port), "RELATA_THREADS": "1"})
        for rank in range(count)]


def finish_together(processes):
    said, heard = [p.communicate(timeout=300) for p in processes]
    assert [p.returncode for p in processes] == [0, 0], said[1] + heard[1]
    assert "retriever-train" in said[0] and heard == ("", "")


def losses(output):
    lines = json_lines(only(output, "retriever-train-*/train_log.jsonl").read_text())
    return [line["loss"] for line in lines]


def test_processes_train_as_one_does_on_the_batch_of_all(world, tmp_path):
    """Each one's passages are negatives of the other's questions."""
    settings = ["reward_model=none", "logging_steps=1"]
    train(world, tmp_path / "one", *settings)
    finish_together(start_together(world, tmp_path / "two", 2, "per_device_train_batch_size=2", *settings))
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 18 and one[-1] < one[0]
    for found, wanted in zip(two, one, strict=True):
        assert abs(found - wanted) < 1e-4


def test_processes_train_a_reward_model_too(world, finished, tmp_path):
    finish_together(start_together(world, tmp_path, 2, "per_device_train_batch_size=2",
                                   "reward.per_device_train_batch_size=2"))
    one, two = weights(finished[0], "reward-train"), weights(tmp_path, "reward-train")
    # Adam turns rounding of small gradients into parts of its steps, of 1e-3 at most.
    assert one.keys() == two.keys() and max(abs(one[name] - two[name]).max() for name in one) < 2e-3


def test_processes_end_together(world, tmp_path):
    processes = start_together(world, tmp_path, 2, "scorer=nowhere")
    ends = [(p.communicate(timeout=300), p.returncode) for p in processes]
    assert ends[0][1] != 0 and "nowhere" in ends[0][0][1]
    assert ends[1][1] == 5 and "process 0 of 2 has ended" in ends[1][0][1]


def test_the_shipped_recipe_is_read_as_far_as_its_data_go(tmp_path):
    recipe = ROOT / "recipes/ruie_small.yaml"
    if not (ROOT.parent / "shared/data/conll04").exists():
        pytest.skip("the data sets of ../shared are not here")
    page = json.loads(relata("retriever", "build", recipe, f"output_dir={tmp_path}", "max_pool=30",
                             "max_queries=4", "--json", cwd=ROOT).out)
    assert page["build"] == {"pool": 360, "questions": 28}


def test_every_data_set_of_the_registry_is_read(tmp_path):
    if not (ROOT.parent / "shared/data/wikievents").exists():
        pytest.skip("the data sets of ../shared are not here")
    page = json.loads(relata("retriever", "build", ROOT / "recipes/ruie_small.yaml", "only=[]", "max_pool=5",
                             f"output_dir={tmp_path}", "max_queries=2", "--json", cwd=ROOT).out)
    counts = page["build"]
    assert (counts["pool"], counts["questions"]) == (120, 24)
    assert counts["skipped"].keys() <= {"casie_ed", "casie_eae", "crudeoilnews_ed", "crudeoilnews_eae"}
