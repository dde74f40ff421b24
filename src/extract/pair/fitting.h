// A pair's surroundings where the whole document is too long for the model.
#pragma once

#include <functional>
#include <optional>

#include "relata/base/result.h"
#include "relata/data/document.h"

namespace relata::extract {

// A part of a document and its pair, as indices into the part's entities. Ids are the document's.
struct Excerpt {
  data::Document document;
  int head = 0;
  int tail = 0;
};

// Whether a prompt about the excerpt is short enough; must be so for all that are inside one that
// is.
using Fits = std::function<Result<bool>(const Excerpt&)>;

// The most sentences around the nearest mentions of the pair that fit, as many before as behind; a
// part of the sentence where that alone is too long. None if not even the mentions and what is
// between them fit. Calls `fits` O(log of the text's length) times.
Result<std::optional<Excerpt>> excerpt_around(const data::Document& document, int head, int tail,
                                              const Fits& fits);

}  // namespace relata::extract
