#include "data/data_split.h"

#include <fmt/format.h>

#include <map>
#include <numeric>
#include <random>
#include <sstream>

#include "relata/base/fields.h"

namespace relata::app {
namespace {

int find_root(std::vector<int>& parents, int node) {
  while (parents[node] != node) {
    parents[node] = parents[parents[node]];
    node = parents[node];
  }
  return node;
}

std::vector<std::string> group_keys(const data::Document& document, const std::string& by) {
  std::vector<std::string> keys;
  if (by == "document") return keys;
  keys.push_back("text:" + document.text);
  if (by == "head") {
    for (const data::Relation& relation : document.relations) {
      keys.push_back("head:" + document.entities[relation.head].text);
    }
  }
  return keys;
}

// Lists of document indices that must stay together, in order of their first document.
std::vector<std::vector<int>> group_documents(const std::vector<data::Document>& documents,
                                              const std::string& by) {
  std::vector<int> parents(documents.size());
  std::iota(parents.begin(), parents.end(), 0);
  std::map<std::string, int> first_with_key;
  for (size_t i = 0; i < documents.size(); ++i) {
    for (const std::string& key : group_keys(documents[i], by)) {
      const int document = static_cast<int>(i);
      const int other = first_with_key.try_emplace(key, document).first->second;
      parents[find_root(parents, document)] = find_root(parents, other);
    }
  }
  std::vector<std::vector<int>> groups;
  std::map<int, size_t> group_of_root;
  for (size_t i = 0; i < documents.size(); ++i) {
    const int document = static_cast<int>(i);
    const auto [entry, added] =
        group_of_root.try_emplace(find_root(parents, document), groups.size());
    if (added) groups.emplace_back();
    groups[entry->second].push_back(document);
  }
  return groups;
}

// std::shuffle may differ between standard libraries; a split must not.
void shuffle(std::vector<std::vector<int>>& groups, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (size_t i = groups.size(); i > 1; --i) std::swap(groups[i - 1], groups[random() % i]);
}

size_t emptiest_part(const std::vector<SplitPart>& parts, const std::vector<size_t>& sizes) {
  size_t best = 0;
  for (size_t i = 1; i < parts.size(); ++i) {
    const double fill = (static_cast<double>(sizes[i]) + 1) / parts[i].share;
    if (fill < (static_cast<double>(sizes[best]) + 1) / parts[best].share) best = i;
  }
  return best;
}

}  // namespace

Result<std::vector<SplitPart>> parse_split_parts(const std::string& text) {
  std::vector<SplitPart> parts;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const size_t equals = word.find('=');
    char* end = nullptr;
    const std::string number = equals == std::string::npos ? "" : word.substr(equals + 1);
    const double share = std::strtod(number.c_str(), &end);
    const std::string name = word.substr(0, equals);
    if (number.empty() || *end != '\0' || !NumberRange::above(0).holds(share) || name.empty() ||
        name.find('/') != std::string::npos) {
      return usage_error(fmt::format("--parts: '{}' is not NAME=SHARE", word),
                         "write for example --parts train=0.8,dev=0.1,test=0.1");
    }
    for (const SplitPart& part : parts) {
      if (part.name == name) return usage_error(fmt::format("--parts: '{}' stands twice", name));
    }
    parts.push_back({name, share});
  }
  if (parts.size() < 2) return usage_error("--parts: at least two parts are needed");
  constexpr double kRounding = 1e-9;  // 0.7 + 0.2 + 0.1 need not be 1
  const double sum =
      std::accumulate(parts.begin(), parts.end(), 0.0,
                      [](double shares, const SplitPart& part) { return shares + part.share; });
  if (sum > 1 + kRounding) {
    return usage_error(fmt::format("--parts: the shares sum to {:g}, which is more than 1", sum),
                       "write for example --parts train=0.8,dev=0.1,test=0.1");
  }
  return parts;
}

std::vector<int> split_documents(const std::vector<data::Document>& documents,
                                 const std::vector<SplitPart>& parts, const std::string& by,
                                 uint64_t seed) {
  std::vector<std::vector<int>> groups = group_documents(documents, by);
  shuffle(groups, seed);
  // Large groups first, while every part still has room for them.
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::vector<size_t> sizes(parts.size(), 0);
  std::vector<int> part_of(documents.size(), 0);
  for (const std::vector<int>& group : groups) {
    const size_t part = emptiest_part(parts, sizes);
    sizes[part] += group.size();
    for (const int document : group) part_of[document] = static_cast<int>(part);
  }
  return part_of;
}

}  // namespace relata::app
