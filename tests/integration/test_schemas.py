"""The shipped schemas against the labels of the datasets, read here without relata's readers."""

import json
import re
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
DATA = ROOT.parent / "shared" / "data"
ARGUMENT_NUMBER = re.compile(r"^evt\d+arg\d+")  # RAMS: "evt002arg01damager" is the role damager


def schema(name):
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def ids(types):
    return {one["id"] for one in types}


def relation_ids(name):
    return ids(schema(name)["relation_types"])


def entity_ids(name):
    return ids(schema(name)["entity_types"])


def event_roles(name):
    return {event["id"]: ids(event["roles"]) for event in schema(name)["event_types"]}


def files(folder, *patterns):
    """Files of a dataset; a dataset that is not here skips the test."""
    found = sorted(path for pattern in patterns for path in (DATA / folder).glob(pattern))
    if not found:
        pytest.skip(f"{DATA / folder} has no {', '.join(patterns)}")
    return found


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rows(paths):
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield json.loads(line)


def columns(paths, separator=None):
    for path in paths:
        for line in path.read_text(encoding="utf-8-sig").split("\n"):
            yield line.rstrip("\r").split(separator)


def tag_types(paths, column=-1):
    tags = (row[column] for row in columns(paths) if len(row) > 1)
    return {tag[2:] for tag in tags if re.fullmatch(r"[BIES]-[A-Za-z_.\-]+", tag)}


def test_docs_list_every_schema_with_its_counts():
    listed = re.findall(r"^\| `(\w+)` \| .* \| (\d+) \| (\d+) \| (\d+) \|$",
                        (ROOT / "docs/schemas.md").read_text(), re.M)
    counts = [(path.stem, *(str(len(schema(path.stem).get(kind, []))) for kind in
                            ("entity_types", "relation_types", "event_types")))
              for path in sorted(SCHEMAS.glob("*.json"))]
    assert listed == counts


# ---- relations ---------------------------------------------------------------------------------


def test_redocred():
    info = load(files("redocred", "rel_info.json")[0])
    types = {one["id"]: one for one in schema("redocred")["relation_types"]}
    assert {id: one["name"] for id, one in types.items()} == info
    used, kinds, fitting, labels = set(), set(), 0, 0
    for document in (d for p in files("redocred", "*_revised*.json") for d in load(p)):
        type_of = [entity[0]["type"] for entity in document["vertexSet"]]
        kinds.update(mention["type"] for entity in document["vertexSet"] for mention in entity)
        for label in document["labels"]:
            used.add(label["r"])
            one = types[label["r"]]
            labels += 1
            fitting += (type_of[label["h"]] in one["head_types"]
                        and type_of[label["t"]] in one["tail_types"])
    assert used <= set(types)
    assert kinds == entity_ids("redocred")
    # The types of head and tail leave out what is a slip of the automatic entity types.
    assert fitting / labels > 0.97


def test_inverse_relations_of_redocred_mirror_each_other_in_the_data():
    inverse = {one["id"]: one["inverse"] for one in schema("redocred")["relation_types"]
               if "inverse" in one}
    symmetric = {one["id"] for one in schema("redocred")["relation_types"] if one.get("symmetric")}
    mirrored = total = 0
    for document in (d for p in files("redocred", "*_revised*.json") for d in load(p)):
        triples = {(label["h"], label["r"], label["t"]) for label in document["labels"]}
        for head, relation, tail in triples:
            if relation in inverse or relation in symmetric:
                total += 1
                mirrored += (tail, inverse.get(relation, relation), head) in triples
    assert mirrored / total > 0.9


def test_parents_of_redocred_imply_children_in_the_data():
    implied = {one["id"]: one["implies_inverse"] for one in schema("redocred")["relation_types"]
               if "implies_inverse" in one}
    assert implied == {"P22": "P40", "P25": "P40"}
    total = 0
    for document in (d for p in files("redocred", "*_revised*.json") for d in load(p)):
        triples = {(label["h"], label["r"], label["t"]) for label in document["labels"]}
        for head, relation, tail in triples:
            if relation in implied:
                total += 1
                assert (tail, implied[relation], head) in triples
    assert total > 100


def test_tacred():
    rows_of_gold = list(columns(files("tacrev_results", "gold_test.tsv"), "\t"))
    labels = {label for row in rows_of_gold for label in row[1:3] if len(row) == 3}
    assert labels <= relation_ids("tacred")
    patches = {row["relation"] for p in files("tacrev_patch", "*_patch.json") for row in load(p)}
    assert labels | patches == relation_ids("tacred")
    assert len(relation_ids("tacred")) == 42


def test_retacred():
    labels = {label for p in files("retacred_patch", "*_id2label.json") for label in
              load(p).values()}
    assert labels == relation_ids("retacred")
    assert len(labels) == 40


def test_kbp37():
    # The data are not here: 18 relations in two directions and no_relation, by the paper's count.
    assert len(relation_ids("kbp37")) == 37


def test_webnlg():
    # The data are not here: the count of the release's own list of relations.
    assert len(relation_ids("webnlg")) == 216


