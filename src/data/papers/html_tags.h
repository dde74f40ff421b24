// The tags and comments of HTML, as browsers find them in any text.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relata::data {

bool is_html_space(char c);
// ASCII letters made small, as names are compared.
std::string html_lowered(std::string_view text);

struct HtmlTag {
  std::string name;  // in small letters
  bool is_end = false;
  bool closes_itself = false;  // <br/>
  // Names in small letters, values as they are written, "" where there is none.
  std::vector<std::pair<std::string, std::string>> attributes;

  // The value of the first attribute of that name; null if there is none.
  const std::string* find(std::string_view attribute) const;
};

// Whether the "<" at `at` begins a tag.
bool begins_html_tag(std::string_view html, size_t at);
// Reads the tag that begins at `at`, and moves `at` behind it.
HtmlTag read_html_tag(std::string_view html, size_t& at);
// Behind the comment, declaration or instruction ("<!" or "<?") at `at`; the end of `html` where it
// is not closed.
size_t behind_html_comment(std::string_view html, size_t at);

}  // namespace relata::data
