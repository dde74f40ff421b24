"""Graphs as other programs read them: rdflib, networkx, csv and a parser of openCypher."""

import csv
import io
import json
from pathlib import Path

import pytest

from program import RELATA, relata

pytestmark = pytest.mark.skipif(not Path(RELATA).exists(), reason=f"{RELATA} is not built")

NASTY = "`odd`\\u0060 'quoted' \"name\" & <b>;]]> $x {y} \\' \\\\ %20_"
NAMES = ["Tarn Works", "Lund Mill", "Sweden", "东部文具", "Ærøskøbing 😀", "עברית", NASTY]


def document(number, head, tail, relation, score=None, types=("ORG", "LOC")):
    text = f"{head}\n{tail} stand here."
    entities = [
        {"id": "e0", "text": head, "type": types[0], "mentions": [[0, len(head)]]},
        {"id": "e1", "text": tail, "type": types[1],
         "mentions": [[len(head) + 1, len(head) + 1 + len(tail)]]},
    ]
    fact = {"head": "e0", "tail": "e1", "type": relation, "evidence": [[0, len(text)]]}
    return {"id": f'doc "{number}" <&\'`\\u0060>', "text": text, "entities": entities,
            "relations": [fact if score is None else {**fact, "score": score}]}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "found.jsonl"
    documents = [document(i, NAMES[i], NAMES[(i + 1) % len(NAMES)], "P17", (i + 1) / 10)
                 for i in range(len(NAMES))]
    documents.append(document(90, NAMES[0], NAMES[1], "P17", 0.95))  # as document 0, surer
    documents.append(document(91, NASTY, "Sweden", "拥有 `x` \\u0060 'y'", types=("T`;\\", "LOC")))
    documents.append(document(92, "Sweden", "Sweden", "no_relation", 0.9))
    path.write_text("".join(json.dumps(d, ensure_ascii=False) + "\n" for d in documents),
                    encoding="utf-8")
    return path


LINKS = len(NAMES) + 1
# Every name is a head (ORG) and a tail (LOC); the nasty one has a third type.
NODES = 2 * len(NAMES) + 1


def exported(found, form, *more):
    return relata("graph", "export", found, "--to", form, *more).out


def test_rdflib_reads_turtle(found):
    rdflib = pytest.importorskip("rdflib")
    rdf, rdfs = rdflib.RDF, rdflib.RDFS
    graph = rdflib.Graph().parse(data=exported(found, "turtle"), format="turtle")
    statements = list(graph.subjects(rdf.type, rdf.Statement))
    assert len(statements) == LINKS
    seen = set()
    vocabulary = rdflib.Namespace("urn:relata:vocabulary#")
    for statement in statements:
        triple = [graph.value(statement, p) for p in (rdf.subject, rdf.predicate, rdf.object)]
        assert tuple(triple) in graph  # the plain triple, for queries that want no provenance
        names = tuple(str(graph.value(part, rdfs.label)) for part in triple)
        probability = graph.value(statement, vocabulary.probability)
        seen.add((*names, None if probability is None else probability.toPython()))
        for sighting in graph.objects(statement, vocabulary.sighting):
            source = graph.value(sighting, rdflib.PROV.wasDerivedFrom)
            assert str(graph.value(source, rdfs.label)).startswith('doc "')
            evidence = graph.value(sighting, vocabulary.evidence)
            assert "#char=0," in evidence
            assert str(graph.value(evidence, rdf.value)).endswith(" stand here.")
    wanted = {(NAMES[i], "country", NAMES[(i + 1) % len(NAMES)], 0.95 if i == 0 else (i + 1) / 10)
              for i in range(len(NAMES))}
    assert seen == wanted | {(NASTY, "拥有 `x` \\u0060 'y'", "Sweden", None)}
    country = graph.value(None, rdfs.label, rdflib.Literal("country"))
    assert graph.value(country, rdflib.SKOS.exactMatch) == rdflib.URIRef(
        "http://www.wikidata.org/entity/P17")


def test_json_ld_is_the_same_graph(found):
    rdflib = pytest.importorskip("rdflib")
    from rdflib.compare import isomorphic
    for base in ("urn:relata:", "https://example.org/kg/"):
        turtle = rdflib.Graph().parse(data=exported(found, "turtle", "--base", base),
                                      format="turtle")
        as_json = rdflib.Graph().parse(data=exported(found, "jsonld", "--base", base),
                                       format="json-ld")
        assert len(turtle) > 100
        assert isomorphic(turtle, as_json)
        assert any(str(s).startswith(base + "entity/ORG/") for s in turtle.subjects())


def test_networkx_reads_graphml(found, tmp_path):
    networkx = pytest.importorskip("networkx")
    path = tmp_path / "g.graphml"
    relata("graph", "export", found, "--to", "graphml", "-o", path)
    graph = networkx.read_graphml(path, force_multigraph=True)
    assert graph.number_of_nodes() == NODES and graph.number_of_edges() == LINKS
    assert {data["label"] for _, data in graph.nodes(data=True)} == set(NAMES)
    first = next(data for head, tail, data in graph.edges(data=True)
                 if graph.nodes[head]["label"] == "Tarn Works")
    assert first["label"] == "country" and first["probability"] == 0.95
    provenance = json.loads(first["provenance"])
    assert [p["probability"] for p in provenance] == [0.1, 0.95]
    assert json.loads(first["evidence"]) == ["Tarn Works\nLund Mill stand here."]


