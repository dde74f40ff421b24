#include "relata/extract/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "pages/page_assets.h"
#include "pages/page_drawing.h"
#include "pages/page_graph.h"
#include "pages/page_text.h"
#include "relata/base/html.h"

namespace relata::extract {
namespace {

using data::Document;
using data::Entity;

constexpr int kColours = 8;

// Colours follow the type where all entities have one, else the entity.
class Colours {
 public:
  explicit Colours(const std::vector<Document>& documents) {
    for (const Document& document : documents) {
      for (const Entity& entity : document.entities) {
        if (entity.type.empty()) typed_ = false;
        types_.try_emplace(entity.type, static_cast<int>(types_.size()) % kColours);
      }
    }
    if (types_.size() < 2) typed_ = false;
  }
  int of(const Document& document, size_t entity) const {
    if (typed_) return types_.at(document.entities[entity].type);
    return static_cast<int>(entity) % kColours;
  }
  // One colour for all where types tell nothing.
  int of_type(const std::string& type) const { return typed_ ? types_.at(type) : 0; }
  bool typed() const { return typed_; }
  const std::map<std::string, int>& types() const { return types_; }

 private:
  std::map<std::string, int> types_;
  bool typed_ = true;
};

// One row of the list of facts.
struct Fact {
  size_t document = 0;
  size_t relation = 0;  // index into the document's relations
};

class PageWriter {
 public:
  PageWriter(const std::vector<Document>& documents, const data::Schema& schema,
             const PageOptions& options)
      : documents_(documents),
        schema_(schema),
        options_(options),
        colours_(documents),
        graph_(relation_graph(documents, schema)) {
    for (size_t d = 0; d < documents.size(); ++d) {
      for (size_t r = 0; r < documents[d].relations.size(); ++r) facts_.push_back({d, r});
    }
    // Those that state that there is no relation come last.
    std::stable_sort(facts_.begin(), facts_.end(), [&](const Fact& a, const Fact& b) {
      return std::pair(is_stated_absent(a), -score_of(a)) <
             std::pair(is_stated_absent(b), -score_of(b));
    });
  }

  std::string write() {
    // The texts first: their runs are what the facts refer to.
    std::string texts;
    for (size_t d = 0; d < documents_.size(); ++d) texts += article(d);
    std::string body = summary() + legend();
    if (!facts_.empty()) body += tools();
    body += fmt::format("<div class=\"sides{}\">\n<div class=\"documents\">\n{}</div>\n",
                        facts_.empty() ? "" : " both", texts);
    if (!facts_.empty()) {
      body += "<div class=\"found\">\n" + drawing() + fact_table() + "</div>\n";
    }
    body += fmt::format("</div>\n<script>{}</script>\n", kPageScript);
    return html_page(options_.title, kPageStyle, body);
  }

 private:
  const data::Relation& relation_of(const Fact& fact) const {
    return documents_[fact.document].relations[fact.relation];
  }
  bool is_stated_absent(const Fact& fact) const {
    return schema_.is_negative(relation_of(fact).type);
  }
  double score_of(const Fact& fact) const { return relation_of(fact).score.value_or(-1); }

  std::string summary() const {
    size_t entities = 0;
    for (const Document& document : documents_) entities += document.entities.size();
    const auto relations = std::count_if(facts_.begin(), facts_.end(),
                                         [&](const Fact& fact) { return !is_stated_absent(fact); });
    std::string out =
        fmt::format("<p class=\"soft summary\">Documents: {}. Entities: {}. Relations: {}.",
                    documents_.size(), entities, relations);
    if (!documents_.empty() && documents_[0].meta.is_object()) {
      const Json& meta = documents_[0].meta;
      for (const auto& [key, label] : {std::pair{"extractor", "Extractor"}, {"model", "Model"}}) {
        if (!meta.contains(key) || !meta[key].is_string()) continue;
        out += fmt::format(" <small>{}: {}.</small>", label,
                           escape_html(meta[key].get<std::string>()));
      }
    }
    return out + "</p>\n";
  }

