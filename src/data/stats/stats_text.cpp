#include <fmt/format.h>

#include "relata/base/visible_text.h"
#include "relata/data/stats.h"

namespace relata::data {
namespace {

constexpr size_t kLabelsShown = 40;

std::string shown(const Json& value) {
  if (value.is_number_float()) return fmt::format("{:.1f}", value.get<double>());
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string words(std::string key) {
  for (char& c : key) c = c == '_' ? ' ' : c;
  return key;
}

void append_counts(const Json& picture, std::string& out) {
  for (const auto& [key, value] : picture.items()) {
    if (!value.is_structured() && !value.is_null()) {
      out += fmt::format("{}: {}\n", words(key), shown(value));
    }
  }
}

void append_summaries(const Json& picture, std::string& out) {
  out += fmt::format("\n{:<26}{:>8}{:>10}{:>8}{:>8}{:>8}{:>8}{:>8}\n", "", "min", "mean", "p25",
                     "median", "p75", "p95", "max");
  for (const auto& [key, value] : picture.items()) {
    if (!value.is_object() || !value.contains("histogram")) continue;
    out +=
        fmt::format("{:<26}{:>8}{:>10}{:>8}{:>8}{:>8}{:>8}{:>8}\n", words(key), shown(value["min"]),
                    shown(value["mean"]), shown(value["p25"]), shown(value["median"]),
                    shown(value["p75"]), shown(value["p95"]), shown(value["max"]));
  }
}

void append_labels(const Json& picture, const char* key, std::string& out) {
  const Json& table = picture.at(key);
  if (table.empty()) return;
  out += fmt::format("\n{} ({}):\n", words(key), table.size());
  size_t number = 0;
  for (const auto& [label, count] : table.items()) {
    if (number++ == kLabelsShown) {
      out += fmt::format("  ... and {} more, see --json\n", table.size() - kLabelsShown);
      break;
    }
    out += fmt::format("  {:>8}  {}\n", shown(count), label);
  }
}

void append_examples(const Json& examples, std::string& out) {
  for (const Json& example : examples) out += fmt::format("  for example {}\n", shown(example));
}

void append_problems(const Json& picture, std::string& out) {
  const Json& duplicates = picture.at("duplicates");
  out += fmt::format("\nduplicates: {} documents whose text came before, {} pairs stated again\n",
                     shown(duplicates["documents"]), shown(duplicates["pairs_stated_again"]));
  append_examples(duplicates["examples"], out);
  const Json& contradictions = picture.at("contradictions");
  out += fmt::format(
      "contradictions: {} pairs with a negative and another label, {} with different labels in two "
      "places\n",
      shown(contradictions["negative_and_other_label"]), shown(contradictions["different_labels"]));
  append_examples(contradictions["examples"], out);
}

std::string share(const Json& value) {
  return fmt::format("{} of {} ({:.1f} %)", shown(value["shared"]), shown(value["of"]),
                     100 * value["share"].get<double>());
}

void append_overlap(const Json& overlap, std::string& out) {
  for (const Json& item : overlap) {
    out += fmt::format("\nof {}, also in {}:\n", shown(item["of"]), shown(item["in"]));
    for (const char* key : {"texts", "entity_names", "pairs", "triples"}) {
      out += fmt::format("  {}: {}\n", words(key), share(item[key]));
    }
    if (!item["labels_only_here"].empty()) {
      out += fmt::format("  labels that {} has not: {}\n", shown(item["in"]),
                         shown(item["labels_only_here"]));
    }
  }
}

}  // namespace

std::string picture_text(const Json& picture) {
  std::string out;
  append_counts(picture, out);
  append_summaries(picture, out);
  for (const char* key : {"entity_types", "relation_types", "event_types", "roles"}) {
    append_labels(picture, key, out);
  }
  append_problems(picture, out);
  if (picture.contains("parts")) {
    for (const auto& [name, part] : picture.at("parts").items()) {
      out += fmt::format("\n== {}\n", name);
      append_counts(part, out);
    }
  }
  if (picture.contains("overlap")) append_overlap(picture.at("overlap"), out);
  return visible_text(out);  // labels and names may hold what a terminal obeys
}

}  // namespace relata::data
