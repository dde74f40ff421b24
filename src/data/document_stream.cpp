#include "relata/data/document_stream.h"

#include <algorithm>
#include <utility>

#include "encoding.h"
#include "registry.h"
#include "relata/base/file_reader.h"

namespace relata::data {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Finds where a growing text may be cut. Counting brackets is enough: what reads a part begins at
// its first character or at a line that begins with {, so that the depth here is never less than
// that of the record it reads.
class Cuts {
 public:
  explicit Cuts(Parts parts) : parts_(parts) {}

  // Behind the last byte of `text` that may end a part; 0: there is none yet. The text begins where
  // it was cut before.
  size_t find(std::string_view text) {
    const size_t cut = parts_ == Parts::kLines ? end_of_lines(text) : end_of_values(text);
    seen_ = text.size() - cut;
    return cut;
  }

 private:
  size_t end_of_lines(std::string_view text) const {
    const size_t newline = text.substr(seen_).rfind('\n');
    return newline == std::string_view::npos ? 0 : seen_ + newline + 1;
  }

  size_t end_of_values(std::string_view text) {
    size_t cut = 0;
    for (size_t at = seen_; at < text.size(); ++at) {
      const char c = text[at];
      if (c == '\n') {
        // No string of JSON goes over a line's end.
        broken_ = depth_ > 0 && (broken_ || in_string_);
        in_string_ = escaped_ = false;
        if (depth_ == 0) cut = at + 1;
      } else if (in_string_) {
        go_on_in_string(c);
      } else if (kSpace.find(c) == std::string_view::npos) {
        if (c == '{' && at > 0 && text[at - 1] == '\n' && cannot_go_on()) {
          cut = at;
          depth_ = 0;
          broken_ = false;
        }
        take(c);
      }
    }
    return cut;
  }

  // At a line that begins like a record, where reading goes on after a broken one: whether no
  // object can stand here in the value that is open.
  bool cannot_go_on() const {
    return depth_ > 0 && (broken_ || (last_ != '[' && last_ != ',' && last_ != ':'));
  }

  void go_on_in_string(char c) {
    if (std::exchange(escaped_, false)) return;
    escaped_ = c == '\\';
    in_string_ = c != '"';
  }

  void take(char c) {
    last_ = c;
    in_string_ = c == '"';
    if (c == '{' || c == '[') ++depth_;
    if ((c == '}' || c == ']') && depth_ > 0) --depth_;
    if (depth_ == 0) broken_ = false;
  }

  Parts parts_;
  size_t seen_ = 0;  // bytes of the text that were looked at
  size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool broken_ = false;  // the value that is open is no JSON
  char last_ = 0;        // outside of strings, but for white space
};

void move_records(Dataset& from, Dataset& to) {
  const auto move_all = [](auto& these, auto& those) {
    std::move(these.begin(), these.end(), std::back_inserter(those));
    these.clear();
  };
  to.format = from.format;
  move_all(from.documents, to.documents);
  move_all(from.skipped, to.skipped);
  move_all(from.fixed, to.fixed);
  for (const auto& [kind, count] : from.noted) to.noted[kind] += count;
  from.noted.clear();
}

}  // namespace

class DocumentStream::State {
 public:
  State(FileReader file, std::string name, const ReadOptions& options)
      : file_(std::move(file)), name_(std::move(name)), options_(options) {}

  // Reads as much as tells the format.
  Status begin() {
    while (!ended_ && text_.size() < kSniffed && (!has_line() || file_.ready())) {
      RELATA_CHECK(read_more());
    }
    format_ = format_in_parts();
    if (format_ == nullptr) return {};
    std::string unused;
    RELATA_TRY(const std::string_view text, as_utf8(text_, name_, unused));
    text_.erase(0, text_.size() - text.size());
    dataset_.format = format_->info.name;
    cuts_ = Cuts(format_->parts);
    intake_.emplace(options_, dataset_);
    return {};
  }

