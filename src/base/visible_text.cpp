#include "relata/base/visible_text.h"

#include "clean.h"

namespace relata {

std::string visible_text(std::string_view text) { return internal::clean_text(text); }

}  // namespace relata
