"""`relata data`: what conversions lose, labels against schemas, encodings, side files."""

import json
from pathlib import Path

import pytest

from program import json_lines, relata

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests/files/data"
SHARED = ROOT / "../shared/data"


@pytest.mark.parametrize("target, source, lost", [
    ("cre-tsv", "formats/docred.json", ["6 entity types", "3 evidence of relations"]),
    ("docred", "annotated/phee.jsonl", ["1 events"]),
    ("docred-result", "formats/docred.json", ["3 texts of documents", "6 entity types"]),
    ("tacred", "formats/docred.json", ["further mentions of entities", "1 documents without"]),
    ("text", "annotated/casie.json", ["2 events", "3 entities"]),
    ("csv", "documents.jsonl", ["1 scores of relations", "2 document ids"]),
    ("brat", "documents.jsonl", ["1 scores of relations"]),
    ("label-studio", "annotated/crudeoil.json", ["1 stated names of mentions"]),
    ("alpaca", "annotated/wikievents.jsonl", ["1 events"]),
    ("sharegpt", "formats/scierc.json", ["entity types", "1 sentence boundaries"]),
])
def test_conversions_say_what_they_lose(target, source, lost, tmp_path):
    done = relata("data", "convert", SAMPLES / source, "--to", target, "-o", tmp_path / "out")
    said = [line for line in done.err.splitlines() if f"{target} cannot hold: " in line]
    assert len(said) == 1, done.err
    for what in lost:
        assert what in said[0]


@pytest.mark.parametrize("target", ["jsonl", "docred"])
def test_conversions_without_loss_say_nothing(target, tmp_path):
    done = relata("data", "convert", SAMPLES / "formats/docred.json", "--to", target,
                  "-o", tmp_path / "out")
    assert "cannot hold" not in done.err


def test_utf16_is_read_and_other_encodings_are_named(tmp_path):
    text = (SAMPLES / "pairs.txt").read_text(encoding="utf-8")
    plain = relata("data", "convert", SAMPLES / "pairs.txt").out
    path = tmp_path / "pairs.txt"
    for encoding in ("utf-16", "utf-8-sig"):
        path.write_bytes(text.encode(encoding))
        assert relata("data", "convert", path).out == plain
    path.write_bytes(text.encode("gb18030"))
    refused = relata("data", "convert", path, code=3)
    assert f"{path}:1: invalid UTF-8 at byte 1 of the line" in refused.err
    assert "iconv -f GB18030 -t UTF-8" in refused.err


