"""`relata calibrate`: what it states of its threshold is what `relata extract` then gives."""

import json
import math
import random
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from program import RELATA, json_lines, relata

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")


@pytest.fixture(scope="module")
def finder(facts_extractor, tmp_path_factory):
    """The extractor with names that end with their lines: so even untrained it finds facts."""
    folder = shutil.copytree(facts_extractor, tmp_path_factory.mktemp("calibrate") / "finder")
    config, template = folder / "extractor.yaml", folder / "templates/drf.yaml"
    config.write_text(config.read_text().replace("max_new_tokens: 24", "max_new_tokens: 48"))
    pipeline = json.loads(template.read_text())
    pipeline["steps"][1]["may_be_empty"] = False
    template.write_text(json.dumps(pipeline))
    return folder


@pytest.fixture(scope="module")
def gold(finder):
    """What is right of what the extractor finds: mostly its surest facts of each text."""
    chance = random.Random(8)
    names = ["Lund Mill", "Tarn Works", "Ada", "Byron", "Owl Bank", "Karl Lund"]
    source, path = finder.parent / "texts.jsonl", finder.parent / "gold.jsonl"
    source.write_text("".join(json.dumps(
        {"id": f"d{i}", "text": "\n".join(chance.sample(names, 4)) + "\n"}) + "\n"
        for i in range(20)))
    found = json_lines(relata("extract", "-x", finder, source, "--min-score", 0).out)
    for document in found:
        facts = document["relations"]  # best first
        document["relations"] = [fact for i, fact in enumerate(facts)
                                 if chance.random() < (0.8 if 2 * i < len(facts) else 0.2)]
        del document["meta"]
    path.write_text("".join(json.dumps(one) + "\n" for one in found))
    return path


@pytest.fixture
def gold_of_rows(tmp_path, tsv):
    path = tmp_path / "rows.jsonl"
    relata("data", "convert", tsv, "-o", path)
    return path


@pytest.fixture
def own(finder, tmp_path):
    """A copy, to be calibrated."""
    return shutil.copytree(finder, tmp_path / "own")


def facts_of(documents):
    """(document, type, head, tail) of all facts, ends by name."""
    out = set()
    for one in documents:
        names = {entity["id"]: entity["text"] for entity in one["entities"]}
        out |= {(one["id"], fact["type"], names[fact["head"]], names[fact["tail"]])
                for fact in one["relations"]}
    return out


@pytest.mark.parametrize("flags", [[], ["--precision", 0.55], ["--method", "isotonic"]],
                         ids=["best-f1", "precision", "isotonic"])
def test_the_threshold_is_of_what_extract_gives(own, gold, flags):
    stated = json.loads(relata("calibrate", "-x", own, "--gold", gold, *flags, "--json").out)
    kept = facts_of(json_lines(relata("extract", "-x", own, gold, "--ignore-entities").out))
    right = len(kept & facts_of(json_lines(gold.read_text())))
    threshold = stated["threshold"]
    assert threshold["kept"] == len(kept)
    assert threshold["precision"] == pytest.approx(right / len(kept))
    assert threshold["recall"] == pytest.approx(right / stated["gold_facts"])
    assert json.loads((own / "calibration.json").read_text())["threshold"] == threshold["threshold"]
    if "--precision" in flags:
        assert threshold["precision"] >= 0.55
    crossed = stated["cross_fitted"]
    assert crossed["threshold"] == threshold["threshold"]
    assert set(crossed) == set(threshold)
    assert stated["ece_after"] == stated["reliability"]["after"]["ece"]


def test_the_reliability_is_drawn_beside_the_calibration(own, gold):
    out = relata("calibrate", "-x", own, "--gold", gold).out
    assert f"{own}/calibration.json" in out and "reliability.svg" in out
    assert "cross-fitted, as of new ones: precision" in out
    figure = ElementTree.parse(own / "reliability.svg").getroot()
    assert figure.tag.endswith("svg")
    text = "".join(figure.itertext())
    assert "stated probability" in text and "before: expected calibration error" in text
    assert figure.findall("{*}circle")


