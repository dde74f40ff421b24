#include "index/index_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>

#include "help.h"
#include "index/index_passages.h"
#include "index/index_vectors.h"
#include "io/command_io.h"
#include "models/hub_models.h"
#include "relata/base/log.h"
#include "relata/base/parallel.h"

namespace relata::app {
namespace {

using retrieve::Bm25Index;
using retrieve::PassageUnit;
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

// The ids that documents of the index have.
Names documents_among(const Names& ids, const Bm25Index& index, PassageUnit unit) {
  Names out;
  for (size_t i = 0; i < index.size(); ++i) {
    const auto id = ids.find(retrieve::document_of(index.passage(i).id, unit));
    if (id != ids.end()) out.insert(*id);
  }
  return out;
}

std::string changes(size_t added, size_t removed, const Bm25Index& index) {
  return fmt::format("{} added, {} removed, {} in all", counted(added, "passage"), removed,
                     index.size());
}

Result<int> run_add(const IndexAddOptions& options, const Context& context) {
  RELATA_TRY(const auto lock, lock_index(options.index));
  RELATA_TRY(Bm25Index index, Bm25Index::open(options.index));
  RELATA_TRY(const retrieve::PassageOptions making,
             common_passages(options.passages, index, options.index));
  OpenedVectors vectors;
  // Before the documents: opening an encoder may begin the program anew.
  if (has_vectors(options.index, index)) {
    RELATA_TRY(vectors, open_vectors(options.index, index, options.encoder, context));
  }
  RELATA_TRY(ReadPassages read, read_passages(options.passages, making, options.index));
  const Names documents(read.documents.begin(), read.documents.end());
  const size_t before = index.size(), added = read.passages.size();
  const std::vector<size_t> kept = index.remove([&](const retrieve::Passage& passage) {
    return documents.contains(retrieve::document_of(passage.id, making.unit));
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
  RELATA_TRY(const PassageUnit unit, unit_of(index, options.index));
  OpenedVectors vectors;
  if (has_vectors(options.index, index)) {
    RELATA_TRY(vectors, open_vectors_alone(options.index, index));
  }
  const size_t before = index.size();
  // An id of a document means it alone, also where a sentence of another one is called the same.
  const Names documents = documents_among(ids, index, unit);
  Names found = documents;
  const std::vector<size_t> kept = index.remove([&](const retrieve::Passage& passage) {
    if (documents.contains(retrieve::document_of(passage.id, unit))) return true;
    const bool named = ids.contains(passage.id) && !documents.contains(passage.id);
    if (named) found.insert(passage.id);
    return named;
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
  CLI::App* verb = add_verb(
      parent, "add", "Documents are added, or take the place of old ones",
      "Passages of documents whose ids the index has already are replaced, so that the command "
      "can\n"
      "be given again. Settings are the index's own; vectors, where it has some, are made of the\n"
      "new passages only. A reader sees the index before or after, also when this is killed.",
      {"relata index add train.bm25 more.jsonl", "relata index add news.bm25 today/"});
  verb->add_option("FILE", options->index, "An index")->required();
  verb->add_option("INPUT", options->passages.inputs,
                   "Files, folders, globs or - (default: stdin)");
  add_passage_options(*verb, options->passages);
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
      "An id is a document's, and means all its passages, or else a sentence's own (DOCUMENT#3).\n"
      "The index is then as if made without them. Unknown ids are named, exit code 4.",
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
