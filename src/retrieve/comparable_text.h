// Texts in a form in which those that read the same are the same. Source: Unicode, NFKC_Casefold.
#pragma once

#include <string>
#include <string_view>

namespace relata::retrieve {

// Lower case, and one form of characters that mean the same: full-width letters, ligatures. Throws
// InputFailure for a text of 64 MiB and more.
std::string comparable_text(std::string_view text);

// The letters, digits and what stands above or below them of that form, of any script: spaces and
// signs are left out. A text of nothing else stays as it is.
std::string letters_of(std::string_view text);

}  // namespace relata::retrieve
