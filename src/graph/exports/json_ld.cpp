// JSON-LD 1.1, with its context inside: nothing is fetched to read it.
#include "exports/exports.h"
#include "exports/rdf.h"
#include "relata/base/json.h"

namespace relata::graph {
namespace {

void write_properties(const std::vector<RdfProperty>& properties, Json& out);

Json value_json(const RdfValue& value) {
  switch (value.kind) {
    case RdfKind::kName:
    case RdfKind::kIri:
      return {{"@id", value.text}};
    case RdfKind::kNumber:
      return {{"@value", value.text}, {"@type", "xsd:double"}};
    case RdfKind::kBlank: {
      Json inner = Json::object();
      write_properties(value.inner, inner);
      return inner;
    }
    case RdfKind::kText:
      break;
  }
  return value.text;
}

void write_properties(const std::vector<RdfProperty>& properties, Json& out) {
  for (const RdfProperty& property : properties) {
    const bool is_type = property.predicate == "rdf:type";
    Json values = Json::array();
    for (const RdfValue& value : property.values) {
      values.push_back(is_type ? Json(value.text) : value_json(value));
    }
    out[is_type ? "@type" : property.predicate] = values.size() == 1 ? values[0] : values;
  }
}

}  // namespace

std::string to_json_ld(const Graph& graph, const std::string& base) {
  Json context = Json::object();
  for (const auto& [name, iri] : kRdfPrefixes) context[std::string(name)] = iri;
  Json resources = Json::array();
  for (const RdfResource& resource : to_rdf(graph, base)) {
    Json& item = resources.emplace_back(Json{{"@id", resource.iri}});
    write_properties(resource.properties, item);
  }
  const Json all = {{"@context", std::move(context)}, {"@graph", std::move(resources)}};
  return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace relata::graph
