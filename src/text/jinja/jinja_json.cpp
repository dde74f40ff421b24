// json.dumps, as Transformers' tojson calls it.
#include <algorithm>

#include "jinja_value.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

void append_unit(std::string& out, uint32_t unit) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 0xF];
}

void append_string(std::string& out, const std::string& text, bool ensure_ascii) {
  static constexpr std::string_view kNamed = "\"\\\n\r\t\f\b";
  static constexpr std::string_view kLetters = "\"\\nrtfb";
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const size_t size = code_point_length(text, i);
    const std::string_view one = std::string_view(text).substr(i, size);
    i += size;
    const char32_t c = to_code_points(one)[0];
    const size_t named = size == 1 ? kNamed.find(one[0]) : std::string_view::npos;
    if (named != std::string_view::npos) {
      out += '\\';
      out += kLetters[named];
    } else if (c < 0x20 || (ensure_ascii && c >= 0x7F && c < 0x10000)) {
      append_unit(out, c);
    } else if (ensure_ascii && c >= 0x10000) {
      append_unit(out, 0xD800 + ((c - 0x10000) >> 10));
      append_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      out += one;
    }
  }
  out += '"';
}

std::string json_float(double number) {
  const std::string text = float_repr(number);
  if (text == "nan") return "NaN";
  if (text == "inf") return "Infinity";
  return text == "-inf" ? "-Infinity" : text;
}

class Writer {
 public:
  Writer(const JsonStyle& style, Budget& budget) : style_(style), budget_(budget) {}

  void write(const Value& value) {
    budget_.spend(1);
    switch (value.kind()) {
      case Kind::kNone:
        out_ += "null";
        return;
      case Kind::kBool:
        out_ += value.as_bool() ? "true" : "false";
        return;
      case Kind::kInteger:
        out_ += std::to_string(value.as_integer());
        return;
      case Kind::kFloat:
        out_ += json_float(value.as_double());
        return;
      case Kind::kText:
        budget_.spend_bytes(value.as_text().size());
        append_string(out_, value.as_text(), style_.ensure_ascii);
        return;
      case Kind::kDict:
        write_dict(value.dict());
        return;
      case Kind::kSequence:
        if (value.sequence().kind <= SequenceKind::kTuple) {
          write_list(value.sequence().items);
          return;
        }
        break;
      default:
        break;
    }
    throw Failure("tojson: an object of type " + type_name(value) + " is not JSON serializable");
  }

  std::string take() { return std::move(out_); }

 private:
  void begin_item(bool first) {
    if (!first) out_ += style_.item_separator;
    new_line();
  }
  void new_line() {
    if (!style_.indented) return;
    budget_.spend(1 + level_ * style_.indent.size() / 16);
    out_ += '\n';
    for (size_t i = 0; i < level_; ++i) out_ += style_.indent;
  }

  void write_list(const std::vector<Value>& items) {
    out_ += '[';
    ++level_;
    bool first = true;
    for (const Value& item : items) {
      begin_item(first);
      first = false;
      budget_.spend_bytes(style_.item_separator.size());
      write(item);
    }
    --level_;
    if (!items.empty()) new_line();
    out_ += ']';
  }

  std::string key_text(const Value& key) {
    switch (key.kind()) {
      case Kind::kText:
        return key.as_text();
      case Kind::kNone:
        return "null";
      case Kind::kBool:
        return key.as_bool() ? "true" : "false";
      case Kind::kInteger:
        return std::to_string(key.as_integer());
      case Kind::kFloat:
        return json_float(key.as_double());
      default:
        throw Failure("tojson: keys must be str, int, float, bool or None, not " + type_name(key));
    }
  }

  void write_dict(const Dict& dict) {
    std::vector<const std::pair<Value, Value>*> items;
    for (const auto& item : dict.items()) items.push_back(&item);
    if (style_.sort_keys) sort_by_key(items);
    out_ += '{';
    ++level_;
    bool first = true;
    for (const auto* item : items) {
      begin_item(first);
      first = false;
      const std::string key = key_text(item->first);
      budget_.spend_bytes(key.size() + style_.item_separator.size() + style_.key_separator.size());
      append_string(out_, key, style_.ensure_ascii);
      out_ += style_.key_separator;
      write(item->second);
    }
    --level_;
    if (!items.empty()) new_line();
    out_ += '}';
  }

  void sort_by_key(std::vector<const std::pair<Value, Value>*>& items) {
    const bool texts = std::all_of(items.begin(), items.end(),
                                   [](const auto* item) { return item->first.is(Kind::kText); });
    const bool numbers = std::all_of(items.begin(), items.end(), [](const auto* item) {
      return item->first.is(Kind::kInteger) || item->first.is(Kind::kBool);
    });
    if (!texts && !numbers) throw Failure("tojson: these keys cannot be sorted");
    std::stable_sort(items.begin(), items.end(), [&](const auto* a, const auto* b) {
      return compare(a->first, b->first, "<", budget_) < 0;
    });
  }

  const JsonStyle& style_;
  Budget& budget_;
  std::string out_;
  size_t level_ = 0;
};

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style, Budget& budget) {
  Writer writer(style, budget);
  writer.write(value);
  return writer.take();
}

}  // namespace relata::text::jinja
