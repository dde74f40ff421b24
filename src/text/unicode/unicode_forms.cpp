#include "unicode_forms.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <stdexcept>

#include "hf/stages/transform.h"

namespace relata::text {
namespace {

const icu::Normalizer2& icu_form(UnicodeForm form) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* found = nullptr;
  switch (form) {
    case UnicodeForm::kNfc:
      found = icu::Normalizer2::getNFCInstance(code);
      break;
    case UnicodeForm::kNfd:
      found = icu::Normalizer2::getNFDInstance(code);
      break;
    case UnicodeForm::kNfkc:
      found = icu::Normalizer2::getNFKCInstance(code);
      break;
    case UnicodeForm::kNfkd:
      found = icu::Normalizer2::getNFKDInstance(code);
      break;
  }
  if (U_FAILURE(code)) throw std::runtime_error(std::string("ICU: ") + u_errorName(code));
  return *found;
}

bool is_normalized(const icu::Normalizer2& form, std::string_view text) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::StringPiece piece(text.data(), static_cast<int32_t>(text.size()));
  return text.size() < (1U << 30) && form.isNormalizedUTF8(piece, code) != 0 && U_SUCCESS(code);
}

int combining_class(char32_t c) {
  if (c < 0x300 || !is_known_to_unicode_9(c)) return 0;
  return u_getCombiningClass(static_cast<UChar32>(c));
}

void decompose_one(const icu::Normalizer2& form, char32_t c, std::vector<Change>& out) {
  icu::UnicodeString parts;
  const bool changes = c >= 0x80 && is_known_to_unicode_9(c) &&
                       form.getDecomposition(static_cast<UChar32>(c), parts) != 0;
  if (!changes) {
    out.push_back({c, 0});
    return;
  }
  for (int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
    out.push_back({static_cast<char32_t>(parts.char32At(i)), i > 0 ? 1 : 0});
  }
}

std::vector<Change> decompose(const icu::Normalizer2& form, std::string_view text) {
  std::vector<Change> out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    decompose_one(form, point.value, out);
    i += point.length;
  }
  const auto starter = [](const Change& c) { return combining_class(c.value) == 0; };
  for (auto begin = out.begin(); begin != out.end();) {
    begin = std::find_if_not(begin, out.end(), starter);
    const auto end = std::find_if(begin, out.end(), starter);
    std::stable_sort(begin, end, [](const Change& a, const Change& b) {
      return combining_class(a.value) < combining_class(b.value);
    });
    begin = end;
  }
  return out;
}

// 0: the two do not compose.
char32_t compose_pair(const icu::Normalizer2& form, char32_t first, char32_t second) {
  const UChar32 composed =
      form.composePair(static_cast<UChar32>(first), static_cast<UChar32>(second));
  const auto result = static_cast<char32_t>(composed);
  return composed > 0 && is_known_to_unicode_9(result) ? result : 0;
}

// Unicode's canonical composition (UAX 15), which keeps the counts of what it joins.
std::vector<Change> compose(const icu::Normalizer2& form, const std::vector<Change>& parts) {
  constexpr size_t kNone = static_cast<size_t>(-1);
  std::vector<Change> out;
  size_t starter = kNone;
  int last_class = -1;  // of the last mark since the starter; -1: there is none
  for (const Change& part : parts) {
    const int part_class = combining_class(part.value);
    const bool blocked = starter == kNone || (last_class >= 0 && last_class >= part_class);
    const char32_t joined = blocked ? 0 : compose_pair(form, out[starter].value, part.value);
    if (joined != 0) {
      out[starter] = {joined, out[starter].change + part.change - 1};
      continue;
    }
    if (part_class == 0) {
      starter = out.size();
      last_class = -1;
    } else if (starter != kNone) {
      last_class = part_class;
    }
    out.push_back(part);
  }
  return out;
}

}  // namespace

void to_unicode_form(UnicodeForm form, AlignedText& text, AlignedText& spare) {
  if (is_normalized(icu_form(form), text.text())) return;
  const bool compatible = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  const bool composes = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
  const UnicodeForm parts_form = compatible ? UnicodeForm::kNfkd : UnicodeForm::kNfd;
  std::vector<Change> changes = decompose(icu_form(parts_form), text.text());
  if (composes) changes = compose(icu_form(UnicodeForm::kNfc), changes);
  Transform transform(text, spare);
  for (const Change& change : changes) transform.put(change);
  text.swap(spare);
}

}  // namespace relata::text
