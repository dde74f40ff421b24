#include "jinja_operators.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "jinja_text.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

[[noreturn]] void unsupported(const std::string& symbol, const Value& left, const Value& right) {
  for (const Value* side : {&left, &right}) {
    if (side->is(Kind::kUndefined)) throw Failure(side->why_undefined());
  }
  throw Failure("unsupported operand types for " + symbol + ": '" + type_name(left) + "' and '" +
                type_name(right) + "'");
}

[[noreturn]] void overflow() { throw Failure("an integer result does not fit 64 bits"); }

int64_t floor_divide(int64_t left, int64_t right) {
  if (right == -1) {
    int64_t out = 0;
    if (__builtin_sub_overflow(int64_t{0}, left, &out)) overflow();
    return out;
  }
  const int64_t out = left / right;
  return left % right != 0 && (left < 0) != (right < 0) ? out - 1 : out;
}

int64_t floor_modulo(int64_t left, int64_t right) {
  if (right == -1) return 0;
  const int64_t out = left % right;
  return out != 0 && (out < 0) != (right < 0) ? out + right : out;
}

double floor_modulo(double left, double right) {
  const double out = std::fmod(left, right);
  if (out == 0.0) return std::copysign(0.0, right);
  return (out < 0) != (right < 0) ? out + right : out;
}

Value integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw Failure("0 cannot be raised to a negative power");
    return Value::number(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t out = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(out, base, &out)) overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return Value::integer(out);
}

Value integer_operation(const std::string& symbol, int64_t left, int64_t right) {
  int64_t out = 0;
  if (symbol == "+") {
    if (__builtin_add_overflow(left, right, &out)) overflow();
  } else if (symbol == "-") {
    if (__builtin_sub_overflow(left, right, &out)) overflow();
  } else if (symbol == "*") {
    if (__builtin_mul_overflow(left, right, &out)) overflow();
  } else if (symbol == "**") {
    return integer_power(left, right);
  } else {
    if (right == 0) throw Failure("division by zero");
    if (symbol == "/") {
      return Value::number(static_cast<double>(left) / static_cast<double>(right));
    }
    out = symbol == "//" ? floor_divide(left, right) : floor_modulo(left, right);
  }
  return Value::integer(out);
}

Value float_operation(const std::string& symbol, double left, double right) {
  if (symbol == "+") return Value::number(left + right);
  if (symbol == "-") return Value::number(left - right);
  if (symbol == "*") return Value::number(left * right);
  if (symbol == "**") {
    const double out = std::pow(left, right);
    if (std::isnan(out) && !std::isnan(left) && !std::isnan(right)) {
      throw Failure("the power is no real number");
    }
    if (std::isinf(out) && std::isfinite(left) && std::isfinite(right)) {
      throw Failure("the power is too large, or a division by zero");
    }
    return Value::number(out);
  }
  if (right == 0.0) throw Failure("division by zero");
  if (symbol == "/") return Value::number(left / right);
  if (symbol == "%") return Value::number(floor_modulo(left, right));
  return Value::number(std::floor(left / right));
}

size_t product(size_t a, size_t b) {
  size_t out = 0;
  return __builtin_mul_overflow(a, b, &out) ? std::numeric_limits<size_t>::max() : out;
}

Value repeat(const Value& value, int64_t times, Budget& budget) {
  times = std::max<int64_t>(times, 0);
  const auto count = static_cast<size_t>(times);
  if (value.is(Kind::kText)) {
    const std::string& unit = value.as_text();
    budget.spend_bytes(product(count, unit.size()));
    std::string out;
    if (!unit.empty()) {
      out.reserve(count * unit.size());
      for (size_t i = 0; i < count; ++i) out += unit;
    }
    return Value::text(std::move(out), value.is_markup());
  }
  const Sequence& sequence = value.sequence();
  Sequence out{sequence.kind, {}};
  if (!sequence.items.empty()) {
    budget.spend(product(count, sequence.items.size()));
    for (size_t i = 0; i < count; ++i) {
      out.items.insert(out.items.end(), sequence.items.begin(), sequence.items.end());
    }
  }
  return make_sequence(std::move(out), budget);
}

bool is_plain_sequence(const Value& value) {
  return value.is(Kind::kSequence) && value.sequence().kind <= SequenceKind::kTuple;
}

Value add(const Value& left, const Value& right, Budget& budget) {
  if (left.is(Kind::kText) && right.is(Kind::kText)) {
    budget.spend_bytes(left.as_text().size() + right.as_text().size());
    if (left.is_markup() == right.is_markup()) {
      return Value::text(left.as_text() + right.as_text(), left.is_markup());
    }
    // Text that `safe` has marked escapes what is joined to it.
    auto safe = [](const Value& part) {
      return part.is_markup() ? part.as_text() : escape_html(part.as_text());
    };
    return Value::text(safe(left) + safe(right), true);
  }
  if (is_plain_sequence(left) && is_plain_sequence(right) &&
      left.sequence().kind == right.sequence().kind) {
    Sequence out{left.sequence().kind, left.sequence().items};
    const std::vector<Value>& more = right.sequence().items;
    out.items.insert(out.items.end(), more.begin(), more.end());
    return make_sequence(std::move(out), budget);
  }
  unsupported("+", left, right);
}

}  // namespace

