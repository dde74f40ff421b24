#include "index/index_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>

#include "command_io.h"
#include "help.h"
#include "hub_models.h"
#include "index/index_passages.h"
#include "index/index_vectors.h"
#include "relata/base/log.h"
#include "relata/base/parallel.h"

namespace relata::app {
namespace {

using retrieve::Bm25Index;
using Names = std::set<std::string, std::less<>>;

struct IndexAddOptions {
  std::string index;
  PassageFlags passages;
  std::string encoder;
};

struct IndexDeleteOptions {
  std::string index;
  std::vector<std::string> ids;
};

// The document of a passage that is a sentence, "" of one that is a whole document.
std::string_view document_of(std::string_view passage) {
  const size_t mark = passage.rfind('#');
  if (mark == std::string_view::npos || mark + 1 == passage.size()) return "";
  const std::string_view number = passage.substr(mark + 1);
  const bool digits = number.find_first_not_of("0123456789") == std::string_view::npos;
  return digits ? passage.substr(0, mark) : "";
}

// The name in `names` that the passage goes by: its own, or its document's.
Names::const_iterator named_by(const Names& names, const std::string& passage) {
  const auto own = names.find(passage);
  const std::string_view document = document_of(passage);
  return own != names.end() || document.empty() ? own : names.find(document);
}

// What the index's passages are, where the user has not said.
std::string usual_unit(const Bm25Index& index) {
  for (size_t i = 0; i < index.size(); ++i) {
    if (document_of(index.passage(i).id).empty()) return "document";
  }
  return "sentence";
}

std::string changes(size_t added, size_t removed, const Bm25Index& index) {
  return fmt::format("{} added, {} removed, {} in all", counted(added, "passage"), removed,
                     index.size());
}

Result<int> run_add(IndexAddOptions options, const Context& context) {
  RELATA_TRY(const auto lock, lock_index(options.index));
  RELATA_TRY(Bm25Index index, Bm25Index::open(options.index));
  OpenedVectors vectors;
  // Before the documents: opening an encoder may begin the program anew.
  if (has_vectors(options.index, index)) {
    RELATA_TRY(vectors, open_vectors(options.index, index, options.encoder, context));
  }
  if (options.passages.text_of.empty()) options.passages.text_of = usual_unit(index);
  RELATA_TRY(ReadPassages read, read_passages(options.passages, options.index));
  const Names documents(read.documents.begin(), read.documents.end());
  const size_t before = index.size(), added = read.passages.size();
  const std::vector<size_t> kept = index.remove([&](const retrieve::Passage& passage) {
    return named_by(documents, passage.id) != documents.end();
  });
  Status done;
  with_threads(context.threads, [&] { done = index.add(std::move(read.passages)); });
  RELATA_CHECK(done);
  if (index.size() == 0) {
    return input_error("no text in " + counted(read.documents.size(), "document"),
                       "an index needs at least one passage");
  }
  RELATA_CHECK(save_index(options.index, index, vectors, {&kept, false, context.threads}));
  log_info(changes(added, before - kept.size(), index));
  return read.code;
}

// The ids of the command line; "-" stands for those of standard input, one a line.
Result<Names> read_ids(const std::vector<std::string>& arguments) {
  Names out;
  for (const std::string& argument : arguments) {
    if (argument != "-") {
      out.insert(argument);
      continue;
    }
    RELATA_TRY(const std::vector<InputLine> lines, read_lines({"-"}));
    for (const InputLine& line : lines) out.insert(line.text);
  }
  return out;
}

Result<int> report_unknown(const Names& ids, const Names& found, const std::string& index) {
  int code = kDone;
  for (const std::string& id : ids) {
    if (found.contains(id)) continue;
    log_warning(fmt::format("{}: has no document '{}'", index, id));
    code = kSomeFailed;
  }
  return code;
}

Result<int> run_delete(const IndexDeleteOptions& options, const Context& context) {
  RELATA_TRY(const auto lock, lock_index(options.index));
  RELATA_TRY(const Names ids, read_ids(options.ids));
  RELATA_TRY(Bm25Index index, Bm25Index::open(options.index));
  OpenedVectors vectors;
  if (has_vectors(options.index, index)) {
    RELATA_TRY(vectors, open_vectors_alone(options.index, index));
  }
  const size_t before = index.size();
  Names found;
  const std::vector<size_t> kept = index.remove([&](const retrieve::Passage& passage) {
    const auto name = named_by(ids, passage.id);
    if (name != ids.end()) found.insert(*name);
    return name != ids.end();
  });
  if (kept.empty()) {
    return usage_error(options.index + ": no passage would be left",
                       "remove the file instead; it is unchanged");
  }
  if (kept.size() < before) {
    RELATA_CHECK(save_index(options.index, index, vectors, {&kept, false, context.threads}));
  }
  log_info(changes(0, before - kept.size(), index));
  return report_unknown(ids, found, options.index);
}

void add_add(CLI::App& parent, Context& context) {
  auto options = std::make_shared<IndexAddOptions>();
  options->passages.text_of = "";
  CLI::App* verb = add_verb(
      parent, "add", "Documents are added, or take the place of old ones",
      "Passages of documents whose ids the index has already are replaced, so that the command "
      "can\n"
      "be given again. Settings are the index's own; vectors, where it has some, are made of the\n"
      "new passages only. A reader sees the index before or after, also when this is killed.",
      {"relata index add train.bm25 more.jsonl",
       "relata index add news.bm25 today/ --partition-by source"});
  verb->add_option("FILE", options->index, "An index")->required();
  verb->add_option("INPUT", options->passages.inputs,
                   "Files, folders, globs or - (default: stdin)");
  add_passage_options(*verb, options->passages);
  verb->get_option("--text-of")
      ->description(
          "What is a passage: sentence, or document, its whole text (default: as those it has)");
  verb->add_option("--encoder", options->encoder,
                   "Where the encoder is that made the vectors (default: where it was then)")
      ->type_name("MODEL")
      ->transform(named_model());
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_add(*options, context); };
  });
}

void add_delete(CLI::App& parent, Context& context) {
  auto options = std::make_shared<IndexDeleteOptions>();
  CLI::App* verb = add_verb(
      parent, "delete", "Documents are taken out",
      "An id is a document's, and means all its passages, or a passage's own (DOCUMENT#3). The\n"
      "index is then as if made without them. Ids that it does not have are named, exit code 4.",
      {"relata index delete train.bm25 doc-17 doc-18#3",
       "cut -f1 gone.tsv | relata index delete train.bm25 -"});
  verb->add_option("FILE", options->index, "An index")->required();
  verb->add_option("ID", options->ids, "Ids; - reads one a line from standard input")->required();
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_delete(*options, context); };
  });
}

}  // namespace

void add_index_change_commands(CLI::App& index, Context& context) {
  add_add(index, context);
  add_delete(index, context);
}

}  // namespace relata::app
