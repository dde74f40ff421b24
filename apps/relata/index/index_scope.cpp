#include "index/index_scope.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>

#include "relata/retrieve/partitions.h"

namespace relata::app {
namespace {

using retrieve::Bm25Index;
using retrieve::PartitionParts;
using Names = std::set<std::string>;

Names matching(const Bm25Index& index, const std::vector<std::string>& names) {
  const auto partitions = index.partition_sizes();
  if (names.size() == 1 && partitions.contains(names[0])) return {names[0]};
  PartitionParts wanted;
  for (const std::string& name : names) {
    const auto parts = retrieve::partition_parts(name);
    if (!parts) return {};
    wanted.insert(wanted.end(), parts->begin(), parts->end());
  }
  Names out;
  for (const auto& [name, size] : partitions) {
    const auto own = retrieve::partition_parts(name);
    const bool has_all = own && std::all_of(wanted.begin(), wanted.end(), [&](const auto& part) {
                           return std::find(own->begin(), own->end(), part) != own->end();
                         });
    if (has_all) out.insert(name);
  }
  return out;
}

}  // namespace

Result<IndexScope> scope_of(const Bm25Index& index, const std::string& index_name,
                            const std::vector<std::string>& names) {
  IndexScope out;
  if (names.empty()) return out;
  const Names chosen = matching(index, names);
  if (chosen.empty()) {
    return usage_error(fmt::format("{}: has no partition '{}'", index_name, fmt::join(names, ",")),
                       fmt::format("`relata index stats {}` lists them", index_name));
  }
  if (chosen.size() == 1) {
    out.options.partition = *chosen.begin();
    return out;
  }
  out.several = true;
  const auto is_within = std::make_shared<std::vector<bool>>(index.size());
  for (size_t i = 0; i < index.size(); ++i) {
    if (!chosen.contains(index.passage(i).partition)) continue;
    (*is_within)[i] = true;
    out.passages.push_back(i);
  }
  out.options.skip = [is_within](size_t passage) { return !(*is_within)[passage]; };
  return out;
}

}  // namespace relata::app
