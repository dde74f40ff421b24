// https://html.spec.whatwg.org/multipage/syntax.html#optional-tags
#include "papers/html_elements.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>

namespace relata::data {
namespace {

using Names = std::initializer_list<std::string_view>;

// How far up an element is looked for; browsers nest no deeper either.
constexpr size_t kMostSteps = 512;

bool is_among(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Elements that end tags may cross: <b><p></b></p> leaves the paragraph open.
bool is_formatting(std::string_view name) {
  return is_among(name, {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike",
                         "strong", "tt", "u"});
}

// A start tag of `starts` ends the open elements of `ends` that are inside `within`; words between
// spaces.
struct Implied {
  std::string_view starts;
  std::string_view ends;
  std::string_view within;
};
// Lists and parts of a page: an item in one ends none outside.
constexpr std::string_view kGroups =
    " article aside blockquote center details dialog dir dl fieldset figcaption figure footer form "
    "header hgroup main menu nav ol pre search section summary ul ";
constexpr Implied kImplied[] = {
    {" li ", " li ", kGroups},
    {" dt dd ", " dt dd ", kGroups},
    {" h1 h2 h3 h4 h5 h6 ", " h1 h2 h3 h4 h5 h6 ", kGroups},
    {" address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption "
     "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li main menu nav ol p pre search "
     "section summary table ul xmp ",
     " p ", " button "},
    {" option ", " option ", " select datalist "},
    {" optgroup ", " option optgroup ", " select datalist "},
    {" rb rp rt rtc ", " rb rp rt rtc ", " ruby "},
    {" caption colgroup ", " caption colgroup ", ""},
    {" td th ", " td th ", ""},
    {" tr ", " tr td th caption colgroup ", ""},
    {" tbody thead tfoot ", " tbody thead tfoot tr td th caption colgroup ", ""},
    // No elements of drawings and formulas: those are over.
    {" b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 hr i img li "
     "menu "
     "meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var ",
     " svg math ", " foreignobject desc annotation-xml mi mn mo ms mtext "},
};

// The rules that name this element there.
uint32_t rules_with(std::string_view Implied::*words, std::string_view name) {
  const std::string word = " " + std::string(name) + " ";
  uint32_t rules = 0;
  for (size_t i = 0; i < std::size(kImplied); ++i) {
    rules |= uint32_t{(kImplied[i].*words).find(word) != std::string_view::npos} << i;
  }
  return rules;
}

}  // namespace

bool is_html_block(std::string_view name) {
  return is_among(
      name,
      {"address", "article", "aside",  "blockquote", "body",   "caption", "center",   "dd",
       "details", "dialog",  "dir",    "div",        "dl",     "dt",      "fieldset", "figcaption",
       "figure",  "footer",  "form",   "h1",         "h2",     "h3",      "h4",       "h5",
       "h6",      "header",  "hgroup", "hr",         "html",   "legend",  "li",       "main",
       "menu",    "nav",     "ol",     "optgroup",   "option", "p",       "pre",      "search",
       "section", "summary", "table",  "tbody",      "tfoot",  "thead",   "tr",       "ul"});
}

bool is_html_void(std::string_view name) {
  return is_among(name, {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta",
                         "source", "track", "wbr"});
}

bool is_html_dropped(std::string_view name) {
  return is_among(name, {"canvas", "datalist", "math", "object", "select", "svg", "template",
                         "audio", "video"});
}

bool is_html_raw(std::string_view name) {
  return is_among(name, {"script", "style", "textarea", "title", "xmp", "iframe", "noembed",
                         "noframes", "noscript"});
}

void OpenElements::end_before(std::string_view name) {
  for (uint32_t rules = rules_with(&Implied::starts, name); rules != 0; rules &= rules - 1) {
    const uint32_t rule = rules & ~(rules - 1);
    size_t first = elements_.size();
    for (size_t i = elements_.size(), steps = 0; i-- > 0 && steps < kMostSteps; ++steps) {
      if (elements_[i].is_boundary || (elements_[i].bounds & rule) != 0) break;
      if ((elements_[i].ended_by & rule) != 0) first = i;
    }
    erase(first, elements_.size());
  }
}

void OpenElements::open(std::string name, bool is_hidden) {
  hidden_ += is_hidden;
  preformatted_ += name == "pre";
  Element& element = elements_.emplace_back();
  element.is_hidden = is_hidden;
  element.is_block = is_html_block(name);
  element.is_boundary = is_among(name, {"table", "template", "html"});
  element.ended_by = rules_with(&Implied::ends, name);
  element.bounds = rules_with(&Implied::within, name);
  element.name = std::move(name);
}

bool OpenElements::close(std::string_view name) {
  bool crosses_block = false;
  for (size_t i = elements_.size(), steps = 0; i-- > 0 && steps < kMostSteps; ++steps) {
    const Element& element = elements_[i];
    if (element.name == name) {
      const bool was_hidden = element.is_hidden;
      erase(i, crosses_block && is_formatting(name) ? i + 1 : elements_.size());
      return !was_hidden && !are_hidden();
    }
    if (element.is_boundary && name != "template") break;
    crosses_block = crosses_block || element.is_block;
  }
  return !are_hidden();
}

void OpenElements::erase(size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    hidden_ -= elements_[i].is_hidden;
    preformatted_ -= elements_[i].name == "pre";
  }
  elements_.erase(elements_.begin() + static_cast<std::ptrdiff_t>(begin),
                  elements_.begin() + static_cast<std::ptrdiff_t>(end));
}

}  // namespace relata::data
