#include "jinja_parser.h"

#include <algorithm>
#include <array>

#include "jinja_text.h"

namespace relata::text::jinja {
namespace {

constexpr int kMaxNesting = 200;

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "text";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kPrintBegin:
      return "'{{'";
    case TokenKind::kPrintEnd:
      return "'}}'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return "'" + token.text + "'";
  }
}

bool is_one_of(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::unique_ptr<Stmt> make_statement(StmtKind kind, size_t at) {
  auto out = std::make_unique<Stmt>();
  out->kind = kind;
  out->at = at;
  return out;
}

}  // namespace

Parser::Nesting::Nesting(Parser& parser) : parser_(parser) {
  if (++parser_.nesting_ > kMaxNesting) {
    --parser_.nesting_;  // the destructor does not run
    parser_.fail("nested more than " + std::to_string(kMaxNesting) + " deep");
  }
}

const Token& Parser::take() {
  const Token& token = tokens_[i_];
  if (i_ + 1 < tokens_.size()) ++i_;
  return token;
}

bool Parser::at_name(const char* name) const {
  return current().kind == TokenKind::kName && current().text == name;
}
bool Parser::at_operator(const char* symbol) const {
  return current().kind == TokenKind::kOperator && current().text == symbol;
}
bool Parser::take_name(const char* name) {
  if (!at_name(name)) return false;
  take();
  return true;
}
bool Parser::take_operator(const char* symbol) {
  if (!at_operator(symbol)) return false;
  take();
  return true;
}
void Parser::expect_operator(const char* symbol) {
  if (!take_operator(symbol)) fail_unexpected(std::string("'") + symbol + "'");
}
void Parser::expect(TokenKind kind) {
  if (current().kind != kind) fail_unexpected(describe({kind, 0, ""}));
  take();
}
std::string Parser::expect_name(const char* what) {
  if (current().kind != TokenKind::kName) fail_unexpected(what);
  return take().text;
}

void Parser::fail(const std::string& message, const std::string& hint) const {
  throw SyntaxFailure(current().at, message, hint);
}
void Parser::fail_unexpected(const std::string& wanted) const {
  fail("expected " + wanted + ", found " + describe(current()));
}

Block Parser::parse() {
  Block out;
  parse_into(out, {});
  return out;
}

Block Parser::parse_body(const std::vector<std::string>& ends) {
  take_operator(":");  // Python's habit is allowed
  expect(TokenKind::kBlockEnd);
  return parse_block(ends);
}

Block Parser::parse_block(const std::vector<std::string>& ends) {
  const Nesting nesting(*this);
  Block out;
  parse_into(out, ends);
  if (current().kind == TokenKind::kEnd) {
    fail("the template ends before '{% " + ends.back() + " %}'");
  }
  return out;
}

void Parser::parse_into(Block& out, const std::vector<std::string>& ends) {
  while (current().kind != TokenKind::kEnd) {
    if (current().kind == TokenKind::kData) {
      auto text = make_statement(StmtKind::kText, current().at);
      text->text = take().text;
      out.push_back(std::move(text));
    } else if (current().kind == TokenKind::kPrintBegin) {
      auto print = make_statement(StmtKind::kPrint, take().at);
      print->expr = parse_tuple(true);
      expect(TokenKind::kPrintEnd);
      out.push_back(std::move(print));
    } else {
      expect(TokenKind::kBlockBegin);
      if (current().kind != TokenKind::kName) fail_unexpected("a tag's name");
      if (is_one_of(current().text, ends)) return;
      out.push_back(parse_statement());
      expect(TokenKind::kBlockEnd);
    }
  }
}

std::unique_ptr<Stmt> Parser::parse_statement() {
  const std::string& tag = current().text;
  if (tag == "if") return parse_if();
  if (tag == "for") return parse_for();
  if (tag == "set") return parse_set();
  if (tag == "macro") return parse_macro();
  if (tag == "call") return parse_call_block();
  if (tag == "filter") return parse_filter_block();
  if (tag == "generation") return parse_generation();
  if (tag == "with") return parse_with();
  if (tag == "break") return parse_loop_control(StmtKind::kBreak);
  if (tag == "continue") return parse_loop_control(StmtKind::kContinue);
  static constexpr std::array kOutside = {"include", "import", "from",       "extends", "block",
                                          "print",   "trans",  "autoescape", "do",      "debug"};
  if (std::find(kOutside.begin(), kOutside.end(), tag) != kOutside.end()) {
    fail("the tag '" + tag + "' is not supported in a chat template",
         "docs/chat-templates.md lists what is");
  }
  if (tag == "else" || tag == "elif" || tag.starts_with("end")) {
    fail("'" + tag + "' without the tag that it belongs to");
  }
  fail("unknown tag '" + tag + "'", "docs/chat-templates.md lists the tags");
}

std::unique_ptr<Stmt> Parser::parse_if() {
  auto out = make_statement(StmtKind::kIf, take().at);
  ExprPtr condition = parse_tuple(false);
  for (;;) {
    Block body = parse_body({"elif", "else", "endif"});
    out->branches.emplace_back(std::move(condition), std::move(body));
    const std::string tag = take().text;
    if (tag == "endif") return out;
    if (tag == "else") break;
    condition = parse_tuple(false);
  }
  out->branches.emplace_back(nullptr, parse_body({"endif"}));
  take();
  return out;
}