  const std::string& shown_type(const std::string& id) const {
    for (const data::EntityType& type : schema_.entity_types) {
      if (type.id == id && !type.name.empty()) return type.name;
    }
    return id;
  }

  std::string legend() const {
    constexpr size_t kMost = 16;
    if (!colours_.typed()) return "";
    std::string out = "<p class=\"legend\">";
    size_t shown = 0;
    for (const auto& [type, colour] : colours_.types()) {
      if (++shown > kMost) break;
      out += fmt::format("<span class=\"c{}\">{}</span>", colour, escape_html(shown_type(type)));
    }
    return out + "</p>\n";
  }

  // How the probabilities are spread, above the slider.
  std::string spread() const {
    constexpr size_t kBins = 24;
    constexpr double kWidth = 192, kHeight = 18;
    std::array<size_t, kBins> bins{};
    for (const Fact& fact : facts_) {
      const double score = score_of(fact);
      if (score >= 0) ++bins[std::min(kBins - 1, static_cast<size_t>(score * kBins))];
    }
    const double most =
        static_cast<double>(std::max<size_t>(1, *std::max_element(bins.begin(), bins.end())));
    std::string out = "<svg class=\"spread\" viewBox=\"0 0 192 18\" aria-hidden=\"true\">";
    for (size_t i = 0; i < kBins; ++i) {
      if (bins[i] == 0) continue;
      const double height = std::max(1.5, kHeight * static_cast<double>(bins[i]) / most);
      out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>",
                         kWidth / kBins * static_cast<double>(i), kHeight - height,
                         kWidth / kBins - 1, height);
    }
    return out + "</svg>";
  }

