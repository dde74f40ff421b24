#include "byte_level.h"

#include <array>

#include "relata/text/utf8.h"

namespace relata::text {
namespace {

bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Table {
  std::array<std::string, 256> visible;
  std::array<int, 512> bytes;

  Table() {
    bytes.fill(-1);
    unsigned next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const unsigned point = stands_for_itself(byte) ? byte : next++;
      append_utf8(visible[byte], point);
      bytes[point] = static_cast<int>(byte);
    }
  }
};

const Table& table() {
  static const Table kInstance;
  return kInstance;
}

}  // namespace

const std::string& byte_to_visible(uint8_t byte) { return table().visible[byte]; }

std::string to_visible(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char byte : bytes) out += byte_to_visible(static_cast<uint8_t>(byte));
  return out;
}

std::optional<uint8_t> visible_to_byte(char32_t code_point) {
  if (code_point >= table().bytes.size()) return std::nullopt;
  const int byte = table().bytes[code_point];
  return byte < 0 ? std::nullopt : std::optional<uint8_t>(static_cast<uint8_t>(byte));
}

}  // namespace relata::text
