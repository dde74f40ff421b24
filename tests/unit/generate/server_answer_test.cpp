#include "../../../src/generate/server_answer.h"

#include <gtest/gtest.h>

namespace relata::generate {
namespace {

std::string answer_in(const std::string& said) {
  const auto answer = read_server_answer({{"text", said}, {"finish_reason", "stop"}}, false);
  return answer->said.substr(answer->place.begin, answer->place.end - answer->place.begin);
}

TEST(ServerAnswer, ThoughtsAreNoPartOfIt) {
  for (const char* said :
       {"<think>\nIs it father?\n</think>owns", " \n<think></think><think>a</think>owns",
        "Is it father?</think>owns", "<reasoning>father</reasoning>owns", "[THINK]no[/THINK]owns",
        "<thinking><think></thinking>owns"}) {
    EXPECT_EQ(answer_in(said), "owns") << said;
  }
  for (const char* said : {"owns", " owns\n", "A <think> B | C", "a </b> c"}) {
    EXPECT_EQ(answer_in(said), said);
  }
}

TEST(ServerAnswer, AFenceIsNoPartOfIt) {
  for (const char* said :
       {"```\nA | B\nC | D\n```", "```text\nA | B\nC | D\n``` \n", "\n~~~~ x y\nA | B\nC | D\n~~~~",
        "```\nA | B\nC | D\n", "<think>?</think>\n\n```\nA | B\nC | D\n```"}) {
    const std::string found = answer_in(said);
    EXPECT_EQ(found, "A | B\nC | D\n") << said;
  }
  EXPECT_EQ(answer_in("```\nA | B```"), "A | B");
  // Something else stands beside it: that must not be lost.
  for (const char* said : {"```\nA\n```\n```\nB\n```", "```\nA\n```\nB", "A\n```\nB\n```",
                           "```A```", "``\nA\n``", "```a`b\nA\n```"}) {
    EXPECT_EQ(answer_in(said), said);
  }
}

TEST(ServerAnswer, AnAnswerThatIsNoneHasAReason) {
  const auto problem = [](const char* choice, bool chat = true) {
    return read_server_answer(Json::parse(choice), chat)->problem;
  };
  EXPECT_EQ(problem(R"({"text": " \n", "finish_reason": "stop"})", false), "is empty");
  EXPECT_EQ(problem(R"({"text": "```json\n```", "finish_reason": "stop"})", false), "is empty");
  EXPECT_EQ(problem(R"({"message": {}})"), "is empty");
  EXPECT_EQ(problem(R"({"message": {"content": "<think>owns"}})"), "is nothing but thoughts");
  EXPECT_EQ(problem(R"({"message": {"content": null, "reasoning_content": "owns"}})"),
            "is nothing but thoughts");
  EXPECT_NE(problem(R"({"message": {"content": "<think>ow"}, "finish_reason": "length"})")
                .find("max_new_tokens"),
            std::string::npos);
  EXPECT_EQ(problem(R"({"message": {"content": "", "refusal": "No."}})"), "refused: No.");
  EXPECT_EQ(problem(R"({"message": {"content": "none"}})"), "");
}

TEST(ServerAnswer, PartsOfAMessageAreJoined) {
  const Json content = Json::parse(
      R"([{"type": "thinking", "thinking": []}, {"type": "text", "text": "ow"}, {"type": "text", "text": "ns"}])");
  EXPECT_EQ(read_server_answer({{"message", {{"content", content}}}}, true)->said, "owns");
  for (const char* choice : {R"({})", R"({"message": "owns"})", R"({"message": {"content": 7}})",
                             R"({"message": {"content": ["owns"]}})"}) {
    EXPECT_FALSE(read_server_answer(Json::parse(choice), true)) << choice;
  }
  EXPECT_FALSE(read_server_answer({{"text", nullptr}}, false));
}

}  // namespace
}  // namespace relata::generate
