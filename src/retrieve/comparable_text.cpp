#include "comparable_text.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <limits>

#include "icu_check.h"
#include "relata/base/input_failure.h"

namespace relata::retrieve {
namespace {

bool belongs_to_words(UChar32 c) {
  return u_isalnum(c) || (U_GET_GC_MASK(c) & (U_GC_M_MASK | U_GC_N_MASK)) != 0;
}

}  // namespace

std::string comparable_text(std::string_view text) {
  // ICU counts in 32 bits, and compatibility forms are longer than what they stand for.
  constexpr size_t kMostBytes = std::numeric_limits<int32_t>::max() / 32;
  if (text.size() > kMostBytes) {
    throw InputFailure("a text of " + std::to_string(text.size()) +
                       " bytes is too long to be searched as one; cut it into documents");
  }
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFKCCasefoldInstance(code);
  require_icu(code, "load its normalisation tables");
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(text.size()));
  normalizer->normalizeUTF8(0, {text.data(), static_cast<int32_t>(text.size())}, sink, nullptr,
                            code);
  require_icu(code, "normalise a text");
  return out;
}

std::string letters_of(std::string_view text) {
  std::string whole = comparable_text(text);
  std::string out;
  out.reserve(whole.size());
  const auto length = static_cast<int32_t>(whole.size());
  for (int32_t at = 0; at < length;) {
    const int32_t begin = at;
    UChar32 c = 0;
    U8_NEXT(whole.data(), at, length, c);
    if (c >= 0 && belongs_to_words(c)) out.append(whole, begin, at - begin);
  }
  return out.empty() ? whole : out;
}

}  // namespace relata::retrieve