  std::string relation_choice() const {
    std::map<std::string, size_t> counts;
    for (const Fact& fact : facts_) ++counts[relation_of(fact).type];
    std::vector<std::pair<std::string, size_t>> sorted(counts.begin(), counts.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string out =
        "<label>Relation<select id=\"relation\"><option value=\"\">all relations</option>";
    for (const auto& [type, count] : sorted) {
      out += fmt::format("<option value=\"{}\">{} ({})</option>", escape_html(type),
                         escape_html(shown_relation(schema_, type)), count);
    }
    return out + "</select></label>\n";
  }

  std::string tools() const {
    return "<div class=\"tools\" role=\"search\">\n"
           "<label>Search (press /)<input type=\"search\" id=\"search\" autocomplete=\"off\" "
           "placeholder=\"name, relation, document\"/></label>\n" +
           relation_choice() +
           "<label><span>Least probability: <span id=\"least-value\">0.00</span></span>" +
           spread() +
           "<input type=\"range\" id=\"least\" min=\"0\" max=\"1\" step=\"0.01\" value=\"0\"/>"
           "</label>\n<button type=\"button\" id=\"back\" hidden=\"hidden\">Show all (Esc)"
           "</button>\n" +
           fmt::format("<output id=\"count\" aria-live=\"polite\">{} facts</output>\n</div>\n",
                       facts_.size());
  }

  std::string article(size_t index) {
    const Document& document = documents_[index];
    std::vector<int> colours;
    for (size_t e = 0; e < document.entities.size(); ++e)
      colours.push_back(colours_.of(document, e));
    MarkedText marked = marked_text(document, colours, graph_.entity_nodes[index]);
    std::string out = fmt::format(
        "<article class=\"card document\">\n<h3>{}</h3>\n<p class=\"text\" "
        "dir=\"auto\">{}</p>\n",
        escape_html(document.id), marked.html);
    evidence_.push_back(std::move(marked.evidence));
    if (document.relations.empty()) out += "<p class=\"soft\">No relations found.</p>\n";
    return out + "</article>\n";
  }

  std::string drawing() const {
    if (options_.graph_entities <= 0 || graph_.nodes.empty()) return "";
    const RelationGraph shown =
        best_connected(graph_, static_cast<size_t>(options_.graph_entities));
    std::string out = "<div class=\"card drawing\">\n";
    if (shown.nodes.size() < graph_.nodes.size()) {
      out += fmt::format(
          "<p class=\"soft\"><small>{} of {} related entities, the best connected; search or "
          "choose "
          "one to see others.</small></p>\n",
          shown.nodes.size(), graph_.nodes.size());
    }
    out += graph_svg(shown, [&](const GraphNode& node) { return colours_.of_type(node.type); });
    return out +
           "<svg class=\"graph\" id=\"lanes\" role=\"group\" aria-label=\"The facts that are "
           "left\" hidden=\"hidden\"></svg>\n<p class=\"soft note\" id=\"note\"></p>\n"
           "</div>\n";
  }

  std::string entity_cell(const Document& document, int entity) const {
    const auto index = static_cast<size_t>(entity);
    return fmt::format("<td><mark class=\"c{}\" title=\"{}\"><bdi>{}</bdi></mark></td>",
                       colours_.of(document, index),
                       escape_html(describe(document.entities.at(index))),
                       escape_html(document.entities[index].text));
  }

  std::string row_attributes(const Fact& fact) const {
    const data::Relation& relation = relation_of(fact);
    std::string out = fmt::format(" data-d=\"{}\" data-r=\"{}\" data-p=\"{}\"", fact.document,
                                  escape_html(relation.type),
                                  relation.score ? fmt::format("{:.4f}", *relation.score) : "");
    std::string runs;
    for (const auto& [begin, end] : evidence_[fact.document][fact.relation]) {
      runs += fmt::format("{}{}-{}", runs.empty() ? "" : " ", begin, end);
    }
    out += fmt::format(" data-e=\"{}\"", runs);
    if (is_stated_absent(fact)) return out + " class=\"negative\"";
    const std::vector<int>& nodes = graph_.entity_nodes[fact.document];
    return out + fmt::format(" data-h=\"{}\" data-t=\"{}\"",
                             nodes[static_cast<size_t>(relation.head)],
                             nodes[static_cast<size_t>(relation.tail)]);
  }

  std::string fact_table() const {
    const bool several = documents_.size() > 1;
    std::string out = fmt::format(
        "<div class=\"card list\"><table class=\"facts\">\n<thead><tr><th scope=\"col\">Head</th>"
        "<th scope=\"col\">Relation</th><th scope=\"col\">Tail</th><th scope=\"col\" "
        "class=\"number\">Probability</th>{}</tr></thead>\n<tbody>\n",
        several ? "<th scope=\"col\">Document</th>" : "");
    for (const Fact& fact : facts_) {
      const Document& document = documents_[fact.document];
      const data::Relation& relation = relation_of(fact);
      out += fmt::format("<tr tabindex=\"0\"{}>", row_attributes(fact));
      out += entity_cell(document, relation.head);
      out += fmt::format("<td title=\"{}\"><bdi>{}</bdi></td>", escape_html(relation.type),
                         escape_html(shown_relation(schema_, relation.type)));
      out += entity_cell(document, relation.tail);
      out += relation.score ? fmt::format("<td class=\"number\">{:.3f}{}</td>", *relation.score,
                                          html_bar(*relation.score))
                            : "<td class=\"number\">not known</td>";
      if (several) {
        const std::string id = escape_html(document.id);
        out += fmt::format("<td class=\"from\" title=\"{}\">{}</td>", id, id);
      }
      out += "</tr>\n";
    }
    return out + "</tbody>\n</table></div>\n";
  }

  const std::vector<Document>& documents_;
  const data::Schema& schema_;
  const PageOptions& options_;
  const Colours colours_;
  const RelationGraph graph_;
  std::vector<Fact> facts_;  // the most probable first
  // Of each document and relation: the runs of the text that are its evidence.
  std::vector<std::vector<std::vector<std::pair<size_t, size_t>>>> evidence_;
};

}  // namespace

std::string extraction_page(const std::vector<Document>& documents, const data::Schema& schema,
                            const PageOptions& options) {
  return PageWriter(documents, schema, options).write();
}

}  // namespace relata::extract
