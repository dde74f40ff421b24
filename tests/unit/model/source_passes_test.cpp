// Passes of encoder-decoders: what sequences share must not show in their states.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "relata/model/decoder.h"
#include "relata/model/prefix_tree.h"

namespace relata::model {
namespace {

DecoderConfig tiny() {
  DecoderConfig c;
  c.model_type = "t5";
  c.vocab_size = 31;
  c.hidden_size = 24;
  c.intermediate_size = 40;
  c.encoder_layers = 3;
  c.num_layers = 2;
  c.num_heads = c.num_kv_heads = 4;
  c.head_dim = 8;
  c.max_positions = kAnyPositions;
  c.attention_scale = 1.0;
  c.relative_buckets = 8;
  c.relative_distance = 10;
  c.rope.type = "none";
  c.initializer_range = 0.3;
  return c;
}

Sequence sequence(std::vector<int32_t> source, const std::vector<int32_t>& target) {
  Sequence out;
  out.source = source.size();
  out.ids = std::move(source);
  out.ids.insert(out.ids.end(), target.begin(), target.end());
  return out;
}

// The source 1 2 twice; 1 2 0, whose tokens and those of a target are the same; a longer one.
std::vector<Sequence> sequences() {
  return {sequence({1, 2}, {0, 1, 5, 6, 7}), sequence({1, 2, 0}, {3}),
          sequence({1, 2}, {0, 1, 5, 9}), sequence({4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4}, {0, 8}),
          sequence({1, 2}, {0, 1, 5, 6, 7})};
}

at::Tensor states(const Decoder& model, const Sequence& one) {
  return model.forward(pack_sequences(std::vector{one}, 1).pass);
}

TEST(SourcePasses, EqualSourcesAreComputedOnce) {
  const PackedSequences packed = pack_sequences(sequences(), 2);
  // Sources 1 2 | 1 2 0 | 4 ...; targets 0 1 5 | 6 7 | 9, 3, 0 8.
  EXPECT_EQ(packed.pass.ids.numel(), 2 + 3 + 13 + 6 + 1 + 2);
  EXPECT_EQ(std::count(packed.pass.sources.begin(), packed.pass.sources.end(), true), 3);
}

TEST(SourcePasses, StatesAreThoseOfSequencesByThemselves) {
  const auto model = Decoder::random(tiny(), 3);
  at::NoGradGuard no_grad;
  const auto list = sequences();
  PackedSequences packed = pack_sequences(list, 2);
  std::vector<int64_t> rows;
  std::vector<at::Tensor> wanted;
  for (size_t s = 0; s < list.size(); ++s) {
    for (size_t i = list[s].source; i < list[s].ids.size(); ++i) rows.push_back(packed.rows[s][i]);
    wanted.push_back(states(*model, list[s]));
  }
  packed.pass.rows = at::tensor(rows, at::kLong);
  const at::Tensor found = model->forward(packed.pass);
  EXPECT_LE((found - at::cat(wanted)).abs().max().item<double>(), 1e-5);
}

TEST(SourcePasses, WrongPassesAreRefused) {
  const auto model = Decoder::random(tiny(), 3);
  EXPECT_THROW(model->forward(Pass::of({{1, 2}})), std::logic_error);
  PackedSequences packed = pack_sequences(std::vector{sequence({1, 2}, {0})}, 1);
  packed.pass.rows = at::tensor(std::vector<int64_t>{0}, at::kLong);
  EXPECT_THROW(model->forward(packed.pass), std::logic_error);
  EXPECT_THROW(pack_sequences(std::vector{sequence({1, 2}, {0}), sequence({}, {0})}, 1),
               std::logic_error);
}

}  // namespace
}  // namespace relata::model
