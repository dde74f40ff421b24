#include "relata/base/json.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

#include "clean.h"
#include "json_text.h"
#include "relata/base/file.h"

namespace relata {
namespace internal {

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

}  // namespace internal

namespace {

using internal::kMaxDepth;
using internal::place;
using internal::too_deep;

std::string column_place(std::string_view line, size_t offset, const std::string& where) {
  return where + place(line, offset, "").substr(std::string_view(":1").size());
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

// `place_of` turns an offset into the beginning of a message.
template <class PlaceOf>
Result<Json> parse_placed(std::string_view text, PlaceOf place_of) {
  if (const size_t offset = find_too_deep(text); offset != std::string_view::npos) {
    return input_error(place_of(offset) + too_deep());
  }
  JsonBuilder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return input_error(place_of(builder.offset()) + internal::clean_text(builder.reason(), 200));
  }
  return builder.take();
}

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& where) {
  return parse_placed(text, [&](size_t offset) { return place(text, offset, where); });
}

Result<Json> parse_json_line(std::string_view line, const std::string& where) {
  return parse_placed(line, [&](size_t offset) { return column_place(line, offset, where); });
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

}  // namespace relata
