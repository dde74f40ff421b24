#include "relata/graph/graph.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "relata/graph/query.h"

namespace relata::graph {
namespace {

using data::Document;

// A document "HEAD / TAIL" with one relation between the two.
Document pair_document(const std::string& id, const std::string& head, const std::string& tail,
                       const std::string& type, std::optional<double> score) {
  Document document;
  document.id = id;
  document.text = head + " / " + tail;
  const size_t begin = head.size() + 3;
  document.entities = {{"e0", head, "ORG", {{0, head.size()}}, {}},
                       {"e1", tail, "ORG", {{begin, begin + tail.size()}}, {}}};
  document.relations = {{0, 1, type, score, {{0, document.text.size()}}}};
  return document;
}

data::Schema owner_schema() {
  data::Schema schema;
  schema.relation_types.resize(2);
  schema.relation_types[0].id = "P127";
  schema.relation_types[0].name = "owned by";
  schema.relation_types[1].id = "none";
  schema.relation_types[1].name = "none";
  schema.relation_types[1].negative = true;
  return schema;
}

Graph graph_of(const std::vector<Document>& documents, const GraphOptions& options = {}) {
  GraphBuilder builder(owner_schema(), options);
  for (const Document& document : documents) builder.add(document);
  return builder.finish();
}

TEST(Graph, NormalFormFoldsWhatReadersDoNotSee) {
  EXPECT_EQ(normal_name("  Tarn\u00A0\n Works ", true), "Tarn Works");
  EXPECT_EQ(normal_name("A\u030Angstro\u0308m", true), "\u00C5ngstr\u00F6m");
  EXPECT_EQ(normal_name("TARN Works", false), "tarn works");
  EXPECT_EQ(normal_name("STRASSE", false), normal_name("Straße", false));
  EXPECT_EQ(normal_name(" \t\u3000", false), "");
  EXPECT_EQ(normal_name("东部文具", false), "东部文具");
}

TEST(Graph, MergesByNameAndTypeOverDocuments) {
  const Graph graph = graph_of({pair_document("a", "Tarn Works", "Lund Mill", "P127", 0.5),
                                pair_document("b", "TARN  works", "Lund Mill", "P127", 0.75)});
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[0].name, "Tarn Works");
  EXPECT_EQ(graph.nodes[0].names, std::vector<std::string>{"TARN works"});
  ASSERT_EQ(graph.links.size(), 1u);
  EXPECT_EQ(graph.links[0].score, 0.75);
  EXPECT_EQ(graph.types[graph.links[0].type].name, "owned by");
  ASSERT_EQ(graph.links[0].sightings.size(), 2u);
  EXPECT_EQ(graph.documents[graph.links[0].sightings[1].document].id, "b");
  GraphOptions strict;
  strict.match_case = true;
  EXPECT_EQ(graph_of({pair_document("a", "IT", "it", "P127", 0.5)}, strict).nodes.size(), 2u);
  Document typed = pair_document("c", "Lund", "Lund", "P127", 0.5);
  typed.entities[0].type = "PER";
  EXPECT_EQ(graph_of({typed}).nodes.size(), 2u);
}

TEST(Graph, OffsetsAreCodePointsAndEvidenceIsQuoted) {
  const Graph graph = graph_of({pair_document("a", "东部", "永升", "拥有", {})});
  const Sighting& sighting = graph.links[0].sightings[0];
  EXPECT_EQ(sighting.tail, (std::vector<Span>{{5, 7}}));
  EXPECT_EQ(sighting.evidence, (std::vector<Quote>{{{0, 7}, "东部 / 永升"}}));
  EXPECT_FALSE(graph.links[0].score);
  EXPECT_EQ(graph.types[0].name, "拥有");
}

TEST(Graph, CountsWhatIsLeftOut) {
  GraphOptions options;
  options.min_score = 0.6;
  GraphBuilder builder(owner_schema(), options);
  builder.add(pair_document("a", "A", "B", "P127", 0.5));
  builder.add(pair_document("b", "A", "B", "none", 0.9));
  builder.add(pair_document("c", "A", " ", "P127", 0.9));
  builder.add(pair_document("d", "A", "C", "P127", {}));
  const Graph graph = builder.finish();
  EXPECT_EQ(builder.left_out().unlikely, 1u);
  EXPECT_EQ(builder.left_out().negative, 1u);
  EXPECT_EQ(builder.left_out().unnamed, 1u);
  EXPECT_EQ(graph.links.size(), 1u);
  ASSERT_EQ(graph.nodes.size(), 2u);
  EXPECT_EQ(graph.nodes[1].name, "C");
}

TEST(Graph, AddingTheSameTwiceChangesNothing) {
  const std::vector<Document> documents = {pair_document("a", "A", "B", "P127", 0.5),
                                           pair_document("b", "B", "A", "P127", 0.5)};
  const Graph once = graph_of(documents);
  GraphBuilder builder(owner_schema(), {});
  builder.add(documents[0]);
  builder.add(once);
  builder.add(documents[1]);
  builder.add(once);
  EXPECT_EQ(graph_to_json(builder.finish()), graph_to_json(once));
}

TEST(Graph, DocumentsOfOneIdAndTwoTextsStayApart) {
  const Graph graph = graph_of(
      {pair_document("a", "A", "B", "P127", 0.5), pair_document("a", "A", "C", "P127", 0.5)});
  ASSERT_EQ(graph.documents.size(), 2u);
  EXPECT_EQ(graph.documents[1].id, "a#2");
}

TEST(Graph, MergedInAnyOrderDocumentsAreCountedOnce) {
  const Graph a = graph_of(
      {pair_document("d1", "A", "B", "P127", 0.5), pair_document("d2", "A", "C", "P127", 0.5)});
  const Graph b = graph_of(
      {pair_document("d1", "A", "D", "P127", 0.5), pair_document("d3", "A", "E", "P127", 0.5)});
  const auto merged = [](const Graph& first, const Graph& second) {
    GraphBuilder builder(owner_schema(), {});
    builder.add(first);
    builder.add(second);
    // What a file keeps must be enough.
    return graph_from_json(graph_to_json(builder.finish()), "g.json").value();
  };
  const Graph all = merged(merged(b, a), merged(a, b));
  ASSERT_EQ(all.documents.size(), 4u);
  EXPECT_EQ(all.documents[2].id, "d1#2");
  EXPECT_EQ(all.documents[2].stated_id, "d1");
  for (const Link& link : all.links) EXPECT_EQ(link.sightings.size(), 1u);
  // A document that states such an id is another.
  const Graph odd = graph_of({pair_document("d1#2", "A", "B", "P127", 0.5)});
  EXPECT_EQ(merged(all, odd).documents.back().id, "d1#2#2");
}

TEST(Graph, LonelyEntitiesOnRequest) {
  Document document = pair_document("a", "A", "B", "P127", 0.5);
  document.entities.push_back({"e2", "C", "", {}, {}});
  EXPECT_EQ(graph_of({document}).nodes.size(), 2u);
  GraphOptions options;
  options.all_entities = true;
  const Graph graph = graph_of({document}, options);
  ASSERT_EQ(graph.nodes.size(), 3u);
  EXPECT_EQ(graph.nodes[2].id, "_/c");
}

TEST(Graph, IdsOfDifferentNamesDiffer) {
  const std::vector<std::string> names = {"a b", "a_b", "a/b", "a%20b", ".", "..", "-", "ä", "a"};
  std::vector<std::string> ids;
  for (const std::string& name : names) {
    ids.push_back(graph_of({pair_document("d", name, "x", "P127", 0.5)}).nodes[0].id);
  }
  std::vector<std::string> sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end());
  EXPECT_EQ(ids[0], "ORG/a_b");
  EXPECT_EQ(ids[1], "ORG/a%5Fb");
}

