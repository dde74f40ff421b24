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


def test_labels_by_id_with_a_patch():
    files = (SAMPLES / "tacred_gold.tsv", SAMPLES / "tacred_answers.tsv")
    assert scores(*files, "tacred")["tacred"]["f1"] == pytest.approx(4 / 7)
    revised = scores(*files, "tacred", "--patch", SAMPLES / "tacrev_patch.json")
    assert revised["tacred"]["precision"] == 1
    kept = scores(*files, "retacred", "--patch", SAMPLES / "retacred_patch.json")
    assert kept["retacred"]["definition"]


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
