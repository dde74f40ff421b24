#include "papers/html_text.h"

#include <algorithm>
#include <initializer_list>

#include "papers/html_entities.h"

namespace relata::data {
namespace {

using Names = std::initializer_list<std::string_view>;

constexpr std::string_view kSpace = " \t\r\n\f";

bool is_space(char c) { return kSpace.find(c) != std::string_view::npos; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool is_among(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_block(std::string_view name) {
  return is_among(
      name,
      {"address", "article", "aside",  "blockquote", "body",   "caption", "center",   "dd",
       "details", "dialog",  "dir",    "div",        "dl",     "dt",      "fieldset", "figcaption",
       "figure",  "footer",  "form",   "h1",         "h2",     "h3",      "h4",       "h5",
       "h6",      "header",  "hgroup", "hr",         "html",   "legend",  "li",       "main",
       "menu",    "nav",     "ol",     "optgroup",   "option", "p",       "pre",      "search",
       "section", "summary", "table",  "tbody",      "tfoot",  "thead",   "tr",       "ul"});
}

// Elements without an end tag.
bool is_void(std::string_view name) {
  return is_among(name, {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta",
                         "source", "track", "wbr"});
}

// Elements whose content is no text for readers.
bool is_dropped(std::string_view name) {
  return is_among(name, {"canvas", "datalist", "iframe", "math", "noscript", "object", "select",
                         "svg", "template", "audio", "video"});
}

// Elements whose content is text for the parser, up to their own end tag.
bool is_raw(std::string_view name) {
  return is_among(name, {"script", "style", "textarea", "title", "xmp", "noembed", "noframes"});
}

struct Tag {
  std::string name;
  bool is_end = false;
  bool is_hidden = false;  // by an attribute
  bool closes_itself = false;
};

// Collects text as a browser shows it.
class TextBuilder {
 public:
  void add(std::string_view piece, bool keep_space) {
    for (const char c : piece) {
      if (!is_space(c)) {
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
  explicit HtmlReader(std::string_view html) : html_(html) {}

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
    if (skipped_.empty()) text_.add(piece, preformatted_ > 0);
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
    if (rest.starts_with("<!--")) {
      skip_behind("-->", at_ + 4);
      return true;
    }
    if (rest.starts_with("<![CDATA[")) {
      skip_behind("]]>", at_ + 9);
      return true;
    }
    if (rest.starts_with("<!") || rest.starts_with("<?")) {
      skip_behind(">", at_ + 2);
      return true;
    }
    const size_t name = at_ + (rest.starts_with("</") ? 2 : 1);
    if (name >= html_.size() || lower(html_[name]) < 'a' || lower(html_[name]) > 'z') return false;
    const Tag tag = read_tag();
    if (tag.is_end) {
      close(tag);
    } else {
      open(tag);
    }
    return true;
  }

  void skip_behind(std::string_view mark, size_t from) {
    const size_t end = html_.find(mark, from);
    at_ = end == std::string_view::npos ? html_.size() : end + mark.size();
  }

  Tag read_tag() {
    Tag tag;
    ++at_;
    tag.is_end = html_[at_] == '/';
    at_ += tag.is_end;
    const size_t begin = at_;
    while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '>' && html_[at_] != '/') {
      ++at_;
    }
    tag.name = lowered(html_.substr(begin, at_ - begin));
    while (at_ < html_.size() && html_[at_] != '>') read_attribute(tag);
    at_ = std::min(at_ + 1, html_.size());
    return tag;
  }

  void read_attribute(Tag& tag) {
    if (is_space(html_[at_]) || html_[at_] == '/') {
      tag.closes_itself = html_[at_] == '/';
      ++at_;
      return;
    }
    tag.closes_itself = false;
    const size_t begin = at_++;  // an odd "=" at the beginning belongs to the name
    while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '>' && html_[at_] != '/' &&
           html_[at_] != '=') {
      ++at_;
    }
    const std::string name = lowered(html_.substr(begin, at_ - begin));
    const std::string value = read_value();
    if (name == "hidden") tag.is_hidden = true;  // whatever its value
    if (name == "aria-hidden") tag.is_hidden = tag.is_hidden || lowered(value) == "true";
    if (name == "style") {
      std::string style = lowered(value);
      std::erase_if(style, is_space);
      tag.is_hidden = tag.is_hidden || style.find("display:none") != std::string::npos ||
                      style.find("visibility:hidden") != std::string::npos;
    }
  }

  std::string read_value() {
    size_t next = at_;
    while (next < html_.size() && is_space(html_[next])) ++next;
    if (next >= html_.size() || html_[next] != '=') return "";
    for (++next; next < html_.size() && is_space(html_[next]);) ++next;
    at_ = next;
    if (at_ >= html_.size()) return "";
    if (html_[at_] == '"' || html_[at_] == '\'') {
      const size_t end = html_.find(html_[at_], at_ + 1);
      const size_t stop = std::min(end, html_.size());
      std::string value(html_.substr(at_ + 1, stop - at_ - 1));
      at_ = std::min(stop + 1, html_.size());
      return value;
    }
    const size_t begin = at_;
    while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '>') ++at_;
    return std::string(html_.substr(begin, at_ - begin));
  }

  void open(const Tag& tag) {
    if (is_raw(tag.name)) return read_raw(tag.name);
    if (!skipped_.empty()) {
      depth_ += tag.name == skipped_ && !tag.closes_itself;
      return;
    }
    const bool empty = is_void(tag.name) || tag.closes_itself;
    if ((is_dropped(tag.name) || tag.is_hidden) && !empty) {
      skipped_ = tag.name;
      depth_ = 1;
      return;
    }
    if (tag.is_hidden) return;
    if (tag.name == "br") text_.break_line();
    if (tag.name == "td" || tag.name == "th") text_.break_cell();
    if (is_block(tag.name)) text_.break_paragraph();
    if (tag.name == "pre") ++preformatted_;
  }

  void close(const Tag& tag) {
    if (!skipped_.empty()) {
      if (tag.name == skipped_ && --depth_ == 0) skipped_.clear();
      return;
    }
    if (is_block(tag.name)) text_.break_paragraph();
    if (tag.name == "pre" && preformatted_ > 0) --preformatted_;
  }

  // Up to the end tag of this name, whatever stands before it.
  void read_raw(const std::string& name) {
    size_t end = at_;
    for (;; ++end) {
      end = std::min(html_.find("</", end), html_.size());
      if (end == html_.size()) break;
      if (lowered(html_.substr(end + 2, name.size())) == name) break;
    }
    if (name == "title") {
      if (skipped_.empty()) title_.add(decoded(html_.substr(at_, end - at_)), false);
    } else if (name == "xmp") {
      add(html_.substr(at_, end - at_));
    }
    at_ = std::min(html_.find('>', end), html_.size());
    at_ = std::min(at_ + 1, html_.size());
  }

  std::string_view html_;
  size_t at_ = 0;
  TextBuilder text_, title_;
  int preformatted_ = 0;
  std::string skipped_;  // the element whose content is left out, or ""
  int depth_ = 0;        // of elements of that name
};

}  // namespace

PaperText html_text(std::string_view html) { return HtmlReader(html).read(); }

std::string html_charset(std::string_view bytes) {
  constexpr size_t kBeginning = 1024;
  const std::string head = lowered(bytes.substr(0, kBeginning));
  const std::string_view word = head.starts_with("<?xml") ? "encoding" : "charset";
  size_t at = head.find(word);
  if (at == std::string::npos) return "";
  at += word.size();
  while (at < head.size() &&
         (is_space(head[at]) || head[at] == '=' || head[at] == '"' || head[at] == '\'')) {
    ++at;
  }
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
           c == ':';
  };
  size_t end = at;
  while (end < head.size() && is_name(head[end])) ++end;
  return head.substr(at, end - at);
}

}  // namespace relata::data