  Result<bool> next(Dataset& out) {
    if (done_) return false;
    if (format_ == nullptr) {
      RELATA_TRY(Dataset whole, read_whole());
      move_records(whole, out);
      return true;
    }
    while (!has_part()) RELATA_CHECK(read_more());
    const size_t cut = cut_ > 0 ? std::exchange(cut_, 0) : text_.size();
    done_ = ended_ && cut == text_.size();
    const std::string_view part = std::string_view(text_).substr(0, cut);
    RELATA_CHECK(format_->read({part, name_, line_}, options_, *intake_));
    line_ += static_cast<size_t>(std::count(part.begin(), part.end(), '\n'));
    text_.erase(0, cut);
    move_records(dataset_, out);
    return true;
  }

  Result<bool> ready() {
    while (!done_ && !has_part()) {
      if (!file_.ready()) return false;
      RELATA_CHECK(read_more());
    }
    return true;
  }

 private:
  // Whether a line with something on it is there.
  bool has_line() const {
    const size_t first = text_.find_first_not_of(kSpace);
    return first != std::string::npos && text_.find('\n', first) != std::string::npos;
  }

  // Whether a part can be handed to the format.
  bool has_part() {
    if (format_ != nullptr && cut_ == 0 && !ended_) cut_ = cuts_.find(text_);
    return ended_ || cut_ > 0;
  }

  Status read_more() {
    RELATA_TRY(const size_t count, file_.read(text_));
    ended_ = count == 0;
    return {};
  }

  // Null where the file is read as a whole, which also says what is wrong with it.
  const FormatEntry* format_in_parts() const {
    std::string converted;
    const auto text = as_utf8(text_, name_, converted);
    if (!text.ok() || !converted.empty()) return nullptr;
    const size_t first = text->find_first_not_of(kSpace);
    if (first == std::string_view::npos) return nullptr;
    std::string name = options_.format;
    if (name.empty()) {
      const auto guessed = guess_format(text_, name_);
      if (!guessed.ok()) return nullptr;
      name = *guessed;
    }
    const FormatEntry* entry = find_format(name);
    if (entry == nullptr || entry->parts == Parts::kNone) return nullptr;
    const bool list = entry->parts == Parts::kJsonValues && (*text)[first] == '[';
    return list ? nullptr : entry;
  }

  Result<Dataset> read_whole() {
    done_ = true;
    while (!ended_) RELATA_CHECK(read_more());
    const std::string text = std::exchange(text_, {});
    return parse_dataset(text, name_, options_);
  }

  FileReader file_;
  std::string name_;
  ReadOptions options_;
  std::string text_;  // read and not yet handed to the format
  size_t cut_ = 0;    // where a part of it ends; 0: not known yet
  size_t line_ = 1;   // on which it begins
  bool ended_ = false;
  bool done_ = false;
  const FormatEntry* format_ = nullptr;
  Cuts cuts_{Parts::kNone};
  Dataset dataset_;  // of the part that is read
  std::optional<Intake> intake_;
};

DocumentStream::DocumentStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
DocumentStream::DocumentStream(DocumentStream&&) noexcept = default;
DocumentStream& DocumentStream::operator=(DocumentStream&&) noexcept = default;
DocumentStream::~DocumentStream() = default;

Result<DocumentStream> DocumentStream::open(const std::string& path, const ReadOptions& options) {
  RELATA_CHECK(check_options(options));
  if (!options.format.empty()) RELATA_CHECK(check_readable(options.format));
  RELATA_TRY(FileReader file, FileReader::open(path));
  auto state = std::make_unique<State>(std::move(file), path == "-" ? "stdin" : path, options);
  RELATA_CHECK(state->begin());
  return DocumentStream(std::move(state));
}

Result<bool> DocumentStream::next(Dataset& out) { return state_->next(out); }

Result<bool> DocumentStream::ready() { return state_->ready(); }

}  // namespace relata::data
