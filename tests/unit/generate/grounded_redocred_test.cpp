// Real vocabularies and documents: every gold fact of Re-DocRED can be answered.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "../redocred_files.h"
#include "relata/generate/grounded.h"

namespace relata::generate {
namespace {

using Node = nlohmann::json;
const std::filesystem::path kData = std::filesystem::path(RELATA_SHARED) / "data";
const std::filesystem::path kCheckout = std::filesystem::path(RELATA_TEST_FILES) / "../..";

bool is_full() {
  const char* full = std::getenv("FULL_TESTS");
  return full != nullptr && std::string_view(full) == "1";
}

struct GoldDocument {
  std::string text;
  std::vector<std::vector<std::string>> mentions;                             // of every entity
  std::map<std::string, std::map<std::string, std::set<std::string>>> tails;  // relation, head
};

GoldDocument read_document(const Node& node, const Node& names) {
  GoldDocument out;
  std::vector<std::vector<std::string>> sentences = node["sents"];
  for (const auto& sentence : sentences) {
    for (const std::string& token : sentence) out.text += (out.text.empty() ? "" : " ") + token;
  }
  for (const Node& entity : node["vertexSet"]) {
    std::set<std::string> texts;
    for (const Node& mention : entity) {
      const auto& tokens = sentences[mention["sent_id"].get<size_t>()];
      std::string text;
      for (size_t i = mention["pos"][0]; i < mention["pos"][1].get<size_t>(); ++i) {
        text += (text.empty() ? "" : " ") + tokens[i];
      }
      texts.insert(text);
    }
    out.mentions.emplace_back(texts.begin(), texts.end());
  }
  for (const Node& label : node["labels"]) {
    const std::string relation = names[label["r"].get<std::string>()];
    out.tails[relation][out.mentions[label["h"]][0]].insert(out.mentions[label["t"]][0]);
  }
  return out;
}

Node rel_names() {
  std::ifstream in(kCheckout / "schemas/redocred.json");
  const Node schema = Node::parse(in);
  Node names;
  for (const Node& relation : schema["relation_types"]) {
    names[relation["id"].get<std::string>()] = relation["name"];
  }
  return names;
}

// One of so many; all of the few that are shipped.
std::vector<GoldDocument> gold_documents(size_t step, const Node& names) {
  const RedocredDev file;
  if (!file.whole) step = 1;
  std::ifstream in(file.path);
  const Node all = Node::parse(in);
  std::vector<GoldDocument> out;
  for (size_t i = 0; i < all.size(); i += step) out.push_back(read_document(all[i], names));
  return out;
}

std::string joined(const std::set<std::string>& items, const std::string& separator) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : separator) + item;
  return out;
}

class GoldFacts : public testing::TestWithParam<std::string> {
 protected:
  // A folder of the tokenizers, or one file of a folder that has several.
  void SetUp() override {
    const bool is_model = GetParam().starts_with("models/");
    const std::filesystem::path path = (is_model ? kCheckout : kData / "tokenizers") / GetParam();
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
    std::string folder = path.string();
    if (!is_model && !std::filesystem::is_directory(path)) {
      temporary_ =
          std::filesystem::temp_directory_path() / ("relata_grounded_" + std::to_string(getpid()));
      std::filesystem::create_directories(temporary_);
      std::filesystem::copy_file(path, temporary_ / "tokenizer.model");
      folder = temporary_.string();
    }
    const auto loaded = text::load_tokenizer(folder);
    // Where this build reads no GGUF.
    if (is_model && !loaded.ok()) GTEST_SKIP() << loaded.error().message;
    tokenizer_ = loaded.value();
    compiler_ = make_answer_compiler(tokenizer_).value();
  }
  void TearDown() override {
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_);
  }

  void expect_answer(const AnswerShape& shape, const Constraint& constraint,
                     const std::string& answer) {
    const std::vector<int32_t> ids = tokenizer_->encode_ids(answer, false);
    // Some tokenizers rewrite some characters, and some have no token for them.
    if (tokenizer_->decode(ids, true) != answer) {
      ++rewritten_;
      return;
    }
    ++answers_;
    const auto walk = constraint.start();
    const auto may_come = [&](int32_t id) {
      const auto& allowed = walk->allowed();
      return std::binary_search(allowed.begin(), allowed.end(), id);
    };
    for (size_t i = 0; i < ids.size(); ++i) {
      ASSERT_TRUE(may_come(ids[i])) << "token " << i << " of \"" << answer << '"';
      walk->accept(ids[i]);
    }
    ASSERT_TRUE(may_come(tokenizer_->eos_id())) << "the end of \"" << answer << '"';
    const auto items = parse_answer_items(shape, answer);
    ASSERT_TRUE(items.ok()) << answer;
  }

  void expect_document(const GoldDocument& document, const std::vector<std::string>& relations,
                       const std::string& separator) {
    const auto spans = make_span_source(document.text, {}).value();
    const AnswerShape names = {.item = {{AnswerField::Kind::Span, "", {}}}, .separator = separator};
    const auto entities = compiler_->compile(names, spans).value();
    for (const auto& mentions : document.mentions) {
      for (const std::string& mention : mentions) {
        if (separator != "\n" && mention.find(';') != std::string::npos) continue;
        expect_answer(names, *entities, mention);
      }
    }
    const AnswerShape labels = {.item = {{AnswerField::Kind::Choice, "", relations}},
                                .separator = separator};
    const auto kinds = compiler_->compile(labels, spans).value();
    std::set<std::string> found;
    for (const auto& [relation, heads] : document.tails) {
      found.insert(relation);
      std::set<std::string> all;
      for (const auto& [head, tails] : heads) {
        all.insert(head);
        expect_answer(names, *entities, joined(tails, separator));
      }
      expect_answer(names, *entities, joined(all, separator));
    }
    expect_answer(labels, *kinds, found.empty() ? "none" : joined(found, separator));
  }

  std::filesystem::path temporary_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::shared_ptr<const AnswerCompiler> compiler_;
  int answers_ = 0;
  int rewritten_ = 0;
};

