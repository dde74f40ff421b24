#include "relata/graph/graph.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "percent.h"
#include "relata/base/hash.h"

namespace relata::graph {
namespace {

using data::Document;
using data::Entity;

const data::RelationType* find_type(const data::Schema& schema, const std::string& id) {
  const int index = schema.find(id);
  return index < 0 ? nullptr : &schema.relation_types[static_cast<size_t>(index)];
}

icu::UnicodeString composed(const icu::UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status)) throw std::logic_error("ICU has no NFC");
  const icu::UnicodeString out = nfc->normalize(text, status);
  return U_FAILURE(status) ? text : out;
}

// NFC with runs of white space as one space and none at the ends.
icu::UnicodeString tidy(std::string_view name) {
  const icu::UnicodeString text = composed(icu::UnicodeString::fromUTF8(
      icu::StringPiece(name.data(), static_cast<int32_t>(name.size()))));
  icu::UnicodeString out;
  bool space = false;
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    if (u_isUWhiteSpace(c)) {
      space = true;
      continue;
    }
    if (space && !out.isEmpty()) out.append(u' ');
    space = false;
    out.append(c);
  }
  return out;
}

std::string utf8_of(const icu::UnicodeString& text) {
  std::string out;
  return text.toUTF8String(out);
}

std::string shown_name(std::string_view name) { return utf8_of(tidy(name)); }

std::vector<Span> spans_of(const std::vector<text::ByteRange>& ranges,
                           const text::OffsetMap& offsets) {
  std::vector<Span> out;
  for (const text::ByteRange& range : ranges) {
    out.push_back({offsets.to_code_point(range.begin), offsets.to_code_point(range.end)});
  }
  return out;
}

const Entity& entity_at(const Document& document, int index) {
  return document.entities.at(static_cast<size_t>(index));
}

}  // namespace

std::string normal_name(std::string_view name, bool match_case) {
  icu::UnicodeString text = tidy(name);
  if (!match_case) text = composed(text.foldCase());
  return utf8_of(text);
}

GraphBuilder::GraphBuilder(data::Schema schema, GraphOptions options)
    : schema_(std::move(schema)), options_(options) {}

// The number is this graph's own: another may have given the same text another one, or none.
size_t GraphBuilder::source_of(const std::string& stated_id, const std::string& sha256) {
  const auto [place, fresh] = sources_.try_emplace({stated_id, sha256}, graph_.documents.size());
  if (!fresh) return place->second;
  std::string id = stated_id;
  for (size_t number = 2; !source_ids_.insert(id).second; ++number) {
    id = stated_id + "#" + std::to_string(number);
  }
  graph_.documents.push_back({id, sha256, stated_id});
  return place->second;
}

std::optional<size_t> GraphBuilder::node_of(const std::string& name, const std::string& type) {
  const std::string normal = normal_name(name, options_.match_case);
  if (normal.empty()) return std::nullopt;
  const std::string id = node_id(type, normal);
  const auto [place, fresh] = nodes_.try_emplace(id, graph_.nodes.size());
  if (fresh) {
    graph_.nodes.push_back({id, shown_name(name), type, {}});
    names_.emplace_back();
    linked_.push_back(options_.all_entities);
  }
  add_name(place->second, name);
  return place->second;
}

void GraphBuilder::add_name(size_t node, const std::string& name) {
  std::string shown = shown_name(name);
  if (!shown.empty() && shown != graph_.nodes[node].name) names_[node].insert(std::move(shown));
}

size_t GraphBuilder::type_of(const std::string& id, const std::string& name) {
  const auto [place, fresh] = types_.try_emplace(id, graph_.types.size());
  if (fresh) graph_.types.push_back({id, name.empty() ? id : name});
  return place->second;
}

void GraphBuilder::add_sighting(size_t head, size_t type, size_t tail, Sighting sighting) {
  const auto [place, fresh] = links_.try_emplace({{head, type}, tail}, graph_.links.size());
  if (fresh) graph_.links.push_back({head, tail, type, std::nullopt, {}});
  Link& link = graph_.links[place->second];
  std::vector<size_t>& known = sightings_[{place->second, sighting.document}];
  if (std::any_of(known.begin(), known.end(),
                  [&](size_t other) { return link.sightings[other] == sighting; })) {
    return;
  }
  known.push_back(link.sightings.size());
  if (sighting.score && (!link.score || *sighting.score > *link.score)) link.score = sighting.score;
  link.sightings.push_back(std::move(sighting));
  linked_[head] = linked_[tail] = true;
}

