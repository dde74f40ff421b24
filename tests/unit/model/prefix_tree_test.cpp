#include "relata/model/prefix_tree.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <random>

namespace relata::model {
namespace {

using Sequences = std::vector<std::vector<int32_t>>;

DecoderConfig tiny() {
  DecoderConfig c;
  c.vocab_size = 31;
  c.hidden_size = 24;
  c.intermediate_size = 40;
  c.num_layers = 2;
  c.num_heads = 4;
  c.num_kv_heads = 2;
  c.head_dim = 6;
  c.max_positions = 128;
  c.initializer_range = 0.3;
  return c;
}

// Each sequence's tokens, read back through the rows and the segments' parents.
void expect_faithful(const PackedSequences& packed, const Sequences& sequences) {
  ASSERT_EQ(packed.rows.size(), sequences.size());
  std::vector<int64_t> segment_of(packed.pass.ids.numel());
  for (size_t i = 0; i < packed.pass.segments.size(); ++i) {
    const nn::Segment& s = packed.pass.segments[i];
    for (int64_t t = 0; t < s.length; ++t) segment_of[s.begin + t] = static_cast<int64_t>(i);
  }
  for (size_t s = 0; s < sequences.size(); ++s) {
    ASSERT_EQ(packed.rows[s].size(), sequences[s].size());
    for (size_t i = 0; i < sequences[s].size(); ++i) {
      const int64_t row = packed.rows[s][i];
      EXPECT_EQ(packed.pass.ids[row].item<int64_t>(), sequences[s][i]);
      EXPECT_EQ(packed.pass.positions[row].item<int64_t>(), static_cast<int64_t>(i));
      if (i == 0) continue;
      // The token before is in the same segment or ends one of its ancestors.
      const int64_t here = segment_of[row];
      const int64_t before = segment_of[packed.rows[s][i - 1]];
      EXPECT_TRUE(here == before || packed.pass.segments[here].parent == before);
    }
  }
}

TEST(PrefixTree, SharesBeginningsAtEveryDepth) {
  const Sequences sequences = {{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 7}, {1, 2, 9}, {8, 2, 3}};
  const PackedSequences packed = pack_sequences(sequences, 2);
  expect_faithful(packed, sequences);
  // 1 2 | 3 4 | 5 6 | 7 | 9 and 8 2 3.
  EXPECT_EQ(packed.pass.ids.numel(), 11);
  EXPECT_EQ(packed.pass.segments.size(), 6U);
}

TEST(PrefixTree, ShortBeginningsStayApart) {
  const Sequences sequences = {{1, 2, 3, 4}, {1, 2, 3, 5}};
  EXPECT_EQ(pack_sequences(sequences, 4).pass.ids.numel(), 8);
  EXPECT_EQ(pack_sequences(sequences, 3).pass.ids.numel(), 5);
}

TEST(PrefixTree, EqualSequencesAndSequencesInsideOthers) {
  const Sequences sequences = {{1, 2, 3}, {1, 2, 3}, {1, 2, 3, 4}, {1}};
  const PackedSequences packed = pack_sequences(sequences, 1);
  expect_faithful(packed, sequences);
  EXPECT_EQ(packed.pass.ids.numel(), 4);
}

TEST(PrefixTree, RandomFamiliesAreFaithful) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    Sequences sequences;
    for (int s = 0; s < 20; ++s) {
      auto& ids = sequences.emplace_back();
      if (s > 0 && random() % 4 > 0) {
        const auto& other = sequences[random() % s];
        ids.assign(other.begin(), other.begin() + 1 + random() % other.size());
      }
      const int more = static_cast<int>(random() % 6) + (ids.empty() ? 1 : 0);
      for (int i = 0; i < more; ++i) ids.push_back(static_cast<int32_t>(random() % 3));
    }
    expect_faithful(pack_sequences(sequences, 1 + round % 4), sequences);
  }
}

Sequences branching() {
  Sequences sequences;
  const std::vector<int32_t> root = {1, 5, 9, 2, 4, 4, 7};
  for (int32_t branch = 0; branch < 5; ++branch) {
    std::vector<int32_t> ids = root;
    for (int32_t i = 0; i <= branch * 9; ++i) ids.push_back((branch / 2 * 7 + i) % 29 + 1);
    sequences.push_back(ids);
  }
  return sequences;
}

TEST(PrefixTree, HiddenStatesEqualThoseOfSeparateSequences) {
  at::NoGradGuard no_grad;
  auto model = Decoder::random(tiny(), 9);
  const Sequences sequences = branching();
  const PackedSequences packed = pack_sequences(sequences, 2);
  EXPECT_LT(packed.pass.ids.numel(), Pass::of(sequences).ids.numel());
  const at::Tensor hidden = model->forward(packed.pass);
  for (size_t s = 0; s < sequences.size(); ++s) {
    const at::Tensor alone = model->forward(Pass::of({sequences[s]}));
    const at::Tensor ours = hidden.index_select(0, at::tensor(packed.rows[s], at::kLong));
    // Another order of sums: rounding only.
    EXPECT_LE((ours - alone).abs().max().item<double>(), 2e-5);
  }
}