def test_a_part_without_documents_is_told(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text("".join(f"Ada\tBo{i}\tmet\tAda met Bo{i}.\n" for i in range(20)))
    whole = relata("data", "split", path, "-o", tmp_path / "whole", "--by", "head")
    assert f"{tmp_path}/whole/dev.jsonl: empty: there are too few" in whole.err
    assert "empty" not in relata("data", "split", path, "-o", tmp_path / "cut").err


def test_labels_outside_the_schema_are_found(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text("Ada\tBo\tunknown\tAda met Bo.\nBo\tAda\tufo\tBo saw Ada.\n"
                    "Ada\tNy\tUNKNOWN\tAda in Ny.\n")
    found = relata("data", "validate", "--schema", "finre", path, code=3)
    assert f'{path}:2: relations[0].type "ufo" is not in the schema\n' in found.out
    assert "1 good record, 2 problems" in found.out
    out = tmp_path / "out.jsonl"
    relata("data", "convert", "--schema", "finre", "--on-error", "fix", path, "-o", out, code=4)
    assert [d["relations"][0]["type"] for d in json_lines(out.read_text())] == ["unknown"] * 2
    assert '"UNKNOWN" is now "unknown"' in Path(f"{out}.fixed.txt").read_text()
    assert "ufo" in Path(f"{out}.skipped.txt").read_text()
    assert "finre" in relata("data", "validate", "--schema", "finrr", path, code=2).err


# What is not in a schema, by data set, is a slip of the data; docs/schemas.md names them.
@pytest.mark.parametrize("schema, pattern, arguments, problems", [
    ("bc5cdr_untyped", "bc5cdr_ner/*.txt", ["--from", "conll-ner"], 0),
    ("biored", "biored/*.PubTator", [], 0),
    ("cdr", "cdr/*.data", [], 0),
    ("chemprot", "chemprot/*.txt", [], 0),
    ("cmeie", "cmeie/val_triples.json", [], 0),
    ("conll04", "conll04/conll04_t*n.json", [], 0),
    ("crossner_conll2003", "conll2003/*.txt", [], 0),
    ("duie", "duie2_sample/train_data_5000.json", [], 0),
    ("fewrel_nyt", "fewrel/val_nyt.json", [], 0),
    ("fewrel_pubmed", "fewrel/val_pubmed.json", [], 0),
    ("fewrel_wiki", "fewrel/val_wiki.json", [], 0),
    ("semeval2010", "fewrel/val_semeval.json", [], 0),
    ("finre", "finre/t*.txt", [], 0),
    ("mit_movie", "mit_movie_trivia/*.txt", ["--from", "conll-ner"], 0),
    ("mit_restaurant", "mit_restaurant/*.txt", ["--from", "conll-ner"], 0),
    ("msra", "msra_ner/msra_test_bio.txt", ["--from", "conll-ner"], 0),
    ("ncbi", "ncbi_disease_ner/*.txt", ["--from", "conll-ner"], 0),
    ("nyt", "nyt/*_triples.json", [], 0),
    ("phee", "phee/json/*.json", [], 0),
    ("rams", "rams/*.jsonlines", [], 0),
    ("redocred", "redocred/*revised*.json", [], 0),
    ("sanwen", "sanwen/t*.txt", [], 0),
    ("scierc", "scierc/*.json", [], 0),
    ("weibo", "weibo_ner/weibo*", [], 0),
    ("wikievents", "wikievents/[dt]e*.jsonl", [], 0),
])
def test_shipped_schemas_fit_their_data(schema, pattern, arguments, problems):
    files = sorted(SHARED.glob(pattern))
    if not files:
        pytest.skip(f"{SHARED / pattern} is not here")
    result = relata("data", "validate", "--schema", schema, *arguments, *files,
                    code=3 if problems else 0)
    assert result.out.splitlines()[-1].endswith(f", {problems} problems")


def test_natural_spacing_takes_out_blanks_and_moves_offsets(tmp_path):
    source = SAMPLES / "redocred/dev_sample.json"
    kept = json_lines(relata("data", "convert", source).out)
    natural = json_lines(relata("data", "convert", source, "--spacing", "natural").out)
    for before, after in zip(kept, natural, strict=True):
        assert " ," in before["text"] and " ," not in after["text"]
        for old, new in zip(before["entities"], after["entities"], strict=True):
            spans = [[document["text"][b:e].replace(" ", "") for b, e in entity["mentions"]]
                     for document, entity in ((before, old), (after, new))]
            assert spans[0] == spans[1]
    relata("data", "convert", source, "--spacing", "wide", code=2)


def test_numbers_in_meta_stay(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": "Ada owns Bob.", '
                    '"meta": {"id": 18446744073709551615, "far": 1e400}}\n')
    [document] = json_lines(relata("data", "convert", path, "--to", "jsonl").out)
    assert document["meta"] == {"id": 18446744073709551615, "far": "1e400"}


def test_a_split_says_what_its_format_cannot_hold(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join('{"id": "d%d", "text": "Ada %d", "entities": [{"id": "e", "text": "Ada", "mentions": '
                            '[[0, 3]]}]}\n' % (i, i) for i in range(6)))
    halves = ["--parts", "a=0.5,b=0.5", "--by", "document"]
    done = relata("data", "split", rows, "-o", tmp_path / "parts", *halves, "--to", "csv")
    for part in ("a", "b"):
        assert f"{part}.csv: csv cannot hold: " in done.err
    assert done.err.count("3 documents without relations") == 2
    relata("data", "split", rows, "-o", tmp_path / "folders", *halves, "--to", "brat")
    assert len(list((tmp_path / "folders/a").glob("*.ann"))) == 3


def test_no_document_is_an_empty_folder(tmp_path):
    table = tmp_path / "none.csv"
    table.write_text("head,tail,relation,sentence\n")
    relata("data", "convert", table, "--to", "brat", "-o", tmp_path / "annotations")
    assert list((tmp_path / "annotations").iterdir()) == []


def test_names_in_tables_are_whole_words_where_there_are_such(tmp_path):
    rows = tmp_path / "rows.tsv"
    rows.write_text("Ada\tTarn\tworks\tAdam met Ada at Tarn\n山\t山谷\tin\t山在山谷\nAd\tTarn\tworks\tAdam at Tarn\n")
    first, second, third = json_lines(relata("data", "convert", rows, "--from", "cre-tsv").out)
    assert [e["mentions"] for e in first["entities"]] == [[[9, 12]], [[16, 20]]]
    assert second["entities"][0]["mentions"] == [[0, 1], [2, 3]]  # scripts without blanks have no words
    assert third["entities"][0]["mentions"] == [[0, 2]]  # nowhere as a word


def test_hidden_files_of_a_folder_are_not_its_documents(tmp_path):
    (tmp_path / "in/.git").mkdir(parents=True)
    (tmp_path / "in/a.txt").write_text("Ada.\n")
    for name in (".stats_cache", ".git/description"):
        (tmp_path / "in" / name).write_text("(lp0\n")
    assert [d["text"] for d in json_lines(relata("data", "convert", tmp_path / "in").out)] == ["Ada."]
    assert json_lines(relata("data", "convert", tmp_path / "in/.stats_cache", "--from", "text").out)


def test_a_long_ending_is_one_too(tmp_path):
    path = tmp_path / "x.v4_gold_conll"
    path.write_text("#begin document\nx 0 0 Ada NNP\n")
    assert "x.v4_gold_conll" in relata("data", "convert", path, code=3).err


@pytest.mark.parametrize("record, said", [
    ('{"doc_key": "X", "sentences": [["Ada", "died"]], "ner": [[[0, 0, "PER"]]], "relations": [[]], "events": '
     '[[[[1, "Life.Die"], [0, 0, "Victim"]]]]}', "events, which are not read: 1"),
    ('{"sentText": "Ada met Bob in Rome", "relationMentions": [{"em1Text": "Ada", "em2Text": "Bob", "label": "m"}], '
     '"entityMentions": [{"text": "Ada", "label": "PER"}, {"text": "Bob", "label": "PER"}, '
     '{"text": "Rome", "label": "LOC"}]}', "entities without a place that are in no triple: 1"),
])
def test_what_a_reader_leaves_out_is_counted(record, said, tmp_path):
    path = tmp_path / "record.jsonl"
    path.write_text(record + "\n")
    assert said in relata("data", "convert", path).err


def test_found_entities_get_the_numbers_of_gold(tmp_path):
    document = json_lines(relata("data", "convert", SAMPLES / "formats/docred.json").out)[0]
    found = {"id": document["id"], "text": document["text"], "meta": {"extractor": "x"},
             "entities": document["entities"][::-1], "relations": document["relations"]}
    for number, entity in enumerate(found["entities"]):
        for relation in found["relations"]:
            for end in ("head", "tail"):
                if relation[end] == entity["id"]:
                    relation[end] = f"x{number}"
    found["entities"] = [{**entity, "id": f"e{number}"}
                         for number, entity in enumerate(found["entities"])]
    for relation in found["relations"]:
        for end in ("head", "tail"):
            relation[end] = relation[end].replace("x", "e")
    path = tmp_path / "found.jsonl"
    path.write_text(json.dumps(found) + "\n")
    told = relata("data", "convert", path, "--to", "docred-result")
    assert "--gold GOLD gives them the numbers" in told.err
    numbered = relata("data", "convert", path, "--to", "docred-result", "--gold",
                      SAMPLES / "formats/docred.json")
    assert "entities are numbered" not in numbered.err
    wanted = relata("data", "convert", SAMPLES / "formats/docred.json", "--to", "docred-result")
    title = document["id"]
    ends = [[(row["h_idx"], row["t_idx"], row["r"]) for row in json.loads(done.out)
             if row["title"] == title] for done in (numbered, wanted)]
    assert ends[0] == ends[1] != []
    refused = relata("data", "convert", path, "--gold", path, code=2)
    assert "--to docred-result" in refused.err


@pytest.mark.parametrize("command", [
    "data convert TRAIN -o TRAIN", "data convert FOLDER/*.jsonl -o LINK", "data convert FOLDER -o TRAIN",
    "data convert OTHER --to docred-result --gold TRAIN -o TRAIN", "data split TRAIN -o FOLDER",
    "data stats TRAIN -o TRAIN", "data stats TRAIN --html TRAIN", "schema infer TRAIN -o TRAIN",
    "graph export TRAIN --to turtle -o TRAIN"])
def test_what_is_read_is_not_written_over(command, tmp_path):
    record = ('{"id": "a", "text": "Ada knew Bo.", "entities": [{"id": "x", "text": "Ada", "mentions": [[0, 3]]}, '
              '{"id": "y", "text": "Bo", "mentions": [[9, 11]]}], '
              '"relations": [{"head": "x", "tail": "y", "type": "knows"}]}\n')
    folder, other = tmp_path / "data", tmp_path / "other.jsonl"
    folder.mkdir()
    train, link = folder / "train.jsonl", folder / "link.jsonl"
    for file in (train, other):
        file.write_text(record)
    link.symlink_to(train)
    places = {"TRAIN": train, "LINK": link, "OTHER": other, "FOLDER": folder}
    words = [str(places.get(word, word)).replace("FOLDER", str(folder)) for word in command.split()]
    assert "would take the place of an input" in relata(*words, code=2).err
    assert train.read_text() == record and sorted(folder.iterdir()) == [link, train]
