#include "relata/extract/name_model.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "names/name_words.h"
#include "relata/base/fields.h"
#include "relata/base/trim.h"
#include "steps/question_rows.h"
#include "steps/shown_text.h"

namespace relata::extract {
namespace {

using data::Document;

constexpr size_t kLeastMentions = 50;
constexpr size_t kMostMentions = 50'000;
constexpr size_t kMostTypes = 40;    // learning and the file grow with them
constexpr double kMostInside = 0.1;  // of the mentions, that begin or end inside a word
constexpr size_t kWrongPieces = 8;   // for each mention
constexpr int kReach = 3;            // words by which a wrong piece is short
constexpr int kReachOver = 7;        // or goes on
constexpr size_t kLongestPiece = 16;
constexpr int kReadings = 2;  // more of them learn the mentions by heart
constexpr float kStep = 0.05F;
constexpr uint64_t kSeed = 1;

struct Example {
  std::vector<uint32_t> features;
  size_t outcome = 0;  // 0: no name; 1 + type
};

// Pieces that begin or end elsewhere than the mention, the nearest kinds of mistake first: with one
// border right.
std::vector<WordSpan> wrong_pieces(const WordSpan& right, size_t words,
                                   const std::map<WordSpan, std::string>& mentions,
                                   RowRandom& random) {
  std::vector<WordSpan> out;
  const auto move = [](size_t at, int by) { return static_cast<std::ptrdiff_t>(at) + by; };
  for (int left = -kReach; left <= kReach; ++left) {
    for (int more = -kReach; more <= kReachOver; ++more) {
      const std::ptrdiff_t first = move(right.first, left);
      const std::ptrdiff_t last = move(right.last, more);
      if (first < 0 || last < first || last >= static_cast<std::ptrdiff_t>(words)) continue;
      const WordSpan piece{static_cast<size_t>(first), static_cast<size_t>(last)};
      if (piece.last - piece.first >= kLongestPiece || mentions.contains(piece)) continue;
      out.push_back(piece);
    }
  }
  random.shuffle(out);
  std::stable_partition(out.begin(), out.end(), [&](const WordSpan& piece) {
    return piece.first == right.first || piece.last == right.last;
  });
  if (out.size() > kWrongPieces) out.resize(kWrongPieces);
  return out;
}

// By text, the documents that mark entities in it: data of one pair a document repeat it.
std::map<std::string_view, std::vector<size_t>> marked_texts(
    const std::vector<Document>& documents) {
  std::map<std::string_view, std::vector<size_t>> out;
  for (size_t i = 0; i < documents.size(); ++i) {
    if (!documents[i].entities.empty()) out[documents[i].text].push_back(i);
  }
  return out;
}

// Documents of one text as one, with the entities of all.
Document joined(const std::vector<Document>& documents, const std::vector<size_t>& of_text) {
  Document out = documents[of_text.front()];
  for (const size_t i : of_text) {
    if (i == of_text.front()) continue;
    std::copy(documents[i].entities.begin(), documents[i].entities.end(),
              std::back_inserter(out.entities));
  }
  return out;
}

class Examples {
 public:
  explicit Examples(const std::vector<Document>& documents) {
    std::vector<size_t> order(documents.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    random_.shuffle(order);
    auto texts = marked_texts(documents);
    for (const size_t i : order) {
      if (mentions_ >= kMostMentions) break;
      const auto found = texts.find(documents[i].text);
      if (found == texts.end()) continue;
      add(ShownDocument::with_places(joined(documents, found->second)).document());
      texts.erase(found);
    }
    const std::map<std::string, size_t> number = numbered_types();
    for (auto& [features, type] : named_) {
      all_.push_back({std::move(features), type ? outcome_of(*type, number) : 0});
    }
    named_.clear();
  }

  bool teach() const {
    const auto all = static_cast<double>(mentions_ + inside_words_);
    return mentions_ >= kLeastMentions && static_cast<double>(inside_words_) <= all * kMostInside;
  }
  const std::vector<std::string>& types() const { return types_; }
  // In another order each time.
  const std::vector<Example>& reading() {
    random_.shuffle(all_);
    return all_;
  }

 private:
  void add(const Document& document) {
    const NameWords words(document.text);
    const std::map<WordSpan, std::string> mentions = mentions_of(document, words);
    std::set<WordSpan> taken;
    for (const auto& [span, type] : mentions) {
      if (mentions_ >= kMostMentions) return;
      ++mentions_;
      named_.emplace_back(words.features(span), type);
      for (const WordSpan& piece : wrong_pieces(span, words.size(), mentions, random_)) {
        if (taken.insert(piece).second) named_.emplace_back(words.features(piece), std::nullopt);
      }
    }
  }

  // With their types.
  std::map<WordSpan, std::string> mentions_of(const Document& document, const NameWords& words) {
    std::map<WordSpan, std::string> out;
    std::set<std::pair<size_t, size_t>> inside;
    for (const data::Entity& entity : document.entities) {
      for (const text::ByteRange& place : entity.mentions) {
        const std::string_view name =
            trimmed(std::string_view(document.text).substr(place.begin, place.end - place.begin));
        if (name.empty()) continue;
        const auto begin = static_cast<size_t>(name.data() - document.text.data());
        if (const auto span = words.span_of({begin, begin + name.size()})) {
          out.emplace(*span, entity.type);
        } else {
          inside.emplace(begin, name.size());
        }
      }
    }
    inside_words_ += inside.size();
    return out;
  }

  // The most frequent; "" stands for the others.
  std::map<std::string, size_t> numbered_types() {
    std::map<std::string, size_t> number;
    for (const auto& [features, type] : named_) {
      if (type) ++number[*type];
    }
    if (number.size() > kMostTypes) {
      std::vector<std::pair<size_t, std::string>> rarest;
      for (const auto& [type, count] : number) rarest.emplace_back(count, type);
      std::sort(rarest.begin(), rarest.end());
      rarest.resize(rarest.size() - kMostTypes);
      for (const auto& [count, type] : rarest) number.erase(type);
      number.emplace("", 0);
    }
    for (auto& [type, place] : number) {
      place = types_.size();
      types_.push_back(type);
    }
    return number;
  }

  static size_t outcome_of(const std::string& type, const std::map<std::string, size_t>& number) {
    const auto found = number.find(type);
    return 1 + (found == number.end() ? number.at("") : found->second);
  }

  RowRandom random_{kSeed};
  std::vector<std::pair<std::vector<uint32_t>, std::optional<std::string>>> named_;
  std::vector<Example> all_;
  std::vector<std::string> types_;
  size_t mentions_ = 0;
  size_t inside_words_ = 0;  // mentions that no words make up
};

void to_probabilities(std::vector<double>& logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (double& value : logits) sum += value = std::exp(value - most);
  for (double& value : logits) value /= sum;
}

// Weights [feature][class] by AdaGrad, an example at a time.
std::vector<float> fit_weights(Examples& examples) {
  const size_t classes = examples.types().size() + 1;
  std::vector<float> weights(NameWords::kBuckets * classes);
  std::vector<float> squares(weights.size(), 1e-8F);
  std::vector<double> outcome(classes);
  for (int reading = 0; reading < kReadings; ++reading) {
    for (const Example& example : examples.reading()) {
      std::fill(outcome.begin(), outcome.end(), 0.0);
      for (const uint32_t feature : example.features) {
        for (size_t k = 0; k < classes; ++k) outcome[k] += weights[feature * classes + k];
      }
      to_probabilities(outcome);
      outcome[example.outcome] -= 1.0;  // the gradient of the loss by the sums
      for (const uint32_t feature : example.features) {
        for (size_t k = 0; k < classes; ++k) {
          const size_t at = feature * classes + k;
          const auto gradient = static_cast<float>(outcome[k]);
          squares[at] += gradient * gradient;
          weights[at] -= kStep * gradient / std::sqrt(squares[at]);
        }
      }
    }
  }
  return weights;
}

// Weights are written as one printable character each: -46 to 46 as '!' to '}'; JSON escapes '"'
// and '\' and reads them back.
constexpr int kMostUnits = 46;
constexpr char kZero = '!' + kMostUnits;

Error damaged(const std::string& where, const std::string& what) {
  return input_error(where + ": " + what,
                     "delete it, and learn another with `relata calibrate --names`");
}

}  // namespace

std::shared_ptr<const NameModel> NameModel::learn(const std::vector<Document>& documents) {
  Examples examples(documents);
  if (!examples.teach()) return nullptr;
  const std::vector<float> weights = fit_weights(examples);
  auto model = std::make_shared<NameModel>();
  model->types_ = examples.types();
  const size_t classes = model->types_.size() + 1;
  model->scales_.assign(classes, 0.0F);
  for (size_t i = 0; i < weights.size(); ++i) {
    float& scale = model->scales_[i % classes];
    scale = std::max(scale, std::abs(weights[i]) / kMostUnits);
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    const float scale = model->scales_[i % classes];
    model->weights_.push_back(scale > 0 ? static_cast<int8_t>(std::lround(weights[i] / scale))
                                        : int8_t{0});
  }
  return model;
}

std::vector<double> NameModel::probabilities(const std::vector<uint32_t>& features) const {
  const size_t classes = types_.size() + 1;
  std::vector<double> out(classes);
  for (const uint32_t feature : features) {
    for (size_t k = 0; k < classes; ++k) out[k] += weights_[feature * classes + k] * scales_[k];
  }
  to_probabilities(out);
  return out;
}

Json NameModel::to_json() const {
  std::string weights;
  for (const int8_t weight : weights_) weights += static_cast<char>(kZero + weight);
  return {{"format_version", 1}, {"types", types_}, {"scales", scales_}, {"weights", weights}};
}

Result<NameModel> NameModel::from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) return damaged(where, "not an object");
  const Json version = json.value("format_version", Json(1));
  if (version != 1) {
    return input_error(where + ": format_version " + version.dump() + ", this program reads 1",
                       "upgrade relata, or delete the file and learn another with `relata "
                       "calibrate --names`");
  }
  NameModel out;
  std::string weights;
  Json types;
  Json scales;
  Fields fields(json, where);
  fields.ignore("format_version");
  fields.get("types", types);
  fields.get("scales", scales);
  fields.get("weights", weights);
  RELATA_CHECK(fields.finish());
  if (!types.is_array() || !scales.is_array()) return damaged(where, "no types or no scales");
  for (const Json& type : types) {
    if (!type.is_string()) return damaged(where, "types: not all are strings");
    out.types_.push_back(type.get<std::string>());
  }
  for (const Json& scale : scales) {
    const double value = scale.is_number() ? scale.get<double>() : -1.0;
    if (!(value >= 0.0 && value < 1e3)) return damaged(where, "scales: " + scale.dump());
    out.scales_.push_back(static_cast<float>(value));
  }
  const size_t classes = out.types_.size() + 1;
  if (out.scales_.size() != classes || weights.size() != classes * NameWords::kBuckets) {
    return damaged(where, std::to_string(weights.size()) + " weights and " +
                              std::to_string(out.scales_.size()) + " scales for " +
                              std::to_string(out.types_.size()) + " types");
  }
  for (const char c : weights) {
    const int units = c - kZero;
    if (units < -kMostUnits || units > kMostUnits) return damaged(where, "weights: damaged");
    out.weights_.push_back(static_cast<int8_t>(units));
  }
  return out;
}

}  // namespace relata::extract
