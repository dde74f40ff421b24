// `relata index`: documents become an index of passages that can be searched.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "commands.h"
#include "encoder_options.h"
#include "help.h"
#include "index/index_change.h"
#include "index/index_passages.h"
#include "index/index_scope.h"
#include "index/index_vectors.h"
#include "io/command_io.h"
#include "io/output_places.h"
#include "models/hub_models.h"
#include "relata/base/log.h"
#include "relata/base/parallel.h"
#include "relata/base/trim.h"
#include "relata/base/visible_text.h"
#include "relata/retrieve/bm25.h"
#include "relata/text/utf8.h"

namespace relata::app {
namespace {

using retrieve::Bm25Index;

struct IndexBuildOptions {
  PassageFlags passages;
  std::string output;
  std::string analyzer = "auto";
  retrieve::Bm25Settings settings;
  EncoderFlags encoder;
  bool append = false;
  bool graph = false;
};

struct IndexSearchOptions {
  std::string index;
  std::string query;
  std::vector<std::string> partitions;
  size_t k = 10;
  std::string by;  // "": fused where there are vectors, else bm25
  std::string encoder;
  bool exact = false;
};

struct IndexStatsOptions {
  std::string index;
  PassageFlags passages;
};

Result<int> run_build(const IndexBuildOptions& options, const Context& context) {
  RELATA_CHECK(check_places({{"the index", options.output}}, options.passages.inputs));
  RELATA_TRY(const auto lock, lock_index(options.output));
  retrieve::Bm25Settings settings = options.settings;
  settings.analyzer = retrieve::analyzer_of_name(options.analyzer).value();
  const retrieve::PassageOptions asked = asked_passages(options.passages);
  settings.unit = asked.unit;
  settings.partition_keys = asked.partition_keys;
  RELATA_TRY(Bm25Index index,
             options.append ? Bm25Index::open(options.output) : Bm25Index::make(settings));
  RELATA_TRY(const retrieve::PassageOptions making,
             common_passages(options.passages, index, options.output));
  // Before the documents: opening an encoder may begin the program anew.
  OpenedVectors vectors;
  if (options.append && has_vectors(options.output, index)) {
    RELATA_TRY(vectors, open_vectors(options.output, index, options.encoder.model, context));
  } else if (!options.encoder.model.empty()) {
    vectors.options = encoder_options(options.encoder);
    RELATA_TRY(vectors.encoder, context.open_encoder(vectors.options));
  }
  if (options.graph && !vectors.encoder) {
    return usage_error("--hnsw: there are no vectors to make a graph of",
                       "name the model that makes them: --encoder MODEL");
  }
  RELATA_TRY(ReadPassages read, read_passages(options.passages, making, options.output));
  if (read.passages.empty()) {
    return input_error("no text in " + counted(read.documents.size(), "document"),
                       "an index needs at least one passage");
  }
  const size_t added = read.passages.size();
  Status done;
  with_threads(context.threads, [&] { done = index.add(std::move(read.passages)); });
  RELATA_CHECK(done);
  RELATA_CHECK(
      save_index(options.output, index, vectors, {nullptr, options.graph, context.threads}));
  log_info(fmt::format("{} of {}{}, {} different terms", counted(added, "passage"),
                       counted(read.documents.size(), "document"),
                       options.append ? fmt::format(" added, {} in all", index.size()) : "",
                       index.term_count()));
  return read.code;
}

// For people: a passage of several lines on one, nothing hidden in it.
std::string one_line(const std::string& text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string out = visible_text(text);
  std::replace(out.begin(), out.end(), '\n', ' ');
  std::replace(out.begin(), out.end(), '\t', ' ');
  return out;
}

struct Queries {
  std::vector<std::string> texts;
  std::vector<int64_t> lines;  // of standard input, where they come from there
};

// The queries of the command line: one, or for "-" one a line of standard input.
Result<Queries> read_queries(const std::string& query) {
  Queries out;
  if (query == "-") {
    RELATA_TRY(std::vector<InputLine> lines, read_lines({"-"}));
    for (InputLine& line : lines) {
      out.texts.push_back(std::move(line.text));
      out.lines.push_back(line.number);
    }
    return out;
  }
  if (const auto bad = text::find_invalid_utf8(query)) {
    return usage_error(fmt::format("the query is not UTF-8 at byte {}", *bad + 1),
                       "use a terminal that writes UTF-8");
  }
  if (trimmed(query).empty()) {
    return usage_error("the query is empty", "give words, or - to read queries from stdin");
  }
  out.texts.push_back(query);
  return out;
}

void add_hit_line(std::string& out, const retrieve::Hit& hit, size_t rank,
                  const retrieve::Passage& passage) {
  fmt::format_to(std::back_inserter(out), "{:<3} {:8.4f}  {}  {}\n", rank, hit.score, passage.id,
                 one_line(passage.text));
}

Json hit_json(const retrieve::Hit& hit, size_t rank, const retrieve::Passage& passage) {
  Json out = {{"rank", rank}, {"score", hit.score}, {"id", passage.id}};
  if (!passage.partition.empty()) out["partition"] = passage.partition;
  out["text"] = passage.text;
  return out;
}

using Rankings = std::vector<std::vector<retrieve::Hit>>;  // one for each query

Rankings search_words(const Bm25Index& index, const std::vector<std::string>& queries,
                      const retrieve::SearchOptions& search) {
  Rankings found(queries.size());
  run_pieces(queries.size(), [&](size_t i) { found[i] = index.search(queries[i], search); });
  return found;
}

Result<Rankings> search_all(const Bm25Index& index, const OpenedVectors& opened,
                            const std::string& by, const std::vector<std::string>& queries,
                            const IndexScope& scope) {
  const retrieve::SearchOptions& search = scope.options;
  if (by == "bm25") return search_words(index, queries, search);
  // Also far down in one ranking a passage may stand that the other has on top.
  constexpr size_t kDepth = 100;
  retrieve::SearchOptions deep = search;
  if (by == "fused") deep.k = std::max(kDepth, search.k);
  RELATA_TRY(const retrieve::Vectors vectors,
             opened.encoder->encode(queries, retrieve::TextRole::Query));
  const bool by_graph = !scope.several && opened.graph && opened.graph->covers(deep);
  Rankings dense = by_graph        ? opened.graph->search(vectors, deep)
                   : scope.several ? opened.vectors->search_among(scope.passages, vectors, deep)
                                   : opened.vectors->search(vectors, deep, &index);
  if (by == "dense") return dense;
  const Rankings words = search_words(index, queries, deep);
  for (size_t i = 0; i < queries.size(); ++i) {
    dense[i] = retrieve::fuse(std::vector{words[i], dense[i]}, search.k);
  }
  return dense;
}

// JSON lines tell the query's line, where queries have one.
Status print_hits(const Bm25Index& index, const Rankings& found, const std::vector<int64_t>& lines,
                  bool json) {
  constexpr size_t kWrittenAtOnce = 1 << 20;
  std::string out;
  size_t without = 0;
  for (size_t query = 0; query < found.size(); ++query) {
    if (found[query].empty()) ++without;
    if (query > 0 && !json) out += "\n";
    for (size_t i = 0; i < found[query].size(); ++i) {
      const retrieve::Hit& hit = found[query][i];
      const retrieve::Passage& passage = index.passage(hit.passage);
      if (!json) {
        add_hit_line(out, hit, i + 1, passage);
        continue;
      }
      Json line = hit_json(hit, i + 1, passage);
      if (!lines.empty()) line["query"] = lines[query];
      out += json_line(line) + "\n";
    }
    if (out.size() < kWrittenAtOnce) continue;
    RELATA_CHECK(write_result("", out));
    out.clear();
  }
  if (without > 0) {
    log_warning(found.size() == 1 ? "no passage has a word of the query"
                                  : fmt::format("{} of {} queries share no word with any passage",
                                                without, found.size()));
  }
  return write_result("", out);
}

Result<int> run_search(const IndexSearchOptions& options, const Context& context) {
  RELATA_TRY(const Bm25Index index, Bm25Index::open(options.index));
  RELATA_TRY(IndexScope scope, scope_of(index, options.index, options.partitions));
  scope.options.k = options.k;
  const bool with_vectors = has_vectors(options.index, index);
  const std::string by = !options.by.empty() ? options.by : with_vectors ? "fused" : "bm25";
  OpenedVectors vectors;
  if (by != "bm25") {
    RELATA_TRY(vectors, open_vectors(options.index, index, options.encoder, context));
    if (options.exact) vectors.graph.reset();
  }
  RELATA_TRY(const Queries queries, read_queries(options.query));
  Result<Rankings> searched = Rankings();
  with_threads(context.threads,
               [&] { searched = search_all(index, vectors, by, queries.texts, scope); });
  RELATA_TRY(const Rankings found, std::move(searched));
  RELATA_CHECK(print_hits(index, found, queries.lines, context.json));
  return kDone;
}

// An old file does not say how it was made; the user then has to.
Result<retrieve::PassageOptions> making_to_compare(const IndexStatsOptions& options,
                                                   const Bm25Index& index) {
  if (index.settings().unit) return common_passages(options.passages, index, options.index);
  return asked_passages(options.passages);
}

Result<int> run_stats(const IndexStatsOptions& options, const Context& context) {
  RELATA_TRY(const Bm25Index index, Bm25Index::open(options.index));
  Json page = {{"passages", index.size()},
               {"terms", index.term_count()},
               {"tokens", index.token_count()},
               {"postings", index.posting_count()},
               {"analyzer", retrieve::analyzer_name(index.settings().analyzer)},
               {"k1", index.settings().k1},
               {"b", index.settings().b},
               {"corpus", "sha256:" + index.corpus_hash()}};
  if (index.settings().unit) page["text_of"] = retrieve::unit_name(*index.settings().unit);
  if (const auto& keys = index.settings().partition_keys; !keys.empty()) {
    page["partition_by"] = keys;
  }
  RELATA_TRY(Json vectors, vectors_stats(options.index, index));
  if (!vectors.is_null()) page["vectors"] = std::move(vectors);
  for (const auto& [name, size] : index.partition_sizes()) {
    if (!name.empty()) page["partitions"][name] = size;
  }
  int code = kDone;
  if (!options.passages.inputs.empty()) {
    RELATA_TRY(const retrieve::PassageOptions making, making_to_compare(options, index));
    RELATA_TRY(const ReadPassages read, read_passages(options.passages, making, ""));
    retrieve::CorpusHash corpus;
    for (const retrieve::Passage& passage : read.passages) corpus.add(passage);
    RELATA_CHECK(index.check_corpus(corpus, options.index,
                                    options.passages.inputs.size() == 1
                                        ? display_name(options.passages.inputs[0])
                                        : counted(options.passages.inputs.size(), "input")));
    page["fresh"] = true;
    code = read.code;
  }
  RELATA_CHECK(write_result("", context.json ? json_page(page) : json_outline(page)));
  return code;
}

void add_build(CLI::App& parent, Context& context) {
  auto options = std::make_shared<IndexBuildOptions>();
  CLI::App* verb = add_verb(
      parent, "build", "Documents become one index",
      "Reads any format that `relata data formats` lists. The index is one file, which holds the\n"
      "passages too: nothing else is needed to search it. With --encoder the vectors of all "
      "passages\n"
      "lie beside it, in FILE.vectors.",
      {"relata index build train.jsonl -o train.bm25",
       "relata index build news/ -o news.bm25 --text-of document --partition-by source",
       "relata index build pool.jsonl -o pool.bm25 --partition-by task,owner",
       "relata index build train.jsonl -o train.bm25 --encoder models/all-minilm-l6-v2",
       "relata index build more.jsonl -o train.bm25 --append"});
  verb->add_option("INPUT", options->passages.inputs,
                   "Files, folders, globs or - (default: stdin)");
  verb->add_option("-o,--output", options->output, "The index")->type_name("FILE")->required();
  add_passage_options(*verb, options->passages);
  auto* append = verb->add_flag("--append", options->append,
                                "Add to the index that is there, by its own settings");
  verb->add_option("--analyzer", options->analyzer,
                   "How text becomes terms: en (English words, stemmed), zh (Chinese\n"
                   "characters by twos) or auto (by script, default)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"auto", "en", "zh"}))
      ->excludes(append);
  verb->add_option("--k1", options->settings.k1, "How much a repeated term counts (default: 1.2)")
      ->type_name("N")
      ->check(number_in(NumberRange::between(0, 1e6)))
      ->excludes(append);
  verb->add_option("--b", options->settings.b, "How much long passages lose (default: 0.75)")
      ->type_name("N")
      ->check(number_in(NumberRange::between(0, 1)))
      ->excludes(append);
  verb->add_option("--encoder", options->encoder.model,
                   "Also make vectors with this model, an encoder; with --append the\n"
                   "vectors that are there are added to without it")
      ->type_name("MODEL")
      ->transform(named_model());
  add_encoder_flags(*verb, options->encoder);
  verb->add_flag(
      "--hnsw", options->graph,
      "Also make a graph of neighbours of the vectors, in FILE.hnsw: searches are faster\n"
      "and no longer exact. From a million passages on it is made without this");
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_build(*options, context); };
  });
}

