// Python's arithmetic, indexing and text formatting on interpreter values.
#pragma once

#include <optional>
#include <string>

#include "jinja_value.h"

namespace relata::text::jinja {

Value binary(const std::string& symbol, const Value& left, const Value& right, Budget& budget);
Value negate(const Value& value);

// sequence[index] for lists, tuples, ranges and texts; undefined when there is no such element.
Value element(const Value& sequence, int64_t index);

// value[begin:end:step]; nullptr or none for a part that is not given.
Value slice(const Value& value, const Value* begin, const Value* end, const Value* step,
            Budget& budget);

// format % values, printf-style. `values` is a tuple, a dict for %(name)s, or one value.
std::string format_percent(const std::string& format, const Value& values, Budget& budget);
// str.format() with {}, {0}, {name}, {{ and }}; no attributes, conversions or format codes.
std::string format_braces(const std::string& format, const Arguments& arguments, Budget& budget);

// text.replace(old, with, limit), paid for before it is made.
std::string replaced(const std::string& text, const std::string& old, const std::string& with,
                     int64_t limit, Budget& budget);

// A whole number, as Python takes one for an index; fails for anything else.
int64_t to_index(const Value& value, const char* what);

}  // namespace relata::text::jinja
