// Walks over JSON text without building a tree, for files that are scored as they are read.
//
//   JsonCursor json(content, "dev.json");
//   json.array([&] { json.object([&](std::string_view key) { if (key == "r") json.string(); ... });
//   }); RELATA_CHECK(json.status());
//
// A value that no call consumed is skipped; everything is checked to be JSON, skipped values too.
// After the first problem all calls do nothing and status() tells it with line and column.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "relata/base/result.h"

namespace relata::eval {

class JsonCursor {
 public:
  // `text` is borrowed. Strings with escapes are decoded into `decoded`, which must outlive them.
  JsonCursor(std::string_view text, std::string where, std::deque<std::string>& decoded);

  // Calls `visit()` before each element, which may consume it.
  template <class Visit>
  void array(Visit visit) {
    if (!open('[', "a list")) return;
    for (bool first = true; next(']', first); first = false) {
      const char* before = at_;
      visit();
      if (at_ == before) skip();
    }
  }
  // Calls `visit(key)` before each value, which may consume it.
  template <class Visit>
  void object(Visit visit) {
    if (!open('{', "an object")) return;
    for (bool first = true; next('}', first); first = false) {
      const std::string_view key = string();
      space();
      if (at_ == end_ || *at_ != ':') return fail("':' wanted");
      ++at_;
      space();
      const char* before = at_;
      visit(key);
      if (at_ == before) skip();
    }
  }
  std::string_view string();  // valid while the text and `decoded` are
  int integer();              // 0 to 2^31 - 1
  void skip();                // any value
  bool at_object() { return space(), at_ != end_ && *at_ == '{'; }
  bool at_end() { return space(), at_ == end_; }

  // The problem is put before what follows; only the first is kept.
  void fail(const std::string& problem);
  bool ok() const { return !problem_; }
  Status status();  // also checks that nothing follows the value

 private:
  void space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool open(char bracket, const char* wanted);
  // Whether an element follows. Nearly always it does, behind a comma and a space.
  bool next(char close, bool first) {
    if (!first && end_ - at_ > 2 && *at_ == ',') {
      const char* after = at_ + (at_[1] == ' ' ? 2 : 1);
      if (*after > ' ' && *after != close) {
        at_ = after;
        return true;
      }
    }
    return find_next(close, first);
  }
  bool find_next(char close, bool first);
  // The closing quote, or null after a problem; at_ is behind the opening one. Sets has_escape_.
  const char* end_of_string();
  std::string_view decode(const char* end);
  std::optional<char32_t> code_unit(const char*& at, const char* end) const;
  bool skip_number();
  bool skip_word(std::string_view word);

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string where_;
  std::deque<std::string>& decoded_;
  std::optional<Error> problem_;
  int depth_ = 0;
  bool has_escape_ = false;
};

}  // namespace relata::eval
