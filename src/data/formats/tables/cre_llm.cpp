// CRE-LLM's instruction JSON. Its input is the sentence with every occurrence of the head, then
// every occurrence of the tail in the text so edited, put in brackets; then the question
// ([head],?,[tail]). Records whose inputs are equal become one, with all their triples as output.
#include <unordered_map>

#include "formats/json_records.h"
#include "pair_rows.h"
#include "registry.h"

namespace relata::data {
namespace {

constexpr int kMostSplits = 64;   // ways to read an input that are tried
constexpr int kMostBrackets = 8;  // around one mention

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size() + to.size() * 2);
  size_t begin = 0;
  for (size_t at; (at = text.find(from, begin)) != std::string_view::npos;) {
    out += text.substr(begin, at - begin);
    out += to;
    begin = at + from.size();
  }
  out += text.substr(begin);
  return out;
}

std::string bracketed(std::string_view text) { return "[" + std::string(text) + "]"; }

std::string mark_entities(std::string_view sentence, std::string_view head, std::string_view tail) {
  return replace_all(replace_all(sentence, head, bracketed(head)), tail, bracketed(tail));
}

std::string triple(std::string_view head, std::string_view relation, std::string_view tail) {
  std::string out = "([";
  out.append(head).append("],").append(relation).append(",[").append(tail).append("])");
  return out;
}

struct Question {
  std::string marked;
  std::string_view head;
  std::string_view tail;
  std::string sentence;
  bool exact = false;  // mark_entities(sentence) gives `marked`
};

// Undoes mark_entities(). Where that could not bracket the tail, because the head's brackets were
// in the way, brackets around the whole tail were set by hand and go as well.
void recover_sentence(Question& question) {
  const std::string head = bracketed(question.head);
  const std::string tail = bracketed(question.tail);
  const bool tail_is_marked = question.marked.find(tail) != std::string::npos;
  std::string sentence = question.marked;
  for (int i = 0; i < kMostBrackets; ++i) {
    const size_t size = sentence.size();
    sentence = replace_all(replace_all(sentence, tail, question.tail), head, question.head);
    const bool by_hand = !tail_is_marked && sentence.find(tail) != std::string::npos;
    if (!by_hand && mark_entities(sentence, question.head, question.tail) == question.marked) {
      question.exact = true;
      break;
    }
    if (sentence.size() == size) break;
  }
  question.sentence = std::move(sentence);
}

// "marked ([head],?,[tail])"; entities may hold the separators, so the splits are tried in turn.
Result<Question> parse_input(std::string_view input, const std::string& where) {
  constexpr std::string_view kOpen = " ([";
  constexpr std::string_view kMiddle = "],?,[";
  constexpr std::string_view kClose = "])";
  Question best;
  int splits = 0;
  size_t open = input.ends_with(kClose) ? input.find(kOpen) : std::string_view::npos;
  for (; open != std::string_view::npos; open = input.find(kOpen, open + 1)) {
    const size_t head = open + kOpen.size();
    size_t middle = input.find(kMiddle, head);
    if (middle == std::string_view::npos) break;
    for (; middle != std::string_view::npos; middle = input.find(kMiddle, middle + 1)) {
      const size_t tail = middle + kMiddle.size();
      if (++splits > kMostSplits) break;
      if (tail + kClose.size() >= input.size() || middle == head) break;
      Question question;
      question.marked = input.substr(0, open);
      question.head = input.substr(head, middle - head);
      question.tail = input.substr(tail, input.size() - kClose.size() - tail);
      recover_sentence(question);
      const PairRow row{question.head, question.tail, std::nullopt, question.sentence};
      if (!PairDocuments::check(row, where).ok()) continue;
      if (question.exact) return question;
      if (best.head.empty()) best = std::move(question);
    }
    if (splits > kMostSplits) break;
  }
  if (!best.head.empty()) return best;
  return input_error(where +
                         ": the input is not a sentence with its entities in brackets, a space and "
                         "([head],?,[tail])",
                     "check the record, or leave bad records out with --on-error skip");
}

