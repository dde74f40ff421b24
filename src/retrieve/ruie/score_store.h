// Scores of pairs that survive a kill.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "relata/base/file.h"
#include "relata/retrieve/retriever.h"

namespace relata::retrieve {

using DocumentAndQuery = std::pair<size_t, size_t>;

// A journal with lines {"pairs": [[query, document, score], ...]}.
class ScoreStore {
 public:
  static Result<ScoreStore> open(const std::string& path);
  bool has(const DocumentAndQuery& pair) const { return scores_.contains(pair); }
  // On disk when it returns; all of them, or after a kill none.
  Status add(const std::vector<DocumentAndQuery>& pairs, const std::vector<double>& scores);
  // Those of `wanted` that there are, in its order.
  std::vector<ScoredPair> among(const std::vector<DocumentAndQuery>& wanted) const;

 private:
  ScoreStore(Journal journal, std::string path)
      : journal_(std::move(journal)), path_(std::move(path)) {}
  Status take(const std::string& line);

  Journal journal_;
  std::string path_;
  std::map<DocumentAndQuery, double> scores_;
};

}  // namespace relata::retrieve