bool GraphBuilder::is_wanted(const std::string& type, const std::optional<double>& score) {
  const data::RelationType* known = find_type(schema_, type);
  if (known && known->negative) {
    ++left_out_.negative;
    return false;
  }
  if (score && *score < options_.min_score) {
    ++left_out_.unlikely;
    return false;
  }
  return true;
}

void GraphBuilder::add(const Document& document) {
  const size_t source = source_of(document.id, sha256_hex(document.text));
  const text::OffsetMap offsets(document.text);
  if (options_.all_entities) {
    for (const Entity& entity : document.entities) node_of(entity.text, entity.type);
  }
  for (const data::Relation& relation : document.relations) {
    if (is_wanted(relation.type, relation.score)) {
      add_relation(document, relation, source, offsets);
    }
  }
}

void GraphBuilder::add_relation(const Document& document, const data::Relation& relation,
                                size_t source, const text::OffsetMap& offsets) {
  const Entity& head = entity_at(document, relation.head);
  const Entity& tail = entity_at(document, relation.tail);
  const std::optional<size_t> head_node = node_of(head.text, head.type);
  const std::optional<size_t> tail_node = node_of(tail.text, tail.type);
  if (!head_node || !tail_node) {
    ++left_out_.unnamed;
    return;
  }
  for (const auto& [entity, node] : {std::pair{&head, *head_node}, {&tail, *tail_node}}) {
    for (const text::ByteRange& mention : entity->mentions) {
      add_name(node, document.text.substr(mention.begin, mention.end - mention.begin));
    }
  }
  Sighting sighting{source,
                    relation.score,
                    spans_of(head.mentions, offsets),
                    spans_of(tail.mentions, offsets),
                    {}};
  for (const text::ByteRange& range : relation.evidence) {
    sighting.evidence.push_back(
        {{offsets.to_code_point(range.begin), offsets.to_code_point(range.end)},
         document.text.substr(range.begin, range.end - range.begin)});
  }
  const data::RelationType* known = find_type(schema_, relation.type);
  const size_t type = type_of(relation.type, known ? known->name : "");
  add_sighting(*head_node, type, *tail_node, std::move(sighting));
}

void GraphBuilder::add(const Graph& graph) {
  std::vector<size_t> sources;
  for (const Source& source : graph.documents) {
    sources.push_back(source_of(source.stated_id, source.sha256));
  }
  std::vector<size_t> nodes;
  for (const Node& node : graph.nodes) {
    const std::optional<size_t> place = node_of(node.name, node.type);
    if (!place) throw std::logic_error("a graph's node without a name");
    for (const std::string& name : node.names) add_name(*place, name);
    nodes.push_back(*place);
  }
  for (const Link& link : graph.links) {
    const LinkType& type = graph.types[link.type];
    const data::RelationType* known = find_type(schema_, type.id);
    for (const Sighting& sighting : link.sightings) {
      if (!is_wanted(type.id, sighting.score)) continue;
      Sighting here = sighting;
      here.document = sources[sighting.document];
      add_sighting(nodes[link.head], type_of(type.id, known ? known->name : type.name),
                   nodes[link.tail], std::move(here));
    }
  }
}

Graph GraphBuilder::finish() {
  Graph out;
  out.documents = graph_.documents;
  out.types = graph_.types;
  std::vector<size_t> places(graph_.nodes.size());
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (!linked_[i]) continue;
    places[i] = out.nodes.size();
    Node& node = out.nodes.emplace_back(graph_.nodes[i]);
    node.names.assign(names_[i].begin(), names_[i].end());
  }
  for (const Link& link : graph_.links) {
    Link& copy = out.links.emplace_back(link);
    copy.head = places[link.head];
    copy.tail = places[link.tail];
  }
  return out;
}

}  // namespace relata::graph
