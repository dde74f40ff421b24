// What each form must escape. That other programs read the results is tested in
// tests/integration/test_graph.py.
#include "relata/graph/export.h"

#include <gtest/gtest.h>

#include "relata/base/json.h"

namespace relata::graph {
namespace {

// Two entities with what the forms find hard, and a relation between them.
Graph nasty_graph(const std::string& name, const std::string& type, const std::string& relation) {
  data::Document document;
  document.id = "d";
  document.text = name + " Z";
  document.entities = {{"e0", name, type, {{0, name.size()}}, {}},
                       {"e1", "Z", "", {{name.size() + 1, name.size() + 2}}, {}}};
  document.relations = {{0, 1, relation, 0.5, {{0, document.text.size()}}}};
  GraphBuilder builder({}, {});
  builder.add(document);
  return builder.finish();
}

std::string exported(const Graph& graph, const std::string& format) {
  ExportOptions options;
  options.format = format;
  const auto files = export_graph(graph, options);
  EXPECT_TRUE(files.ok());
  std::string out;
  for (const ExportFile& file : *files) out += file.content;
  return out;
}

void expect_holds(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
}

TEST(Export, TurtleEscapesStringsAndIris) {
  const std::string turtle = exported(nasty_graph("a\"b\\c>\x01", "T <x>", "has part"), "turtle");
  expect_holds(turtle, R"(rdfs:label "a\"b\\c>\u0001")");
  expect_holds(turtle, "<urn:relata:entity/T_%3Cx%3E/a%22b%5Cc%3E%01>");
  expect_holds(turtle, "rel:has_part <urn:relata:entity/_/z>");
  EXPECT_EQ(turtle.find('\x01'), std::string::npos);
}

TEST(Export, WikidataPropertiesAreLinked) {
  expect_holds(exported(nasty_graph("a", "T", "P17"), "turtle"),
               "skos:exactMatch <http://www.wikidata.org/entity/P17>");
  for (const char* other : {"P", "P1x", "Q17", "xP17"}) {
    EXPECT_EQ(exported(nasty_graph("a", "T", other), "turtle").find("wikidata.org"),
              std::string::npos);
  }
}

// Relations between the same two entities.
Graph parallel_links(const data::Schema& schema, const std::vector<std::string>& types) {
  GraphBuilder builder(schema, {});
  for (const std::string& type : types) {
    data::Document document;
    document.id = type;
    document.text = type;
    document.entities = {{"e0", "A", "", {}, {}}, {"e1", "B", "", {}, {}}};
    document.relations = {{0, 1, type, {}, {}}};
    builder.add(document);
  }
  return builder.finish();
}

TEST(Export, RelationsOfOneNameKeepTheirIds) {
  data::Schema schema;
  schema.relation_types.resize(2);
  for (size_t i = 0; i < 2; ++i) {
    schema.relation_types[i].id = "r" + std::to_string(i);
    schema.relation_types[i].name = "same";
  }
  const Graph graph = parallel_links(schema, {"r0", "r1"});
  const std::string turtle = exported(graph, "turtle");
  expect_holds(turtle, "<urn:relata:relation/r0> a rdf:Property");
  expect_holds(turtle, "<urn:relata:relation/r1> a rdf:Property");
  const std::string cypher = exported(graph, "cypher");
  expect_holds(cypher, "MERGE (h)-[r:`same` {relation_id: 'r0'}]->(t)");
  expect_holds(cypher, "MERGE (h)-[r:`same` {relation_id: 'r1'}]->(t)");
}

// A relation that is called as another one's id would have its IRI.
TEST(Export, NoNameIsTheIdOfAnother) {
  data::Schema schema;
  for (const auto& [id, name] : {std::pair("x", "P17"), {"P17", "same"}, {"P9", "same"}}) {
    schema.relation_types.emplace_back().id = id;
    schema.relation_types.back().name = name;
  }
  const std::string turtle = exported(parallel_links(schema, {"x", "P17", "P9"}), "turtle");
  for (const char* id : {"x", "P17", "P9"}) {
    const std::string iri = std::string("<urn:relata:relation/") + id + "> a rdf:Property";
    expect_holds(turtle, iri);
    EXPECT_EQ(turtle.find(iri), turtle.rfind(iri)) << id;
  }
}

TEST(Export, CypherTellsLineBreakAndSpaceApart) {
  const std::string cypher = exported(parallel_links({}, {"is part", "is\npart"}), "cypher");
  expect_holds(cypher, "MERGE (h)-[r:`is part` {relation_id: 'is part'}]->(t)");
  expect_holds(cypher, "MERGE (h)-[r:`is part` {relation_id: 'is\\npart'}]->(t)");
}

TEST(Export, GraphmlHoldsOnlyWhatXmlCan) {
  const std::string xml = exported(nasty_graph("a&b<c>\x01 d]]>", "T\"", "r'\n"), "graphml");
  expect_holds(xml, "a&amp;b&lt;c&gt;\uFFFD d]]&gt;");
  expect_holds(xml, "r&#39;&#10;");
  EXPECT_EQ(xml.find('\x01'), std::string::npos);
}

TEST(Export, CsvQuotesEveryField) {
  const std::string csv = exported(nasty_graph("a\"b,c", "T;U", "r\r\ns"), "neo4j-csv");
  expect_holds(csv, "\"a\"\"b,c\",\"T;U\",\"[]\",\"Entity;T,U\"\r\n");
  expect_holds(csv, "\"r  s\"");
}

TEST(Export, CypherCannotBeLeft) {
  const std::string cypher =
      exported(nasty_graph("a'b\\u0027c\\d", "T`x\\u0060y", "r`\n"), "cypher");
  expect_holds(cypher, R"(e.name = 'a\'b\\\u00750027c\\d')");
  expect_holds(cypher, "e:`T``x/u0060y`");
  expect_holds(cypher, "[r:`r`` ` {");
}

TEST(Export, UnicodeNamesAreKept) {
  for (const char* format : {"turtle", "jsonld", "graphml", "neo4j-csv", "cypher"}) {
    const std::string out = exported(nasty_graph("东部文具 Ærø 😀", "公司", "拥有"), format);
    expect_holds(out, "东部文具 Ærø 😀");
    expect_holds(out, "公司");
    expect_holds(out, "拥有");
  }
}

TEST(Export, JsonLdIsJson) {
  const auto json = parse_json(exported(nasty_graph("a\"\n", "T", "r"), "jsonld"), "x");
  ASSERT_TRUE(json.ok());
  EXPECT_TRUE((*json)["@context"].is_object());
}

TEST(Export, RefusesBasesAndForms) {
  const auto problem = [](const std::string& format, const std::string& base) {
    const auto files = export_graph({}, {format, base});
    return files.ok() ? std::string() : files.error().message + " " + files.error().hint;
  };
  EXPECT_EQ(problem("turtle", "https://example.org/a#"), "");
  EXPECT_EQ(problem("turtle", "urn:x:"), "");
  for (const char* base : {"", "example", "/a", ":x", "1a:b", "http://a b/", "http://a<b/",
                           "http://a\"/", "rdf:x", "http://a\n"}) {
    EXPECT_NE(problem("turtle", base), "") << base;
  }
  EXPECT_NE(problem("turtel", "urn:x:").find("did you mean turtle?"), std::string::npos);
}

}  // namespace
}  // namespace relata::graph
