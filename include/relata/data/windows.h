// Long documents in pieces that a model can take, and what a model said about the pieces put
// together again. Ranges are exact: a window's text is a part of the document's text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"

namespace relata::data {

struct WindowOptions {
  size_t size = 2000;    // most units of a window; must be positive
  size_t overlap = 200;  // units that neighbours share; less than `size`
  // Where the units stand in a text: sorted, in bytes, for example a tokenizer's pieces. Without
  // it the units are code points.
  std::function<std::vector<ByteRange>(const std::string& text)> units;
  // Windows begin and end at sentence bounds, the document's own or else split_sentences(); only
  // sentences longer than a window are cut. Neighbours then share whole sentences, at most
  // `overlap` units. False cuts after `size` units wherever that is.
  bool whole_sentences = true;
};

struct Window {
  ByteRange range;    // in the document's text
  Document document;  // id "ID#1", "ID#2", ...; offsets count from the window's begin
};

// What stands in `range` of the text, which must begin and end at characters: entities keep their
// ids and types and have those mentions that are inside; one without any is left out, and with it
// its relations and arguments. The part has no id and no meta.
Document part_of(const Document& document, const ByteRange& range);

// In order; together they hold every unit but white space between sentences, and a text that fits
// is one window with everything. Each holds the part_of() its range: a relation is in every window
// that has mentions of both its entities, an event in every window that has its trigger.
Result<std::vector<Window>> make_windows(const Document& document, const WindowOptions& options);

// The document with what `answers`, one for each window, say of it: `document`'s text, sentences,
// meta and entities; further entities, relations and events from the answers. An answer's entity is
// the document's of the same id; else one found in another window with a mention in the same place
// and of the same type; else a new one. Relations of one pair and type become one with the highest
// score and all evidence; so do events of one type and trigger. Error: an answer's text is not its
// window's.
Result<Document> merge_windows(const Document& document, const std::vector<Window>& windows,
                               const std::vector<Document>& answers);

}  // namespace relata::data
