#include "papers/html_text.h"

#include <algorithm>

#include "papers/html_elements.h"
#include "papers/html_entities.h"
#include "papers/html_tags.h"

namespace relata::data {
namespace {

// By an attribute.
bool is_hidden(const HtmlTag& tag) {
  if (tag.find("hidden")) return true;  // whatever its value
  if (const std::string* value = tag.find("aria-hidden"); value && html_lowered(*value) == "true") {
    return true;
  }
  const std::string* value = tag.find("style");
  if (!value) return false;
  std::string style = html_lowered(*value);
  std::erase_if(style, is_html_space);
  return style.find("display:none") != std::string::npos ||
         style.find("visibility:hidden") != std::string::npos;
}

// Whether a page that begins like this says that it is XML.
bool says_xhtml(std::string_view html) {
  constexpr size_t kBeginning = 1024;
  const std::string head = html_lowered(html.substr(0, kBeginning));
  return head.starts_with("<?xml") || head.find("//dtd xhtml") != std::string::npos ||
         head.find("www.w3.org/1999/xhtml") != std::string::npos;
}

// Collects text as a browser shows it.
class TextBuilder {
 public:
  void add(std::string_view piece, bool keep_space) {
    for (const char c : piece) {
      if (!is_html_space(c)) {
        flush();
        out_ += c;
      } else if (keep_space) {
        if (c == '\n') {
          break_line();
        } else if (c != '\r') {
          spaces_ += c == '\t' ? '\t' : ' ';
        }
      } else if (spaces_.empty() && lines_ == 0) {
        spaces_ = " ";
      }
    }
  }
  void break_line() {
    lines_ = std::min(lines_ + 1, 2);
    spaces_.clear();
  }
  void break_paragraph() {
    lines_ = 2;
    spaces_.clear();
  }
  void break_cell() {
    if (lines_ == 0) spaces_ = "\t";
  }
  std::string finish() { return std::move(out_); }

 private:
  // White space before the next character, none at the beginning.
  void flush() {
    if (!out_.empty()) {
      out_.append(static_cast<size_t>(lines_), '\n');
      out_ += spaces_;
    }
    lines_ = 0;
    spaces_.clear();
  }

  std::string out_;
  std::string spaces_;
  int lines_ = 0;
};

class HtmlReader {
 public:
  HtmlReader(std::string_view html, bool is_xhtml) : html_(html), is_xhtml_(is_xhtml) {}

  PaperText read() {
    while (at_ < html_.size()) {
      if (html_[at_] != '<') {
        read_text();
      } else if (!read_markup()) {
        add("<");
        ++at_;
      }
    }
    PaperText out;
    out.text = text_.finish();
    out.title = title_.finish();
    return out;
  }

 private:
  void add(std::string_view piece) {
    if (!elements_.are_hidden()) text_.add(piece, elements_.keep_space());
  }

  void read_text() {
    const size_t end = std::min(html_.find('<', at_), html_.size());
    add(decoded(html_.substr(at_, end - at_)));
    at_ = end;
  }

  static std::string decoded(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const size_t taken = text[at] == '&' ? append_reference(text.substr(at), out) : 0;
      if (taken == 0) out += text[at];
      at += std::max<size_t>(taken, 1);
    }
    return out;
  }

  // Comments, declarations and tags; false if "<" is only a character.
  bool read_markup() {
    const std::string_view rest = html_.substr(at_);
    if (rest.starts_with("<![CDATA[")) {
      read_cdata();
      return true;
    }
    if (rest.starts_with("<!") || rest.starts_with("<?")) {
      at_ = behind_html_comment(html_, at_);
      return true;
    }
    if (!begins_html_tag(html_, at_)) return false;
    HtmlTag tag = read_html_tag(html_, at_);
    if (tag.is_end) {
      close(tag);
    } else {
      open(tag);
    }
    return true;
  }

  // Text in XML, and a comment elsewhere.
  void read_cdata() {
    const size_t begin = at_ + std::string_view("<![CDATA[").size();
    const size_t end = std::min(html_.find("]]>", begin), html_.size());
    if (is_xhtml_) add(html_.substr(begin, end - begin));
    at_ = std::min(end + 3, html_.size());
  }

  void open(HtmlTag& tag) {
    elements_.end_before(tag.name);
    if (is_html_raw(tag.name)) {
      // The slash counts in XML only: a browser goes on to </script> without.
      if (!(is_xhtml_ && tag.closes_itself)) read_raw(tag.name);
      return;
    }
    const bool hides = is_html_dropped(tag.name) || is_hidden(tag);
    if (!hides && !elements_.are_hidden()) break_before(tag.name);
    if (!is_html_void(tag.name) && !tag.closes_itself) elements_.open(std::move(tag.name), hides);
  }

  void break_before(std::string_view name) {
    if (name == "br") text_.break_line();
    if (name == "td" || name == "th") text_.break_cell();
    if (is_html_block(name)) text_.break_paragraph();
  }

  void close(const HtmlTag& tag) {
    const bool is_seen = elements_.close(tag.name);
    if (is_seen && is_html_block(tag.name)) text_.break_paragraph();
  }

  // Up to the end tag of this name, whatever stands before it.
  void read_raw(const std::string& name) {
    const size_t end = find_raw_end(name);
    const std::string_view content = html_.substr(at_, end - at_);
    if (name == "title" && !elements_.are_hidden()) title_.add(decoded(content), false);
    if (name == "xmp") add(content);
    at_ = std::min(html_.find('>', end), html_.size());
    at_ = std::min(at_ + 1, html_.size());
  }

  // Where the end tag begins. In a script, "<!-- <script>" makes the next end tag part of the text,
  // up to "-->".
  size_t find_raw_end(const std::string& name) const {
    bool in_comment = false;
    bool in_inner_script = false;
    for (size_t at = at_; at < html_.size(); ++at) {
      at = std::min(html_.find_first_of("<-", at), html_.size());
      if (is_tag_at(at, "</", name)) {
        if (!in_inner_script) return at;
        in_inner_script = false;
      } else if (name != "script") {
        continue;
      } else if (html_.substr(at, 4) == "<!--") {
        in_comment = true;
      } else if (html_.substr(at, 3) == "-->") {
        in_comment = in_inner_script = false;
      } else if (in_comment && is_tag_at(at, "<", name)) {
        in_inner_script = true;
      }
    }
    return html_.size();
  }

  bool is_tag_at(size_t at, std::string_view begin, std::string_view name) const {
    const std::string_view rest = html_.substr(at, begin.size() + name.size() + 1);
    if (!rest.starts_with(begin)) return false;
    const std::string tag = html_lowered(rest.substr(begin.size()));
    if (!tag.starts_with(name)) return false;
    const char behind = tag.size() > name.size() ? tag.back() : '>';
    return is_html_space(behind) || behind == '>' || behind == '/';
  }

  std::string_view html_;
  bool is_xhtml_;
  size_t at_ = 0;
  TextBuilder text_, title_;
  OpenElements elements_;
};

}  // namespace

PaperText html_text(std::string_view html, bool is_xhtml) {
  return HtmlReader(html, is_xhtml || says_xhtml(html)).read();
}

}  // namespace relata::data
