#include "exports/rdf.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "exports/exports.h"
#include "percent.h"
#include "relata/base/hash.h"

namespace relata::graph {
namespace {

RdfValue named(std::string name) { return {RdfKind::kName, std::move(name), {}}; }
RdfValue iri(std::string text) { return {RdfKind::kIri, std::move(text), {}}; }
RdfValue literal(std::string text) { return {RdfKind::kText, std::move(text), {}}; }
RdfValue number(double value) { return {RdfKind::kNumber, number_text(value), {}}; }

RdfProperty property(std::string name, std::vector<RdfValue> values) {
  return {RdfKind::kName, std::move(name), std::move(values)};
}

class RdfGraph {
 public:
  RdfGraph(const Graph& graph, const std::string& base) : graph_(graph), base_(base) {
    std::map<std::string, int> names;
    for (const LinkType& type : graph.types) {
      ++names[type.name];
      if (type.id != type.name) ++names[type.id];
    }
    for (const LinkType& type : graph.types) {
      // Readable where no other relation is called so, by name or id.
      const std::string& name = names[type.name] == 1 ? type.name : type.id;
      relations_.push_back(base_ + "relation/" + percent_encoded(name));
    }
  }

  std::vector<RdfResource> all() {
    for (size_t i = 0; i < graph_.types.size(); ++i) add_relation(i);
    add_classes();
    for (const Source& source : graph_.documents) {
      out_.push_back({document_iri(source),
                      {property("rdf:type", {named("prov:Entity")}),
                       property("rdfs:label", {literal(source.id)}),
                       property("relata:sha256", {literal(source.sha256)})}});
    }
    add_nodes();
    for (const Link& link : graph_.links) add_statement(link);
    add_quotes();
    return std::move(out_);
  }

 private:
  std::string document_iri(const Source& source) const {
    return base_ + "document/" + percent_encoded(source.id);
  }
  std::string node_iri(size_t node) const { return base_ + "entity/" + graph_.nodes[node].id; }
  std::string class_iri(const std::string& type) const {
    return base_ + "type/" + percent_encoded(type);
  }
  std::string place_iri(size_t document, const Span& span) const {
    return fmt::format("{}#char={},{}", document_iri(graph_.documents[document]), span.begin,
                       span.end);
  }

  void add_relation(size_t index) {
    const LinkType& type = graph_.types[index];
    RdfResource& resource = out_.emplace_back();
    resource.iri = relations_[index];
    resource.properties = {property("rdf:type", {named("rdf:Property")}),
                           property("rdfs:label", {literal(type.name)}),
                           property("dcterms:identifier", {literal(type.id)})};
    if (is_wikidata_property(type.id)) {
      resource.properties.push_back(
          property("skos:exactMatch", {iri("http://www.wikidata.org/entity/" + type.id)}));
    }
  }

  void add_classes() {
    std::map<std::string, bool> seen;
    for (const Node& node : graph_.nodes) {
      if (node.type.empty() || !seen.try_emplace(node.type, true).second) continue;
      out_.push_back({class_iri(node.type),
                      {property("rdf:type", {named("rdfs:Class")}),
                       property("rdfs:label", {literal(node.type)})}});
    }
  }

  void add_nodes() {
    const size_t first = out_.size();
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      RdfResource& resource = out_.emplace_back();
      resource.iri = node_iri(i);
      if (!node.type.empty()) {
        resource.properties.push_back(property("rdf:type", {iri(class_iri(node.type))}));
      }
      resource.properties.push_back(property("rdfs:label", {literal(node.name)}));
      if (node.names.empty()) continue;
      std::vector<RdfValue> names;
      for (const std::string& name : node.names) names.push_back(literal(name));
      resource.properties.push_back(property("skos:altLabel", std::move(names)));
    }
    for (const Link& link : graph_.links) {
      std::vector<RdfProperty>& properties = out_[first + link.head].properties;
      const std::string& predicate = relations_[link.type];
      auto place =
          std::find_if(properties.begin(), properties.end(), [&](const RdfProperty& known) {
            return known.kind == RdfKind::kIri && known.predicate == predicate;
          });
      if (place == properties.end()) {
        place = properties.insert(place, {RdfKind::kIri, predicate, {}});
      }
      place->values.push_back(iri(node_iri(link.tail)));
    }
  }

  std::string statement_iri(const Link& link) const {
    constexpr size_t kDigits = 32;  // 128 bits
    const std::string key = graph_.nodes[link.head].id + "\n" + graph_.types[link.type].id + "\n" +
                            graph_.nodes[link.tail].id;
    return base_ + "fact/" + sha256_hex(key).substr(0, kDigits);
  }

  std::vector<RdfValue> places(size_t document, const std::vector<Span>& spans) const {
    std::vector<RdfValue> out;
    for (const Span& span : spans) out.push_back(iri(place_iri(document, span)));
    return out;
  }

  RdfValue sighting_value(const Sighting& sighting) {
    const auto source = iri(document_iri(graph_.documents[sighting.document]));
    std::vector<RdfProperty> inner = {property("rdf:type", {named("relata:Sighting")}),
                                      property("prov:wasDerivedFrom", {source})};
    if (sighting.score) inner.push_back(property("relata:probability", {number(*sighting.score)}));
    const auto add = [&](const char* name, std::vector<RdfValue> values) {
      if (!values.empty()) inner.push_back(property(name, std::move(values)));
    };
    add("relata:headMention", places(sighting.document, sighting.head));
    add("relata:tailMention", places(sighting.document, sighting.tail));
    std::vector<RdfValue> evidence;
    for (const Quote& quote : sighting.evidence) {
      std::string place = place_iri(sighting.document, quote.span);
      quotes_.try_emplace(place, quote.text);
      evidence.push_back(iri(std::move(place)));
    }
    add("relata:evidence", std::move(evidence));
    return {RdfKind::kBlank, "", std::move(inner)};
  }

  void add_statement(const Link& link) {
    RdfResource& resource = out_.emplace_back();
    resource.iri = statement_iri(link);
    resource.properties = {property("rdf:type", {named("rdf:Statement")}),
                           property("rdf:subject", {iri(node_iri(link.head))}),
                           property("rdf:predicate", {iri(relations_[link.type])}),
                           property("rdf:object", {iri(node_iri(link.tail))})};
    if (link.score) {
      resource.properties.push_back(property("relata:probability", {number(*link.score)}));
    }
    std::vector<RdfValue> sightings;
    for (const Sighting& sighting : link.sightings) sightings.push_back(sighting_value(sighting));
    resource.properties.push_back(property("relata:sighting", std::move(sightings)));
  }

  void add_quotes() {
    for (const auto& [place, quote] : quotes_) {
      out_.push_back({place, {property("rdf:value", {literal(quote)})}});
    }
  }

  const Graph& graph_;
  const std::string& base_;
  std::vector<std::string> relations_;         // IRIs
  std::map<std::string, std::string> quotes_;  // by place
  std::vector<RdfResource> out_;
};

}  // namespace

std::vector<RdfResource> to_rdf(const Graph& graph, const std::string& base) {
  return RdfGraph(graph, base).all();
}

}  // namespace relata::graph