Result<std::vector<std::string>> parse_output(std::string_view output, const Question& question,
                                              const std::string& where) {
  const std::string before = "(" + bracketed(question.head) + ",";
  const std::string after = "," + bracketed(question.tail) + ")";
  std::vector<std::string> labels;
  size_t position = 0;
  while (position < output.size()) {
    const size_t label = position + before.size();
    const size_t end = output.substr(position).starts_with(before) ? output.find(after, label)
                                                                   : std::string_view::npos;
    const size_t next = end == std::string_view::npos ? end : end + after.size();
    if (next == std::string_view::npos || end == label ||
        (next < output.size() && (output[next] != ',' || next + 1 == output.size()))) {
      return input_error(where + ": the output is not a list of " +
                             triple(question.head, "relation", question.tail),
                         "separate the triples with a comma alone; they repeat the entities of "
                         "the input");
    }
    labels.emplace_back(output.substr(label, end - label));
    position = next + 1;
  }
  return labels;
}

struct Turn {
  std::string_view instruction;
  std::string_view input;
  std::string_view output;
};

Status add_turn(const Turn& turn, const std::string& where, PairDocuments& documents) {
  const auto& [instruction, input, output] = turn;
  RELATA_TRY(const Question question, parse_input(input, where));
  RELATA_TRY(const auto labels, parse_output(output, question, where));

  std::string key = std::string(instruction) + '\n';
  if (question.exact) {
    key += question.sentence;
  } else {
    key.append("\n").append(input);
  }
  const auto add = [&](std::optional<std::string_view> label) {
    Document& document =
        documents.add({question.head, question.tail, label, question.sentence}, key, where);
    document.meta["instruction"] = instruction;
    if (!question.exact) document.meta["input"] = input;
  };
  if (labels.empty()) add(std::nullopt);
  for (const std::string& label : labels) add(label);
  return {};
}

std::string meta_text(const Document& document, const char* key) {
  if (!document.meta.is_object()) return "";
  const auto found = document.meta.find(key);
  if (found == document.meta.end() || !found->is_string()) return "";
  return found->get<std::string>();
}

struct Record {
  std::string instruction;
  std::string input;
  std::string output;
};

std::vector<Record> make_records(const std::vector<Document>& documents,
                                 const std::string& instruction, Losses& losses) {
  std::vector<Record> records;
  std::unordered_map<std::string, size_t> index;
  for (const PairItem& item : pair_items_in_text(documents, losses)) {
    const Document& document = *item.document;
    const std::string_view head = surface(document, item.head);
    const std::string_view tail = surface(document, item.tail);
    std::string input = meta_text(document, "input");
    if (input.empty()) {
      input = mark_entities(document.text, head, tail) + " " + triple(head, "?", tail);
    }
    const auto [found, is_new] = index.try_emplace(input, records.size());
    if (is_new) {
      records.push_back({instruction.empty() ? meta_text(document, "instruction") : instruction,
                         std::move(input), ""});
    }
    if (!item.relation) continue;
    std::string& output = records[found->second].output;
    if (!output.empty()) output += ",";
    output += triple(head, item.relation->type, tail);
  }
  return records;
}

std::string dump(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace);
}

Status read_record(const JsonRecord& record, PairDocuments& documents) {
  Turn turn;
  RELATA_TRY(turn.instruction, record.get_text(record.root(), "instruction"));
  RELATA_TRY(turn.input, record.get_text(record.root(), "input"));
  RELATA_TRY(turn.output, record.get_text(record.root(), "output"));
  return add_turn(turn, record.where(), documents);
}

