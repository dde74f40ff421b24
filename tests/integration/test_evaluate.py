"""`relata evaluate` beside independent scorers: the perl script of SemEval-2010, DocRED in Python."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELATA = os.environ.get("RELATA_BIN", str(ROOT / "build/release/bin/relata"))
SAMPLES = ROOT / "tests/files/eval"
SHARED = ROOT / "../shared/data"
SEMEVAL = (SHARED / "semeval2010_task8/SemEval2010_task8_scorer-v1.2"
           / "semeval2010_task8_scorer-v1.2.pl")

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")


def evaluate(gold, predicted, metric, *arguments, code=0):
    result = subprocess.run([RELATA, "evaluate", "--gold", gold, "--pred", predicted, "--metric",
                             metric, *map(str, arguments)], capture_output=True, text=True,
                            timeout=120, check=False)
    assert result.returncode == code, result.stderr + result.stdout
    return result


def scores(gold, predicted, metric, *arguments):
    return json.loads(evaluate(gold, predicted, metric, "--json", *arguments).stdout)


def semeval_labels():
    relations = ["Cause-Effect", "Component-Whole", "Content-Container", "Entity-Destination",
                 "Entity-Origin", "Instrument-Agency", "Member-Collection", "Message-Topic",
                 "Product-Producer"]
    return [name + way for name in relations for way in ("(e1,e2)", "(e2,e1)")] + ["Other"]


@pytest.mark.skipif(not SEMEVAL.exists(), reason="SemEval's perl scorer is not beside the project")
@pytest.mark.skipif(shutil.which("perl") is None, reason="no perl on this machine")
@pytest.mark.parametrize("seed", range(25))
def test_semeval_text_is_the_perl_scorers(seed, tmp_path):
    choose = random.Random(seed)
    in_key = choose.sample(semeval_labels(), choose.randint(2, 19))
    answered = choose.sample(semeval_labels(), choose.randint(1, 19))
    gold = {number: choose.choice(in_key) for number in range(1, choose.randint(4, 80))}
    gold[1] = "Member-Collection(e2,e1)"  # a key of Other alone has no score
    told = [(number, label if choose.random() < 0.5 else choose.choice(answered))
            for number, label in gold.items() if number == 1 or choose.random() < 0.85]
    choose.shuffle(told)
    key, answers = tmp_path / "key.txt", tmp_path / "answers.txt"
    key.write_text("".join(f"{number}\t{label}\n" for number, label in gold.items()))
    answers.write_text("".join(f"{number}\t{label}\n" for number, label in told))
    official = subprocess.run(["perl", SEMEVAL, answers, key], capture_output=True, text=True,
                              check=True).stdout
    ours = evaluate(key, answers, "semeval", "--official", "--gold-format", "keyed",
                    "--pred-format", "keyed").stdout
    assert ours == official


def random_docred(choose, documents):
    """Gold, answers and training facts with repeated names, turned answers and repeated ones."""
    names = ["Ann", "Bob", "Caf\u00e9 \"C\"", "D\u00fcren", "E \\ F", "\U0001f98a"]
    relations = ["P17", "P27", "P131"]
    gold, answers = [], []
    for number in range(documents):
        entities = [[{"name": choose.choice(names), "pos": [0, 1],
                      "sent_id": choose.randrange(3), "type": "MISC"}
                     for _ in range(choose.randint(1, 3))] for _ in range(choose.randint(2, 5))]
        pairs = [(h, t) for h in range(len(entities)) for t in range(len(entities)) if h != t]
        labels = [{"h": h, "t": t, "r": r, "evidence": sorted(choose.sample(range(3), 2))}
                  for h, t in choose.sample(pairs, choose.randint(1, len(pairs)))
                  for r in choose.sample(relations, choose.randint(1, 2))]
        title = f"Document {number} \u00fc"
        gold.append({"title": title, "vertexSet": entities, "labels": labels,
                     "sents": [["x", "y"]] * 3})
        for label in labels:
            if choose.random() < 0.3:
                continue
            h, t = (label["h"], label["t"]) if choose.random() < 0.8 else (label["t"], label["h"])
            answer = {"title": title, "h_idx": h, "t_idx": t, "r": choose.choice(relations)}
            if choose.random() < 0.7:
                answer["evidence"] = choose.choices(range(3), k=2)
            answers += [answer] * choose.choice([1, 1, 2])
    facts = [[choose.choice(names), choose.choice(names), choose.choice(relations)]
             for _ in range(12)]
    choose.shuffle(answers)
    return gold, answers, facts


@pytest.mark.parametrize("seed", range(10))
def test_docred_is_the_official_way(seed, tmp_path):
    choose = random.Random(seed)
    paths = [tmp_path / name for name in ("gold.json", "result.json", "train.fact")]
    for path, content in zip(paths, random_docred(choose, 8)):
        path.write_text(json.dumps(content, ensure_ascii=bool(seed % 2)), encoding="utf-8")
    official = subprocess.run(
        [sys.executable, ROOT / "bench/peers/docred_official.py", "--gold", paths[0], "--pred",
         paths[1], "--train-facts", paths[2], "--rounds", "1"],
        capture_output=True, text=True, check=True).stdout
    ours = scores(paths[0], paths[1], "docred", "--train-facts", paths[2])["docred"]
    views = {"docred": ours, **ours["parts"]}
    for view, figures in json.loads(official)["scores"].items():
        for name, value in figures.items():
            assert views[view][name] == pytest.approx(value, abs=1e-12), (view, name)


def test_side_files_and_comparison(tmp_path):
    page, errors = tmp_path / "report.html", tmp_path / "errors.jsonl"
    other = tmp_path / "other.json"
    other.write_text("[]")
    result = scores(SAMPLES / "docred_gold.json", SAMPLES / "docred_result.json", "docred",
                    "--compare", other, "--report", page, "--errors", errors)
    assert result["docred"]["f1"] == pytest.approx(0.6)
    assert result["docred"]["ci95"][0] <= 0.6 <= result["docred"]["ci95"][1]
    assert result["compare"]["docred"]["difference"] == pytest.approx(0.6)
    kinds = [json.loads(line)["kind"] for line in errors.read_text().splitlines()]
    assert kinds == ["direction", "type"]
    assert "2 documents" in page.read_text()


def micro_f1(gold, answers):
    """Of lists of labels, "no_relation" left out."""
    right = sum(g == a != "no_relation" for g, a in zip(gold, answers))
    stated = sum(label != "no_relation" for label in gold + answers)
    return 2 * right / stated if stated else 0.0


def two_systems(choose, count):
    labels = ["per:title", "per:age", "no_relation"]
    gold = [choose.choice(labels) for _ in range(count)]
    better = [g if choose.random() < 0.8 else choose.choice(labels) for g in gold]
    worse = [g if choose.random() < 0.4 else choose.choice(labels) for g in gold]
    return gold, better, worse


@pytest.mark.parametrize("seed", range(4))
def test_significance_is_that_of_all_exchanges(seed, tmp_path):
    gold, better, worse = two_systems(random.Random(seed), 12)
    files = [tmp_path / name for name in ("gold.tsv", "a.txt", "b.txt")]
    files[0].write_text("".join(f"t{i}\t{label}\n" for i, label in enumerate(gold)))
    for path, labels in zip(files[1:], (better, worse)):
        path.write_text("".join(label + "\n" for label in labels))
    ours = scores(files[0], files[1], "tacred", "--compare", files[2],
                  "--bootstrap", 4000)["compare"]["tacred"]
    observed = micro_f1(gold, better) - micro_f1(gold, worse)
    assert ours["difference"] == pytest.approx(observed, abs=1e-12)
    extreme = 0
    for mask in range(1 << len(gold)):
        one = [(b, a)[mask >> i & 1] for i, (a, b) in enumerate(zip(better, worse))]
        two = [(a, b)[mask >> i & 1] for i, (a, b) in enumerate(zip(better, worse))]
        extreme += abs(micro_f1(gold, one) - micro_f1(gold, two)) >= abs(observed) - 1e-12
    # Of 10,000 exchanges drawn by chance the share is off by 0.005 at most, nineteen times in twenty.
    assert ours["p_value"] == pytest.approx(extreme / (1 << len(gold)), abs=0.02)
    choose, drawn = random.Random(seed), []
    for _ in range(4000):
        items = [choose.randrange(len(gold)) for _ in gold]
        take = [[labels[i] for i in items] for labels in (gold, better, worse)]
        drawn.append(micro_f1(take[0], take[1]) - micro_f1(take[0], take[2]))
    drawn.sort()
    assert ours["ci95"] == pytest.approx([drawn[100], drawn[3900]], abs=0.06)
    assert ours["ci95"][0] <= observed <= ours["ci95"][1]


def test_comparison_in_text_and_on_the_page(tmp_path):
    page, own = tmp_path / "report.html", SAMPLES / "docred_result.json"
    same = evaluate(SAMPLES / "docred_gold.json", own, "docred", "--compare", own, "--report", page)
    assert "= +0.0000 [+0.0000, +0.0000], p = 1.0000" in same.stdout
    assert "<h2>Comparison</h2>" in page.read_text()
    quick = evaluate(SAMPLES / "docred_gold.json", own, "docred", "--compare", own,
                     "--bootstrap", "0")
    assert "= +0.0000, p = 1.0000" in quick.stdout


def people(relations, entities=None):
    text = "Ann Lee met Bob in Oslo"
    entities = entities or [("Ann Lee", "PER", 0, 7), ("Bob", "PER", 12, 15), ("Oslo", "LOC", 19, 23)]
    return json.dumps({
        "id": "d\"1\" <b>\u001b[31m", "text": text,
        "entities": [{"id": f"e{i}", "text": name, "type": kind, "mentions": [[begin, end]]}
                     for i, (name, kind, begin, end) in enumerate(entities)],
        "relations": [{"head": f"e{h}", "tail": f"e{t}", "type": kind, "score": score}
                      for h, t, kind, score in relations]}) + "\n"


def test_every_kind_of_error(tmp_path):
    gold, predicted = tmp_path / "gold.jsonl", tmp_path / "predicted.jsonl"
    page, errors = tmp_path / "report.html", tmp_path / "errors.jsonl"
    gold.write_text(people([(0, 1, "met", 1), (1, 2, "was_in", 1), (0, 2, "lives_in", 1),
                            (2, 1, "home_of", 1)]))
    predicted.write_text(people(
        [(1, 0, "met", 0.9), (1, 2, "left", 0.8), (3, 2, "lives_in", 0.7), (2, 0, "owns", 0.6)],
        [("Ann Lee", "PER", 0, 7), ("Bob", "PER", 12, 15), ("Oslo", "LOC", 19, 23),
         ("Ann", "PER", 0, 3)]))
    text = evaluate(gold, predicted, "re-boundary", "--errors", errors, "--report", page).stdout
    lines = [json.loads(line) for line in errors.read_text().splitlines()]
    told = {line["kind"]: (line["gold"], line["predicted"]) for line in lines}
    assert list(told) == ["direction", "type", "boundary", "missing", "invented"]
    assert told == {"direction": (["met"], ["met"]), "type": (["was_in"], ["left"]),
                    "boundary": (["lives_in"], ["lives_in"]), "missing": (["home_of"], []),
                    "invented": ([], ["owns"])}
    assert lines[0]["id"] == "d\"1\" <b>\u001b[31m"
    assert "Errors by kind: direction 1, type 1, boundary 1, missing 1, invented 1" in text
    assert "tokens between head and tail" in text
    html = page.read_text()
    assert "d&quot;1&quot; &lt;b&gt;" in html
    assert html.index("0.9000") < html.index("0.8000") < html.index("0.7000")


def test_labels_by_id_with_a_patch():
    files = (SAMPLES / "tacred_gold.tsv", SAMPLES / "tacred_answers.tsv")
    assert scores(*files, "tacred")["tacred"]["f1"] == pytest.approx(4 / 7)
    revised = scores(*files, "tacred", "--patch", SAMPLES / "tacrev_patch.json")
    assert revised["tacred"]["precision"] == 1
    kept = scores(*files, "retacred", "--patch", SAMPLES / "retacred_patch.json")
    assert kept["retacred"]["definition"]


def test_labels_are_in_the_order_of_the_gold_file(tmp_path):
    """Rows of one sentence are one document, but their answers stand where the rows do."""
    rows = [("A", "B", "r1", "A B C."), ("X", "Y", "r2", "X Y Z."), ("B", "C", "r3", "A B C."),
            ("A", "B", "r4", "A B C.")]
    table, csv, answers = tmp_path / "gold.txt", tmp_path / "gold.csv", tmp_path / "labels.txt"
    table.write_text("".join("\t".join(row) + "\n" for row in rows))
    csv.write_text("".join(",".join(row) + "\n"
                           for row in [("head", "tail", "relation", "sentence"), *rows]))
    turn = {"instruction": "Q", "output": ""}
    talk = tmp_path / "gold.json"  # a pair without a relation comes before those with one
    talk.write_text(json.dumps([
        turn | {"input": "[A] B [C]. ([A],?,[C])"},
        turn | {"input": "[A] [B] C. ([A],?,[B])", "output": "([A],r1,[B])"},
        turn | {"input": "A [B] [C]. ([B],?,[C])", "output": "([B],r3,[C])"}]))
    document = tmp_path / "gold.jsonl"  # has its own order
    document.write_text("".join(json.dumps({
        "id": text, "text": text, "meta": {"rows": rows_of},
        "entities": [{"id": name, "text": name} for name in text[:5:2]],
        "relations": [{"head": head, "tail": tail, "type": type} for head, tail, type in relations]
    }) + "\n" for text, rows_of, relations in (
        ("A B C.", [1, 3], [("A", "B", "r1"), ("B", "C", "r3")]),
        ("X Y Z.", [2], [("X", "Y", "r2")]))))
    for gold, labels in ((table, ["r1\tr4", "r2", "r3"]), (csv, ["r1\tr4", "r2", "r3"]),
                         (talk, ["", "r1", "r3"]), (document, ["r1", "r3", "r2"])):
        answers.write_text("\n".join(labels) + "\n")
        found = scores(gold, answers, "pair-micro,crellm", "--pred-format", "labels")
        assert found["pair-micro"]["f1"] == found["crellm"]["f1"] == 1, gold
    answers.write_text("r1\nr2\nr3\nr4\n")
    assert "4 answers for 3 gold pairs" in evaluate(
        table, answers, "pair-micro", "--pred-format", "labels", code=3).stderr


def test_another_text_under_the_same_id_is_an_error(tmp_path):
    gold, predicted = tmp_path / "gold.jsonl", tmp_path / "predicted.jsonl"
    document = {"id": "d1", "text": "A met B", "entities": [{"id": "a", "text": "A"},
                                                            {"id": "b", "text": "B"}],
                "relations": [{"head": "a", "tail": "b", "type": "r"}]}
    gold.write_text(json.dumps(document))
    predicted.write_text(json.dumps(document | {"text": "A saw B"}))
    for metric in ("pair-micro", "crellm", "docred", "autore", "ruie"):
        assert f"{predicted}: predicted document 'd1' has another text than gold" in evaluate(
            gold, predicted, metric, code=3).stderr


def test_numbered_answers_are_those_of_gold(tmp_path):
    """result.json knows titles and numbers alone: it is scored as it is and in the canonical form."""
    gold, result = SAMPLES / "docred_gold.json", SAMPLES / "docred_result.json"
    converted, records = tmp_path / "result.jsonl", tmp_path / "gold.jsonl"
    for path, out in ((result, converted), (gold, records)):
        subprocess.run([RELATA, "data", "convert", path, "-o", out], check=True, timeout=120)
    wanted = scores(gold, result, "docred")["docred"]
    for own_gold in (gold, records):
        for predicted in (result, converted):
            found = scores(own_gold, predicted, "docred")["docred"]
            assert found["f1"] == wanted["f1"]
            assert found["parts"]["evidence"]["f1"] == wanted["parts"]["evidence"]["f1"]
            for metric in ("re-strict", "re-boundary", "autore", "ruie"):
                assert scores(own_gold, predicted, metric)[metric]["f1"] > 0, metric
    right = tmp_path / "right.jsonl"
    right.write_text('{"id": "Oslo", "text": "Oslo", "entities": [{"id": "e2", "text": "e2"}, '
                     '{"id": "e1", "text": "e1"}], '
                     '"relations": [{"head": "e2", "tail": "e1", "type": "P17"}]}\n')
    assert scores(gold, right, "re-strict")["re-strict"]["precision"] == 1
    right.write_text(right.read_text().replace("e2", "e7"))
    assert "right.jsonl: predicted document 'Oslo' names entity 7, and gold has 3" in evaluate(
        gold, right, "re-strict", code=3).stderr


def test_broken_predictions_are_named(tmp_path):
    """What fails says where, before anything is written."""
    gold, result = SAMPLES / "docred_gold.json", tmp_path / "result.json"
    answer = {"title": "Oslo", "h_idx": 0, "t_idx": 1, "r": "P17"}
    for change, problem in (({"title": "Rome"}, "'Rome' is not in gold"),
                            ({"h_idx": 7}, "field 'h_idx' is 7, and 'Oslo' has 3 entities"),
                            ({"score": float("nan")}, "no JSON value"),
                            ({"r": None}, "field 'r' is not a string")):
        result.write_text("[\n" + json.dumps(answer) + ",\n" + json.dumps(answer | change) + "]")
        run = evaluate(gold, result, "docred", "-o", tmp_path / "scores.txt", code=3)
        assert f"{result}:3:" in run.stderr and problem in run.stderr
        assert not (tmp_path / "scores.txt").exists()
    result.write_text(json.dumps([answer] * 3))
    assert scores(gold, result, "docred")["docred"]["precision"] == 1  # repeated ones count once
    result.write_text("")
    assert scores(gold, result, "docred")["docred"]["f1"] == 0


def test_errors_are_named(tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("per:title\n")
    wrong = evaluate(SAMPLES / "tacred_gold.tsv", short, "tacred", code=3)
    assert f"{short}: 1 answers for 6 gold pairs" in wrong.stderr
    typo = evaluate(SAMPLES / "tacred_gold.tsv", short, "tacrde", code=2)
    assert "did you mean 'tacred'?" in typo.stderr
    assert "--metric semeval" in evaluate(
        SAMPLES / "tacred_gold.tsv", SAMPLES / "tacred_answers.tsv", "tacred", "--official",
        code=2).stderr


def test_official_text_that_the_perl_script_cannot_print(tmp_path):
    key, answers = tmp_path / "key.txt", tmp_path / "answers.txt"
    key.write_text("1\tOther\n2\tOther\n")
    answers.write_text("1\tOther\n2\tCause-Effect(e1,e2)\n")
    assert "every gold label is Other" in evaluate(key, answers, "semeval", "--official",
                                                   code=3).stderr
    key.write_text("1\tOther\n2\tCause-Effect(e1,e2)\n")
    answers.write_text("")
    assert "no example is answered" in evaluate(key, answers, "semeval", "--official",
                                                "--pred-format", "keyed", code=3).stderr


def test_results_do_not_take_the_place_of_what_is_scored(tmp_path):
    gold = tmp_path / "gold.tsv"
    shutil.copy(SAMPLES / "tacred_gold.tsv", gold)
    before = gold.read_bytes()
    for flag in ("-o", "--report", "--errors"):
        run = evaluate(gold, SAMPLES / "tacred_answers.tsv", "tacred", flag, tmp_path / "." / "gold.tsv", code=2)
        assert "would take the place of an input" in run.stderr and gold.read_bytes() == before
    run = evaluate(gold, SAMPLES / "tacred_answers.tsv", "tacred", "--report", tmp_path / "x", "--errors", tmp_path / "x",
                   code=2)
    assert "the same place" in run.stderr


def owner(identifier, owned="Acme"):
    return json.dumps({
        "id": identifier, "text": "Ann owns Acme and Bolt",
        "entities": [{"id": "e0", "text": "Ann", "type": "PER", "mentions": [[0, 3]]},
                     {"id": "e1", "text": owned, "type": "ORG",
                      "mentions": [[9, 13]] if owned == "Acme" else [[18, 22]]}],
        "relations": [{"head": "e0", "tail": "e1", "type": "owns"}]}) + "\n"


def test_a_folder_of_files_is_one_data_set(tmp_path):
    gold = tmp_path / "gold"
    gold.mkdir()
    for name in ("a", "b", "c"):
        (gold / f"{name}.jsonl").write_text(owner(name))
    joined = tmp_path / "joined.jsonl"
    joined.write_text(owner("c", "Bolt") + owner("a"))
    for metric in ("pair-micro", "docred", "re-boundary", "autore"):
        told = joined if metric != "pair-micro" else tmp_path / "two.jsonl"
        (tmp_path / "two.jsonl").write_text(owner("c") + owner("a"))
        whole = tmp_path / "whole.jsonl"
        whole.write_text(owner("a") + owner("b") + owner("c"))
        assert scores(gold, told, metric) == scores(whole, told, metric)
        assert scores(whole, gold, metric)[metric]["f1"] == 1
    assert scores(f"{gold}/*.jsonl", gold, "docred", "--compare", gold)["docred"]["f1"] == 1
    labels = tmp_path / "labels.txt"
    labels.write_text("owns\n" * 3)
    refused = evaluate(gold, labels, "pair-micro", code=3)
    assert "labels in the order of a file" in refused.stderr


def test_invented_facts_name_their_ends(tmp_path):
    gold, told, errors = (tmp_path / name for name in ("gold.jsonl", "told.jsonl", "errors.jsonl"))
    gold.write_text(owner("a"))
    told.write_text(owner("a", "Bolt"))
    scores(gold, told, "docred", "--errors", errors)
    rows = [json.loads(line) for line in errors.read_text().splitlines()]
    assert {row["kind"]: row["context"] for row in rows} == {
        "invented": "Ann → Bolt", "missing": "Ann → Acme"}
