#include "wordpiece_model.h"

#include <algorithm>

#include "relata/text/utf8.h"

namespace relata::text {

Result<std::unique_ptr<PieceModel>> WordPieceModel::from_json(const Node& node,
                                                              const std::string& where) {
  JsonReader reader(node, where);
  const Node& vocab = reader.object("vocab");
  const std::string unknown = reader.string("unk_token", "[UNK]");
  const int64_t longest = reader.integer("max_input_chars_per_word", 100);
  auto model = std::make_unique<WordPieceModel>();
  const std::string prefix = reader.string("continuing_subword_prefix", "##");
  if (longest < 0) reader.fail("\"max_input_chars_per_word\" is negative");
  RELATA_CHECK(reader.status());
  model->longest_word_ = static_cast<size_t>(longest);
  RELATA_TRY(model->vocabulary_, Vocabulary::from_json(vocab, where + ".vocab"));
  RELATA_TRY(model->unknown_id_, model->vocabulary_.named(unknown, "unk_token", where));
  model->prepare(prefix);
  return std::unique_ptr<PieceModel>(std::move(model));
}

void WordPieceModel::prepare(std::string_view prefix) {
  std::vector<std::pair<std::string_view, int32_t>> tokens;
  for (int32_t id = 0; id < id_limit(); ++id) {
    if (!vocabulary_.token(id).empty()) tokens.emplace_back(vocabulary_.token(id), id);
  }
  std::sort(tokens.begin(), tokens.end());
  starts_ = DoubleArray(tokens);
  // Taking the same prefix off keeps them in order.
  std::erase_if(tokens, [&](const auto& token) {
    return token.first.size() <= prefix.size() || !token.first.starts_with(prefix);
  });
  for (auto& token : tokens) token.first.remove_prefix(prefix.size());
  continues_ = DoubleArray(tokens);
}

void WordPieceModel::encode(std::string_view piece, ModelScratch& /*scratch*/,
                            PieceTokens& out) const {
  const size_t before = out.size();
  const auto give_up = [&] {
    out.resize(before);
    out.push_back({unknown_id_, 0, static_cast<uint32_t>(piece.size())});
  };
  if (piece.size() > longest_word_ && count_code_points(piece) > longest_word_) return give_up();
  for (uint32_t begin = 0; begin < piece.size();) {
    const DoubleArray& tokens = begin == 0 ? starts_ : continues_;
    PieceToken longest = {-1, begin, begin};
    uint32_t node = DoubleArray::kRoot;
    for (uint32_t end = begin; end < piece.size();) {
      node = tokens.step(node, piece[end++]);
      if (node == DoubleArray::kNone) break;
      if (tokens.value(node) >= 0) longest = {tokens.value(node), begin, end};
    }
    if (longest.id < 0) return give_up();
    out.push_back(longest);
    begin = longest.end;
  }
}

Result<std::unique_ptr<PieceModel>> WordLevelModel::from_json(const Node& node,
                                                              const std::string& where) {
  JsonReader reader(node, where);
  const Node& vocab = reader.object("vocab");
  const std::string unknown = reader.string("unk_token", "");
  RELATA_CHECK(reader.status());
  auto model = std::make_unique<WordLevelModel>();
  RELATA_TRY(model->vocabulary_, Vocabulary::from_json(vocab, where + ".vocab"));
  RELATA_TRY(model->unknown_id_, model->vocabulary_.named(unknown, "unk_token", where));
  return std::unique_ptr<PieceModel>(std::move(model));
}

void WordLevelModel::encode(std::string_view piece, ModelScratch& /*scratch*/,
                            PieceTokens& out) const {
  const int32_t id = vocabulary_.id(piece);
  out.push_back({id >= 0 ? id : unknown_id_, 0, static_cast<uint32_t>(piece.size())});
}

}  // namespace relata::text
