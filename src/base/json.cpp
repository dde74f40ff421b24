#include "relata/base/json.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "clean.h"
#include "relata/base/file.h"

namespace relata {
namespace {

constexpr size_t kMaxDepth = 512;  // copying and writing a value recurse this deep
// What aliases may add to a YAML document, in nodes and bytes: a few lines could name petabytes.
constexpr size_t kMaxAliasWeight = size_t{1} << 24;

std::string too_deep() { return "nested deeper than " + std::to_string(kMaxDepth) + " levels"; }

std::string place(std::string_view text, size_t offset, const std::string& where) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i < std::min(offset, text.size()); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++column;
    }
  }
  return where + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
}

// Offset of the bracket that opens one level too many, or npos.
size_t find_too_deep(std::string_view text) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return i;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return std::string_view::npos;
}

// The parser's own builder looks every new key up among the keys before it, one by one, which takes
// minutes for a vocabulary; this one indexes the keys of large objects.
class JsonBuilder {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(number_integer_t value) { return add(value); }
  bool number_unsigned(number_unsigned_t value) { return add(value); }
  bool number_float(number_float_t value, const string_t&) { return add(value); }
  bool string(string_t& value) { return add(std::move(value)); }
  bool binary(binary_t&) { return false; }
  bool start_object(size_t) { return open(Json::object()); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(string_t& name) {
    Frame& frame = stack_.back();
    auto& members = frame.value->get_ref<Json::object_t&>();
    size_t slot = members.size();
    if (slot < kIndexFrom) {
      for (size_t i = 0; i < members.size(); ++i) {
        if (member_at(members, i).first == name) slot = i;
      }
    } else {
      if (slot == kIndexFrom && frame.index.empty()) {
        for (size_t i = 0; i < slot; ++i) frame.index.emplace(member_at(members, i).first, i);
      }
      slot = frame.index.emplace(name, slot).first->second;
    }
    if (slot == members.size()) {
      members.emplace_back(std::move(name), nullptr);
    } else {
      member_at(members, slot).second = nullptr;
    }
    frame.slot = slot;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) {
    offset_ = position == 0 ? 0 : position - 1;
    reason_ = error.what();
    if (const size_t tag = reason_.find("] "); tag != std::string::npos) reason_.erase(0, tag + 2);
    if (reason_.starts_with("parse error at ")) {
      if (const size_t end = reason_.find(": "); end != std::string::npos)
        reason_.erase(0, end + 2);
    }
    return false;
  }

  Json take() { return std::move(root_); }
  size_t offset() const { return offset_; }
  const std::string& reason() const { return reason_; }

 private:
  static constexpr size_t kIndexFrom = 32;
  struct Frame {
    Json* value = nullptr;
    size_t slot = 0;
    std::unordered_map<std::string, size_t> index;
  };

  // The type's own operator[] takes keys only.
  static Json::object_t::value_type& member_at(Json::object_t& members, size_t slot) {
    return *(members.begin() + static_cast<std::ptrdiff_t>(slot));
  }

  Json& place_value(Json value) {
    if (stack_.empty()) return root_ = std::move(value);
    Frame& frame = stack_.back();
    if (frame.value->is_array()) {
      auto& items = frame.value->get_ref<Json::array_t&>();
      items.push_back(std::move(value));
      return items.back();
    }
    return member_at(frame.value->get_ref<Json::object_t&>(), frame.slot).second = std::move(value);
  }
  bool add(Json value) {
    place_value(std::move(value));
    return true;
  }
  bool open(Json value) {
    Json& placed = place_value(std::move(value));
    stack_.push_back({&placed, 0, {}});
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Frame> stack_;
  size_t offset_ = 0;
  std::string reason_ = "not JSON";
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

size_t skip_digits(std::string_view text, size_t i) {
  while (i < text.size() && is_digit(text[i])) ++i;
  return i;
}

template <size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

enum class NumberKind { kNone, kInteger, kFloat };

// [-+]?[0-9]+ or [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
NumberKind number_kind(std::string_view text) {
  size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const size_t whole = skip_digits(text, i) - i;
  i += whole;
  if (whole > 0 && i == text.size()) return NumberKind::kInteger;
  size_t fraction = 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    fraction = skip_digits(text, i) - i;
    i += fraction;
  }
  if (whole + fraction == 0) return NumberKind::kNone;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    const size_t end = skip_digits(text, i);
    if (end == i) return NumberKind::kNone;
    i = end;
  }
  return i == text.size() ? NumberKind::kFloat : NumberKind::kNone;
}

template <class T>
bool read_number(std::string_view text, T& out, int base = 10) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

// The type that YAML 1.2's core schema gives to an unquoted scalar.
Result<Json> plain_scalar(std::string_view text) {
  using Words3 = std::array<std::string_view, 3>;
  if (text.empty() || text == "~" || is_one_of(text, Words3{"null", "Null", "NULL"})) {
    return Json(nullptr);
  }
  if (is_one_of(text, Words3{"true", "True", "TRUE"})) return Json(true);
  if (is_one_of(text, Words3{"false", "False", "FALSE"})) return Json(false);
  if (is_one_of(text, Words3{".nan", ".NaN", ".NAN"})) {
    return Json(std::numeric_limits<double>::quiet_NaN());
  }
  const bool is_signed = text[0] == '-' || text[0] == '+';
  if (is_one_of(text.substr(is_signed ? 1 : 0), Words3{".inf", ".Inf", ".INF"})) {
    const double infinity = std::numeric_limits<double>::infinity();
    return Json(text[0] == '-' ? -infinity : infinity);
  }
  const Error range = input_error("number out of range: " + internal::clean_text(text, 60));
  const bool octal = text.starts_with("0o") && text.size() > 2 &&
                     text.find_first_not_of("01234567", 2) == std::string_view::npos;
  const bool hexadecimal =
      text.starts_with("0x") && text.size() > 2 &&
      text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
  if (octal || hexadecimal) {
    uint64_t number = 0;
    if (!read_number(text.substr(2), number, octal ? 8 : 16)) return range;
    return Json(number);
  }
  const NumberKind kind = number_kind(text);
  if (kind == NumberKind::kNone) return Json(std::string(text));
  const std::string_view digits = text[0] == '+' ? text.substr(1) : text;
  if (kind == NumberKind::kInteger) {
    int64_t number = 0;
    if (read_number(digits, number)) return Json(number);
    uint64_t large = 0;
    if (read_number(digits, large)) return Json(large);
  }
  double number = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (result.ec != std::errc()) return range;
  return Json(number);
}

class YamlError : public std::runtime_error {
 public:
  YamlError(const YAML::Mark& mark, const std::string& reason)
      : std::runtime_error(reason), line_(mark.line + 1) {}
  int line() const { return line_; }

