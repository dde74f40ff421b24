#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <stdexcept>
#include <utility>
#include <vector>

#include "relata/model/config.h"

namespace relata::model {
namespace {

int64_t rotary_dim(const DecoderConfig& config) {
  return config.rotary_dim > 0 ? config.rotary_dim : config.head_dim;
}

// The powers theta^(2i / dim). Positions multiply the rounding of their inverses by thousands, so
// every step here rounds to float where Transformers' float tensors do.
std::vector<float> wave_powers(double theta, int64_t dim) {
  std::vector<float> powers(static_cast<size_t>(dim / 2));
  for (size_t i = 0; i < powers.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(dim);
    powers[i] = std::pow(static_cast<float>(theta), exponent);
  }
  return powers;
}

std::vector<float> plain_inverse(double theta, int64_t dim) {
  std::vector<float> inverse = wave_powers(theta, dim);
  for (float& value : inverse) value = 1.0F / value;
  return inverse;
}

// NTK-aware: the base grows with the length, so that the slowest wave is stretched by `factor` and
// the fastest stays.
std::vector<float> dynamic_inverse(const DecoderConfig& config, const RopeConfig& rope,
                                   int64_t length) {
  const double theta = rope.theta;
  if (length <= config.max_positions) return plain_inverse(theta, rotary_dim(config));
  const auto factor = static_cast<float>(rope.factor);
  const float longest = factor * static_cast<float>(length);
  const float stretch =
      longest / static_cast<float>(config.max_positions) - static_cast<float>(rope.factor - 1.0);
  const auto dim = static_cast<double>(rotary_dim(config));
  const float growth = std::pow(stretch, static_cast<float>(dim / (dim - 2.0)));
  return plain_inverse(static_cast<float>(theta) * growth, rotary_dim(config));
}

double original_positions(const DecoderConfig& config, const RopeConfig& rope) {
  return static_cast<double>(rope.original_max_position > 0 ? rope.original_max_position
                                                            : config.max_positions);
}

// Long waves are slowed by `factor`, short ones kept, those between mixed by their rotations within
// the original length.
std::vector<float> llama3_inverse(const DecoderConfig& config, const RopeConfig& rope) {
  const auto original = static_cast<float>(original_positions(config, rope));
  const auto low = static_cast<float>(rope.low_freq_factor);
  const auto high = static_cast<float>(rope.high_freq_factor);
  const auto factor = static_cast<float>(rope.factor);
  const auto turn = static_cast<float>(2.0 * std::numbers::pi);
  std::vector<float> inverse = plain_inverse(rope.theta, rotary_dim(config));
  for (float& value : inverse) {
    const float wave = (1.0F / value) * turn;  // a number over a tensor takes two steps in PyTorch
    if (wave > original / low) {
      value = value / factor;
    } else if (wave >= original / high) {
      const float keep = (1.0F / wave * original - low) / (high - low);
      value = (1.0F - keep) * value / factor + keep * value;
    }
  }
  return inverse;
}

// YaRN's ramp: 0 up to the dimension that turns beta_fast times within the original length, 1 from
// the one that turns beta_slow times.
std::vector<float> yarn_inverse(const DecoderConfig& config, const RopeConfig& rope) {
  const auto dim = static_cast<double>(rotary_dim(config));
  const auto dimension_of = [&](double rotations) {
    const double wave = original_positions(config, rope) / (rotations * 2.0 * std::numbers::pi);
    return dim * std::log(wave) / (2.0 * std::log(rope.theta));
  };
  double low = dimension_of(rope.beta_fast);
  double high = dimension_of(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) high += 0.001;

  std::vector<float> inverse = wave_powers(rope.theta, rotary_dim(config));
  for (size_t i = 0; i < inverse.size(); ++i) {
    const float position = static_cast<float>(i) - static_cast<float>(low);
    const float ramp = std::clamp(position / static_cast<float>(high - low), 0.0F, 1.0F);
    const float keep = 1.0F - ramp;
    const float slowed = 1.0F / (static_cast<float>(rope.factor) * inverse[i]);
    inverse[i] = slowed * (1.0F - keep) + (1.0F / inverse[i]) * keep;
  }
  return inverse;
}

double yarn_attention_scale(const RopeConfig& rope) {
  if (rope.attention_factor > 0.0) return rope.attention_factor;
  const auto grown = [&](double mscale) {
    return rope.factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(rope.factor) + 1.0;
  };
  if (rope.mscale != 0.0 && rope.mscale_all_dim != 0.0) {
    return grown(rope.mscale) / grown(rope.mscale_all_dim);
  }
  return grown(1.0);
}

RopeFrequencies scaled(const DecoderConfig& config, const RopeConfig& rope, int64_t length) {
  if (rope.type == "none") return {};
  if (rope.type == "default") return {plain_inverse(rope.theta, rotary_dim(config)), 1.0F};
  if (rope.type == "dynamic") return {dynamic_inverse(config, rope, length), 1.0F};
  if (rope.type == "llama3") return {llama3_inverse(config, rope), 1.0F};
  if (rope.type == "yarn") {
    return {yarn_inverse(config, rope), static_cast<float>(yarn_attention_scale(rope))};
  }
  std::vector<float> inverse = plain_inverse(rope.theta, rotary_dim(config));
  if (rope.type == "linear") {
    for (float& value : inverse) value /= static_cast<float>(rope.factor);
    return {std::move(inverse), 1.0F};
  }
  if (rope.type == "divisors" && rope.divisors.size() == inverse.size()) {
    for (size_t i = 0; i < inverse.size(); ++i) {
      inverse[i] /= static_cast<float>(rope.divisors[i]);
    }
    return {std::move(inverse), 1.0F};
  }
  throw std::logic_error("rope_frequencies: unknown rope type " + rope.type);
}

}  // namespace

int64_t most_positions(const DecoderConfig& config) {
  if (config.rope.type != "dynamic") return config.max_positions;
  const double stretched = static_cast<double>(config.max_positions) * config.rope.factor;
  const auto most = static_cast<int64_t>(std::min(stretched, static_cast<double>(kAnyPositions)));
  return std::max(most, config.max_positions);
}

RopeFrequencies rope_frequencies(const DecoderConfig& config, const RopeConfig& rope,
                                 int64_t length) {
  RopeFrequencies out = scaled(config, rope, length);
  out.inverse.resize(static_cast<size_t>(config.head_dim / 2), 0.0F);
  return out;
}

}  // namespace relata::model
