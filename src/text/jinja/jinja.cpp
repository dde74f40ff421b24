#include "relata/text/jinja.h"

#include <algorithm>

#include "jinja_ast.h"
#include "jinja_interpreter.h"
#include "jinja_lexer.h"

namespace relata::text {
namespace {

// "chat_template.jinja:12:7: "; columns count code points.
std::string place(const std::string& where, std::string_view source, size_t at) {
  const std::string_view before = source.substr(0, std::min(at, source.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
  const size_t column = 1 + count_code_points(before.substr(begin));
  return where + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
}

std::tm local_now() {
  const std::time_t now = std::time(nullptr);
  std::tm out{};
  localtime_r(&now, &out);
  return out;
}

}  // namespace

JinjaTemplate::JinjaTemplate(std::shared_ptr<const jinja::Program> program)
    : program_(std::move(program)) {}

Result<JinjaTemplate> JinjaTemplate::parse(std::string_view source, const std::string& where,
                                           const JinjaLimits& limits) {
  if (source.size() > limits.source_bytes) {
    return input_error(where + ": a template of more than " + std::to_string(limits.source_bytes) +
                       " bytes");
  }
  if (const auto bad = find_invalid_utf8(source)) {
    return input_error(where + ": not valid UTF-8 at byte " + std::to_string(*bad),
                       "convert the file to UTF-8");
  }
  auto program = std::make_shared<jinja::Program>();
  program->source = jinja::normalize_source(source);
  program->where = where;
  program->limits = limits;
  try {
    program->body = jinja::parse_source(program->source);
  } catch (const jinja::SyntaxFailure& failure) {
    return input_error(place(where, program->source, failure.at()) + failure.what(),
                       failure.hint());
  }
  return JinjaTemplate(std::move(program));
}

Result<JinjaOutput> JinjaTemplate::render(const Json& variables, std::optional<std::tm> now) const {
  jinja::Interpreter interpreter(*program_, now ? *now : local_now());
  try {
    return interpreter.render(variables);
  } catch (const jinja::Failure& failure) {
    return input_error(place(program_->where, program_->source, interpreter.at()) + failure.what(),
                       failure.hint());
  }
}

const std::string& JinjaTemplate::source() const { return program_->source; }

}  // namespace relata::text
