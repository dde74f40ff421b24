"""Event data sets from their files to scores: ed and eae beside figures counted here."""

import json
from pathlib import Path

import pytest

from program import json_lines, relata

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests/files/data/annotated"
SHARED = ROOT / "../shared/data"
EVENTS = {"phee": "phee.jsonl", "casie": "casie.json", "rams": "rams.jsonl",
          "wikievents": "wikievents.jsonl", "crudeoilnews": "crudeoil.json"}


@pytest.fixture(params=EVENTS.values(), ids=EVENTS.keys())
def documents(request, tmp_path):
    path = tmp_path / "gold.jsonl"
    relata("data", "convert", SAMPLES / request.param, "-o", path)
    return json_lines(path.read_text(encoding="utf-8"))


def triggers(documents):
    return {(d["id"], *e["trigger"], e["type"]) for d in documents for e in d["events"]}


def arguments(documents):
    return {(d["id"], e["type"], *a["range"], a["role"]) for d in documents for e in d["events"]
            for a in e["arguments"]}


def f1(gold, predicted):
    return 2 * len(gold & predicted) / (len(gold) + len(predicted))


def write(path, documents):
    path.write_text("".join(json.dumps(d, ensure_ascii=False) + "\n" for d in documents),
                    encoding="utf-8")
    return path


def scores(gold, predicted, metrics="ed,eae"):
    return json.loads(relata("evaluate", "--gold", gold, "--pred", predicted, "--metric", metrics,
                             "--json").out)


@pytest.mark.parametrize("format, name", EVENTS.items())
def test_files_against_themselves_are_one(format, name, tmp_path):
    own = SAMPLES / name
    canonical = tmp_path / "gold.jsonl"
    relata("data", "convert", "--from", format, own, "-o", canonical)
    for predicted in (own, canonical):
        found = scores(own, predicted, "ed,eae,ruie")
        assert found["ed"]["f1"] == 1.0 and found["eae"]["f1"] == 1.0
        # Its compatible reading loses names with parentheses ("Oil (Brent)"), as RUIE's scorer does.
        assert found["ruie"]["parts"]["strict"]["f1"] == 1.0


def test_wrong_event_types_cost_triggers_and_arguments(documents, tmp_path):
    gold = write(tmp_path / "g.jsonl", documents)
    damaged = json.loads(json.dumps(documents))
    damaged[0]["events"][0]["type"] = "Something-else"
    found = scores(gold, write(tmp_path / "p.jsonl", damaged))
    assert found["ed"]["f1"] == pytest.approx(f1(triggers(documents), triggers(damaged)))
    assert found["eae"]["f1"] == pytest.approx(f1(arguments(documents), arguments(damaged)))
    assert found["ed"]["f1"] < 1 and found["eae"]["f1"] < 1


def test_missing_and_shifted_arguments_cost_no_trigger(documents, tmp_path):
    gold = write(tmp_path / "g.jsonl", documents)
    damaged = json.loads(json.dumps(documents))
    first = next(e for d in damaged for e in d["events"] if len(e["arguments"]) > 0)
    dropped = first["arguments"].pop(0)
    for argument in first["arguments"][:1]:
        argument["range"][1] += 1
    assert dropped["role"]
    found = scores(gold, write(tmp_path / "p.jsonl", damaged))
    assert found["ed"]["f1"] == 1.0
    assert found["eae"]["f1"] == pytest.approx(f1(arguments(documents), arguments(damaged)))
    assert found["eae"]["f1"] < 1


def test_no_events_score_nothing(documents, tmp_path):
    gold = write(tmp_path / "g.jsonl", documents)
    empty = [{**d, "events": []} for d in documents]
    found = scores(gold, write(tmp_path / "p.jsonl", empty))
    assert found["ed"]["f1"] == 0 and found["eae"]["f1"] == 0


def test_wrong_offsets_stop_are_skipped_or_mended(tmp_path):
    good = json.loads((SAMPLES / "casie.json").read_text(encoding="utf-8"))
    bad = json.loads(json.dumps(good))
    bad["sourcefile"] = "9002.txt"
    nugget = bad["cyberevent"]["hopper"][0]["events"][0]["nugget"]
    nugget["startOffset"] += 1
    nugget["endOffset"] += 1
    folder = tmp_path / "casie"
    folder.mkdir()
    for document in (good, bad):
        (folder / f"{document['sourcefile'][:4]}.json").write_text(json.dumps(document))
    out = tmp_path / "out.jsonl"
    stopped = relata("data", "convert", folder, "-o", out, code=3)
    place = f"{folder}/9002.json:1: cyberevent.hopper[0].events[0].nugget"
    assert f"{place}: offsets 9-14 hold" in stopped.err
    assert not out.exists()

    relata("data", "convert", "--on-error", "skip", folder, "-o", out, code=4)
    assert [d["id"] for d in json_lines(out.read_text())] == ["9001"]
    assert place in Path(f"{out}.skipped.txt").read_text()

    fixed = relata("data", "convert", "--on-error", "fix", folder, "-o", out)
    assert "1 record mended" in fixed.err
    assert place in Path(f"{out}.fixed.txt").read_text()
    documents = json_lines(out.read_text())
    assert triggers(documents[1:]) == {("9002", *rest) for _, *rest in triggers(documents[:1])}


@pytest.mark.parametrize("format, pattern", [("phee", "phee/json/test.json"),
                                             ("rams", "rams/dev.jsonlines"),
                                             ("wikievents", "wikievents/dev.jsonl")])
def test_real_files_against_themselves_are_one(format, pattern):
    file = SHARED / pattern
    if not file.exists():
        pytest.skip(f"{file} is not here")
    found = scores(file, file)
    assert found["ed"]["f1"] == 1.0 and found["eae"]["f1"] == 1.0
