#include "names/names_in_text.h"

#include <algorithm>
#include <cmath>

#include "end_types.h"
#include "relata/data/document.h"

namespace relata::extract {
namespace {

// What the model of names says counts less than its logarithm: its features, which overlap, make it
// surer than it should be. Chosen on 30 development documents (docs/decisions/0022).
constexpr double kNameWeight = 0.4;
constexpr double kTypeWeight = 0.5;
constexpr double kLeast = 1e-3;  // no fact is ruled out

}  // namespace

NamesInText::NamesInText(const NameModel& model, const std::string& text)
    : model_(model), text_(text), words_(text) {}

const NamesInText::Guess& NamesInText::guess(const std::string& name) {
  const auto [place, fresh] = guesses_.try_emplace(name);
  Guess& guess = place->second;
  if (!fresh) return guess;
  guess.types.assign(model_.types().size(), 0.0);
  double sum = 0.0;
  for (const text::ByteRange& mention : data::find_mentions(text_, name)) {
    const auto span = words_.span_of(mention);
    if (!span) continue;
    const std::vector<double> outcome = model_.probabilities(words_.features(*span));
    guess.is_name = std::max(guess.is_name, 1.0 - outcome[0]);
    for (size_t k = 0; k < guess.types.size(); ++k) {
      guess.types[k] += outcome[k + 1];
      sum += outcome[k + 1];
    }
  }
  if (sum > 0.0) {
    for (double& type : guess.types) type /= sum;
  }
  return guess;
}

bool NamesInText::knows_all(const std::vector<std::string>& types) const {
  const std::vector<std::string>& known = model_.types();
  return std::all_of(types.begin(), types.end(), [&](const std::string& type) {
    return std::find(known.begin(), known.end(), type) != known.end();
  });
}

double NamesInText::type_fit(const std::string& name, const std::vector<std::string>& allowed) {
  if (allowed.empty() || !knows_all(allowed)) return 1.0;
  const std::vector<double>& types = guess(name).types;
  double fit = 0.0;
  for (size_t k = 0; k < types.size(); ++k) {
    if (allows_type(allowed, model_.types()[k])) fit += types[k];
  }
  return fit;
}

double NamesInText::fit(const data::RelationType& relation, const std::string& head,
                        const std::string& tail) {
  const double names = guess(head).is_name * guess(tail).is_name;
  const double types = type_fit(head, relation.head_types) * type_fit(tail, relation.tail_types);
  return kNameWeight * std::log(std::clamp(names, kLeast, 1.0)) +
         kTypeWeight * std::log(std::clamp(types, kLeast, 1.0));
}

std::string NamesInText::type_of(const std::string& name, const std::vector<std::string>& allowed) {
  const std::vector<double>& types = guess(name).types;
  const bool of_allowed = knows_all(allowed);
  std::string best;
  double most = 0.0;
  for (size_t k = 0; k < types.size(); ++k) {
    const bool counts = !of_allowed || allows_type(allowed, model_.types()[k]);
    if (types[k] <= most || !counts) continue;
    most = types[k];
    best = model_.types()[k];
  }
  return allows_type(allowed, best) ? best : "";
}

}  // namespace relata::extract
