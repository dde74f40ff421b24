#include "relata/extract/page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../../../src/extract/pages/page_graph.h"
#include "fake_engine.h"

namespace relata::extract {
namespace {

using data::Document;

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Document owner(const std::string& id, const std::string& head, const std::string& tail,
               double score) {
  Document document = make_document(id, head + "拥有" + tail + "。", {head, tail});
  document.relations.push_back({0, 1, "拥有", score, {}});
  return document;
}

std::string page_of(const std::vector<Document>& documents, int graph_entities = 60) {
  return extraction_page(documents, company_schema(), {"Title", graph_entities});
}

TEST(Page, MarksEntitiesAndListsRelations) {
  Document document = owner("d<1>", "甲", "乙", 0.875);
  document.relations.push_back({0, 1, "P177", {}, {}});
  document.relations.push_back({1, 0, "unknown", 0.5, {}});
  const std::string page = page_of({document});
  EXPECT_NE(page.find("<mark class=\"c0\" title=\"e0: 甲\">甲</mark>拥有<mark class=\"c1\""),
            std::string::npos);
  EXPECT_NE(page.find("d&lt;1&gt;"), std::string::npos);
  EXPECT_NE(page.find("0.875"), std::string::npos);
  EXPECT_NE(page.find("<bdi>crosses</bdi>"), std::string::npos);
  EXPECT_NE(page.find("not known"), std::string::npos);
  EXPECT_NE(page.find("<tr class=\"negative\">"), std::string::npos);
  EXPECT_NE(page.find("Relations: 2."), std::string::npos);
}

TEST(Page, EscapesEverythingAndLoadsNothing) {
  const std::string evil = "<script>alert('\"&')</script>";
  Document document = owner(evil, evil, "<b>", 0.5);
  document.entities[0].type = evil;
  document.entities[0].id = evil;
  document.relations[0].type = evil;
  document.meta = Json{{"extractor", evil}, {"model", evil}};
  const std::string page = page_of({document});
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  for (const char* outside : {"http:", "https:", "src=", "@import", "url(h"}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
}

TEST(Page, MentionsMayNestAndCross) {
  Document document;
  document.id = "d";
  document.text = "abcdef";
  document.entities = {{"e0", "abcd", "", {{0, 4}}, {}},
                       {"e1", "bc", "", {{1, 3}}, {}},
                       {"e2", "cdef", "", {{2, 6}}, {}},
                       {"e3", "none", "", {}, {}}};
  const std::string page = page_of({document});
  const size_t begin = page.find("<p class=\"text\"");
  const std::string text = page.substr(begin, page.find("</p>", begin) - begin);
  EXPECT_NE(text.find("title=\"e0: abcd\">a</mark>"), std::string::npos);
  EXPECT_NE(text.find("<mark class=\"c0 many\" title=\"e0: abcd\ne1: bc\">b</mark>"),
            std::string::npos);
  EXPECT_NE(text.find("title=\"e0: abcd\ne1: bc\ne2: cdef\">c</mark>"), std::string::npos);
  EXPECT_NE(text.find("title=\"e2: cdef\">ef</mark>"), std::string::npos);
  EXPECT_EQ(count_of(text, "<mark"), count_of(text, "</mark>"));
}

TEST(Page, EmptyTextsAndNoDocumentsAreFine) {
  EXPECT_NE(page_of({}).find("Documents: 0."), std::string::npos);
  EXPECT_NE(page_of({make_document("d", "", {})}).find("No relations found."), std::string::npos);
}

TEST(Page, DrawingJoinsEqualEntitiesOfAllDocuments) {
  const RelationGraph graph =
      relation_graph({owner("a", "甲", "乙", 0.5), owner("b", "甲", "乙", 0.75),
                      owner("c", "乙", "甲", 0.25), owner("d", "丙", "丙", 0.5)},
                     company_schema());
  ASSERT_EQ(graph.nodes.size(), 3u);
  ASSERT_EQ(graph.edges.size(), 3u);
  ASSERT_EQ(graph.edges[0].labels.size(), 1u);
  EXPECT_EQ(graph.edges[0].labels[0].count, 2);
  EXPECT_EQ(graph.edges[0].labels[0].best, 0.75);
  EXPECT_EQ(graph.nodes[0].relations, 3);
  const std::string svg = graph_svg(graph);
  EXPECT_EQ(count_of(svg, "class=\"node\""), 3u);
  EXPECT_EQ(count_of(svg, "class=\"link\""), 3u);
  EXPECT_NE(svg.find("probability 0.75, 2 times"), std::string::npos);
}

TEST(Page, DrawingIsBoundedAndHasNoLonelyEntity) {
  std::vector<Document> documents;
  for (int i = 0; i < 40; ++i) {
    documents.push_back(owner("h" + std::to_string(i), "hub", "t" + std::to_string(i), 0.5));
    documents.push_back(
        owner("p" + std::to_string(i), "p" + std::to_string(i), "q" + std::to_string(i), 0.5));
  }
  const RelationGraph all = relation_graph(documents, company_schema());
  const RelationGraph shown = best_connected(all, 20);
  EXPECT_LE(shown.nodes.size(), 20u);
  EXPECT_GE(shown.nodes.size(), 19u);
  EXPECT_EQ(shown.nodes[0].text, "hub");
  std::vector<bool> linked(shown.nodes.size());
  for (const GraphEdge& edge : shown.edges) linked[edge.head] = linked[edge.tail] = true;
  EXPECT_EQ(std::count(linked.begin(), linked.end(), true), static_cast<long>(shown.nodes.size()));
  EXPECT_NE(page_of(documents, 20).find("of 121 related entities"), std::string::npos);
  EXPECT_EQ(page_of(documents, 0).find("<svg class=\"graph\""), std::string::npos);
}

TEST(Page, LayoutIsFiniteApartAndRepeats) {
  std::vector<Document> documents;
  for (int i = 0; i < 30; ++i) {
    documents.push_back(
        owner(std::to_string(i), "n" + std::to_string(i % 7), "n" + std::to_string(i % 11), 0.5));
  }
  const RelationGraph graph = relation_graph(documents, company_schema());
  const std::vector<Point> first = lay_out(graph);
  const std::vector<Point> second = lay_out(graph);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(std::isfinite(first[i].x) && std::isfinite(first[i].y));
    EXPECT_EQ(first[i].x, second[i].x);
    for (size_t j = 0; j < i; ++j) {
      EXPECT_GT(std::hypot(first[i].x - first[j].x, first[i].y - first[j].y), 0.01);
    }
  }
}

}  // namespace
}  // namespace relata::extract
