#include "relata/retrieve/passages.h"

#include "relata/retrieve/partitions.h"
#include "relata/text/sentences.h"

namespace relata::retrieve {
namespace {

std::string value_of(const data::Document& document, const std::string& key) {
  if (!has_partition_key(document, key)) return "";
  const Json& value = document.meta[key];
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string partition_of(const data::Document& document, const std::vector<std::string>& keys) {
  if (keys.empty()) return "";
  if (keys.size() == 1) return value_of(document, keys[0]);
  PartitionParts parts;
  for (const std::string& key : keys) parts.emplace_back(key, value_of(document, key));
  return partition_name(parts);
}

}  // namespace

bool has_partition_key(const data::Document& document, const std::string& key) {
  if (!document.meta.is_object()) return false;
  const auto found = document.meta.find(key);
  return found != document.meta.end() && !found->is_null();
}

std::vector<Passage> passages_of(const std::vector<data::Document>& documents,
                                 const PassageOptions& options) {
  std::vector<Passage> out;
  for (const data::Document& document : documents) {
    const std::string partition = partition_of(document, options.partition_keys);
    if (options.unit == PassageUnit::Document) {
      if (!document.text.empty()) out.push_back({document.id, partition, document.text});
      continue;
    }
    const std::vector<text::ByteRange> sentences =
        document.sentences.empty() ? text::split_sentences(document.text) : document.sentences;
    for (size_t i = 0; i < sentences.size(); ++i) {
      const auto [begin, end] = sentences[i];
      if (begin >= end) continue;
      out.push_back({document.id + "#" + std::to_string(i + 1), partition,
                     document.text.substr(begin, end - begin)});
    }
  }
  return out;
}

std::string_view document_of(std::string_view passage, PassageUnit unit) {
  return unit == PassageUnit::Document ? passage : passage.substr(0, passage.rfind('#'));
}

}  // namespace relata::retrieve
