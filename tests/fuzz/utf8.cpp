// Byte and code point views of any bytes agree.
#include "relata/text/utf8.h"

#include <string>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace relata;
  const std::string_view bytes = fuzz::input(data, size);
  const auto bad = text::find_invalid_utf8(bytes);
  fuzz::require(!bad || *bad < size, "the invalid byte is inside");
  const std::string valid = text::replace_invalid_utf8(bytes);
  fuzz::require(!text::find_invalid_utf8(valid), "replacing makes valid UTF-8");
  fuzz::require(bad || valid == bytes, "valid UTF-8 stays as it is");

  const std::u32string points = text::to_code_points(valid);
  fuzz::require(text::to_utf8(points) == valid, "code points lose nothing");
  fuzz::require(text::count_code_points(valid) == points.size(), "counts agree");
  const text::OffsetMap offsets(valid);
  fuzz::require(offsets.code_points() == points.size(), "the map counts alike");
  size_t byte = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    fuzz::require(offsets.to_byte(i) == byte, "code point to byte");
    fuzz::require(offsets.to_code_point(byte) == i, "byte to code point");
    byte += text::code_point_length(valid, byte);
  }
  fuzz::require(byte == valid.size(), "the lengths add up");
  return 0;
}
