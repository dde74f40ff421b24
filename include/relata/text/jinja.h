// Jinja templates, as far as chat templates use them, with the meaning that Transformers gives
// them: its sandbox, trim_blocks and lstrip_blocks, loop controls, `{% generation %}`, its own
// tojson, raise_exception and strftime_now. docs/chat-templates.md lists the subset.
//
// A template is foreign code, so it can neither read anything but its variables nor run on: work,
// nesting and output have limits. What is outside the subset is an error with line and column.
// Source: the Jinja 3.1 template designer documentation; Transformers' chat templating guide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/text/utf8.h"

namespace relata::text {

struct JinjaLimits {
  size_t source_bytes = size_t{1} << 20;
  int64_t steps =
      10'000'000;  // one for each node evaluated, each element and 16 bytes of text made
  size_t output_bytes = size_t{64} << 20;
};

struct JinjaOutput {
  std::string text;
  std::vector<ByteRange> generated;  // parts of `text` inside `{% generation %}`, in order
};

namespace jinja {
struct Program;
}

// Thread-safe: render() may be called concurrently.
class JinjaTemplate {
 public:
  // `where` begins the error messages: "chat_template.jinja:12:7: unknown tag 'include'".
  static Result<JinjaTemplate> parse(std::string_view source, const std::string& where,
                                     const JinjaLimits& limits = {});

  // `variables` is an object. `now` is what strftime_now() tells; the local time when not given.
  // Errors: the template's own raise_exception, operations that Python would refuse, unknown
  // filters and tests, limits.
  Result<JinjaOutput> render(const Json& variables, std::optional<std::tm> now = {}) const;

  const std::string& source() const;

 private:
  explicit JinjaTemplate(std::shared_ptr<const jinja::Program> program);
  std::shared_ptr<const jinja::Program> program_;
};

}  // namespace relata::text
