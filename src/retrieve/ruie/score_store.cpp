#include "ruie/score_store.h"

#include "relata/base/json.h"

namespace relata::retrieve {

Result<ScoreStore> ScoreStore::open(const std::string& path) {
  RELATA_TRY(Journal journal, Journal::open(path));
  ScoreStore out(std::move(journal), path);
  for (const std::string& line : out.journal_.lines()) RELATA_CHECK(out.take(line));
  return out;
}

Status ScoreStore::add(const std::vector<DocumentAndQuery>& pairs,
                       const std::vector<double>& scores) {
  Json list = Json::array();
  for (size_t i = 0; i < pairs.size(); ++i) {
    list.push_back({pairs[i].second, pairs[i].first, scores[i]});
    scores_[pairs[i]] = scores[i];
  }
  return journal_.append(Json{{"pairs", std::move(list)}}.dump());
}

std::vector<ScoredPair> ScoreStore::among(const std::vector<DocumentAndQuery>& wanted) const {
  std::vector<ScoredPair> out;
  for (const DocumentAndQuery& pair : wanted) {
    const auto found = scores_.find(pair);
    if (found != scores_.end()) out.push_back({pair.second, pair.first, found->second});
  }
  return out;
}

Status ScoreStore::take(const std::string& line) {
  RELATA_TRY(const Json value, parse_json(line, path_));
  try {
    for (const Json& entry : value.at("pairs")) {
      scores_[{entry.at(1).get<size_t>(), entry.at(0).get<size_t>()}] = entry.at(2).get<double>();
    }
  } catch (const Json::exception& problem) {
    return input_error(path_ + ": " + problem.what(), "remove it: its pairs are scored again");
  }
  return {};
}

}  // namespace relata::retrieve
