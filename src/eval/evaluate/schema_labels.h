// Documents against a stated schema: what it lacks is a slip, of the labels or of the schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/data/schema.h"
#include "relata/eval/metric.h"

namespace relata::eval {

// What of a document's labels a metric compares; relations are always looked at. Kinds of which the
// schema has none are not.
struct LabelKinds {
  bool entities = false, events = false, roles = false;
};
LabelKinds label_kinds(const Metric& metric);

class SchemaLabels {
 public:
  // Borrows the schema, which is that of the file `path`.
  SchemaLabels(const data::Schema& schema, std::string path, const LabelKinds& kinds);

  // Also where the schema has no relations at all.
  bool has_relation(std::string_view label) const;
  // The error of a relation that the schema lacks, with the nearest one that it has.
  Error unknown_relation(const std::string& place, std::string_view label) const;

  // The first label that the schema lacks, as an error; `file` begins it.
  Status check(const std::vector<data::Document>& documents, const std::string& file) const;
  // Leaves out what has such a label: a relation, an entity with its relations and arguments, an
  // event, an argument. How many labels that were.
  size_t drop_unknown(std::vector<data::Document>& documents) const;

 private:
  Error unknown(const std::string& what, std::string_view label,
                const std::vector<std::string>& known) const;
  bool knows_entity(const data::Entity& entity) const;
  bool knows_event(const data::Event& event) const;
  // Null where the roles of the event's type are not looked at.
  const data::EventType* type_with_roles(const data::Event& event) const;
  Status check(const data::Document& document, const std::string& place) const;
  size_t drop_entities(data::Document& document) const;
  size_t drop_events(data::Document& document) const;

  const data::Schema& schema_;
  std::string path_;
  LabelKinds kinds_;
};

}  // namespace relata::eval
