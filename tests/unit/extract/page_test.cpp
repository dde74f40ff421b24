#include "relata/extract/page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../../../src/extract/pages/page_drawing.h"
#include "../../../src/extract/pages/page_layout.h"
#include "../../../src/extract/pages/page_text.h"
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
  EXPECT_NE(page.find("<mark class=\"c0\" data-n=\"0\" title=\"e0: 甲\">甲</mark><span>拥有</span>"
                      "<mark class=\"c1\" data-n=\"1\""),
            std::string::npos);
  EXPECT_NE(page.find("d&lt;1&gt;"), std::string::npos);
  EXPECT_NE(page.find("0.875"), std::string::npos);
  EXPECT_NE(page.find("<bdi>crosses</bdi>"), std::string::npos);
  EXPECT_NE(page.find("not known"), std::string::npos);
  EXPECT_EQ(count_of(page, " class=\"negative\""), 1u);
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
  EXPECT_EQ(count_of(page, "<script"), 1u);  // our own, which is inside
  EXPECT_EQ(page.find("alert("), page.find("alert(&#39;"));
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
  EXPECT_NE(text.find("<mark class=\"c0 many lone\" title=\"e0: abcd\ne1: bc\">b</mark>"),
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
  const std::string svg = graph_svg(graph, [](const GraphNode&) { return 3; });
  EXPECT_EQ(count_of(svg, "class=\"node c3\""), 3u);
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

// A graph of `count` nodes of which some are hubs and some stand apart in pairs.
RelationGraph large_graph(int count) {
  std::vector<Document> documents;
  const auto name = [](int i) {
    return std::string(static_cast<size_t>(1 + i * 7 % 30), static_cast<char>('a' + i % 26)) +
           std::to_string(i);
  };
  for (int i = 1; i < count; ++i) {
    const int hub = i % 3 == 0 ? i - 1 : (i % 5) * (i / 20);
    documents.push_back(owner(std::to_string(i), name(std::min(hub, i - 1)), name(i), 0.5));
  }
  return relation_graph(documents, company_schema());
}

TEST(Page, NoTwoLabelsOverlap) {
  for (const int count : {2, 5, 20, 60, 150}) {
    const RelationGraph graph = large_graph(count);
    const Layout layout = lay_out_labels(graph);
    ASSERT_EQ(layout.nodes.size(), graph.nodes.size());
    std::vector<std::string> names(graph.edges.size(), "a relation of a usual name");
    std::vector<Box> boxes = layout.nodes;
    for (const auto& box : place_edge_labels(graph, layout, names)) {
      if (box) boxes.push_back(*box);
    }
    if (count <= 5) {
      EXPECT_GT(boxes.size(), layout.nodes.size());
    }
    for (size_t i = 0; i < boxes.size(); ++i) {
      EXPECT_GE(boxes[i].centre.x - boxes[i].width / 2, 0) << count;
      EXPECT_LE(boxes[i].centre.x + boxes[i].width / 2, layout.width) << count;
      EXPECT_GE(boxes[i].centre.y - boxes[i].height / 2, 0) << count;
      EXPECT_LE(boxes[i].centre.y + boxes[i].height / 2, layout.height) << count;
      for (size_t j = 0; j < i; ++j) EXPECT_FALSE(overlap(boxes[i], boxes[j], 0)) << count;
    }
  }
}

TEST(Page, LabelsAreAsWideAsTheirScript) {
  EXPECT_GT(text_width("东部文具", 10), text_width("abcd", 10) * 1.5);
  EXPECT_EQ(text_width("", 10), 0);
  EXPECT_EQ(shortened("东部文具", 4), "东部文具");
  EXPECT_EQ(shortened("东部文具公司", 4), "东部文…");
}

TEST(Page, EvidenceIsRunsOfTheText) {
  Document document = make_document("d", "A is. B is. A owns B now. End.", {"A", "B"});
  document.relations = {{0, 1, "拥有", 0.5, {{0, 5}, {6, 11}}}, {0, 1, "拥有", 0.5, {}}};
  const MarkedText marked = marked_text(document, {0, 1}, {0, 1});
  // A| is.| |B| is.| |A| owns |B| now.| End.
  ASSERT_EQ(count_of(marked.html, "<mark") + count_of(marked.html, "<span"), 11u);
  using Runs = std::vector<std::pair<size_t, size_t>>;
  EXPECT_EQ(marked.evidence[0], (Runs{{0, 2}, {3, 5}}));
  EXPECT_EQ(marked.evidence[1], (Runs{{6, 10}}));  // the sentence in which both stand
}

TEST(Page, EvidenceOfFarMentionsIsTheirTwoSentences) {
  Document document = make_document("d", "A is. No. No more. B is.", {"A", "B"});
  document.relations = {{0, 1, "拥有", 0.5, {}}};
  const MarkedText marked = marked_text(document, {0, 1}, {0, 1});
  ASSERT_EQ(marked.evidence[0].size(), 2u);
  EXPECT_EQ(marked.evidence[0][0], (std::pair<size_t, size_t>{0, 2}));
  // An entity that is not in the text has no sentence.
  document.entities[1].mentions.clear();
  EXPECT_TRUE(marked_text(document, {0, 1}, {0, 1}).evidence[0].empty());
}

TEST(Page, FactsAreSortedAndFiltersOffered) {
  const std::string page = page_of({owner("a", "甲", "乙", 0.25), owner("b", "丙", "丁", 0.75)});
  EXPECT_LT(page.find("0.750"), page.find("0.250"));
  EXPECT_NE(page.find("<option value=\"拥有\">拥有 (2)</option>"), std::string::npos);
  for (const char* part : {"id=\"search\"", "id=\"least\"", "<th scope=\"col\">Document</th>"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(page_of({make_document("d", "x", {})}).find("id=\"search\""), std::string::npos);
}

}  // namespace
}  // namespace relata::extract
