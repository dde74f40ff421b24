// Any template over a fixed chat: it may be refused, but neither crash, hang nor write bad UTF-8.
#include "relata/text/jinja.h"

#include "fuzz.h"
#include "relata/text/utf8.h"

namespace relata {
namespace {

const Json& variables() {
  static const Json value = Json::parse(R"({
    "messages": [{"role": "system", "content": " é\n"},
                 {"role": "user", "content": "北京 'x' \"y\""},
                 {"role": "assistant", "content": "<think>a</think>b",
                  "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, null]}}}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "documents": null, "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>",
    "words": ["b", "A", "c"], "table": {"k": 1, "j": [true]}, "count": -7, "ratio": 0.1})");
  return value;
}

}  // namespace
}  // namespace relata

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace relata;
  const text::JinjaLimits limits{.steps = 20'000, .output_bytes = 100'000};
  const auto parsed = text::JinjaTemplate::parse(fuzz::input(data, size), "t", limits);
  if (!parsed.ok()) {
    fuzz::require(parsed.error().message.starts_with("t:"), "an error names its place");
    return 0;
  }
  const auto rendered = parsed.value().render(variables(), std::tm{});
  if (!rendered.ok()) {
    fuzz::require(rendered.error().message.starts_with("t:"), "an error names its place");
    return 0;
  }
  const std::string& text = rendered.value().text;
  fuzz::require(!text::find_invalid_utf8(text), "the output is UTF-8");
  for (const text::ByteRange& span : rendered.value().generated) {
    fuzz::require(span.begin <= span.end && span.end <= text.size(), "spans lie in the output");
  }
  return 0;
}
