// The parsed template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jinja_value.h"
#include "relata/text/jinja.h"

namespace relata::text::jinja {

enum class ExprKind {
  kConstant,     // value
  kName,         // name
  kList,         // parts
  kTuple,        // parts
  kDict,         // parts: key, value, key, value, ...
  kAttribute,    // parts[0].name
  kItem,         // parts[0][parts[1]]
  kSlice,        // parts[0][parts[1]:parts[2]:parts[3]]; a missing one is null
  kCall,         // parts[0](arguments)
  kFilter,       // parts[0]|name(arguments); parts[0] is null in a filter block
  kTest,         // parts[0] is name(arguments)
  kConditional,  // parts[0] if parts[1] else parts[2] (may be null)
  kAnd,          // parts[0] and parts[1]
  kOr,
  kNot,      // not parts[0]
  kCompare,  // parts[0] operators[0] parts[1] operators[1] parts[2] ...
  kBinary,   // parts[0] name parts[1]
  kConcat,   // parts joined as text
  kUnary,    // name parts[0]
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;         // *star
  ExprPtr double_star;  // **double_star
};

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  size_t at = 0;   // byte offset in the source
  int height = 1;  // levels below and with this one
  std::string name;
  Value value;
  std::vector<ExprPtr> parts;
  std::vector<std::string> operators;
  CallArguments arguments;
};

enum class StmtKind {
  kText,        // text
  kPrint,       // expr
  kIf,          // branches
  kFor,         // for targets in expr if condition: body, else otherwise
  kSet,         // targets = expr
  kSetBlock,    // targets = body, through the filter expr when there is one
  kMacro,       // macro
  kCall,        // {% call %}: expr with `caller` = macro
  kFilter,      // {% filter %}: body through expr
  kGeneration,  // body
  kWith,        // assignments, then body
  kBreak,
  kContinue,
};

struct Stmt;
using Block = std::vector<std::unique_ptr<Stmt>>;

// What an assignment may go to: a name, a name's attribute, or a tuple of targets.
struct Target {
  std::string name;
  std::string attribute;  // of a namespace; "" for a plain name
  std::vector<Target> parts;
  bool is_tuple = false;
  size_t at = 0;
};

struct MacroDefinition {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  Block body;
  bool uses_varargs = false;
  bool uses_kwargs = false;
  bool uses_caller = false;
};

struct Stmt {
  StmtKind kind = StmtKind::kText;
  size_t at = 0;
  std::string text;
  ExprPtr expr;
  ExprPtr condition;
  Target target;
  Block body;
  Block otherwise;
  std::vector<std::pair<ExprPtr, Block>> branches;  // the condition of `else` is null
  std::vector<std::pair<Target, ExprPtr>> assignments;
  std::unique_ptr<MacroDefinition> macro;
};

struct Program {
  std::string source;
  std::string where;
  JinjaLimits limits;
  Block body;
};

// Throws SyntaxFailure.
Block parse_source(const std::string& source);

}  // namespace relata::text::jinja
