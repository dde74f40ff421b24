// A document as a model is shown it: without the line breaks that only the width of a page made.
#pragma once

#include <string>
#include <vector>

#include "relata/data/document.h"

namespace relata::extract {

// Prompts, constraints and names are of this text, in training and in extraction alike: answers
// have a name on one line, and a name that the text breaks in two must be one of its spans.
class ShownDocument {
 public:
  // A single line break and the blanks around it become one space; nothing behind a hyphen inside a
  // word. Between two characters of a script that writes no spaces, at the rows of a table (a tab
  // inside, or "|" before) and before the items of a list ("- ", "* ", "1. ") a line is a paragraph
  // of its own: there only the breaks inside mentions go. Blank lines stay; tabs elsewhere become
  // spaces.
  explicit ShownDocument(const data::Document& original);
  // With the entities that are stated by their names alone where the text has these, as it is or as
  // it is shown.
  static ShownDocument with_places(const data::Document& original);

  const data::Document& document() const { return shown_; }
  // Gives what was found in document() the text and the places of the original, and the entities of
  // the original where they were `given`.
  void restore(const data::Document& original, bool given, data::Document& found) const;

 private:
  text::ByteRange in_original(const text::ByteRange& range) const;

  data::Document shown_;
  std::vector<size_t> places_;  // in the original, of each byte; empty where all are the same
};

// As they are shown with_places().
std::vector<data::Document> shown_documents(const std::vector<data::Document>& documents);

}  // namespace relata::extract
