#include "json_view.h"

#include <charconv>
#include <cstring>
#include <limits>

#include "relata/text/utf8.h"

namespace relata::data {
namespace {

constexpr int kDeepest = 256;
constexpr size_t kBlock = 64 * 1024;
constexpr size_t kLargest = std::numeric_limits<uint32_t>::max();

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The first byte at or after `at` that ends a run of plain string characters: a quote, a backslash
// or a control character. Eight bytes at a time: a byte's high bit is set in `ends` if it is one.
size_t end_of_plain(std::string_view text, size_t at) {
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  constexpr uint64_t kHigh = 0x8080808080808080ULL;
  const auto zero_bytes = [](uint64_t word) { return (word - kOnes) & ~word & kHigh; };
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const uint64_t control = (word - kOnes * 0x20) & ~word & kHigh;
    if (zero_bytes(word ^ (kOnes * '"')) | zero_bytes(word ^ (kOnes * '\\')) | control) break;
  }
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) return at;
  }
  return at;
}

}  // namespace

std::optional<int64_t> JsonView::integer() const {
  if (!is_number()) return std::nullopt;
  int64_t value = 0;
  const char* end = node_->data + node_->size;
  const auto [stop, problem] = std::from_chars(node_->data, end, value);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

double JsonView::number() const {
  double value = 0;
  std::from_chars(node_->data, node_->data + node_->size, value);
  return value;
}

JsonView JsonView::find(std::string_view key) const {
  JsonView found;
  if (!is_object()) return found;
  each_member([&](std::string_view name, JsonView value) {
    if (name == key) found = value;
  });
  return found;
}

JsonView JsonView::at(size_t index) const {
  const JsonNode* node = node_ + 1;
  for (; index > 0; --index) node += node->next;
  return JsonView(node);
}

Json JsonView::to_json() const {
  switch (node_->type) {
    case JsonType::kNull:
      return nullptr;
    case JsonType::kBool:
      return node_->truth;
    case JsonType::kNumber:
      if (const auto whole = integer()) {
        if (*whole < 0) return *whole;
        return static_cast<uint64_t>(*whole);  // as the other parser has them
      }
      return number();
    case JsonType::kString:
      return std::string(string());
    case JsonType::kArray: {
      Json list = Json::array();
      for (const JsonView item : *this) list.push_back(item.to_json());
      return list;
    }
    case JsonType::kObject: {
      Json object = Json::object();
      each_member([&](std::string_view key, JsonView value) {
        object[std::string(key)] = value.to_json();
      });
      return object;
    }
  }
  return nullptr;
}

std::string JsonView::path_to(JsonView inner) const {
  std::string path;
  JsonView at = *this;
  const auto holds = [&](JsonView value) {
    return value.node_ <= inner.node_ && inner.node_ < value.node_ + value.node_->next;
  };
  while (at.node_ != inner.node_) {
    JsonView child;
    std::string step;
    size_t index = 0;
    for (const JsonView item : at) {
      if (holds(item)) {
        child = item;
        step = "[" + std::to_string(index) + "]";
        break;
      }
      ++index;
    }
    at.each_member([&](std::string_view key, JsonView value) {
      if (!holds(value)) return;
      child = value;
      step = (path.empty() ? "" : ".") + std::string(key);
    });
    if (!child) break;
    path += step;
    at = child;
  }
  return path;
}

std::optional<JsonProblem> JsonParser::parse(std::string_view text, size_t begin) {
  text_ = text;
  position_ = begin;
  nodes_.clear();
  if (blocks_.size() > 1) blocks_.resize(1);
  block_at_ = blocks_.empty() ? nullptr : blocks_.front().get();
  block_left_ = blocks_.empty() ? 0 : kBlock;
  try {
    read_value(0);
  } catch (const Failure&) {
    return problem_;
  }
  return std::nullopt;
}

void JsonParser::fail(size_t offset, const char* what) {
  problem_ = {offset, what};
  throw Failure();
}

void JsonParser::skip_space() {
  while (position_ < text_.size() && is_space(text_[position_])) ++position_;
}

size_t JsonParser::open(JsonType type) {
  if (nodes_.size() >= most_values_) {
    fail(position_, "one record has more values than relata takes (33 million)");
  }
  JsonNode& node = nodes_.emplace_back();
  node.offset = position_;
  node.type = type;
  return nodes_.size() - 1;
}

void JsonParser::close(size_t node, size_t count) {
  nodes_[node].size = static_cast<uint32_t>(count);
  nodes_[node].next = static_cast<uint32_t>(nodes_.size() - node);
}

void JsonParser::read_value(int depth) {
  skip_space();
  if (position_ >= text_.size()) fail(position_, "the text ends where a value should begin");
  if (depth > kDeepest) fail(position_, "the values are nested too deeply");
  switch (text_[position_]) {
    case '{':
      return read_object(depth);
    case '[':
      return read_array(depth);
    case '"':
      return read_string();
    case 't':
      return read_word("true", JsonType::kBool, true);
    case 'f':
      return read_word("false", JsonType::kBool, false);
    case 'n':
      return read_word("null", JsonType::kNull, false);
    default:
      return read_number();
  }
}

void JsonParser::read_array(int depth) {
  const size_t node = open(JsonType::kArray);
  ++position_;
  size_t count = 0;
  skip_space();
  if (position_ < text_.size() && text_[position_] == ']') {
    ++position_;
    return close(node, 0);
  }
  while (true) {
    read_value(depth + 1);
    ++count;
    skip_space();
    if (position_ >= text_.size()) fail(position_, "a list is not closed");
    const char c = text_[position_];
    if (c != ',' && c != ']') fail(position_, "a comma or ] is missing");
    ++position_;
    if (c == ']') return close(node, count);
  }
}

void JsonParser::read_object(int depth) {
  const size_t node = open(JsonType::kObject);
  ++position_;
  size_t count = 0;
  skip_space();
  if (position_ < text_.size() && text_[position_] == '}') {
    ++position_;
    return close(node, 0);
  }
  while (true) {
    skip_space();
    if (position_ >= text_.size()) fail(position_, "an object is not closed");
    if (text_[position_] != '"') fail(position_, "a name in quotes is missing");
    read_string();
    skip_space();
    if (position_ >= text_.size()) fail(position_, "an object is not closed");
    if (text_[position_] != ':') fail(position_, "a colon is missing");
    ++position_;
    read_value(depth + 1);
    ++count;
    skip_space();
    if (position_ >= text_.size()) fail(position_, "an object is not closed");
    const char c = text_[position_];
    if (c != ',' && c != '}') fail(position_, "a comma or } is missing");
    ++position_;
    if (c == '}') return close(node, count);
  }
}

void JsonParser::read_string() {
  const size_t node = open(JsonType::kString);
  const size_t begin = position_ + 1;
  const size_t end = end_of_plain(text_, begin);
  if (end >= text_.size()) fail(position_, "a string is not closed");
  if (end - begin > kLargest) fail(position_, "the string is too long");
  if (text_[end] == '\\') return read_escaped(node, begin, end);
  if (text_[end] != '"') fail(end, "a string has a bare control character or line break");
  nodes_[node].data = text_.data() + begin;
  nodes_[node].size = static_cast<uint32_t>(end - begin);
  position_ = end + 1;
}

char32_t JsonParser::read_hex(size_t position) {
  uint32_t value = 0;
  const char* begin = text_.data() + position;
  if (position + 4 > text_.size() ||
      std::from_chars(begin, begin + 4, value, 16).ptr != begin + 4) {
    fail(std::min(position, text_.size()), "\\u is not followed by four hexadecimal digits");
  }
  return value;
}

void JsonParser::read_escaped(size_t node, size_t begin, size_t position) {
  scratch_.assign(text_, begin, position - begin);
  while (true) {
    if (position >= text_.size()) fail(nodes_[node].offset, "a string is not closed");
    if (text_[position] == '"') break;
    if (text_[position] != '\\')
      fail(position, "a string has a bare control character or line break");
    if (position + 1 >= text_.size()) fail(nodes_[node].offset, "a string is not closed");
    constexpr std::string_view kLetters = "\"\\/bfnrtu";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const size_t which = kLetters.find(text_[position + 1]);
    if (which == std::string_view::npos) fail(position, "an unknown escape in a string");
    if (which < kMeanings.size()) {
      scratch_.push_back(kMeanings[which]);
      position += 2;
    } else {
      char32_t code = read_hex(position + 2);
      const size_t escape = position;
      position += 6;
      if (code >= 0xD800 && code < 0xDC00 && text_.substr(position, 2) == "\\u") {
        const char32_t low = read_hex(position + 2);
        if (low >= 0xDC00 && low < 0xE000) {
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          position += 6;
        }
      }
      if (code >= 0xD800 && code < 0xE000) fail(escape, "half a surrogate pair");
      text::append_utf8(scratch_, code);
    }
    const size_t plain = end_of_plain(text_, position);
    scratch_.append(text_, position, plain - position);
    position = plain;
  }
  if (scratch_.size() > kLargest) fail(nodes_[node].offset, "the string is too long");
  char* copy = allocate(scratch_.size());
  std::copy(scratch_.begin(), scratch_.end(), copy);
  nodes_[node].data = copy;
  nodes_[node].size = static_cast<uint32_t>(scratch_.size());
  position_ = position + 1;
}

void JsonParser::read_number() {
  const size_t node = open(JsonType::kNumber);
  const size_t begin = position_;
  size_t at = begin;
  const auto digit = [&](size_t place) { return place < text_.size() && is_digit(text_[place]); };
  if (at < text_.size() && text_[at] == '-') ++at;
  if (!digit(at)) fail(begin, "no JSON value");
  if (text_[at] == '0' && digit(at + 1)) fail(begin, "a number begins with 0");
  while (digit(at)) ++at;
  if (at < text_.size() && text_[at] == '.') {
    if (!digit(++at)) fail(begin, "a number ends in its point");
    while (digit(at)) ++at;
  }
  if (at < text_.size() && (text_[at] == 'e' || text_[at] == 'E')) {
    ++at;
    if (at < text_.size() && (text_[at] == '+' || text_[at] == '-')) ++at;
    if (!digit(at)) fail(begin, "a number's exponent is missing");
    while (digit(at)) ++at;
  }
  if (at - begin > kLargest) fail(begin, "the number is too long");
  nodes_[node].data = text_.data() + begin;
  nodes_[node].size = static_cast<uint32_t>(at - begin);
  position_ = at;
}

void JsonParser::read_word(std::string_view word, JsonType type, bool truth) {
  if (text_.substr(position_, word.size()) != word) fail(position_, "no JSON value");
  nodes_[open(type)].truth = truth;
  position_ += word.size();
}

char* JsonParser::allocate(size_t size) {
  if (size > kBlock) {
    // Never first: the first block is the one that is kept.
    if (blocks_.empty()) allocate(1);
    blocks_.push_back(std::make_unique<char[]>(size));
    return blocks_.back().get();
  }
  if (block_left_ < size || !block_at_) {
    blocks_.push_back(std::make_unique<char[]>(kBlock));
    block_at_ = blocks_.back().get();
    block_left_ = kBlock;
  }
  char* place = block_at_;
  block_at_ += size;
  block_left_ -= size;
  return place;
}

size_t skip_json_value(std::string_view text, size_t begin) {
  size_t open = 0;
  for (size_t at = begin; at < text.size(); ++at) {
    switch (text[at]) {
      case '"':
        for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at) {
          at += text[at] == '\\';
        }
        break;
      case '[':
      case '{':
        ++open;
        break;
      case ']':
      case '}':
        if (open <= 1) return open == 1 ? at + 1 : at;
        --open;
        break;
      case ',':
        if (open == 0) return at;
        break;
      default:
        break;
    }
  }
  return std::string_view::npos;
}

}  // namespace relata::data
