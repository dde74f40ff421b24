// Facts of small texts, asked of an engine that answers by rules, for their tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fake_engine.h"
#include "relata/extract/facts.h"

namespace relata::extract::facts_fixture {

using data::Document;
using data::Relation;
using Strings = std::vector<std::string>;

// A compiler whose constraints remember the shape they were made of, to look at.
struct SeenShape : generate::Constraint {
  generate::AnswerShape shape;
  bool spans = false;
  std::unique_ptr<generate::ConstraintWalk> start() const override { return nullptr; }
};

class SeeingCompiler : public generate::AnswerCompiler {
 public:
  Result<std::shared_ptr<const generate::Constraint>> compile(
      const generate::AnswerShape& shape,
      std::shared_ptr<const generate::SpanSource> spans) const override {
    ++compiled;
    auto out = std::make_shared<SeenShape>();
    out->shape = shape;
    out->spans = spans != nullptr;
    return std::shared_ptr<const generate::Constraint>(out);
  }
  mutable int compiled = 0;
};

inline data::Schema schema() {
  data::Schema out;
  for (const char* name : {"father", "spouse", "capital", "capital of"}) {
    data::RelationType type;
    type.id = std::string("R:") + name;
    type.name = name;
    type.description = std::string("About ") + name + ".";
    out.relation_types.push_back(type);
  }
  out.relation_types[0].head_types = {"PER"};
  out.relation_types[0].tail_types = {"PER"};
  out.relation_types[1].symmetric = true;
  out.relation_types[2].inverse = "R:capital of";
  out.relation_types[3].inverse = "R:capital";
  return out;
}

class Facts : public testing::Test {
 protected:
  Facts() { use("rhf"); }
  void use(const std::string& pipeline, const std::string& relation_mode = "list") {
    BuiltinPipeline choice;
    choice.name = pipeline;
    choice.relation_mode = relation_mode;
    extractor_.config = default_config(pipeline);
    extractor_.pipeline = builtin_pipeline(choice).value();
    extractor_.schema = schema();
    engine_.text_of = [this](const std::string& prompt) { return answer(prompt); };
  }
  // The first rule whose texts all stand in the prompt answers it.
  std::string answer(const std::string& prompt) const {
    for (const auto& [texts, answer] : rules_) {
      const bool all = std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
        return prompt.find(text) != std::string::npos;
      });
      if (all) return answer;
    }
    return "none";
  }
  Document run(const Document& document) {
    auto out = extract_facts(extractor_, engine_, compiler_, {document}, options_, &counts_);
    EXPECT_TRUE(out.ok()) << out.error().message;
    return std::move(out.value()[0]);
  }
  static Strings triples(const Document& document) {
    Strings out;
    for (const Relation& relation : document.relations) {
      out.push_back(document.entities[static_cast<size_t>(relation.head)].text + "|" +
                    relation.type.substr(2) + "|" +
                    document.entities[static_cast<size_t>(relation.tail)].text);
    }
    return out;
  }
  static std::set<std::string> as_set(const Strings& strings) {
    return {strings.begin(), strings.end()};
  }

  Extractor extractor_;
  FakeEngine engine_;
  std::shared_ptr<SeeingCompiler> compiler_ = std::make_shared<SeeingCompiler>();
  FactOptions options_;
  AskedCounts counts_;
  std::vector<std::pair<Strings, std::string>> rules_;
  Document family_ = make_document(
      "d", "Ann Lee wed Bob in May. It rained. Ann's father is Cid. Cid lives in Rome.", {});
};

inline constexpr const char* kAskRelations = "Which relations does the text state?";
inline constexpr const char* kAskHeads = "Which heads";
inline constexpr const char* kAskTails = "Which tails";

}  // namespace relata::extract::facts_fixture
