#include "../../../src/generate/server_logprobs.h"

#include <gtest/gtest.h>

namespace relata::generate {
namespace {

using Strings = std::vector<std::string>;

ServerLogprobs read(const char* logprobs) {
  return read_server_logprobs({{"logprobs", Json::parse(logprobs)}});
}

TEST(ServerLogprobs, AreReadInBothForms) {
  const auto plain = read(R"({"token_logprobs": [-1, -0.5], "tokens": [" An", "n"]})");
  EXPECT_EQ(plain.logprobs, (std::vector<double>{-1.0, -0.5}));
  EXPECT_EQ(plain.pieces, (Strings{" An", "n"}));
  const auto rich = read(R"({"content": [{"token": "?", "logprob": -1, "bytes": [228, 184]},
                                         {"token": "?", "logprob": -2, "bytes": [173]},
                                         {"token": "x", "logprob": -3, "bytes": null}]})");
  EXPECT_EQ(rich.logprobs.size(), 3u);
  EXPECT_EQ(rich.pieces, (Strings{"\xE4\xB8", "\xAD", "x"}));
}

TEST(ServerLogprobs, GapsAreNotGuessed) {
  for (const char* told : {"null", "[]", "{}", R"({"token_logprobs": [-1, null]})",
                           R"({"content": [{"token": "a"}]})"}) {
    EXPECT_TRUE(read(told).logprobs.empty()) << told;
  }
  for (const char* told :
       {R"({"token_logprobs": [-1]})", R"({"token_logprobs": [-1], "tokens": ["a", "b"]})",
        R"({"token_logprobs": [-1], "tokens": [7]})", R"({"content": [{"logprob": -1}]})"}) {
    EXPECT_EQ(read(told).logprobs.size(), 1u) << told;
    EXPECT_TRUE(read(told).pieces.empty()) << told;
  }
}

TEST(ServerLogprobs, PiecesMustJoinToTheText) {
  const auto fitted = [](std::string_view text, Strings pieces) {
    ServerLogprobs told;
    told.pieces = std::move(pieces);
    told.logprobs.assign(told.pieces.size(), -1.0);
    fit_pieces(text, told);
    return told.pieces;
  };
  EXPECT_EQ(fitted("Ann", {"An", "n", "</s>"}), (Strings{"An", "n", "</s>"}));
  EXPECT_EQ(fitted("Ann", {" ", " An", "n"}), (Strings{"", "An", "n"}));
  EXPECT_EQ(fitted(" Ann", {" An", "n"}), (Strings{" An", "n"}));
  EXPECT_EQ(fitted("Ann", {"<think>", "Ann", "?</think>", "\n", "An", "n"}),
            (Strings{"", "An", "n"}));
  EXPECT_TRUE(fitted("Ann", {"<think>", "Ann"}).empty());
  EXPECT_TRUE(fitted("Ann", {"An"}).empty());
  EXPECT_TRUE(fitted("Ann", {"xAn", "n"}).empty());
  EXPECT_TRUE(fitted("中", {"\uFFFD", "\uFFFD"}).empty());
}

TEST(ServerLogprobs, WhatStandsBeforeTheAnswerGoesWithItsProbabilities) {
  ServerLogprobs told{{-1, -2, -4, -8}, {"``", "`\nA", "nn", "\n```"}};
  drop_front(0, told);
  EXPECT_EQ(told.pieces.size(), 4u);
  drop_front(4, told);
  EXPECT_EQ(told.pieces, (Strings{"A", "nn", "\n```"}));
  EXPECT_EQ(told.logprobs, (std::vector<double>{-2, -4, -8}));
  drop_front(99, told);
  EXPECT_TRUE(told.pieces.empty() && told.logprobs.empty());
}

TEST(ServerLogprobs, PartsHaveWhatTheirTokensHave) {
  ServerLogprobs told;
  told.pieces = {"{[\"", "a", "\"", ", \"", "b", "\"", "]}"};
  told.logprobs = {-1, -2, -4, -8, -16, -32, -64};
  const auto parts = by_parts(told, {5, 10}, {"a", "\nb"});
  EXPECT_EQ(parts.pieces, (Strings{"a", "\nb"}));
  EXPECT_EQ(parts.logprobs, (std::vector<double>{-7, -56}));
  EXPECT_TRUE(by_parts(told, {}, {"a"}).logprobs.empty());
  told.pieces.clear();
  EXPECT_TRUE(by_parts(told, {5}, {"a"}).logprobs.empty());
}

}  // namespace
}  // namespace relata::generate
