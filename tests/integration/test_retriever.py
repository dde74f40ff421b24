"""`relata retriever`: what the stages make, that they go on where they were, what they refuse."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from program import RELATA, ROOT, json_lines, relata, train_toy_model

pytest.importorskip("safetensors.numpy", reason="the tests make an encoder with it")
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
        "learning_rate": 1e-3, "instruction": "Extract."}))
    return folder


def train(world, output, *more, verb="train", **options):
    return relata("retriever", verb, world / "recipe.yaml", f"output_dir={output}", *more,
                  "--json", **options)


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def artefacts(output):
    """What the stages made, by name; the trained weights too."""
    names = ("build-*/pool.jsonl", "build-*/queries.jsonl", "bm25-*/candidates.jsonl",
             "retriever-train-*/model/model.safetensors")
    return {str(path.relative_to(output)): path.read_bytes()
            for name in names for path in sorted(output.glob(name))}


def scores(output):
    lines = json_lines(only(output, "score-*/scores.jsonl").read_text())
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
    assert page["retriever-train"]["questions"] == 24


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
    more = json.loads(train(world, output, "scored=10", "--dry-run").out)["score"]
    assert more["pairs"] > page["score"]["pairs"]
    assert more["tokens"] > 0 and more["tokens_shared"] < more["tokens"]
    assert len(scores(output)) == page["score"]["pairs"]


@pytest.mark.parametrize("seed", range(4))
def test_killed_runs_end_in_the_same_artefacts(world, finished, tmp_path, seed):
    wanted, _ = finished
    draw = random.Random(seed)
    output = tmp_path / "out"
    command = [RELATA, "retriever", "train", str(world / "recipe.yaml"), f"output_dir={output}"]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            time.sleep(draw.uniform(0.2, 3.0))
            run.send_signal(signal.SIGKILL)
    relata(*command[1:])
    assert artefacts(output) == artefacts(wanted)
    assert scores(output) == scores(wanted)


def test_a_torn_record_is_scored_again(world, finished, tmp_path):
    wanted, page = finished
    output = tmp_path / "out"
    train(world, output, verb="bm25")
    source = only(wanted, "score-*/scores.jsonl")
    target = output / source.parent.name / source.name
    target.parent.mkdir()
    target.write_bytes(source.read_bytes()[:-9])
    again = json.loads(train(world, output, verb="score").out)
    assert 0 < again["score"]["already_scored"] < page["score"]["pairs"]
    assert scores(output) == scores(wanted)


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
])
def test_bad_recipes_are_refused(world, tmp_path, change, message):
    done = subprocess.run([RELATA, "retriever", "train", str(world / "recipe.yaml"),
                           f"output_dir={tmp_path}", change], capture_output=True, check=False,
                          env=os.environ)
    assert done.returncode in (2, 3, 5)
    assert message in done.stderr.decode()


def test_the_shipped_recipe_is_read_as_far_as_its_data_go(tmp_path):
    recipe = ROOT / "recipes/ruie_small.yaml"
    if not (ROOT.parent / "shared/data/conll04").exists():
        pytest.skip("the data sets of ../shared are not here")
    page = json.loads(relata("retriever", "build", recipe, f"output_dir={tmp_path}", "max_pool=30",
                             "max_queries=4", "--json", cwd=ROOT).out)
    assert page["build"] == {"pool": 360, "questions": 28}
