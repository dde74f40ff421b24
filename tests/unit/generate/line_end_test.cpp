#include "relata/generate/line_end.h"

#include <gtest/gtest.h>

#include "list_tokenizer.h"
#include "relata/generate/grounded.h"

namespace relata::generate {
namespace {

constexpr int32_t kEos = 0;

TEST(LineEnds, ALineBreakEndsAnAnswerWhereEosMay) {
  // Ids from 2 on: a, b, ;, line breaks of one and two, and one with a letter behind it.
  const auto tokenizer =
      std::make_shared<ListTokenizer>(std::vector<std::string>{"a", "b", ";", "\n", "\n\n", "\na"});
  AnswerShape shape;
  AnswerField field;
  field.kind = AnswerField::Kind::Choice;
  field.choices = {"a", "ab"};
  shape.item = {field};
  shape.separator = ";";
  shape.nothing = "";
  const auto constraint =
      LineEnds(*tokenizer)
          .added_to(make_answer_compiler(tokenizer).value()->compile(shape, nullptr).value());
  const auto walk = constraint->start();
  EXPECT_EQ(walk->allowed(), (std::vector<int32_t>{2}));
  walk->accept(2);
  // Go on to "ab", begin another item, or end by EOS or by line breaks only.
  EXPECT_EQ(walk->allowed(), (std::vector<int32_t>{kEos, 3, 4, 5, 6}));
  walk->accept(4);
  EXPECT_EQ(walk->allowed(), (std::vector<int32_t>{2}));
  walk->accept(2);
  walk->accept(3);
  walk->accept(6);
  EXPECT_EQ(walk->allowed(), (std::vector<int32_t>{kEos}));
  EXPECT_THROW(constraint->start()->accept(5), std::logic_error);
}

}  // namespace
}  // namespace relata::generate
