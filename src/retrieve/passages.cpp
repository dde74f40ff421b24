#include "relata/retrieve/passages.h"

#include "relata/text/sentences.h"

namespace relata::retrieve {
namespace {

std::string partition_of(const data::Document& document, const std::string& key) {
  if (key.empty() || !document.meta.is_object()) return "";
  const auto found = document.meta.find(key);
  if (found == document.meta.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace

std::vector<Passage> passages_of(const std::vector<data::Document>& documents,
                                 const PassageOptions& options) {
  std::vector<Passage> out;
  for (const data::Document& document : documents) {
    const std::string partition = partition_of(document, options.partition_key);
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

}  // namespace relata::retrieve
