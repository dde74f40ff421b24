#include "relata/text/closing.h"

#include <utility>

namespace relata::text {

int32_t closing_id(const Tokenizer& tokenizer) {
  const std::vector<int32_t> framed = tokenizer.encode_ids("a", true);
  const std::vector<int32_t> plain = tokenizer.encode_ids("a", false);
  if (framed.empty() || (!plain.empty() && framed.back() == plain.back())) return -1;
  return framed.back();
}

std::vector<int32_t> closed(std::vector<int32_t> ids, int32_t closing) {
  if (closing >= 0 && (ids.empty() || ids.back() != closing)) ids.push_back(closing);
  return ids;
}

}  // namespace relata::text
