// What the elements of HTML mean for text, and which are open at a place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relata::data {

bool is_html_block(std::string_view name);
// Elements without an end tag.
bool is_html_void(std::string_view name);
// Elements whose content is no text for readers.
bool is_html_dropped(std::string_view name);
// Elements whose content is text for the parser, up to their own end tag.
bool is_html_raw(std::string_view name);

// The open elements at a place of a page. As for browsers, end tags may be left out (<p>, <li>,
// <td> and others), and the end of an element ends all that is open inside it. Cost of a call:
// bounded, however deep the page is nested.
class OpenElements {
 public:
  // Ends what the start tag of this name ends: a <li> the one before it.
  void end_before(std::string_view name);
  void open(std::string name, bool is_hidden);
  // An end tag. Whether a reader sees that something ends there.
  bool close(std::string_view name);

  bool are_hidden() const { return hidden_ > 0; }  // an open element hides its content
  bool keep_space() const { return preformatted_ > 0; }

 private:
  // What is asked of many elements for every tag is kept in each.
  struct Element {
    std::string name;
    bool is_hidden = false;
    bool is_block = false;
    bool is_boundary = false;  // what is inside it is apart from what is outside
    uint32_t ended_by = 0;     // a bit for each rule of implied ends
    uint32_t bounds = 0;       // likewise: the rule looks no further up
  };

  void erase(size_t begin, size_t end);

  std::vector<Element> elements_;
  size_t hidden_ = 0;        // of them
  size_t preformatted_ = 0;  // <pre> among them
};

}  // namespace relata::data