 private:
  int line_;
};

// Builds the value from the parser's events, so that scalars still tell whether they were quoted
// and no tree of unknown depth is ever walked.
class YamlBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw YamlError(mark, "more than one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (key_wanted()) throw YamlError(mark, "empty key");
    add(mark, anchor, {nullptr, 1, 0});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw YamlError(mark, "alias to a value that contains it");
    if (key_wanted()) {
      if (!it->second.value.is_string()) throw YamlError(mark, "a key must be a string");
      return set_key(mark, it->second.value.get<std::string>());
    }
    alias_weight_ += it->second.weight;
    if (alias_weight_ > kMaxAliasWeight) throw YamlError(mark, "aliases expand to too much data");
    if (stack_.size() + it->second.height > kMaxDepth) throw YamlError(mark, too_deep());
    add(mark, 0, it->second);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool is_typed = tag.empty() || tag == "?" || tag == kTagPrefix + "int" ||
                          tag == kTagPrefix + "float" || tag == kTagPrefix + "bool" ||
                          tag == kTagPrefix + "null";
    if (!is_typed && tag != "!" && tag != kTagPrefix + "str") unknown_tag(mark, tag);
    if (key_wanted()) {
      if (anchor != 0) anchors_[anchor] = {text, 1 + text.size(), 0};
      return set_key(mark, text);
    }
    Node node{text, 1 + text.size(), 0};
    if (is_typed) {
      auto typed = plain_scalar(text);
      if (!typed) throw YamlError(mark, typed.error().message);
      node.value = *std::move(typed);
    }
    add(mark, anchor, std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, "seq", anchor, Json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, "map", anchor, Json::object());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  Json take() { return std::move(root_); }

 private:
  static inline const std::string kTagPrefix = "tag:yaml.org,2002:";
  struct Node {
    Json value;
    size_t weight = 1;  // nodes and bytes of text
    size_t height = 0;  // levels of containers
  };
  struct Frame {
    Node node;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  [[noreturn]] static void unknown_tag(const YAML::Mark& mark, const std::string& tag) {
    throw YamlError(mark, "unknown tag '" + internal::clean_text(tag, 60) + "'");
  }

  bool key_wanted() const {
    return !stack_.empty() && stack_.back().node.value.is_object() && !stack_.back().has_key;
  }

  void set_key(const YAML::Mark& mark, const std::string& key) {
    Frame& frame = stack_.back();
    if (!frame.keys.insert(key).second) {
      throw YamlError(mark, "duplicate key '" + internal::clean_text(key, 60) + "'");
    }
    frame.key = key;
    frame.has_key = true;
  }

  void open(const YAML::Mark& mark, const std::string& tag, const std::string& type,
            YAML::anchor_t anchor, Json value) {
    if (key_wanted()) throw YamlError(mark, "a key must be a string");
    if (!tag.empty() && tag != "?" && tag != "!" && tag != kTagPrefix + type) {
      unknown_tag(mark, tag);
    }
    if (stack_.size() >= kMaxDepth) throw YamlError(mark, too_deep());
    Frame frame;
    frame.node = {std::move(value), 1, 1};
    frame.mark = mark;
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add(frame.mark, frame.anchor, std::move(frame.node));
  }

  void add(const YAML::Mark& mark, YAML::anchor_t anchor, Node node) {
    if (anchor != 0) {
      // Anchors inside anchors are copied once for every level.
      alias_weight_ += node.weight;
      if (alias_weight_ > kMaxAliasWeight) throw YamlError(mark, "anchors hold too much data");
      anchors_[anchor] = node;
    }
    if (stack_.empty()) {
      root_ = std::move(node.value);
      return;
    }
    Frame& frame = stack_.back();
    frame.node.weight += node.weight + frame.key.size();
    frame.node.height = std::max(frame.node.height, node.height + 1);
    if (frame.node.value.is_array()) {
      frame.node.value.push_back(std::move(node.value));
    } else {
      frame.node.value.get_ref<Json::object_t&>().emplace_back(std::move(frame.key),
                                                               std::move(node.value));
      frame.key.clear();
      frame.has_key = false;
    }
  }

  Json root_;
  std::vector<Frame> stack_;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  size_t alias_weight_ = 0;
  int documents_ = 0;
};

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool plain_is_safe(const std::string& text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || text.size() > 200 || text.back() == ' ') return false;
  if (!letter(text[0]) && !is_digit(text[0]) && text[0] != '_' && text[0] != '/') return false;
  for (const char c : text) {
    if (!letter(c) && !is_digit(c) &&
        std::string_view("_-./+ ").find(c) == std::string_view::npos) {
      return false;
    }
  }
  // YAML 1.1 readers take these for booleans.
  std::string lower = text;
  for (char& c : lower) c = letter(c) ? static_cast<char>(c | 0x20) : c;
  if (is_one_of(lower, std::array<std::string_view, 6>{"y", "n", "yes", "no", "on", "off"})) {
    return false;
  }
  const auto typed = plain_scalar(text);
  return typed.ok() && typed->is_string();
}

std::string yaml_scalar(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (plain_is_safe(text)) return text;
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const auto number = value.get<double>();
    if (std::isnan(number)) return ".nan";
    return number < 0 ? "-.inf" : ".inf";
  }
  return value.dump();
}