std::unique_ptr<Stmt> Parser::parse_for() {
  auto out = make_statement(StmtKind::kFor, take().at);
  out->target = parse_targets(false, true);
  if (!take_name("in")) fail_unexpected("'in'");
  out->expr = parse_tuple(false);
  if (take_name("if")) out->condition = parse_expression();
  if (at_name("recursive")) fail("recursive loops are not supported in a chat template");
  ++loops_;
  out->body = parse_body({"endfor", "else"});
  --loops_;
  if (take().text == "else") {
    out->otherwise = parse_body({"endfor"});
    take();
  }
  return out;
}

std::unique_ptr<Stmt> Parser::parse_set() {
  auto out = make_statement(StmtKind::kSet, take().at);
  out->target = parse_targets(true, false);
  if (take_operator("=")) {
    out->expr = parse_tuple(true);
    return out;
  }
  out->kind = StmtKind::kSetBlock;
  while (take_operator("|")) out->expr = parse_filter(std::move(out->expr));
  out->body = parse_body({"endset"});
  take();
  return out;
}

void Parser::parse_signature(MacroDefinition& macro) {
  expect_operator("(");
  while (!at_operator(")")) {
    if (!macro.parameters.empty()) expect_operator(",");
    macro.parameters.push_back(expect_name("a parameter's name"));
    if (take_operator("=")) {
      macro.defaults.push_back(parse_expression());
    } else if (!macro.defaults.empty()) {
      fail("a parameter without a default follows one with a default");
    }
  }
  take();
}

void Parser::parse_macro_body(MacroDefinition& macro, const char* end) {
  macros_.push_back(&macro);
  const int loops = std::exchange(loops_, 0);
  macro.body = parse_body({end});
  loops_ = loops;
  macros_.pop_back();
  take();
}

std::unique_ptr<Stmt> Parser::parse_macro() {
  auto out = make_statement(StmtKind::kMacro, take().at);
  out->macro = std::make_unique<MacroDefinition>();
  out->macro->name = expect_name("the macro's name");
  parse_signature(*out->macro);
  parse_macro_body(*out->macro, "endmacro");
  return out;
}

std::unique_ptr<Stmt> Parser::parse_call_block() {
  auto out = make_statement(StmtKind::kCall, take().at);
  out->macro = std::make_unique<MacroDefinition>();
  out->macro->name = "caller";
  if (at_operator("(")) parse_signature(*out->macro);
  out->expr = parse_expression();
  if (out->expr->kind != ExprKind::kCall) fail("expected a call of a macro");
  parse_macro_body(*out->macro, "endcall");
  return out;
}

std::unique_ptr<Stmt> Parser::parse_filter_block() {
  auto out = make_statement(StmtKind::kFilter, take().at);
  out->expr = parse_filter(nullptr);
  while (take_operator("|")) out->expr = parse_filter(std::move(out->expr));
  out->body = parse_body({"endfilter"});
  take();
  return out;
}

std::unique_ptr<Stmt> Parser::parse_generation() {
  auto out = make_statement(StmtKind::kGeneration, take().at);
  const int loops = std::exchange(loops_, 0);  // it is a function to Jinja
  out->body = parse_body({"endgeneration"});
  loops_ = loops;
  take();
  return out;
}

std::unique_ptr<Stmt> Parser::parse_with() {
  auto out = make_statement(StmtKind::kWith, take().at);
  while (current().kind != TokenKind::kBlockEnd) {
    if (!out->assignments.empty()) expect_operator(",");
    Target target = parse_one_target(false);
    expect_operator("=");
    out->assignments.emplace_back(std::move(target), parse_expression());
  }
  out->body = parse_body({"endwith"});
  take();
  return out;
}

std::unique_ptr<Stmt> Parser::parse_loop_control(StmtKind kind) {
  if (loops_ == 0) fail("'" + current().text + "' outside a loop");
  return make_statement(kind, take().at);
}

Target Parser::parse_one_target(bool with_attribute) {
  const Nesting nesting(*this);
  Target out;
  out.at = current().at;
  if (take_operator("(")) {
    out = parse_targets(with_attribute, false);
    expect_operator(")");
    return out;
  }
  out.name = expect_name("a name to assign to");
  static const std::vector<std::string> kReserved = {"true", "false", "none",
                                                     "True", "False", "None"};
  if (is_one_of(out.name, kReserved)) fail("cannot assign to '" + out.name + "'");
  if (with_attribute && take_operator(".")) out.attribute = expect_name("an attribute's name");
  return out;
}

Target Parser::parse_targets(bool with_attribute, bool is_for) {
  Target first = parse_one_target(with_attribute);
  if (!at_operator(",")) return first;
  Target out;
  out.at = first.at;
  out.is_tuple = true;
  out.parts.push_back(std::move(first));
  while (take_operator(",")) {
    const bool ends = at_operator("=") || at_operator(")") || (is_for && at_name("in")) ||
                      current().kind == TokenKind::kBlockEnd;
    if (ends) break;
    out.parts.push_back(parse_one_target(with_attribute));
  }
  return out;
}

Block parse_source(const std::string& source) { return Parser(tokenize(source)).parse(); }

}  // namespace relata::text::jinja
