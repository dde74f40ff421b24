#include <algorithm>

#include "jinja_parser.h"

namespace relata::text::jinja {
namespace {

// Long chains (a + b + c ...) grow to the left without nesting in the source.
constexpr int kMaxHeight = 250;

bool ends_tuple(const Token& token) {
  return token.kind == TokenKind::kPrintEnd || token.kind == TokenKind::kBlockEnd ||
         (token.kind == TokenKind::kOperator && token.text == ")");
}

}  // namespace

ExprPtr Parser::make(ExprKind kind, size_t at) const {
  auto out = std::make_unique<Expr>();
  out->kind = kind;
  out->at = at;
  return out;
}

ExprPtr Parser::finish(ExprPtr node) const {
  int height = 0;
  auto see = [&](const ExprPtr& part) {
    if (part) height = std::max(height, part->height);
  };
  for (const ExprPtr& part : node->parts) see(part);
  for (const ExprPtr& part : node->arguments.positional) see(part);
  for (const auto& named : node->arguments.named) see(named.second);
  see(node->arguments.star);
  see(node->arguments.double_star);
  node->height = height + 1;
  if (node->height > kMaxHeight) {
    throw SyntaxFailure(node->at,
                        "an expression of more than " + std::to_string(kMaxHeight) + " levels");
  }
  return node;
}

ExprPtr Parser::join(ExprKind kind, size_t at, ExprPtr left, ExprPtr right,
                     std::string name) const {
  ExprPtr out = make(kind, at);
  out->name = std::move(name);
  out->parts.push_back(std::move(left));
  out->parts.push_back(std::move(right));
  return finish(std::move(out));
}

ExprPtr Parser::parse_tuple(bool with_condition, bool in_parentheses) {
  const Nesting nesting(*this);
  const size_t at = current().at;
  std::vector<ExprPtr> parts;
  bool is_tuple = false;
  while (!ends_tuple(current())) {
    parts.push_back(parse_expression(with_condition));
    if (!take_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !parts.empty()) return std::move(parts[0]);
  if (!is_tuple && !in_parentheses) fail_unexpected("an expression");
  ExprPtr out = make(ExprKind::kTuple, at);
  out->parts = std::move(parts);
  return finish(std::move(out));
}

ExprPtr Parser::parse_expression(bool with_condition) {
  const Nesting nesting(*this);
  if (!with_condition) return parse_or();
  ExprPtr out = parse_or();
  while (at_name("if")) {
    ExprPtr node = make(ExprKind::kConditional, take().at);
    node->parts.push_back(std::move(out));
    node->parts.push_back(parse_or());
    node->parts.push_back(take_name("else") ? parse_expression() : nullptr);
    out = finish(std::move(node));
  }
  return out;
}

ExprPtr Parser::parse_or() {
  ExprPtr out = parse_and();
  while (at_name("or")) {
    const size_t at = take().at;
    out = join(ExprKind::kOr, at, std::move(out), parse_and());
  }
  return out;
}

ExprPtr Parser::parse_and() {
  ExprPtr out = parse_not();
  while (at_name("and")) {
    const size_t at = take().at;
    out = join(ExprKind::kAnd, at, std::move(out), parse_not());
  }
  return out;
}

ExprPtr Parser::parse_not() {
  if (!at_name("not")) return parse_compare();
  const Nesting nesting(*this);
  ExprPtr out = make(ExprKind::kNot, take().at);
  out->parts.push_back(parse_not());
  return finish(std::move(out));
}

ExprPtr Parser::parse_compare() {
  ExprPtr first = parse_sum();
  ExprPtr out;
  for (;;) {
    std::string symbol;
    for (const char* candidate : {"==", "!=", "<", "<=", ">", ">="}) {
      if (at_operator(candidate)) symbol = candidate;
    }
    if (at_name("in")) symbol = "in";
    const bool negated = at_name("not") && peek().kind == TokenKind::kName && peek().text == "in";
    if (negated) symbol = "not in";
    if (symbol.empty()) break;
    if (negated) take();
    const size_t at = take().at;
    if (!out) {
      out = make(ExprKind::kCompare, at);
      out->parts.push_back(std::move(first));
    }
    out->operators.push_back(symbol);
    out->parts.push_back(parse_sum());
  }
  return out ? finish(std::move(out)) : std::move(first);
}

ExprPtr Parser::parse_sum() {
  ExprPtr out = parse_concat();
  while (at_operator("+") || at_operator("-")) {
    const Token& symbol = take();
    out = join(ExprKind::kBinary, symbol.at, std::move(out), parse_concat(), symbol.text);
  }
  return out;
}

ExprPtr Parser::parse_concat() {
  ExprPtr first = parse_product();
  if (!at_operator("~")) return first;
  ExprPtr out = make(ExprKind::kConcat, current().at);
  out->parts.push_back(std::move(first));
  while (take_operator("~")) out->parts.push_back(parse_product());
  return finish(std::move(out));
}

ExprPtr Parser::parse_product() {
  ExprPtr out = parse_power();
  while (at_operator("*") || at_operator("/") || at_operator("//") || at_operator("%")) {
    const Token& symbol = take();
    out = join(ExprKind::kBinary, symbol.at, std::move(out), parse_power(), symbol.text);
  }
  return out;
}

ExprPtr Parser::parse_power() {
  ExprPtr out = parse_unary();
  while (at_operator("**")) {
    const size_t at = take().at;
    out = join(ExprKind::kBinary, at, std::move(out), parse_unary(), "**");
  }
  return out;
}

ExprPtr Parser::parse_unary(bool with_filter) {
  const Nesting nesting(*this);
  ExprPtr out;
  if (at_operator("-") || at_operator("+")) {
    const Token& symbol = take();
    out = make(ExprKind::kUnary, symbol.at);
    out->name = symbol.text;
    out->parts.push_back(parse_unary(false));
    out = finish(std::move(out));
  } else {
    out = parse_primary();
  }
  out = parse_postfix(std::move(out));
  return with_filter ? parse_filters(std::move(out)) : std::move(out);
}

ExprPtr Parser::parse_primary() {
  const Token& token = current();
  switch (token.kind) {
    case TokenKind::kName:
      return parse_name();
    case TokenKind::kString: {
      ExprPtr out = make(ExprKind::kConstant, token.at);
      std::string text;
      while (current().kind == TokenKind::kString) text += take().text;
      out->value = Value::text(std::move(text));
      return out;
    }
    case TokenKind::kInteger:
    case TokenKind::kFloat: {
      ExprPtr out = make(ExprKind::kConstant, token.at);
      out->value = token.kind == TokenKind::kInteger ? Value::integer(token.integer)
                                                     : Value::number(token.number);
      take();
      return out;
    }
    default:
      break;
  }
  if (at_operator("[")) return parse_list();
  if (at_operator("{")) return parse_dict();
  if (!take_operator("(")) fail_unexpected("an expression");
  ExprPtr out = parse_tuple(true, true);
  expect_operator(")");
  return out;
}

ExprPtr Parser::parse_name() {
  const Token& token = take();
  ExprPtr out = make(ExprKind::kConstant, token.at);
  if (token.text == "true" || token.text == "True") {
    out->value = Value::boolean(true);
  } else if (token.text == "false" || token.text == "False") {
    out->value = Value::boolean(false);
  } else if (token.text == "none" || token.text == "None") {
    out->value = Value::none();
  } else {
    out->kind = ExprKind::kName;
    out->name = token.text;
    for (MacroDefinition* macro : macros_) {
      macro->uses_varargs = macro->uses_varargs || token.text == "varargs";
      macro->uses_kwargs = macro->uses_kwargs || token.text == "kwargs";
      macro->uses_caller = macro->uses_caller || token.text == "caller";
    }
  }
  return out;
}

ExprPtr Parser::parse_list() {
  ExprPtr out = make(ExprKind::kList, take().at);
  while (!at_operator("]")) {
    out->parts.push_back(parse_expression());
    if (!take_operator(",")) break;
  }
  expect_operator("]");
  return finish(std::move(out));
}

ExprPtr Parser::parse_dict() {
  ExprPtr out = make(ExprKind::kDict, take().at);
  while (!at_operator("}")) {
    out->parts.push_back(parse_expression());
    expect_operator(":");
    out->parts.push_back(parse_expression());
    if (!take_operator(",")) break;
  }
  expect_operator("}");
  return finish(std::move(out));
}

ExprPtr Parser::parse_postfix(ExprPtr node) {
  for (;;) {
    if (at_operator(".") || at_operator("[")) {
      node = parse_subscript(std::move(node));
    } else if (at_operator("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::parse_filters(ExprPtr node) {
  for (;;) {
    if (take_operator("|")) {
      node = parse_filter(std::move(node));
    } else if (at_name("is")) {
      node = parse_test(std::move(node));
    } else if (at_operator("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::parse_filter(ExprPtr node) {
  ExprPtr out = make(ExprKind::kFilter, current().at);
  out->name = expect_name("a filter's name");
  out->parts.push_back(std::move(node));
  if (at_operator("(")) parse_arguments(out->arguments);
  return finish(std::move(out));
}

ExprPtr Parser::parse_test(ExprPtr node) {
  const size_t at = take().at;
  const bool negated = take_name("not");
  ExprPtr out = make(ExprKind::kTest, at);
  out->name = expect_name("a test's name");
  out->parts.push_back(std::move(node));
  const Token& next = current();
  const bool is_word = next.kind == TokenKind::kName && next.text != "else" && next.text != "or" &&
                       next.text != "and";
  const bool begins_argument = is_word || next.kind == TokenKind::kString ||
                               next.kind == TokenKind::kInteger || next.kind == TokenKind::kFloat ||
                               at_operator("[") || at_operator("{");
  if (at_operator("(")) {
    parse_arguments(out->arguments);
  } else if (begins_argument) {
    if (at_name("is")) fail("tests cannot be chained with 'is'");
    out->arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  out = finish(std::move(out));
  if (!negated) return out;
  ExprPtr inverse = make(ExprKind::kNot, at);
  inverse->parts.push_back(std::move(out));
  return finish(std::move(inverse));
}

ExprPtr Parser::parse_subscript(ExprPtr node) {
  const size_t at = current().at;
  if (take_operator(".")) {
    if (current().kind == TokenKind::kInteger) {
      ExprPtr index = parse_primary();
      return join(ExprKind::kItem, at, std::move(node), std::move(index));
    }
    ExprPtr out = make(ExprKind::kAttribute, at);
    out->name = expect_name("an attribute's name");
    out->parts.push_back(std::move(node));
    return finish(std::move(out));
  }
  expect_operator("[");
  ExprPtr first = at_operator(":") ? nullptr : parse_expression();
  if (!at_operator(":")) {
    if (at_operator(",")) fail("an index of several parts is not supported");
    expect_operator("]");
    return join(ExprKind::kItem, at, std::move(node), std::move(first));
  }
  ExprPtr out = make(ExprKind::kSlice, at);
  out->parts.push_back(std::move(node));
  out->parts.push_back(std::move(first));
  for (int i = 0; i < 2; ++i) {
    ExprPtr part;
    if (take_operator(":") && !at_operator(":") && !at_operator("]")) part = parse_expression();
    out->parts.push_back(std::move(part));
  }
  expect_operator("]");
  return finish(std::move(out));
}

ExprPtr Parser::parse_call(ExprPtr callee) {
  ExprPtr out = make(ExprKind::kCall, current().at);
  out->parts.push_back(std::move(callee));
  parse_arguments(out->arguments);
  return finish(std::move(out));
}

void Parser::parse_arguments(CallArguments& out) {
  expect_operator("(");
  while (!at_operator(")")) {
    if (take_operator("*")) {
      if (out.star || out.double_star) fail("malformed arguments");
      out.star = parse_expression();
    } else if (take_operator("**")) {
      if (out.double_star) fail("malformed arguments");
      out.double_star = parse_expression();
    } else if (current().kind == TokenKind::kName && peek().kind == TokenKind::kOperator &&
               peek().text == "=") {
      if (out.double_star) fail("malformed arguments");
      std::string name = take().text;
      take();
      out.named.emplace_back(std::move(name), parse_expression());
    } else {
      if (out.star || out.double_star || !out.named.empty()) {
        fail("a positional argument follows a named one");
      }
      out.positional.push_back(parse_expression());
    }
    if (!take_operator(",")) break;
  }
  expect_operator(")");
}

}  // namespace relata::text::jinja
