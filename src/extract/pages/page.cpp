#include "relata/extract/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "page_graph.h"
#include "relata/base/html.h"

namespace relata::extract {
namespace {

using data::Document;
using data::Entity;

constexpr int kColours = 8;

constexpr std::string_view kStyle = R"css(
.document { margin-bottom: 1rem; content-visibility: auto; contain-intrinsic-size: auto 12rem; }
.document h3 { font-size: .85rem; font-weight: 600; color: var(--soft); margin: 0 0 .25rem; }
.text { white-space: pre-line; overflow-wrap: anywhere; margin-bottom: .5rem; }
mark { color: inherit; border-radius: .2rem; padding: 0 .1rem; background: hsl(var(--hue) 75% 55% / .3); }
mark.many { text-decoration: underline double; }
.c0 { --hue: 215; } .c1 { --hue: 30; } .c2 { --hue: 145; } .c3 { --hue: 330; }
.c4 { --hue: 265; } .c5 { --hue: 55; } .c6 { --hue: 185; } .c7 { --hue: 0; }
.negative { color: var(--soft); }
.graph { display: block; width: 100%; height: auto; }
.graph text { font-size: 12px; fill: var(--text); text-anchor: middle; paint-order: stroke;
  stroke: var(--card); stroke-width: 3px; }
.graph text.edge { font-size: 10px; fill: var(--soft); }
.node circle { fill: var(--bar); }
.link path { fill: none; stroke: var(--soft); opacity: .6; }
.graph marker path { fill: var(--soft); stroke: none; }
)css";

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

 private:
  std::map<std::string, int> types_;
  bool typed_ = true;
};

std::string describe(const Entity& entity) {
  std::string out = entity.id + ": " + entity.text;
  if (!entity.type.empty()) out += " (" + entity.type + ")";
  return out;
}

// The text in runs that are covered by the same entities: mentions may nest and cross.
std::string marked_text(const Document& document, const Colours& colours) {
  const std::string& text = document.text;
  std::map<size_t, std::vector<std::pair<size_t, bool>>> events;  // place -> (entity, begins)
  std::set<size_t> stops = {0, text.size()};
  for (size_t e = 0; e < document.entities.size(); ++e) {
    for (const text::ByteRange& mention : document.entities[e].mentions) {
      if (mention.begin >= mention.end || mention.end > text.size()) continue;
      events[mention.begin].push_back({e, true});
      events[mention.end].push_back({e, false});
      stops.insert({mention.begin, mention.end});
    }
  }
  std::multiset<size_t> open;
  std::string out;
  for (auto stop = stops.begin(); std::next(stop) != stops.end(); ++stop) {
    for (const auto& [entity, begins] : events[*stop]) {
      if (begins) {
        open.insert(entity);
      } else {
        open.erase(open.find(entity));
      }
    }
    const std::string run = escape_html(text.substr(*stop, *std::next(stop) - *stop));
    const std::set<size_t> entities(open.begin(), open.end());
    if (entities.empty()) {
      out += run;
      continue;
    }
    std::string title;
    for (const size_t entity : entities) {
      title += (title.empty() ? "" : "\n") + describe(document.entities[entity]);
    }
    out += fmt::format("<mark class=\"c{}{}\" title=\"{}\">{}</mark>",
                       colours.of(document, *entities.begin()), entities.size() > 1 ? " many" : "",
                       escape_html(title), run);
  }
  return out;
}

std::string entity_cell(const Document& document, int index, const Colours& colours) {
  const Entity& entity = document.entities.at(static_cast<size_t>(index));
  return fmt::format("<td><mark class=\"c{}\" title=\"{}\"><bdi>{}</bdi></mark></td>",
                     colours.of(document, static_cast<size_t>(index)),
                     escape_html(describe(entity)), escape_html(entity.text));
}

std::string relation_rows(const Document& document, const data::Schema& schema,
                          const Colours& colours) {
  std::string out;
  for (const data::Relation& relation : document.relations) {
    out += is_negative(schema, relation.type) ? "<tr class=\"negative\">" : "<tr>";
    out += entity_cell(document, relation.head, colours);
    out += fmt::format("<td title=\"{}\"><bdi>{}</bdi></td>", escape_html(relation.type),
                       escape_html(shown_relation(schema, relation.type)));
    out += entity_cell(document, relation.tail, colours);
    out += relation.score ? fmt::format("<td class=\"number\">{:.3f}{}</td>", *relation.score,
                                        html_bar(*relation.score))
                          : "<td class=\"number\">not known</td>";
    out += "</tr>\n";
  }
  return out;
}

std::string article(const Document& document, const data::Schema& schema, const Colours& colours) {
  std::string out = "<article class=\"card document\">\n<h3>" + escape_html(document.id) +
                    "</h3>\n<p class=\"text\" dir=\"auto\">" + marked_text(document, colours) +
                    "</p>\n";
  if (document.relations.empty()) {
    return out + "<p class=\"soft\">No relations found.</p>\n</article>\n";
  }
  out +=
      "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Head</th><th scope=\"col\">"
      "Relation</th><th scope=\"col\">Tail</th><th scope=\"col\" class=\"number\">Probability</th>"
      "</tr></thead>\n<tbody>\n";
  return out + relation_rows(document, schema, colours) + "</tbody>\n</table></div>\n</article>\n";
}

std::string drawing(const std::vector<Document>& documents, const data::Schema& schema, int most) {
  const RelationGraph all = relation_graph(documents, schema);
  if (most <= 0 || all.nodes.empty()) return "";
  const RelationGraph shown = best_connected(all, static_cast<size_t>(most));
  std::string out = "<h2>All together</h2>\n";
  if (shown.nodes.size() < all.nodes.size()) {
    out += fmt::format(
        "<p class=\"soft\">{} of {} related entities: those with the most relations, and their "
        "neighbours</p>\n",
        shown.nodes.size(), all.nodes.size());
  }
  return out + "<div class=\"card\">\n" + graph_svg(shown) + "</div>\n";
}

std::string summary(const std::vector<Document>& documents, const data::Schema& schema) {
  size_t relations = 0, entities = 0;
  for (const Document& document : documents) {
    entities += document.entities.size();
    relations += static_cast<size_t>(
        std::count_if(document.relations.begin(), document.relations.end(),
                      [&](const auto& relation) { return !is_negative(schema, relation.type); }));
  }
  std::string out =
      fmt::format("<p class=\"soft\">Documents: {}. Entities: {}. Relations: {}.</p>\n",
                  documents.size(), entities, relations);
  if (documents.empty() || !documents[0].meta.is_object()) return out;
  const Json& meta = documents[0].meta;
  for (const auto& [key, label] : {std::pair{"extractor", "Extractor"}, {"model", "Model"}}) {
    if (!meta.contains(key) || !meta[key].is_string()) continue;
    out += fmt::format("<p><small>{}: {}</small></p>\n", label,
                       escape_html(meta[key].get<std::string>()));
  }
  return out;
}

}  // namespace

std::string extraction_page(const std::vector<Document>& documents, const data::Schema& schema,
                            const PageOptions& options) {
  const Colours colours(documents);
  std::string body = summary(documents, schema);
  body += drawing(documents, schema, options.graph_entities);
  body += "<h2>Documents</h2>\n";
  for (const Document& document : documents) body += article(document, schema, colours);
  return html_page(options.title, kStyle, body);
}

}  // namespace relata::extract
