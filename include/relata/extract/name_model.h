// Which pieces of a text are names, and of what type: learned from the mentions of the documents
// that an extractor is trained on.
//
// A language model that some hundred documents have taught writes ends of facts with wrong borders
// ("Paris and studied at the Sorbonne") and of kinds that a relation does not take. Words, their
// shapes and their neighbours tell both, in microseconds. The model is a multinomial logistic
// regression over hashed features of a piece and the words beside it, trained on mentions and on
// pieces that reach over a mention's borders or short of them, by AdaGrad (Duchi et al. 2011). What
// it is worth, and why it scores answers instead of constraining them: docs/decisions/0022.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/data/document.h"

namespace relata::extract {

// Immutable; threads may share it.
class NameModel {
 public:
  // From the mentions of `documents`; null where these are too few to tell anything, or many of
  // them begin or end inside words, of which it knows nothing. The same documents give the same
  // model. Cost: about a second for 12,000 mentions.
  static std::shared_ptr<const NameModel> learn(const std::vector<data::Document>& documents);

  // The entity types, sorted; "" among them where mentions had none or one of many rare ones.
  const std::vector<std::string>& types() const { return types_; }
  // The probabilities of a piece with these features: that it is no name, then by types().
  std::vector<double> probabilities(const std::vector<uint32_t>& features) const;

  // names.json. Errors: sizes that contradict each other, unknown members.
  static Result<NameModel> from_json(const Json& json, const std::string& where);
  Json to_json() const;

 private:
  std::vector<std::string> types_;
  std::vector<float> scales_;    // by class: no name, then types_
  std::vector<int8_t> weights_;  // [feature][class], in units of the class's scale
};

}  // namespace relata::extract
