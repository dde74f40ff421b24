// Predictions that name entities by their number in gold, as DocRED's result.json does.
#pragma once

#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"

namespace relata::eval {

// The docred-result reader knows neither texts nor names: its documents have their title as text,
// and entities "e<number>" without mentions. Those are given the text, the entities and the
// evidence of the gold document with their id, so that every metric can compare them. Documents
// that gold lacks stay as they are; a number that gold lacks is an error.
Status fill_numbered(const std::vector<data::Document>& gold,
                     std::vector<data::Document>& predicted);

}  // namespace relata::eval
