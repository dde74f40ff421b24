#include "relata/retrieve/partitions.h"

namespace relata::retrieve {
namespace {

void add_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == ',' || c == '=' || c == '\\') out += '\\';
    out += c;
  }
}

}  // namespace

std::string partition_name(const PartitionParts& parts) {
  std::string out;
  for (const auto& [key, value] : parts) {
    if (!out.empty()) out += ',';
    add_escaped(out, key);
    out += '=';
    add_escaped(out, value);
  }
  return out;
}

std::optional<PartitionParts> partition_parts(std::string_view name) {
  PartitionParts out(1);
  bool in_value = false;
  for (size_t i = 0; i < name.size(); ++i) {
    std::string& text = in_value ? out.back().second : out.back().first;
    if (name[i] == '\\' && i + 1 < name.size()) {
      text += name[++i];
    } else if (name[i] == '=' && !in_value) {
      in_value = true;
    } else if (name[i] == ',') {
      if (!in_value) return std::nullopt;
      in_value = false;
      out.emplace_back();
    } else {
      text += name[i];
    }
  }
  if (!in_value) return std::nullopt;
  return out;
}

}  // namespace relata::retrieve
