// What the config.json files of all architectures have in common.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "relata/base/member_reader.h"
#include "relata/model/config.h"

namespace relata::model {

constexpr int64_t kMaxSize = (int64_t{1} << 31) - 1;

// Whose rotation is read, and its base where the parameters state none.
struct RopePart {
  std::string name;                      // of a kind of layers in rope_parameters; "": all layers
  std::string theta_key = "rope_theta";  // outside the parameters
  double theta = 10000.0;                // where that is missing, too
};
// Transformers 4 has `rope_theta` beside `rope_scaling`; Transformers 5 has `rope_parameters`, with
// the base inside. Where a file has both, Transformers 5 prefers `rope_scaling`; so does this.
void read_rope(MemberReader& file, const DecoderConfig& config, const RopePart& part,
               RopeConfig& rope);
Json rope_to_json(const DecoderConfig& config, const RopeConfig& rope);

// Whether "hidden_act" (or `key`) is one of `names`; an error that lists them otherwise.
void expect_activation(MemberReader& file, const std::string& key,
                       const std::vector<std::string>& names, const std::string& fallback);

// Layers that slide, by "layer_types" or by a rule when the file has none.
void read_sliding_layers(MemberReader& file, DecoderConfig& config,
                         const std::function<bool(int64_t)>& slides);
Json layer_types_to_json(const DecoderConfig& config);

// What a file leaves out; 0: Llama's.
struct ShapeDefaults {
  int64_t positions = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  bool tied = false;
};
// The sizes by Transformers' usual names, checked.
void read_shape(MemberReader& file, const ShapeDefaults& defaults, DecoderConfig& config);
void check_sizes(MemberReader& file, const DecoderConfig& config);
// The error of a configuration's reader, which has one, with a hint.
Error configuration_error(const MemberReader& file);

}  // namespace relata::model
