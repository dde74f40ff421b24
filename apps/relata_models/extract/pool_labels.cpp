#include "extract/pool_labels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "io/command_io.h"
#include "relata/base/log.h"
#include "relata/data/type_ids.h"

namespace relata::app {
namespace {

using data::type_with_id;
using retrieve::IeTask;

// Labels of a task in the documents.
class Stated {
 public:
  explicit Stated(const data::Schema& schema) : schema_(schema) {}
  int64_t known() const { return known_; }
  const std::map<std::string, int64_t>& unknown() const { return unknown_; }

  void add(const data::Document& document, IeTask task) {
    switch (task) {
      case IeTask::kNer:
        for (const data::Entity& entity : document.entities) {
          count(entity.type, type_with_id(schema_.entity_types, entity.type) != nullptr);
        }
        break;
      case IeTask::kRe:
        for (const data::Relation& relation : document.relations) add_relation(relation.type);
        break;
      case IeTask::kEd:
      case IeTask::kEae:
        for (const data::Event& event : document.events) add_event(event, task);
    }
  }

 private:
  // A negative label is no answer, and none is missed where the schema lacks it.
  void add_relation(const std::string& type) {
    if (!schema_.is_negative(type)) count(type, schema_.find(type) >= 0);
  }
  void add_event(const data::Event& event, IeTask task) {
    const data::EventType* type = type_with_id(schema_.event_types, event.type);
    if (task == IeTask::kEd || type == nullptr) {
      count(event.type, type != nullptr);
      return;
    }
    for (const data::Argument& argument : event.arguments) {
      count(argument.role, type_with_id(type->roles, argument.role) != nullptr);
    }
  }
  void count(const std::string& label, bool is_known) {
    if (is_known) {
      ++known_;
    } else if (!label.empty()) {
      ++unknown_[label];
    }
  }

  const data::Schema& schema_;
  int64_t known_ = 0;
  std::map<std::string, int64_t> unknown_;
};

}  // namespace

std::string label_list(const std::map<std::string, int64_t>& counts) {
  constexpr size_t kShown = 5;
  std::string out;
  size_t shown = 0;
  for (const auto& [label, count] : counts) {
    if (shown++ == kShown) break;
    out += fmt::format("{}'{}'", out.empty() ? "" : ", ", label);
  }
  if (counts.size() > kShown) out += fmt::format(" and {} more", counts.size() - kShown);
  return out;
}

Status check_pool_labels(const std::vector<data::Document>& documents, const data::Schema& schema,
                         const std::vector<IeTask>& tasks, const std::string& pool) {
  std::vector<std::string> without;  // tasks of which nothing is stated
  std::map<std::string, int64_t> unknown;
  for (const IeTask task : tasks) {
    Stated stated(schema);
    for (const data::Document& document : documents) stated.add(document, task);
    if (stated.known() == 0) without.push_back(retrieve::ie_task_name(task));
    for (const auto& [label, count] : stated.unknown()) {
      unknown[label] = std::max(unknown[label], count);  // ed and eae name the same types
    }
  }
  if (!unknown.empty()) {
    log_warning(
        fmt::format("{}: examples are shown without the {} {}, which the schema does not "
                    "have",
                    pool, unknown.size() == 1 ? "label" : "labels", label_list(unknown)));
  }
  const std::string names = fmt::format("{}", fmt::join(without, ", "));
  if (!tasks.empty() && without.size() == tasks.size()) {
    return input_error(fmt::format("{}: none of the pool's {} has an example: a label of the "
                                   "schema, of {}",
                                   pool, counted(documents.size(), "document"), names),
                       "examples are shown with their answers; give labelled documents, or a "
                       "schema with their labels");
  }
  if (!without.empty()) {
    log_warning(
        fmt::format("{}: states nothing of {}: all examples of it say that there is "
                    "nothing",
                    pool, names));
  }
  return {};
}

}  // namespace relata::app