Value binary(const std::string& symbol, const Value& left, const Value& right, Budget& budget) {
  if (left.is_number() && right.is_number()) {
    if (left.is(Kind::kFloat) || right.is(Kind::kFloat)) {
      return float_operation(symbol, left.as_double(), right.as_double());
    }
    return integer_operation(symbol, left.as_integer(), right.as_integer());
  }
  if (symbol == "+") return add(left, right, budget);
  if (symbol == "%" && left.is(Kind::kText)) {
    return Value::text(format_percent(left.as_text(), right, budget), left.is_markup());
  }
  if (symbol == "*") {
    auto repeats = [](const Value& value) {
      return value.is(Kind::kText) || is_plain_sequence(value);
    };
    auto counts = [](const Value& value) {
      return value.is(Kind::kBool) || value.is(Kind::kInteger);
    };
    if (repeats(left) && counts(right)) return repeat(left, right.as_integer(), budget);
    if (counts(left) && repeats(right)) return repeat(right, left.as_integer(), budget);
  }
  unsupported(symbol, left, right);
}

Value negate(const Value& value) {
  if (value.is(Kind::kFloat)) return Value::number(-value.as_double());
  if (value.is_number()) return integer_operation("-", 0, value.as_integer());
  if (value.is(Kind::kUndefined)) throw Failure(value.why_undefined());
  throw Failure("bad operand type for unary -: '" + type_name(value) + "'");
}

int64_t to_index(const Value& value, const char* what) {
  if (value.is(Kind::kBool) || value.is(Kind::kInteger)) return value.as_integer();
  if (value.is(Kind::kUndefined)) throw Failure(value.why_undefined());
  throw Failure(std::string(what) + " must be an integer, not '" + type_name(value) + "'");
}

Value element(const Value& sequence, int64_t index) {
  const bool is_text = sequence.is(Kind::kText);
  if (is_text || sequence.sequence().kind <= SequenceKind::kRange) {
    const int64_t size = length(sequence);
    if (index < 0) index += size;
    if (index >= 0 && index < size) {
      if (!is_text) return sequence.sequence().items[static_cast<size_t>(index)];
      const std::string& text = sequence.as_text();
      const size_t at = byte_of(text, index);
      return Value::text(text.substr(at, code_point_length(text, at)), sequence.is_markup());
    }
  }
  return Value::undefined("'" + type_name(sequence) + "' object has no element " +
                          std::to_string(index));
}

std::string replaced(const std::string& text, const std::string& old, const std::string& with,
                     int64_t limit, Budget& budget) {
  budget.spend_search(text.size(), old.size());
  const size_t matches = old.empty() ? text.size() + 1 : count_of(text, old);
  budget.spend_bytes(product(matches, with.size()));
  return replace_all(text, old, with, limit);
}

Value slice(const Value& value, const Value* begin, const Value* end, const Value* step,
            Budget& budget) {
  if (value.is(Kind::kUndefined)) throw Failure(value.why_undefined());
  const bool sliceable = value.is(Kind::kText) || (value.is(Kind::kSequence) &&
                                                   value.sequence().kind <= SequenceKind::kRange);
  if (!sliceable) throw Failure("'" + type_name(value) + "' object cannot be sliced");
  auto given = [](const Value* part) { return part != nullptr && !part->is(Kind::kNone); };
  SliceBounds bounds;
  bounds.has_begin = given(begin);
  bounds.has_end = given(end);
  if (bounds.has_begin) bounds.begin = to_index(*begin, "a slice's begin");
  if (bounds.has_end) bounds.end = to_index(*end, "a slice's end");
  if (given(step)) bounds.step = to_index(*step, "a slice's step");
  if (bounds.step == 0) throw Failure("a slice's step cannot be zero");
  if (value.is(Kind::kText)) {
    const std::string& text = value.as_text();
    budget.spend_bytes(text.size());
    if (bounds.step == 1) {
      const auto size = static_cast<int64_t>(count_code_points(text));
      const std::vector<int64_t> edges = slice_indices(
          {bounds.has_begin, false, bounds.begin, 0, std::max<int64_t>(size, 1)}, size);
      if (edges.empty()) return Value::text("", value.is_markup());
      int64_t last = bounds.has_end ? bounds.end : size;
      if (last < 0) last += size;
      const int64_t count = std::clamp<int64_t>(last, edges[0], size) - edges[0];
      const size_t from = byte_of(text, edges[0]);
      const std::string_view rest = std::string_view(text).substr(from);
      return Value::text(std::string(rest.substr(0, byte_of(rest, count))), value.is_markup());
    }
    const std::u32string points = to_code_points(text);
    budget.spend(points.size());
    std::string out;
    for (const int64_t i : slice_indices(bounds, static_cast<int64_t>(points.size()))) {
      append_utf8(out, points[static_cast<size_t>(i)]);
    }
    return Value::text(std::move(out), value.is_markup());
  }
  const Sequence& sequence = value.sequence();
  budget.spend(sequence.items.size());
  Sequence out{sequence.kind, {}};
  for (const int64_t i : slice_indices(bounds, static_cast<int64_t>(sequence.items.size()))) {
    out.items.push_back(sequence.items[static_cast<size_t>(i)]);
  }
  return make_sequence(std::move(out), budget);
}

}  // namespace relata::text::jinja
