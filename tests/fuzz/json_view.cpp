// The view's parser accepts what nlohmann's accepts, and makes the same of it.
#include "relata/base/json_view.h"

#include <algorithm>

#include "fuzz.h"
#include "relata/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace relata;
  const std::string_view text = fuzz::input(data, size);
  JsonParser parser;
  const auto problem = parser.parse(text, 0);
  if (problem) fuzz::require(problem->offset <= text.size(), "a problem has its place in the text");
  // UTF-8 is not checked here, and numbers out of range and deep nesting are taken differently; to
  // nlohmann's a zero byte is the end.
  const bool is_ascii = std::all_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const auto brackets =
      std::count(text.begin(), text.end(), '[') + std::count(text.begin(), text.end(), '{');
  if (!is_ascii || size > 200 || brackets > 100 ||
      text.find_first_of(std::string_view("eE\0", 3)) != text.npos) {
    return 0;
  }
  const bool whole =
      !problem && text.find_first_not_of(" \t\r\n", parser.end()) == std::string_view::npos;
  const Json wanted = Json::parse(text.begin(), text.end(), nullptr, false);
  fuzz::require(whole == !wanted.is_discarded(), "both parsers accept the same");
  if (whole) fuzz::require(parser.root().to_json() == wanted, "both parsers read the same");
  return 0;
}