TEST(GraphJson, ReadsWhatItWrote) {
  Document odd = pair_document("d\"\n", "A\"\\\n<b>", "东部", "P127", 0.1 + 0.2);
  odd.relations.push_back({1, 0, "拥有", {}, {}});
  const Graph graph = graph_of({odd, pair_document("b", "A", "B", "P127", 1.0)});
  const std::string json = graph_to_json(graph);
  EXPECT_TRUE(looks_like_graph(json));
  const auto read = graph_from_json(json, "g.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(graph_to_json(*read), json);
  EXPECT_EQ(read->links[0].score, 0.1 + 0.2);
}

TEST(GraphJson, RefusesWhatIsDamaged) {
  const std::string good = graph_to_json(graph_of({pair_document("a", "A", "B", "P127", 0.5)}));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  for (const std::string& text :
       {std::string("[]"), std::string("{}"), good.substr(0, good.size() / 2),
        with("\"version\": 1", "\"version\": 2"), with("\"head\":\"ORG/a\"", "\"head\":\"ORG/z\""),
        with("\"score\":0.5", "\"score\":1.5"), with("[[0,1]]", "[[1,0]]"),
        with("[[0,1]]", "[[-1,1]]"), with("[[0,1]]", "7"), with("\"name\":\"A\"", "\"name\":\" \""),
        with("\"id\":\"ORG/b\"", "\"id\":\"ORG/a\""), with("\"document\":\"a\"", "\"document\":9"),
        std::string("{\"format\":\"relata-graph\",\"version\":1}")}) {
    const auto read = graph_from_json(text, "g.json");
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kBadInput);
    EXPECT_NE(read.error().message.find("g.json"), std::string::npos);
  }
  EXPECT_FALSE(looks_like_graph("{\"id\":\"a\",\"text\":\"b\"}"));
}