def test_semeval2010():
    found = files("semeval2010_task8", "**/TRAIN_FILE.TXT", "**/TEST_FILE_FULL.TXT")
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in found)
    labels = set(re.findall(r"^(Other|[A-Z][a-z]+-[A-Z][a-z]+\(e[12],e[12]\))\r?$", text, re.M))
    # No sentence has this direction, which the official scorer counts as one of its 18 all the same.
    assert relation_ids("semeval2010") - labels <= {"Entity-Destination(e2,e1)"}
    assert labels <= relation_ids("semeval2010")
    assert len(relation_ids("semeval2010")) == 19


@pytest.mark.parametrize("name, pattern, count", [
    ("finre", "t*.txt", 44), ("finre", "valid.txt", 44), ("sanwen", "[tv]*.txt", 10)])
def test_chinese_pairs(name, pattern, count):
    labels = {row[2] for row in columns(files(name, pattern), "\t") if len(row) == 4}
    assert labels <= relation_ids(name)
    assert len(relation_ids(name)) == count
    if "valid" not in pattern:
        assert labels == relation_ids(name)


@pytest.mark.parametrize("name, file", [("fewrel", "val_wiki.json"), ("fewrel_nyt", "val_nyt.json"),
                                        ("fewrel_pubmed", "val_pubmed.json")])
def test_fewrel(name, file):
    assert set(load(files("fewrel", file)[0])) == relation_ids(name)


def test_fewrel_names():
    names = load(files("fewrel", "pid2name.json")[0])
    # The 64 training relations are not here to compare with; their ids are known to pid2name.
    for name in ("fewrel", "fewrel_nyt", "fewrel_wiki"):
        for one in schema(name)["relation_types"]:
            assert names[one["id"]][0] == one["name"]
    assert relation_ids("fewrel") < relation_ids("fewrel_wiki")
    assert len(relation_ids("fewrel_wiki")) == 80


def test_fewrel_semeval():
    labels = set(load(files("fewrel", "val_semeval.json")[0]))
    assert labels <= relation_ids("semeval2010")


def test_nyt():
    assert set(load(files("nyt", "rel2id.json")[0])[1]) == relation_ids("nyt")
    used = {triple[1] for p in files("nyt", "*_triples.json") for row in load(p)
            for triple in row["triple_list"]}
    assert used <= relation_ids("nyt")


def test_conll04():
    types = load(files("conll04", "conll04_types.json")[0])
    assert set(types["relations"]) == relation_ids("conll04")
    assert set(types["entities"]) == entity_ids("conll04")
    used = {relation["type"] for p in files("conll04", "conll04_t*n.json", "*_dev.json", "*_test.json")
            for row in load(p) for relation in row["relations"]}
    assert used == relation_ids("conll04")


def test_ade():
    with zipfile.ZipFile(files("ade_corpus_v2", "*.zip")[0]) as archive:
        labels = {Path(name).stem for name in archive.namelist() if name.endswith(".rel")}
    assert labels == relation_ids("ade")


def test_scierc():
    entities, relations = set(), set()
    for row in rows(files("scierc", "*.json")):
        entities.update(span[2] for sentence in row["ner"] for span in sentence)
        relations.update(one[4] for sentence in row["relations"] for one in sentence)
    assert entities == entity_ids("scierc")
    assert relations == relation_ids("scierc")


def test_chemprot():
    assert {row["label"] for row in rows(files("chemprot", "*.txt"))} == relation_ids("chemprot")


def test_biored():
    entities, relations = set(), set()
    for row in columns(files("biored", "*.PubTator"), "\t"):
        if len(row) == 6 and row[1].isdigit():
            entities.add(row[4])
        elif len(row) >= 4 and not row[1].isdigit():
            relations.add(row[1])
    assert entities == entity_ids("biored")
    assert relations == relation_ids("biored")


def test_cdr():
    entities, relations = set(), set()
    for row in columns(files("cdr", "*.data"), "\t"):
        for at in range(2, len(row) - 16, 17):
            relations.add(row[at].split(":")[1])
            entities.update((row[at + 7], row[at + 13]))
    assert entities == entity_ids("cdr") == entity_ids("bc5cdr")
    assert relations == relation_ids("cdr")


def test_duie():
    stated = load(files("duie2_sample", "duie_schema.json")[0])
    types = {one["id"]: one for one in schema("duie")["relation_types"]}
    assert {one["predicate"] for one in stated} == set(types)
    for one in stated:
        assert one["subject_type"] in types[one["predicate"]]["head_types"]
    for row in rows(files("duie2_sample", "train_data_5000.json")):
        for spo in row["spo_list"]:
            assert spo["subject_type"] in types[spo["predicate"]]["head_types"]
            assert spo["object_type"]["@value"] in types[spo["predicate"]]["tail_types"]


def test_cmeie():
    types = {one["id"]: one for one in schema("cmeie")["relation_types"]}
    assert set(load(files("cmeie", "rel2id.json")[0])[1]) == set(types)
    for row in rows(files("cmeie", "val_triples.json")):
        for spo in row["spo_list"]:
            assert spo["subject_type"] in types[spo["predicate"]]["head_types"]
            assert spo["object_type"]["@value"] in types[spo["predicate"]]["tail_types"]