def test_pairs_are_calibrated_too(trained, tmp_path):
    own = shutil.copytree(trained, tmp_path / "own")
    config = own / "extractor.yaml"  # so that even this one answers with relations
    config.write_text(re.sub("negative_bias: .*", "negative_bias: -9", config.read_text()))
    source = tmp_path / "gold.jsonl"
    rows = tmp_path / "rows.txt"
    labels = ["拥有", "任职", "parent", "unknown"]
    chance = random.Random(5)
    rows.write_text("".join(
        f"甲公司\t李四{i}\t{chance.choice(labels)}\t李四{i}昨日进入甲公司。\n" for i in range(60)))
    relata("data", "convert", rows, "-o", source)
    raw = json_lines(relata("extract", "-x", own, source, "--min-score", 0).out)
    stated = json.loads(relata("calibrate", "-x", own, "--gold", source, "--json").out)
    calibration = json.loads((own / "calibration.json").read_text())

    def mapped(score):
        logit = math.log(score / (1 - score)) / calibration["temperature"] + calibration["offset"]
        return 1 / (1 + math.exp(-logit))

    def answers(documents):
        return [(one["id"], fact["type"], fact["score"]) for one in documents
                for fact in one["relations"] if fact["type"] != "unknown"]

    expected = [(i, kind, mapped(score)) for i, kind, score in answers(raw)]
    found = answers(json_lines(relata("extract", "-x", own, source, "--min-score", 0).out))
    assert len(found) == stated["found_facts"] == len(expected) > 0
    for got, wanted in zip(found, expected):
        assert got[:2] == wanted[:2] and got[2] == pytest.approx(wanted[2], abs=1e-4)
    kept = answers(json_lines(relata("extract", "-x", own, source).out))
    assert len(kept) == stated["threshold"]["kept"]


def test_all_stated_pairs_are_asked_and_counted(trained, tmp_path):
    own = shutil.copytree(trained, tmp_path / "own")
    config = own / "extractor.yaml"
    config.write_text(re.sub("negative_bias: .*", "negative_bias: -9", config.read_text()))
    chance = random.Random(6)
    names = ["甲公司", "李四", "王五"]
    text = "李四和王五进入甲公司。"
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps({
        "id": str(i), "text": text,
        "entities": [{"id": f"e{k}", "text": name, "type": "",
                      "mentions": [[text.index(name), text.index(name) + len(name)]]}
                     for k, name in enumerate(names)],
        "relations": [{"head": "e0", "tail": f"e{k}",
                       "type": chance.choice(["拥有", "任职", "parent", "unknown"])} for k in (1, 2)],
    }) + "\n" for i in range(30)))
    done = relata("calibrate", "-x", own, "--gold", gold, "--json")
    assert "60/60 pairs" in done.err
    assert json.loads(done.out)["documents"] == 30


def test_a_served_extractor_is_calibrated(server, extractor, gold_of_rows, tmp_path):
    relata("schema", "infer", gold_of_rows, "-o", extractor / "schema.json")
    with open(extractor / "extractor.yaml", "a") as file:
        file.write("decode: free\n")
    wrong = [json.loads(line) for line in gold_of_rows.read_text().splitlines() * 4]
    for i, document in enumerate(wrong):
        document["id"] = f"d{i}"
        if i % 4 == 0 and i > 3:
            document["relations"][0]["type"] = "parent"
    source = tmp_path / "gold4.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in wrong))
    page = json.loads(relata("calibrate", "-x", extractor, "--gold", source, "--backend", "openai",
                             "--backend-url", server.url, "--json").out)
    assert page["found_facts"] == 12 and (extractor / "calibration.json").exists()
    assert len(server.bodies()) == 16


