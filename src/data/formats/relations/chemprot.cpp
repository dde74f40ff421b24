// Sentences whose two entities stand in << >> and [[ ]], as SciBERT has ChemProt and SciERC:
//   {"text": "... << Ang II >>-induced ... [[ valsartan ]] ...", "label": "...", "metadata": [...]}
// [[ ]] is the head: in the SciERC files, whose metadata gives the spans, it always is.
// Source: github.com/allenai/scibert, data/text_classification.
#include <algorithm>
#include <array>

#include "building.h"
#include "registry.h"

namespace relata::data {
namespace {

constexpr std::array<std::string_view, 4> kMarks = {"[[ ", " ]]", "<< ", " >>"};

// Takes the first opening mark of each kind and the first closing one behind it.
Result<std::array<ByteRange, 2>> remove_marks(const JsonRecord& record, JsonView field,
                                              std::string& out) {
  const std::string_view text = field.string();
  std::array<size_t, 4> at{};
  for (size_t i = 0; i < kMarks.size(); ++i) {
    at[i] = text.find(kMarks[i], i % 2 == 0 ? 0 : at[i - 1] + kMarks[i - 1].size());
    if (at[i] == std::string_view::npos) {
      return record.fail(field, "has no \"" + std::string(kMarks[i]) + "\"",
                         "the two entities stand in [[ ]] and << >>");
    }
  }
  std::array<size_t, 4> order = {0, 1, 2, 3};
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return at[a] < at[b]; });
  std::array<size_t, 4> place{};
  size_t from = 0;
  for (const size_t mark : order) {
    if (at[mark] < from) return record.fail(field, "has marks that overlap");
    out.append(text, from, at[mark] - from);
    place[mark] = out.size();
    from = at[mark] + kMarks[mark].size();
  }
  out.append(text, from);
  const std::array<ByteRange, 2> entities = {ByteRange{place[0], place[1]},
                                             ByteRange{place[2], place[3]}};
  for (const ByteRange& range : entities) {
    if (range.begin >= range.end) return record.fail(field, "has marks around nothing");
  }
  return entities;
}

Status read_record(const JsonRecord& record, const Source& source, Intake& intake) {
  const JsonView root = record.root();
  RELATA_TRY(const JsonView text, record.get(root, "text"));
  RELATA_CHECK(record.as_text(text));
  DocumentBuilder builder;
  RELATA_TRY(builder.document.id, record_id(record, source, {"id"}));
  RELATA_TRY(const auto entities, remove_marks(record, text, builder.document.text));
  const int head = builder.placed(entities[0], "");
  const int tail = builder.placed(entities[1], "");
  RELATA_TRY(const std::string_view label, record.find_text(root, "label"));
  if (label.empty()) {
    builder.ask(head, tail);
  } else {
    builder.relate(head, tail, label);
  }
  const JsonView metadata = root.find("metadata");
  if (metadata.is_array() && metadata.size() > 0) {
    builder.document.meta["metadata"] = metadata.to_json();
  }
  return intake.add(std::move(builder.document), record.where());
}

bool sniff_chemprot(const Sample& sample) {
  return sample.has({"text", "label"}) && sample.holds("[[ ") && sample.holds("<< ");
}

Status read_chemprot(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return read_record(record, source, intake);
  });
}

}  // namespace

FormatEntry chemprot_format() {
  FormatEntry entry;
  entry.info = {"chemprot", "SciBERT's JSON lines: sentences with [[ head ]] and << tail >>"};
  entry.sniff = sniff_chemprot;
  entry.read = read_chemprot;
  return entry;
}

}  // namespace relata::data
