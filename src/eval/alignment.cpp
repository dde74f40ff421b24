#include "alignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace relata::eval {
namespace {

using data::Document;

constexpr size_t kNamedInErrors = 3;

bool same_ids_in_order(const std::vector<Document>& gold, const std::vector<Document>& predicted) {
  return std::equal(
      gold.begin(), gold.end(), predicted.begin(), predicted.end(),
      [](const Document& a, const Document& b) { return !a.id.empty() && a.id == b.id; });
}

Result<std::vector<int>> match_by_position(const std::vector<Document>& gold,
                                           const std::vector<Document>& predicted) {
  if (gold.size() != predicted.size()) {
    return input_error(fmt::format("no predicted document has an id of the gold documents, and "
                                   "there are {} predicted ones for {} gold ones",
                                   predicted.size(), gold.size()),
                       "give the predictions the gold documents' ids, or predict all in order");
  }
  std::vector<int> places;
  for (size_t i = 0; i < gold.size(); ++i) {
    if (!predicted[i].text.empty() && predicted[i].text != gold[i].text) {
      return input_error(
          fmt::format("predicted document {} ('{}') has another text than gold document '{}'",
                      i + 1, document_name(predicted[i], i), document_name(gold[i], i)),
          "no ids match, so documents are taken in order; give them the gold documents' ids");
    }
    places.push_back(static_cast<int>(i));
  }
  return places;
}

}  // namespace

std::string name_some(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamedInErrors); ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  if (names.size() > kNamedInErrors) {
    text += fmt::format(" and {} more", names.size() - kNamedInErrors);
  }
  return text;
}

std::string document_name(const Document& document, size_t index) {
  return document.id.empty() ? fmt::format("document {}", index + 1) : document.id;
}

Error another_text(const Document& predicted, size_t index) {
  return input_error(fmt::format("predicted document '{}' has another text than gold",
                                 document_name(predicted, index)),
                     "offsets can only be compared in the same text");
}

namespace {

Result<std::vector<int>> match_by_id(const std::vector<Document>& gold,
                                     const std::vector<Document>& predicted) {
  std::vector<int> places;
  if (same_ids_in_order(gold, predicted)) {
    for (size_t i = 0; i < gold.size(); ++i) places.push_back(static_cast<int>(i));
    return places;
  }
  std::map<std::string, int> by_id;
  std::set<std::string> repeated;
  for (size_t i = 0; i < gold.size(); ++i) {
    if (gold[i].id.empty()) continue;
    if (!by_id.try_emplace(gold[i].id, static_cast<int>(i)).second) repeated.insert(gold[i].id);
  }
  std::vector<std::string> strangers;
  std::set<std::string> answered;
  for (size_t i = 0; i < predicted.size(); ++i) {
    const auto place = by_id.find(predicted[i].id);
    if (place == by_id.end()) {
      strangers.push_back(document_name(predicted[i], i));
    } else {
      places.push_back(place->second);
      if (repeated.contains(predicted[i].id)) {
        return input_error("several gold documents have the id '" + predicted[i].id + "'",
                           "give every gold document its own id");
      }
      if (!answered.insert(predicted[i].id).second) {
        return input_error("several predicted documents have the id '" + predicted[i].id + "'",
                           "answer every document once");
      }
    }
  }
  if (places.empty()) return match_by_position(gold, predicted);
  if (!strangers.empty()) {
    return input_error("predicted documents that are not in gold: " + name_some(strangers),
                       "evaluate against the gold file that the predictions were made for");
  }
  return places;
}

}  // namespace

Result<std::vector<int>> match_documents(const std::vector<Document>& gold,
                                         const std::vector<Document>& predicted) {
  if (predicted.empty()) return std::vector<int>();
  RELATA_TRY(std::vector<int> places, match_by_id(gold, predicted));
  for (size_t i = 0; i < predicted.size(); ++i) {
    const std::string& text = gold[places[i]].text;
    if (text.empty() || predicted[i].text.empty() || predicted[i].text == text) continue;
    return another_text(predicted[i], i);
  }
  return places;
}

}  // namespace relata::eval