void append_yaml(const Json& value, size_t indent, std::string& out);

// What follows "key:" or "-".
void append_yaml_child(const Json& value, size_t indent, std::string& out) {
  if (!value.is_structured() || value.empty()) {
    out += ' ';
    out += yaml_scalar(value);
    out += '\n';
  } else {
    out += '\n';
    append_yaml(value, indent, out);
  }
}

void append_yaml(const Json& value, size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  if (value.is_array()) {
    for (const Json& item : value) {
      out += margin + "-";
      append_yaml_child(item, indent + 2, out);
    }
    return;
  }
  for (const auto& [key, member] : value.items()) {
    out += margin + yaml_scalar(Json(key)) + ":";
    append_yaml_child(member, indent + 2, out);
  }
}

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& where) {
  if (const size_t offset = find_too_deep(text); offset != std::string_view::npos) {
    return input_error(place(text, offset, where) + too_deep());
  }
  JsonBuilder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return input_error(place(text, builder.offset(), where) +
                       internal::clean_text(builder.reason(), 200));
  }
  return builder.take();
}

Result<Json> read_json(const std::string& path) {
  RELATA_TRY(const std::string text, read_file(path));
  return parse_json(text, path == "-" ? "standard input" : path);
}

Status write_json(const std::string& path, const Json& value, int indent) {
  std::string text;
  try {
    text = value.dump(indent);
  } catch (const Json::type_error&) {
    return input_error(path + ": cannot write: a string is not valid UTF-8",
                       "convert the input to UTF-8");
  }
  text += '\n';
  return write_file_atomic(path, text);
}

