// NFC, NFD, NFKC and NFKD as Hugging Face's tokenizers have them: of Unicode 9, with alignment.
#pragma once

#include "aligned_text.h"

namespace relata::text {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

// `spare` is scratch. Text that is normalised already is only looked at.
void to_unicode_form(UnicodeForm form, AlignedText& text, AlignedText& spare);

}  // namespace relata::text
