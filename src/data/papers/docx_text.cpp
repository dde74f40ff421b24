#include "papers/docx_text.h"

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "papers/zip_reader.h"

namespace relata::data {
namespace {

constexpr size_t kMostXml = size_t{256} << 20;
constexpr std::string_view kOldWord = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

// "word/document.xml"; some programs put a number behind the name.
bool is_main_part(const std::string& name) {
  constexpr std::string_view kBegin = "word/document", kEnd = ".xml";
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) return false;
  const std::string_view between =
      std::string_view(name).substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size());
  return std::all_of(between.begin(), between.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Collects text from the parser's events.
class WordText {
 public:
  WordText() : parser_(XML_ParserCreateNS(nullptr, '|'), XML_ParserFree) {
    if (!parser_) throw std::bad_alloc();
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), on_start, on_end);
    XML_SetCharacterDataHandler(parser_.get(), on_text);
    // Word writes no document types; with one come entities, which can make much of little.
    XML_SetStartDoctypeDeclHandler(
        parser_.get(), [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
          static_cast<WordText*>(self)->stop("it has a document type");
        });
  }

  bool parse(std::string_view piece, bool last) {
    if (XML_Parse(parser_.get(), piece.data(), static_cast<int>(piece.size()), last) ==
        XML_STATUS_OK) {
      return true;
    }
    if (problem_.empty()) problem_ = XML_ErrorString(XML_GetErrorCode(parser_.get()));
    return false;
  }
  const std::string& problem() const { return problem_; }
  std::string finish() {
    end_paragraph();
    std::string& text = flows_.front().text;
    text.resize(text.find_last_not_of(" \t\n") + 1);
    return std::move(text);
  }

 private:
  // The document, or a text box in the paragraph of another flow.
  struct Flow {
    std::string text;
    std::string boxes;  // in the paragraph that is open; they come after it
    size_t runs = 0;    // open ones
  };

  // The local name of an element of WordprocessingML, of a formula's runs and texts, "Fallback" of
  // its markup for older programs, and "" of any other.
  static std::string_view local_name(const char* full) {
    const std::string_view name(full);
    const size_t bar = name.find_last_of('|');
    if (bar == std::string_view::npos) return "";
    const std::string_view local = name.substr(bar + 1);
    const std::string_view space = name.substr(0, bar);
    if (space.find("wordprocessingml") != std::string_view::npos) return local;
    const bool in_formula = space.ends_with("/math") && (local == "r" || local == "t");
    return in_formula || local == "Fallback" ? local : std::string_view();
  }

  // "rt" stands over its base, and "rPrChange" holds what the format was before a change.
  static bool is_left_out(std::string_view name) {
    return name == "Fallback" || name == "del" || name == "moveFrom" || name == "instrText" ||
           name == "delText" || name == "delInstrText" || name == "rt" || name == "rPrChange";
  }

  // <w:vanish/>, but not <w:vanish w:val="0"/>.
  static bool is_on(const char** attributes) {
    for (; *attributes; attributes += 2) {
      const std::string_view value(attributes[1]);
      if (std::string_view(attributes[0]).ends_with("|val")) {
        return value != "0" && value != "false" && value != "off";
      }
    }
    return true;
  }

  static void on_start(void* user, const char* full, const char** attributes) {
    auto* self = static_cast<WordText*>(user);
    const std::string_view name = local_name(full);
    if (is_left_out(name)) ++self->left_out_;
    if (self->left_out_ > 0) return;
    const size_t runs = self->flows_.back().runs;
    if (name == "t") ++self->in_text_;
    if (name == "tab" && runs > 0) self->add("\t");
    if ((name == "br" || name == "cr") && runs > 0) self->add("\n");
    if (name == "noBreakHyphen") self->add("-");
    if (name == "pPr") ++self->in_paragraph_format_;
    if (name == "vanish" && runs > 0 && self->in_paragraph_format_ == 0 && is_on(attributes)) {
      self->hide_run();
    }
    if (name == "r") self->open_run();
    if (name == "txbxContent") self->flows_.emplace_back();
  }

  static void on_end(void* user, const char* full) {
    auto* self = static_cast<WordText*>(user);
    const std::string_view name = local_name(full);
    if (self->left_out_ > 0) {
      self->left_out_ -= is_left_out(name);
      return;
    }
    if (name == "t") --self->in_text_;
    if (name == "pPr") --self->in_paragraph_format_;
    if (name == "r") self->close_run();
    if (name == "p") self->end_paragraph();
    if (name == "txbxContent") self->close_box();
  }

  static void on_text(void* user, const char* text, int size) {
    auto* self = static_cast<WordText*>(user);
    if (self->in_text_ > 0 && self->left_out_ == 0) self->add({text, static_cast<size_t>(size)});
  }

  // A text box in a run that vanishes is not seen either.
  void add(std::string_view text) {
    if (hidden_runs_ == 0) flows_.back().text += text;
  }

  void open_run() {
    ++flows_.back().runs;
    run_is_hidden_.push_back(false);
  }
  void hide_run() {
    hidden_runs_ += !run_is_hidden_.back();
    run_is_hidden_.back() = true;
  }
  void close_run() {
    --flows_.back().runs;
    hidden_runs_ -= run_is_hidden_.back();
    run_is_hidden_.pop_back();
  }
  void close_box() {
    end_paragraph();
    const std::string text = std::move(flows_.back().text);
    flows_.pop_back();
    flows_.back().boxes += text;
  }

  void end_paragraph() {
    Flow& flow = flows_.back();
    std::string& text = flow.text;
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
    if (!text.empty()) text += "\n\n";
    text += flow.boxes;
    flow.boxes.clear();
  }

  void stop(const char* problem) {
    problem_ = problem;
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser_;
  std::vector<Flow> flows_ = std::vector<Flow>(1);  // open ones
  std::vector<bool> run_is_hidden_;                 // of each open run
  size_t hidden_runs_ = 0;
  std::string problem_;
  int in_text_ = 0, in_paragraph_format_ = 0, left_out_ = 0;  // open elements
};

}  // namespace

Result<std::string> docx_text(std::string_view bytes, const std::string& path) {
  if (bytes.starts_with(kOldWord)) {
    return input_error(path + ": an encrypted or an old Word document",
                       "save it as .docx without a password");
  }
  RELATA_TRY(const std::vector<ZipEntry> entries, zip_entries(bytes, path));
  const auto main = std::find_if(entries.begin(), entries.end(),
                                 [](const ZipEntry& entry) { return is_main_part(entry.name); });
  if (main == entries.end()) {
    return input_error(path + ": the archive holds no Word document",
                       "unpack it and give the files in it");
  }
  WordText word;
  bool good = true;
  RELATA_CHECK(unzip(bytes, *main, kMostXml, path, [&](std::string_view piece) {
    good = word.parse(piece, false);
    return good;
  }));
  good = good && word.parse("", true);
  if (!good) {
    return input_error(fmt::format("{}: not a readable Word document: {}", path, word.problem()),
                       "open it in a word processor and save it again");
  }
  std::string text = word.finish();
  if (text.empty()) return input_error(path + ": the document has no text");
  return text;
}

}  // namespace relata::data