TEST(Query, FindsByNamesAndSaysTheNearest) {
  const Graph graph = graph_of({pair_document("a", "Tarn Works", "Lund Mill", "P127", 0.5),
                                pair_document("b", "Lund Mill", "Sweden", "P17", 0.75),
                                pair_document("c", "Sweden", "Tarn Works", "P17", {})});
  const auto found = [&](std::string Query::*member, const std::string& value) {
    Query query;
    query.*member = value;
    return find_links(graph, query);
  };
  EXPECT_EQ(find_links(graph, {}).value(), (std::vector<size_t>{1, 0, 2}));
  Query likely;
  likely.min_score = 0.6;
  EXPECT_EQ(find_links(graph, likely).value(), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(found(&Query::entity, "tarn works").value(), (std::vector<size_t>{0, 2}));
  EXPECT_EQ(found(&Query::head, "Lund Mill").value(), (std::vector<size_t>{1}));
  EXPECT_EQ(found(&Query::tail, "Lund Mill").value(), (std::vector<size_t>{0}));
  EXPECT_EQ(found(&Query::relation, "Owned By").value(), (std::vector<size_t>{0}));
  EXPECT_EQ(found(&Query::relation, "P127").value(), (std::vector<size_t>{0}));
  EXPECT_TRUE(found(&Query::type, "PER").value().empty());
  const auto wrong = found(&Query::entity, "Lund Mil");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().hint, "did you mean \"Lund Mill\"?");
  EXPECT_FALSE(found(&Query::relation, "ownd by").ok());
  EXPECT_EQ(links_text(graph, {0}),
            "0.50  Tarn Works → owned by → Lund Mill\n      a: Tarn Works / Lund Mill\n");
  EXPECT_EQ(links_json(graph, {0})[0]["sources"][0]["evidence"][0]["span"], Json({0, 22}));
}

TEST(Query, NothingReachesTheTerminalButText) {
  const Graph graph = graph_of({pair_document("a\x1b[2J", "A\x1b[31m", "B", "r", 0.5)});
  const std::string text = links_text(graph, {0});
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_NE(text.find("A\\u001b[31m"), std::string::npos) << text;
}

TEST(Query, SummaryCounts) {
  const Graph graph = graph_of({pair_document("a", "A", "B", "P127", 0.5),
                                pair_document("b", "C", "D", "P127", 0.5),
                                pair_document("c", "A", "A", "P17", 0.5)});
  const Json summary = graph_summary(graph, 1);
  EXPECT_EQ(summary["entities"], 4);
  EXPECT_EQ(summary["links"], 3);
  EXPECT_EQ(summary["connected parts"], 2);
  EXPECT_EQ(summary["relations"], (Json{{"owned by", 2}}));
  EXPECT_EQ(summary["links of entities"], (Json{{"A (ORG)", 2}}));
}

}  // namespace
}  // namespace relata::graph
