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
    text_.resize(text_.find_last_not_of(" \t\n") + 1);
    return std::move(text_);
  }

 private:
  // The local name of an element of WordprocessingML, "Fallback" of its markup for older programs,
  // and "" of any other.
  static std::string_view local_name(const char* full) {
    const std::string_view name(full);
    const size_t bar = name.find_last_of('|');
    if (bar == std::string_view::npos) return "";
    const std::string_view local = name.substr(bar + 1);
    const bool word = name.substr(0, bar).find("wordprocessingml") != std::string_view::npos;
    return word || local == "Fallback" ? local : std::string_view();
  }

  static bool is_left_out(std::string_view name) {
    return name == "Fallback" || name == "del" || name == "moveFrom" || name == "instrText" ||
           name == "delText" || name == "delInstrText";
  }

  static void on_start(void* user, const char* full, const char**) {
    auto* self = static_cast<WordText*>(user);
    const std::string_view name = local_name(full);
    if (is_left_out(name)) ++self->left_out_;
    if (self->left_out_ > 0) return;
    if (name == "t") ++self->in_text_;
    if (name == "tab" && self->in_run_ > 0) self->text_ += '\t';
    if ((name == "br" || name == "cr") && self->in_run_ > 0) self->text_ += '\n';
    if (name == "noBreakHyphen") self->text_ += '-';
    if (name == "r") ++self->in_run_;
  }

  static void on_end(void* user, const char* full) {
    auto* self = static_cast<WordText*>(user);
    const std::string_view name = local_name(full);
    if (self->left_out_ > 0) {
      self->left_out_ -= is_left_out(name);
      return;
    }
    if (name == "t") --self->in_text_;
    if (name == "r") --self->in_run_;
    if (name == "p") self->end_paragraph();
  }

  static void on_text(void* user, const char* text, int size) {
    auto* self = static_cast<WordText*>(user);
    if (self->in_text_ > 0 && self->left_out_ == 0) {
      self->text_.append(text, static_cast<size_t>(size));
    }
  }

  void end_paragraph() {
    while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\n')) text_.pop_back();
    if (!text_.empty()) text_ += "\n\n";
  }

  void stop(const char* problem) {
    problem_ = problem;
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser_;
  std::string text_;
  std::string problem_;
  int in_text_ = 0, in_run_ = 0, left_out_ = 0;  // open elements
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