void add_search(CLI::App& parent, Context& context) {
  auto options = std::make_shared<IndexSearchOptions>();
  CLI::App* verb =
      add_verb(parent, "search", "The passages nearest to a query",
               "Ranks by BM25, by vectors, or by both: a line each with rank, score, id and text,\n"
               "or JSON lines. Several queries are parted by an empty line, in JSON told by\n"
               "\"query\", the number of their line.",
               {"relata index search train.bm25 'who founded the company' -k 5",
                "relata index search news.bm25 东部文具 --partition caijing --json",
                "relata index search pool.bm25 'who founded it' --partition task=re",
                "cut -f4 test.txt | relata index search train.bm25 - -k 1 --json"});
  verb->add_option("FILE", options->index, "An index")->required();
  verb->add_option("QUERY", options->query,
                   "Words, a sentence, a whole text; - reads one query a line from stdin;\n"
                   "blank lines are none")
      ->required();
  verb->add_option("-k", options->k, "At most so many (default: 10)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  verb->add_option("--by", options->by,
                   "bm25, dense (inner products of vectors) or fused, both by reciprocal ranks\n"
                   "(default: fused if the index has vectors, else bm25)")
      ->type_name("WHAT")
      ->check(CLI::IsMember({"bm25", "dense", "fused"}));
  verb->add_option("--encoder", options->encoder,
                   "Where the encoder is that made the vectors (default: where it was then)")
      ->type_name("MODEL")
      ->transform(named_model());
  verb->add_flag("--exact", options->exact,
                 "Compare with every vector, also where there is a graph of neighbours");
  verb->add_option("--partition", options->partitions,
                   "Only passages of this partition; of an index parted by several keys also\n"
                   "KEY=VALUE, which may be given several times: all must hold")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_search(*options, context); };
  });
}