TEST_P(GoldFacts, CanAllBeAnswered) {
  const Node names = rel_names();
  std::vector<std::string> relations;
  for (const auto& [id, name] : names.items()) relations.push_back(name);
  // Models that see a line break as a space cannot write it.
  const bool has_break =
      compiler_->compile({.item = {{AnswerField::Kind::Choice, "", {"a"}}}}, nullptr).ok();
  EXPECT_EQ(has_break, !GetParam().starts_with("t5") && !GetParam().starts_with("sentencepiece"));
  for (const GoldDocument& document : gold_documents(is_full() ? 1 : 100, names)) {
    expect_document(document, relations, has_break ? "\n" : "; ");
    if (HasFatalFailure()) return;
  }
  RecordProperty("answers", answers_);
  RecordProperty("rewritten", rewritten_);
  EXPECT_GT(answers_, 100);
  // These vocabularies have all bytes, and Re-DocRED's names are composed already.
  EXPECT_EQ(has_break ? rewritten_ : 0, 0);
}

// Any token that may come, one after the other, EOS more seldom.
std::vector<int32_t> random_answer(std::mt19937& random, const Constraint& constraint,
                                   int32_t eos) {
  const auto walk = constraint.start();
  std::vector<int32_t> ids;
  while (true) {
    const std::vector<int32_t>& allowed = walk->allowed();
    const bool may_end = std::binary_search(allowed.begin(), allowed.end(), eos);
    if (may_end && (allowed.size() == 1 || ids.size() > 150 || random() % 8 == 0)) return ids;
    const int32_t token = allowed[random() % allowed.size()];
    if (token == eos) continue;
    ids.push_back(token);
    walk->accept(token);
  }
}

TEST_P(GoldFacts, RandomAnswersAreOfTheDocument) {
  const std::vector<std::string> relations = {"place of birth", "part of", "part of the series"};
  const AnswerField span = {AnswerField::Kind::Span, "", {}};
  const AnswerField literal = {AnswerField::Kind::Literal, ", ", {}};
  AnswerShape triples = {
      .item = {span, literal, {AnswerField::Kind::Choice, "", relations}, literal, span}};
  const auto nowhere = make_span_source("", {}).value();
  if (!compiler_->compile(triples, nowhere).ok()) triples.separator = "; ";
  std::mt19937 random(7);
  size_t items = 0;
  for (const GoldDocument& document : gold_documents(is_full() ? 10 : 100, rel_names())) {
    const auto spans = make_span_source(document.text, {}).value();
    const auto constraint = compiler_->compile(triples, spans).value();
    for (int i = 0; i < 20; ++i) {
      const std::string text =
          tokenizer_->decode(random_answer(random, *constraint, tokenizer_->eos_id()), true);
      const auto found = parse_answer_items(triples, text);
      ASSERT_TRUE(found.ok()) << found.error().message;
      ASSERT_EQ(text == "none", found->empty()) << text;
      for (const auto& item : *found) {
        EXPECT_NE(document.text.find(item[0]), std::string::npos) << item[0];
        EXPECT_NE(std::find(relations.begin(), relations.end(), item[1]), relations.end());
        EXPECT_NE(document.text.find(item[2]), std::string::npos) << item[2];
      }
      items += found->size();
    }
  }
  EXPECT_GT(items, 100U);
}

INSTANTIATE_TEST_SUITE_P(
    Tokenizers, GoldFacts,
    testing::Values("gpt2", "llama2", "llama3", "mistral_v1", "mistral_v3", "qwen1", "qwen3", "t5",
                    "mistral_v1/tokenizer.model", "mistral_v3/tokenizer.model.v3",
                    "sentencepiece_test/test_model.model", "models/smollm2-135m-instruct.Q4_1.gguf",
                    "models/qwen2.5-coder-0.5b-instruct.Q4_K_M.gguf",
                    "models/gemma-3-270m.Q4_K_M.gguf"),
    [](const auto& info) {
      std::string name = info.param;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

TEST(GoldFactsBert, AreRefused) {
  for (const char* name : {"bert-base-uncased", "bert-base-chinese", "pubmedbert_uncased"}) {
    const std::filesystem::path path = kData / "tokenizers" / name;
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
    const auto tokenizer = text::load_tokenizer(path.string()).value();
    const auto compiler = make_answer_compiler(tokenizer, 0);
    ASSERT_FALSE(compiler.ok());
    EXPECT_NE(compiler.error().message.find("wordpiece"), std::string::npos);
  }
}

}  // namespace
}  // namespace relata::generate
