#include "unigram_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "unicode/unicode_sets.h"

namespace relata::text {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr uint32_t kUnreached = ~uint32_t{0};

using PathNode = ModelScratch::Node;

void offer(PathNode& node, const PathNode& candidate) {
  if (node.begin == kUnreached) {
    node = candidate;
  } else if (candidate.score > node.score) {
    const double runner_up = node.score;
    node = candidate;
    node.runner_up = runner_up;
  } else {
    node.runner_up = std::max(node.runner_up, candidate.score);
  }
}

}  // namespace

UnigramLattice::UnigramLattice(const std::vector<Piece>& pieces, double unknown_score)
    : unknown_score_(unknown_score) {
  std::vector<std::pair<std::string_view, int32_t>> keys;
  for (const Piece& piece : pieces) {
    if (!piece.text.empty()) keys.emplace_back(piece.text, static_cast<int32_t>(scored_.size()));
    scored_.push_back({piece.id, piece.score});
    largest_score_ = std::max(largest_score_, std::abs(piece.score));
  }
  largest_score_ = std::max(largest_score_, std::abs(unknown_score));
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  keys.erase(std::unique(keys.begin(), keys.end(), same), keys.end());
  trie_ = DoubleArray(keys);
}

template <class Sum>
void UnigramLattice::search(std::string_view text, ModelScratch& scratch, PieceTokens& out) const {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  auto& nodes = scratch.nodes;
  nodes.assign(text.size() + 1, {kUnknown, kUnreached, 0, kNone});
  uint32_t points = 0;
  for (uint32_t begin = 0; begin < text.size(); ++points) {
    const auto so_far = static_cast<Sum>(nodes[begin].score);
    const uint32_t point_end = begin + code_point_at(text, begin).length;
    bool has_single = false;
    uint32_t state = DoubleArray::kRoot;
    for (size_t end = begin; end < text.size();) {
      state = trie_.step(state, text[end++]);
      if (state == DoubleArray::kNone) break;
      const int32_t value = trie_.value(state);
      if (value < 0) continue;
      const Scored& piece = scored_[static_cast<size_t>(value)];
      const Sum sum = static_cast<Sum>(piece.score) + so_far;
      offer(nodes[end], {piece.id, begin, sum, kNone});
      has_single = has_single || end == point_end;
    }
    if (!has_single) {
      const Sum sum = static_cast<Sum>(unknown_score_) + so_far;
      offer(nodes[point_end], {kUnknown, begin, sum, kNone});
    }
    begin = point_end;
  }
  const size_t first = out.size();
  double lead = ModelScratch::kSure;
  for (auto end = static_cast<uint32_t>(text.size()); end > 0; end = out.back().begin) {
    const PathNode& node = nodes[end];
    lead = std::min(lead, node.score - node.runner_up);
    out.push_back({node.id, node.begin, end});
  }
  std::reverse(out.begin() + static_cast<ptrdiff_t>(first), out.end());
  scratch.lead = static_cast<float>(lead / std::max<uint32_t>(points, 1));
}

void UnigramLattice::best_path(std::string_view text, ModelScratch& scratch,
                               PieceTokens& out) const {
  search<double>(text, scratch, out);
}

void UnigramLattice::best_rounded_path(std::string_view text, ModelScratch& scratch,
                                       PieceTokens& out) const {
  search<float>(text, scratch, out);
}

bool UnigramLattice::survives_rounding(float lead, size_t pieces) const {
  // Each of two sums is rounded once for every piece, by half a unit in the last of its 24 bits;
  // twice that is on the safe side.
  constexpr double kRounding = 4.0 / (1 << 24);
  return lead > kRounding * largest_score_ * static_cast<double>(pieces + 1);
}

Result<std::unique_ptr<PieceModel>> UnigramModel::from_json(const Node& node,
                                                            const std::string& where) {
  JsonReader reader(node, where);
  const Node& vocab = reader.array("vocab");
  const int64_t unknown = reader.integer("unk_id", -1);
  auto model = std::make_unique<UnigramModel>();
  model->byte_fallback_ = reader.boolean("byte_fallback", false);
  RELATA_CHECK(reader.status());
  RELATA_CHECK(model->read_vocab(vocab, where + ".vocab"));
  if (unknown < -1 || unknown >= model->id_limit()) {
    return input_error(where + ": unk_id " + std::to_string(unknown) + " is not in the vocabulary",
                       kDamagedHint);
  }
  model->unknown_id_ = static_cast<int32_t>(unknown);
  for (unsigned byte = 0; byte < 256; ++byte) {
    model->fallback_ids_[byte] = model->token_to_id(byte_token(byte));
  }
  return std::unique_ptr<PieceModel>(std::move(model));
}

Status UnigramModel::read_vocab(const Node& vocab, const std::string& where) {
  if (vocab.empty()) return input_error(where + ": empty", kDamagedHint);
  if (vocab.size() >= static_cast<size_t>(kIdLimit)) return input_error(where + ": too long");
  tokens_.reserve(vocab.size());
  for (const Node& entry : vocab) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number() ||
        !std::isfinite(entry[1].get<double>())) {
      return input_error(
          where + "[" + std::to_string(tokens_.size()) + "]: a piece and its score are wanted",
          kDamagedHint);
    }
    tokens_.push_back(entry[0].get<std::string>());
    if (tokens_.back().size() > kLongestToken) {
      return input_error(where + "[" + std::to_string(tokens_.size() - 1) + "]: too long");
    }
    scores_.push_back(entry[1].get<double>());
  }
  std::vector<UnigramLattice::Piece> pieces;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    ids_[tokens_[i]] = static_cast<int32_t>(i);
    pieces.push_back({tokens_[i], static_cast<int32_t>(i), scores_[i]});
  }
  const double least = *std::min_element(scores_.begin(), scores_.end());
  lattice_ = UnigramLattice(pieces, least - kUnknownPenalty);
  return {};
}

void UnigramModel::add_unknown(std::string_view piece, PieceToken run, PieceTokens& out) const {
  const std::string_view text = piece.substr(run.begin, run.end - run.begin);
  const int32_t known = token_to_id(text);
  const auto id_of = [&](char byte) { return fallback_ids_[static_cast<uint8_t>(byte)]; };
  const bool as_bytes =
      known < 0 && byte_fallback_ &&
      std::all_of(text.begin(), text.end(), [&](char c) { return id_of(c) >= 0; });
  if (as_bytes) {
    for (const char byte : text) out.push_back({id_of(byte), run.begin, run.end});
  } else if (known >= 0 || unknown_id_ >= 0) {
    out.push_back({known >= 0 ? known : unknown_id_, run.begin, run.end});
  }
}

void UnigramModel::encode(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const {
  PieceTokens& path = scratch.path;
  path.clear();
  lattice_.best_path(piece, scratch, path);
  const auto unknown = [&](const PieceToken& token) {
    return token.id == UnigramLattice::kUnknown || token.id == unknown_id_;
  };
  for (size_t i = 0; i < path.size(); ++i) {
    if (!unknown(path[i])) {
      out.push_back(path[i]);
      continue;
    }
    PieceToken run = path[i];
    while (i + 1 < path.size() && unknown(path[i + 1])) run.end = path[++i].end;
    add_unknown(piece, run, out);
  }
}

int32_t UnigramModel::token_to_id(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

std::string_view UnigramModel::id_to_token(int32_t id) const {
  return id >= 0 && id < id_limit() ? std::string_view(tokens_[static_cast<size_t>(id)])
                                    : std::string_view();
}

}  // namespace relata::text