Result<Json> parse_yaml(std::string_view text, const std::string& where) {
  if (const size_t bad = internal::find_bad_utf8(text); bad != std::string_view::npos) {
    return input_error(place(text, bad, where) + "not valid UTF-8", "convert the file to UTF-8");
  }
  auto error_at = [&](int line, std::string_view reason) {
    return input_error(where + ":" + std::to_string(line) + ": " +
                       internal::clean_text(reason, 200));
  };
  std::istringstream stream{std::string(text)};
  YamlBuilder builder;
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YamlError& error) {
    return error_at(error.line(), error.what());
  } catch (const YAML::DeepRecursion& error) {
    return error_at(error.mark.line + 1, too_deep());
  } catch (const YAML::Exception& error) {
    return error_at(error.mark.line + 1, error.msg);
  }
  return builder.take();
}

Result<Json> read_yaml(const std::string& path) {
  RELATA_TRY(const std::string text, read_file(path));
  return parse_yaml(text, path == "-" ? "standard input" : path);
}

std::string to_yaml(const Json& value) {
  if (!value.is_structured() || value.empty()) return yaml_scalar(value) + "\n";
  std::string out;
  append_yaml(value, 0, out);
  return out;
}

Status apply_override(Json& value, const std::string& assignment) {
  const std::string shown = "'" + internal::clean_text(assignment, 100) + "'";
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    return usage_error(shown + ": key=value wanted", "for example learning_rate=1e-4");
  }
  const std::string_view left = trimmed(std::string_view(assignment).substr(0, equals));
  const std::string_view right = trimmed(std::string_view(assignment).substr(equals + 1));
  std::vector<std::string> path;
  for (size_t begin = 0; begin <= left.size();) {
    const size_t end = std::min(left.find('.', begin), left.size());
    if (end == begin) return usage_error(shown + ": a part of the key is empty");
    path.emplace_back(left.substr(begin, end - begin));
    begin = end + 1;
  }
  // Only what cannot be a plain word is YAML: "note=a: b # c" is a string for people.
  const bool is_yaml =
      !right.empty() && std::string_view("[{\"'").find(right[0]) != std::string_view::npos;
  auto parsed = is_yaml ? parse_yaml(right, shown) : plain_scalar(right);
  if (!parsed) {
    return usage_error(is_yaml ? parsed.error().message : shown + ": " + parsed.error().message);
  }
  const Json* node = &value;
  std::string seen;
  for (const std::string& part : path) {
    if (!node->is_object() && !node->is_null()) {
      return usage_error(shown + ": " + (seen.empty() ? "the value" : "'" + seen + "'") +
                         " has no named fields");
    }
    seen += (seen.empty() ? "" : ".") + part;
    const auto it = node->is_object() ? node->find(part) : node->end();
    if (it == node->end()) break;
    node = &*it;
  }
  Json* target = &value;
  for (const std::string& part : path) target = &(*target)[part];
  *target = std::move(parsed).value();
  return {};
}

}  // namespace relata
