#include "papers/html_tags.h"

#include <algorithm>

namespace relata::data {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

class TagReader {
 public:
  TagReader(std::string_view html, size_t at) : html_(html), at_(at) {}

  HtmlTag read() {
    HtmlTag tag;
    ++at_;
    tag.is_end = html_[at_] == '/';
    at_ += tag.is_end;
    const size_t begin = at_;
    while (at_ < html_.size() && !is_html_space(html_[at_]) && html_[at_] != '>' &&
           html_[at_] != '/') {
      ++at_;
    }
    tag.name = html_lowered(html_.substr(begin, at_ - begin));
    while (at_ < html_.size() && html_[at_] != '>') read_attribute(tag);
    at_ = std::min(at_ + 1, html_.size());
    return tag;
  }
  size_t at() const { return at_; }

 private:
  void read_attribute(HtmlTag& tag) {
    if (is_html_space(html_[at_]) || html_[at_] == '/') {
      tag.closes_itself = html_[at_] == '/';
      ++at_;
      return;
    }
    tag.closes_itself = false;
    const size_t begin = at_++;  // an odd "=" at the beginning belongs to the name
    while (at_ < html_.size() && !is_html_space(html_[at_]) && html_[at_] != '>' &&
           html_[at_] != '/' && html_[at_] != '=') {
      ++at_;
    }
    std::string name = html_lowered(html_.substr(begin, at_ - begin));
    std::string value = read_value();
    tag.attributes.emplace_back(std::move(name), std::move(value));
  }

  std::string read_value() {
    size_t next = at_;
    while (next < html_.size() && is_html_space(html_[next])) ++next;
    if (next >= html_.size() || html_[next] != '=') return "";
    for (++next; next < html_.size() && is_html_space(html_[next]);) ++next;
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
    while (at_ < html_.size() && !is_html_space(html_[at_]) && html_[at_] != '>') ++at_;
    return std::string(html_.substr(begin, at_ - begin));
  }

  std::string_view html_;
  size_t at_;
};

}  // namespace

bool is_html_space(char c) {
  constexpr std::string_view kSpace = " \t\r\n\f";
  return kSpace.find(c) != std::string_view::npos;
}

std::string html_lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

const std::string* HtmlTag::find(std::string_view attribute) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const auto& entry) { return entry.first == attribute; });
  return found == attributes.end() ? nullptr : &found->second;
}

bool begins_html_tag(std::string_view html, size_t at) {
  const size_t name = at + (html.substr(at).starts_with("</") ? 2 : 1);
  return name < html.size() && lower(html[name]) >= 'a' && lower(html[name]) <= 'z';
}

HtmlTag read_html_tag(std::string_view html, size_t& at) {
  TagReader reader(html, at);
  HtmlTag tag = reader.read();
  at = reader.at();
  return tag;
}

size_t behind_html_comment(std::string_view html, size_t at) {
  const std::string_view rest = html.substr(at);
  if (!rest.starts_with("<!--")) {
    const size_t end = html.find('>', at);
    return end == std::string_view::npos ? html.size() : end + 1;
  }
  for (const std::string_view empty : {"<!-->", "<!--->"}) {
    if (rest.starts_with(empty)) return at + empty.size();
  }
  for (size_t end = html.find("--", at + 4); end != std::string_view::npos;
       end = html.find("--", end + 1)) {
    for (const std::string_view mark : {"-->", "--!>"}) {
      if (html.substr(end).starts_with(mark)) return end + mark.size();
    }
  }
  return html.size();
}

}  // namespace relata::data