def test_csv_has_the_same_links(found, tmp_path):
    relata("graph", "export", found, "--to", "neo4j-csv", "-o", tmp_path / "import")
    tables = {}
    for name in ("nodes", "relationships"):
        content = (tmp_path / "import" / f"{name}.csv").read_bytes().decode()
        assert "\n" not in content.replace("\r\n", "")  # neo4j's import reads lines
        tables[name] = list(csv.DictReader(io.StringIO(content, newline=""), strict=True))
    names = {row["id:ID"]: row["name"] for row in tables["nodes"]}
    assert len(names) == len(tables["nodes"]) == NODES and set(names.values()) == set(NAMES)
    assert len(tables["relationships"]) == LINKS
    for row in tables["relationships"]:
        assert row[":START_ID"] in names and row[":END_ID"] in names
        assert json.loads(row["provenance"])[0]["evidence"]
    assert "Entity;T`,\\" in {row[":LABEL"] for row in tables["nodes"]}


def cypher_strings(statement, antlr4, lexer_class, parser_class):
    """The string values of one statement, which must parse without an error."""
    problems = []

    class Listener(antlr4.error.ErrorListener.ErrorListener):
        def syntaxError(self, recognizer, symbol, line, column, message, error):
            problems.append(message)

    lexer = lexer_class(antlr4.InputStream(statement))
    stream = antlr4.CommonTokenStream(lexer)
    parser = parser_class(stream)
    for part in (lexer, parser):
        part.removeErrorListeners()
        part.addErrorListener(Listener())
    parser.script()
    assert problems == [], statement
    # The escapes of openCypher are among those of JSON, but for the single quote's.
    texts = [t.text[1:-1] for t in stream.tokens if t.text.startswith("'")]
    return [json.loads('"' + t.replace("\\'", "'").replace('"', '\\"') + '"') for t in texts]


def test_cypher_parses(found):
    antlr4 = pytest.importorskip("antlr4")
    import antlr4.error.ErrorListener
    cypher = pytest.importorskip("antlr4_cypher")
    statements = exported(found, "cypher").splitlines()
    assert len(statements) == NODES + LINKS
    values = []
    for statement in statements:
        # This grammar lacks the doubled back quote of openCypher's EscapedSymbolicName.
        assert statement.count("``") in (0, 1, 2)
        statement = statement.replace("``", "^^")
        values += cypher_strings(statement, antlr4, cypher.CypherLexer, cypher.CypherParser)
    assert set(NAMES) <= set(values)


def test_build_merge_show_query(found, tmp_path):
    graph, again = tmp_path / "g.json", tmp_path / "again.json"
    relata("graph", "build", found, "-o", graph)
    relata("graph", "merge", graph, found, graph, "-o", again)
    assert graph.read_bytes() == again.read_bytes()
    summary = json.loads(relata("graph", "show", graph, "--json").out)
    assert summary["entities"] == NODES and summary["links"] == LINKS
    rows = json.loads(relata("graph", "query", graph, "--entity", "tarn WORKS", "--json").out)
    assert [row["head"] for row in rows] == ["Tarn Works", NASTY]
    text = relata("graph", "query", found, "--head", "东部文具").out
    assert text.startswith("0.40  东部文具 → country → Ærøskøbing 😀\n")
    assert exported(graph, "turtle") == exported(found, "turtle")
    wrong = relata("graph", "query", graph, "--entity", "Tarn Work", code=3)
    assert 'did you mean "Tarn Works"?' in wrong.err


def test_merge_counts_each_document_once(tmp_path):
    """Two files have texts of one id; the number that a merge gives depends on the order."""
    for file, rows in (("a", [("d1", "Oslo in Norway"), ("d2", "Oslo in Norway!")]),
                       ("b", [("d1", "Oslo in Norway?"), ("d3", "Oslo in Norway.")])):
        (tmp_path / f"{file}.jsonl").write_text("".join(json.dumps({
            "id": name, "text": text,
            "entities": [{"id": "e0", "text": "Oslo", "mentions": [[0, 4]]},
                         {"id": "e1", "text": "Norway", "mentions": [[8, 14]]}],
            "relations": [{"head": "e0", "tail": "e1", "type": "P17"}]}) + "\n"
            for name, text in rows))
    merge = lambda out, *inputs: relata("graph", "merge", *(tmp_path / i for i in inputs), "-o",
                                        tmp_path / out)
    merge("ab.json", "a.jsonl", "b.jsonl")
    merge("ba.json", "b.jsonl", "a.jsonl")
    merge("all.json", "ba.json", "ab.json")
    documents = json.loads((tmp_path / "all.json").read_text())["documents"]
    assert [d["id"] for d in documents] == ["d1", "d3", "d1#2", "d2"]


@pytest.mark.parametrize("arguments, code, message", [
    (["--to", "turtel"], 2, "did you mean turtle?"),
    (["--to", "neo4j-csv"], 2, "-o"),
    (["--to", "turtle", "--base", "not an iri"], 2, "no absolute IRI"),
])
def test_wrong_usage(found, arguments, code, message):
    assert message in relata("graph", "export", found, *arguments, code=code).err


def test_bad_graphs(tmp_path):
    path = tmp_path / "g.json"
    path.write_text('{"format": "relata-graph", "version": 1, "documents": []}')
    result = relata("graph", "show", path, code=3)
    assert str(path) in result.err and "relata graph build" in result.err