TEST(PrefixTree, GradientsEqualThoseOfSeparateSequences) {
  const Sequences sequences = branching();
  const auto gradients = [&](int64_t min_shared) {
    auto model = Decoder::random(tiny(), 10);
    const PackedSequences packed = pack_sequences(sequences, min_shared);
    std::vector<int64_t> rows, targets;
    for (size_t s = 0; s < sequences.size(); ++s) {
      rows.push_back(packed.rows[s].back());
      targets.push_back(static_cast<int64_t>(s) + 3);
    }
    const at::Tensor hidden = [&] {
      Pass wanted = packed.pass;
      wanted.rows = at::tensor(rows, at::kLong);
      return model->forward(wanted);
    }();
    model->loss(hidden, at::tensor(targets, at::kLong), at::ones({5}), 5.0).backward();
    std::vector<at::Tensor> out;
    for (auto& p : model->trainable()) out.push_back(p.value.grad());
    return out;
  };
  const auto shared = gradients(2), apart = gradients(1000);
  for (size_t i = 0; i < shared.size(); ++i) {
    EXPECT_LE((shared[i] - apart[i]).norm().item<double>(),
              1e-5 * apart[i].norm().item<double>() + 1e-7);
  }
}

// Activated LoRA: two prompts share what stands before the invocation, computed once by the base.
TEST(PrefixTree, WhatPrecedesAnActivatedAdapterIsTheBasesAndComputedOnce) {
  at::NoGradGuard no_grad;
  auto model = Decoder::random(tiny(), 21);
  LoraConfig activated;
  activated.rank = 2;
  activated.targets = {"all-linear"};
  activated.invocation = {5, 6};
  LoraConfig plain = activated;
  plain.invocation.clear();
  const int first = model->add_adapter("activated", activated, 1).value();
  const int second = model->add_adapter("plain", plain, 2).value();
  uint64_t seed = 3;
  for (auto& parameter : model->trainable()) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed++);
    parameter.value.detach().normal_(0.0, 0.3, generator);
  }
  model->weights_changed();

  const std::vector<int32_t> root = {9, 10, 11, 12, 13, 14};
  const auto with = [&](const std::vector<int32_t>& tail, int adapter) {
    Sequence s{root, adapter, 0};
    s.ids.insert(s.ids.end(), tail.begin(), tail.end());
    if (adapter >= 0) s.adapter_begin = adapter_begin(model->adapters()[adapter].config, s.ids);
    return s;
  };
  const std::vector<Sequence> sequences = {with({5, 6, 15}, first), with({5, 6, 16, 17}, first),
                                           with({18, 19}, -1), with({5, 6, 15}, second)};
  const PackedSequences packed = pack_sequences(sequences, 2);
  for (size_t t = 0; t < root.size(); ++t) {
    EXPECT_EQ(packed.rows[0][t], packed.rows[1][t]);
    EXPECT_EQ(packed.rows[0][t], packed.rows[2][t]);
    EXPECT_NE(packed.rows[0][t], packed.rows[3][t]);  // a plain adapter acts on all
  }
  EXPECT_EQ(packed.rows[0][6], packed.rows[1][6]);  // the invocation, by the adapter
  // The root and its three ways on, and the fourth sequence.
  EXPECT_EQ(packed.pass.ids.numel(), 6 + 2 + 1 + 2 + 2 + 9);

  const at::Tensor hidden = model->forward(packed.pass);
  for (size_t s = 0; s < sequences.size(); ++s) {
    // Alone, as one segment for each adapter.
    Pass pass = Pass::of({sequences[s].ids});
    const auto begin = static_cast<int64_t>(sequences[s].adapter_begin);
    const auto length = static_cast<int64_t>(sequences[s].ids.size());
    pass.segments = {{0, length}};
    pass.adapters = {sequences[s].adapter};
    if (begin > 0 && sequences[s].adapter >= 0) {
      pass.segments = {{0, begin}, {begin, length - begin, 0}};
      pass.adapters = {-1, sequences[s].adapter};
    }
    const at::Tensor alone = model->forward(pass);
    const at::Tensor found = hidden.index_select(0, at::tensor(packed.rows[s], at::kLong));
    EXPECT_LE((found - alone).abs().max().item<double>(), 1e-4) << s;
    // An adapter that acts changes what it acts on, and nothing before.
    pass.adapters.assign(pass.segments.size(), -1);
    const at::Tensor base = model->forward(pass);
    const at::Tensor apart = (found - base).abs().amax(-1);
    if (begin > 0) {
      EXPECT_LE(apart.narrow(0, 0, begin).max().item<double>(), 1e-4) << s;
    }
    if (sequences[s].adapter >= 0) {
      EXPECT_GT(apart.narrow(0, begin, length - begin).min().item<double>(), 1e-2) << s;
    }
  }
}

}  // namespace
}  // namespace relata::model
