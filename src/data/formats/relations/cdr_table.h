// BC5CDR as a table: one abstract a line, with tabs between id, tokenized text (sentences joined by
// |) and groups of 17 columns, one for each pair of concepts (Christopoulou et al., 2019).
#pragma once

#include <string_view>

#include "reading.h"

namespace relata::data {

bool is_cdr_table(std::string_view line);
Status read_cdr_table(const Source& source, Intake& intake);

}  // namespace relata::data
