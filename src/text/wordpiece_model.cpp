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
  model->prefix_ = reader.string("continuing_subword_prefix", "##");
  if (longest < 0) reader.fail("\"max_input_chars_per_word\" is negative");
  RELATA_CHECK(reader.status());
  model->longest_word_ = static_cast<size_t>(longest);
  RELATA_TRY(model->vocabulary_, Vocabulary::from_json(vocab, where + ".vocab"));
  RELATA_TRY(model->unknown_id_, model->vocabulary_.named(unknown, "unk_token", where));
  for (int32_t id = 0; id < model->id_limit(); ++id) {
    model->longest_token_ = std::max(model->longest_token_, model->vocabulary_.token(id).size());
  }
  return std::unique_ptr<PieceModel>(std::move(model));
}

void WordPieceModel::encode(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const {
  const size_t before = out.size();
  const auto give_up = [&] {
    out.resize(before);
    out.push_back({unknown_id_, 0, static_cast<uint32_t>(piece.size())});
  };
  if (piece.size() > longest_word_ && count_code_points(piece) > longest_word_) return give_up();
  for (size_t begin = 0; begin < piece.size();) {
    scratch.text.assign(begin == 0 ? "" : prefix_);
    const size_t prefix = scratch.text.size();
    scratch.text += piece.substr(begin, longest_token_);
    std::string_view token = scratch.text;
    int32_t id = -1;
    while (token.size() > prefix && (id = vocabulary_.id(token)) < 0) token.remove_suffix(1);
    if (id < 0) return give_up();
    const size_t end = begin + token.size() - prefix;
    out.push_back({id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
    begin = end;
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
