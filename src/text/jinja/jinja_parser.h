// Recursive descent over the tokens, by Jinja's own precedence.
#pragma once

#include <string>
#include <vector>

#include "jinja_ast.h"
#include "jinja_lexer.h"

namespace relata::text::jinja {

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Block parse();

 private:
  // Tokens.
  const Token& current() const { return tokens_[i_]; }
  const Token& peek() const { return tokens_[i_ + 1 < tokens_.size() ? i_ + 1 : i_]; }
  const Token& take();
  bool at_name(const char* name) const;
  bool at_operator(const char* symbol) const;
  bool take_name(const char* name);
  bool take_operator(const char* symbol);
  void expect_operator(const char* symbol);
  void expect(TokenKind kind);
  std::string expect_name(const char* what);
  [[noreturn]] void fail(const std::string& message, const std::string& hint = "") const;
  [[noreturn]] void fail_unexpected(const std::string& wanted) const;

  // Statements (jinja_parser.cpp). A block ends before the first of `ends`, whose tag is then taken
  // up to that name.
  Block parse_block(const std::vector<std::string>& ends);
  Block parse_body(const std::vector<std::string>& ends);
  void parse_into(Block& out, const std::vector<std::string>& ends);
  std::unique_ptr<Stmt> parse_statement();
  std::unique_ptr<Stmt> parse_if();
  std::unique_ptr<Stmt> parse_for();
  std::unique_ptr<Stmt> parse_set();
  std::unique_ptr<Stmt> parse_macro();
  std::unique_ptr<Stmt> parse_call_block();
  std::unique_ptr<Stmt> parse_filter_block();
  std::unique_ptr<Stmt> parse_generation();
  std::unique_ptr<Stmt> parse_with();
  std::unique_ptr<Stmt> parse_loop_control(StmtKind kind);
  void parse_signature(MacroDefinition& macro);
  void parse_macro_body(MacroDefinition& macro, const char* end);
  Target parse_targets(bool with_attribute, bool is_for);
  Target parse_one_target(bool with_attribute);

  // Expressions (jinja_parser_expressions.cpp).
  ExprPtr make(ExprKind kind, size_t at) const;
  ExprPtr finish(ExprPtr node) const;  // computes the height and checks it
  ExprPtr join(ExprKind kind, size_t at, ExprPtr left, ExprPtr right, std::string name = "") const;
  ExprPtr parse_tuple(bool with_condition, bool in_parentheses = false);
  ExprPtr parse_expression(bool with_condition = true);
  ExprPtr parse_or();
  ExprPtr parse_and();
  ExprPtr parse_not();
  ExprPtr parse_compare();
  ExprPtr parse_sum();
  ExprPtr parse_concat();
  ExprPtr parse_product();
  ExprPtr parse_power();
  ExprPtr parse_unary(bool with_filter = true);
  ExprPtr parse_primary();
  ExprPtr parse_name();
  ExprPtr parse_list();
  ExprPtr parse_dict();
  ExprPtr parse_postfix(ExprPtr node);
  ExprPtr parse_filters(ExprPtr node);
  ExprPtr parse_filter(ExprPtr node);  // at its name
  ExprPtr parse_test(ExprPtr node);
  ExprPtr parse_subscript(ExprPtr node);
  ExprPtr parse_call(ExprPtr callee);
  void parse_arguments(CallArguments& out);

  // Bounds the recursion of everything that can nest.
  class Nesting {
   public:
    explicit Nesting(Parser& parser);
    ~Nesting() { --parser_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Parser& parser_;
  };

  std::vector<Token> tokens_;
  size_t i_ = 0;
  int nesting_ = 0;
  int loops_ = 0;                         // around this place, inside the innermost macro
  std::vector<MacroDefinition*> macros_;  // around this place
};

}  // namespace relata::text::jinja