def test_names_are_learned_on_request(own, gold, tmp_path):
    texts = tmp_path / "names.jsonl"
    texts.write_text("".join(json.dumps(
        {"id": f"n{i}", "text": f"On day {i} Lund Mill met Karl Lund.",
         "entities": [{"id": "a", "text": "Lund Mill", "type": "ORG"},
                      {"id": "b", "text": "Karl Lund", "type": "PER"}]}) + "\n"
        for i in range(40)))
    before = relata("extract", "-x", own, gold, "--ignore-entities", "--min-score", 0).out
    relata("calibrate", "-x", own, "--gold", gold, "--names", texts)
    assert json.loads((own / "names.json").read_text())["types"] == ["ORG", "PER"]
    (own / "calibration.json").unlink()
    after = relata("extract", "-x", own, gold, "--ignore-entities", "--min-score", 0).out
    scores = {(one["id"], fact["type"]) + tuple(
        next(e["text"] for e in one["entities"] if e["id"] == fact[end]) for end in ("head", "tail")):
        fact["score"] for one in json_lines(before) for fact in one["relations"]}
    changed = 0
    for one in json_lines(after):
        names = {entity["id"]: entity["text"] for entity in one["entities"]}
        for fact in one["relations"]:
            old = scores[(one["id"], fact["type"], names[fact["head"]], names[fact["tail"]])]
            assert fact["score"] <= old * (1 + 1e-9)
            changed += fact["score"] < old
    assert changed > 0
    both = tmp_path / "both.jsonl"
    both.write_text(texts.read_text() + "".join(
        json.dumps({"id": one["id"], "text": one["text"]}) + "\n" for one in json_lines(gold.read_text())))
    told = relata("calibrate", "-x", own, "--gold", gold, "--names", both)
    assert "20 of the 20 texts of --gold are in --names too" in told.err
    too_few = tmp_path / "few.jsonl"
    too_few.write_text(texts.read_text().split("\n")[0] + "\n")
    refused = relata("calibrate", "-x", own, "--gold", gold, "--names", too_few, code=3)
    assert "too few names" in refused.err


def test_tasks_are_chosen_as_for_extract(server, trained, tmp_path):
    """One question for each document where only relations are looked for."""
    folder = tmp_path / "icl"
    (folder / "templates").mkdir(parents=True)
    (folder / "extractor.yaml").write_text(
        f"format_version: 1\npipeline: icl\nmodel: {trained}/model\ntemplate: templates/icl.yaml\n"
        "decode: free\ndemonstrations: {examples: 0}\n")
    task = {"prompt": "{labels} {examples}{text}:", "example": "{text}:{answer}\n"}
    (folder / "templates/icl.yaml").write_text(json.dumps({
        "name": "icl", "nothing": " none", "separator": ";", "tasks": {
            "ner": {**task, "item": " {label}: {span}"},
            "re": {**task, "item": " {label}: {head} | {tail}"}}}))
    (folder / "schema.json").write_text(json.dumps({
        "entity_types": [{"id": "PER"}], "relation_types": [{"id": "knows"}]}))
    source = tmp_path / "gold.jsonl"
    source.write_text("".join(json.dumps({
        "id": str(i), "text": "Ada knows Bo.",
        "entities": [{"id": "a", "text": "Ada", "type": "PER", "mentions": [[0, 3]]},
                     {"id": "b", "text": "Bo", "type": "PER", "mentions": [[10, 12]]}],
        "relations": [{"head": "a" if i % 2 else "b", "tail": "b" if i % 2 else "a",
                       "type": "knows"}]}) + "\n" for i in range(8)))
    def reply(path, body):
        if path == "/v1/models":
            return server.good_reply(path, body)
        text = " PER: Ada; PER: Bo" if "PER" in body["prompt"] else " knows: Ada | Bo"
        return 200, {"choices": [{"text": text, "finish_reason": "stop", "logprobs": {
            "tokens": [text], "token_logprobs": [-0.25]}}]}
    server.reply = reply
    command = ["calibrate", "-x", folder, "--gold", source, "--backend", "openai",
               "--backend-url", server.url]
    relata(*command, "--tasks", "re")
    assert len(server.bodies()) == 8
    relata(*command)
    assert len(server.bodies()) == 8 + 16
    assert "has no task ed" in relata(*command, "--tasks", "ed", code=2).err
    refused = relata("calibrate", "-x", trained, "--gold", source, "--tasks", "re", code=2)
    assert "--tasks: pipeline pair" in refused.err