// The first two turns of a conversation, as write_sharegpt() writes them: the input is the last
// line of the question.
Status read_conversation(const JsonRecord& record, PairDocuments& documents) {
  RELATA_TRY(const JsonView turns, record.get_list(record.root(), "conversations"));
  Turn turn;
  bool asked = false;
  bool answered = false;
  for (const JsonView item : turns) {
    RELATA_TRY(const std::string_view from, record.get_text(item, "from"));
    RELATA_TRY(const std::string_view value, record.get_text(item, "value"));
    if (!asked && (from == "human" || from == "user")) {
      asked = true;
      const size_t newline = value.rfind('\n');
      turn.input = newline == std::string_view::npos ? value : value.substr(newline + 1);
      if (newline != std::string_view::npos) turn.instruction = value.substr(0, newline);
    } else if (asked && !answered && (from == "gpt" || from == "assistant")) {
      answered = true;
      turn.output = value;
    }
  }
  if (!answered)
    return record.fail(turns, "has no question of \"human\" with an answer of \"gpt\"");
  return add_turn(turn, record.where(), documents);
}

bool sniff_cre_llm(const Sample& sample) {
  return sample.has({"input", "output"}) && !sample.holds("\"conversations\"");
}

Status read_cre_llm(const Source& source, const ReadOptions&, Intake& intake) {
  PairDocuments documents(source.stem());
  RELATA_CHECK(read_json_records(
      source, intake, [&](const JsonRecord& record) { return read_record(record, documents); }));
  return documents.hand_over(intake);
}

Status read_sharegpt(const Source& source, const ReadOptions&, Intake& intake) {
  PairDocuments documents(source.stem());
  RELATA_CHECK(read_json_records(source, intake, [&](const JsonRecord& record) {
    return read_conversation(record, documents);
  }));
  return documents.hand_over(intake);
}

bool sniff_sharegpt(const Sample& sample) { return sample.has({"conversations"}); }

Result<std::string> write_cre_llm(const std::vector<Document>& documents,
                                  const WriteOptions& options, Losses& losses) {
  Json list = Json::array();
  for (Record& record : make_records(documents, options.instruction, losses)) {
    list.push_back({{"instruction", std::move(record.instruction)},
                    {"input", std::move(record.input)},
                    {"output", std::move(record.output)}});
  }
  return dump(list);
}

Result<std::string> write_alpaca(const std::vector<Document>& documents,
                                 const WriteOptions& options, Losses& losses) {
  RELATA_TRY(std::string out, write_cre_llm(documents, options, losses));
  return out + "\n";
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Result<std::string> write_sharegpt(const std::vector<Document>& documents,
                                   const WriteOptions& options, Losses& losses) {
  Json list = Json::array();
  for (const Record& record : make_records(documents, options.instruction, losses)) {
    // The input is the last line of the question.
    const std::string input = one_line(record.input);
    losses["records whose line breaks became spaces"] += input != record.input;
    const std::string question =
        record.instruction.empty() ? input : record.instruction + "\n" + input;
    Json turns = Json::array();
    turns.push_back(Json{{"from", "human"}, {"value", question}});
    turns.push_back(Json{{"from", "gpt"}, {"value", one_line(record.output)}});
    Json item;
    item["conversations"] = std::move(turns);
    list.push_back(std::move(item));
  }
  return dump(list) + "\n";
}

}  // namespace

FormatEntry cre_llm_format() {
  FormatEntry entry;
  entry.info = {"cre-llm", "CRE-LLM's instruction JSON; one entity pair a record"};
  entry.holds = kHoldsRelations | kHoldsPairs;
  entry.meta = {"instruction", "input"};
  entry.sniff = sniff_cre_llm;
  entry.read = read_cre_llm;
  entry.write = write_cre_llm;
  return entry;
}

FormatEntry alpaca_format() {
  FormatEntry entry;
  entry.info = {"alpaca", "instruction, input, output for fine-tuning; one entity pair a record"};
  entry.holds = kHoldsRelations | kHoldsPairs;
  entry.meta = {"instruction", "input"};
  entry.read = read_cre_llm;
  entry.write = write_alpaca;
  return entry;
}

FormatEntry sharegpt_format() {
  FormatEntry entry;
  entry.info = {"sharegpt", "conversations for fine-tuning; one entity pair a record"};
  entry.holds = kHoldsRelations | kHoldsPairs;
  entry.meta = {"instruction", "input"};
  entry.sniff = sniff_sharegpt;
  entry.read = read_sharegpt;
  entry.write = write_sharegpt;
  return entry;
}

}  // namespace relata::data