void add_stats(CLI::App& parent, Context& context) {
  auto options = std::make_shared<IndexStatsOptions>();
  CLI::App* verb =
      add_verb(parent, "stats", "What is in an index, and whether it is still fresh",
               "Sizes and settings. With inputs, also checks that the index was made of exactly\n"
               "these passages: a stale one is an error.",
               {"relata index stats train.bm25", "relata index stats train.bm25 train.jsonl"});
  verb->add_option("FILE", options->index, "An index")->required();
  verb->add_option("INPUT", options->passages.inputs, "What it should have been made of");
  add_passage_options(*verb, options->passages);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_stats(*options, context); };
  });
}

}  // namespace

void add_index_command(CLI::App& app, Context& context) {
  CLI::App* index = add_verb(
      app, "index", "Search the passages of documents",
      "Builds and searches indexes, by words and by the vectors of an encoder.",
      {"relata index build train.jsonl -o train.bm25",
       "relata index search train.bm25 'a question' -k 5", "relata index add train.bm25 more.jsonl",
       "relata index delete train.bm25 doc-17", "relata index stats train.bm25"});
  index->require_subcommand(1);
  add_build(*index, context);
  add_index_change_commands(*index, context);
  add_search(*index, context);
  add_stats(*index, context);
}

}  // namespace relata::app