# ---- entities ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name, folder, patterns, column", [
    ("crossner_conll2003", "conll2003", ("*.txt",), -1),
    ("crossner_ai", "crossner/ai", ("*.txt",), -1),
    ("crossner_literature", "crossner/literature", ("*.txt",), -1),
    ("crossner_music", "crossner/music", ("*.txt",), -1),
    ("crossner_politics", "crossner/politics", ("*.txt",), -1),
    ("crossner_science", "crossner/science", ("*.txt",), -1),
    ("wnut17", "wnut17", ("*.conll", "*.annotated"), -1),
    ("msra", "msra_ner", ("*_bio.txt",), -1),
    ("weibo", "weibo_ner", ("*.train", "*.dev", "*.test"), -1),
    ("bc5cdr_untyped", "bc5cdr_ner", ("*.txt",), -1),
    ("ncbi", "ncbi_disease_ner", ("*.txt",), -1),
    ("mit_movie", "mit_movie_trivia", ("*.txt",), 0),
    ("mit_restaurant", "mit_restaurant", ("*.txt",), 0),
])
def test_entity_types(name, folder, patterns, column):
    assert tag_types(files(folder, *patterns), column) == entity_ids(name)


def test_conll2003_has_the_labels_of_the_shared_task():
    assert entity_ids("conll2003") == {"PER", "ORG", "LOC", "MISC"}


# ---- events ------------------------------------------------------------------------------------


def test_casie():
    types = {}
    entities = set()
    for document in map(load, files("casie", "annotation/*.json")):
        for hopper in document.get("cyberevent", {}).get("hopper", []):
            for event in hopper["events"]:
                roles = types.setdefault(event["subtype"], set())
                for argument in event.get("argument", []):
                    roles.add(argument["role"]["type"])
                    entities.add(argument["type"])
    assert types == event_roles("casie")
    assert entities == entity_ids("casie")


def phee_roles(event):
    for role, argument in event.items():
        if role in ("Trigger", "event_id", "event_type") or not isinstance(argument, dict):
            continue
        yield role
        for name, inner in argument.items():
            if isinstance(inner, dict) and "text" in inner:
                yield f"{role}.{name}"
            elif name == "Combination":
                yield f"{role}.{name}"
                yield from (f"{role}.{name}.{key}" for one in inner for key, value in one.items()
                            if key != "Trigger" and isinstance(value, dict))


def test_phee():
    types = {}
    for row in rows(files("phee", "json/*.json")):
        for annotation in row["annotations"]:
            for event in annotation["events"]:
                types.setdefault(event["event_type"], set()).update(phee_roles(event))
    known = event_roles("phee")
    assert set(types) == set(known)
    assert types["Adverse_event"] == known["Adverse_event"]
    # Seldom enough that a part of the roles does not occur.
    assert types["Potential_therapeutic_event"] <= known["Potential_therapeutic_event"]


def test_rams():
    types = {id: {ARGUMENT_NUMBER.sub("", role) for role in roles}
             for id, roles in load(files("rams", "meta.json")[0])}
    for row in rows(files("rams", "*.jsonlines")):
        [(type_, _)] = row["evt_triggers"][0][2]
        types[type_].update(ARGUMENT_NUMBER.sub("", link[2]) for link in row["gold_evt_links"])
    assert types == event_roles("rams")
    assert len(types) == 139
    assert len(set().union(*types.values())) == 65


def test_wikievents():
    known = event_roles("wikievents")
    ontology = load(files("wikievents", "event_role_KAIROS.json")[0])
    assert set(ontology) <= set(known)
    for id, event in ontology.items():
        assert set(event["roles"]) <= known[id]
    seen = dict(load(files("wikievents", "meta.json")[0]))
    assert set(known) == set(ontology) | set(seen)
    for row in rows(files("wikievents", "dev.jsonl", "test.jsonl")):
        assert {one["entity_type"] for one in row["entity_mentions"]} <= entity_ids("wikievents")
        for event in row["event_mentions"]:
            assert {one["role"] for one in event["arguments"]} <= known[event["event_type"]]


def test_crudeoilnews():
    known = event_roles("crudeoilnews")
    entities = entity_ids("crudeoilnews")
    slips = {"Percent", "Place", "Modality_cue", "Intensity_cue"}  # see docs/formats.md
    types = set()
    for document in map(load, files("crudeoilnews", "annotations/**/*.json")):
        for sentence in document:
            for event in sentence.get("golden-event-mentions", []):
                id = event["event_type"].capitalize()  # one part of the data has capitals only
                types.add(id)
                for argument in event["arguments"]:
                    # A role that occurs several times is numbered: Supplier_Consumer2.
                    assert re.sub(r"\d+$", "", argument["role"]).capitalize() in known[id]
            for entity in sentence.get("golden-entity-mentions", []):
                assert entity["entity-type"].capitalize() in entities | slips
    assert types == set(known)
