#include "relata/model/decoder.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace relata::model {

Pass Pass::of(const std::vector<std::vector<int32_t>>& sequences) {
  int64_t total = 0;
  for (const auto& s : sequences) total += static_cast<int64_t>(s.size());
  Pass pass;
  pass.ids = at::empty({total}, at::kLong);
  pass.positions = at::empty({total}, at::kLong);
  auto* ids = pass.ids.data_ptr<int64_t>();
  auto* positions = pass.positions.data_ptr<int64_t>();
  int64_t at = 0;
  for (const auto& s : sequences) {
    pass.segments.push_back({at, static_cast<int64_t>(s.size())});
    for (size_t i = 0; i < s.size(); ++i) {
      ids[at] = s[i];
      positions[at++] = static_cast<int64_t>(i);
    }
  }
  return pass;
}

namespace {

// Slopes of ALiBi (Press et al. 2022): a geometric row for a power of two; between two of them, the
// smaller's row and every other slope of the larger's.
std::vector<float> alibi_slopes(int64_t heads) {
  const auto row = [](int64_t n) {
    std::vector<float> out;
    for (int64_t i = 1; i <= n; ++i) {
      out.push_back(
          static_cast<float>(std::exp2(-8.0 * static_cast<double>(i) / static_cast<double>(n))));
    }
    return out;
  };
  int64_t power = 1;
  while (2 * power <= heads) power *= 2;
  std::vector<float> slopes = row(power);
  const std::vector<float> finer = row(2 * power);
  for (size_t i = 0; static_cast<int64_t>(slopes.size()) < heads; i += 2) {
    slopes.push_back(finer[i]);
  }
  return slopes;
}

}  // namespace

Decoder::Decoder(DecoderConfig config) : config_(std::move(config)) {
  if (config_.alibi) slopes_ = alibi_slopes(config_.num_heads);
}

void Decoder::allocate(const at::TensorOptions& options, const Quantized& quantized) {
  const DecoderConfig& c = config_;
  const auto matrix = [&](int64_t rows, int64_t columns, bool elsewhere) {
    return at::zeros({rows, columns}, elsewhere ? options.device(at::kMeta) : options);
  };
  size_t projection = 0;
  const auto linear = [&](int64_t rows, int64_t columns, bool bias) {
    nn::Linear out;
    const bool elsewhere =
        projection < quantized.projections.size() && quantized.projections[projection++];
    out.weight = nn::Weight(matrix(rows, columns, elsewhere));
    if (bias) out.bias = at::zeros({rows}, options);
    return out;
  };
  // Norms are few and are computed with in float32, whatever the matrices' type.
  const auto ones = [&](int64_t width) { return at::ones({width}, options.dtype(at::kFloat)); };
  const auto norm_of = [&](int64_t width) -> Norm {
    return {ones(width), c.layer_norm ? ones(width).zero_() : at::Tensor()};
  };
  const auto norm = [&] { return norm_of(c.hidden_size); };
  const int64_t width = c.embedding_width();
  embedding_ = nn::Weight(matrix(c.vocab_size, width, quantized.embedding));
  if (c.position_rows > 0) positions_ = nn::Weight(at::zeros({c.position_rows, width}, options));
  if (c.token_types > 0) types_ = nn::Weight(at::zeros({c.token_types, width}, options));
  norm_ = norm();
  if (c.encoder_layers > 0) encoder_norm_ = norm();
  if (c.relative_buckets > 0) {
    relative_ = ones(c.relative_buckets * c.num_heads).view({c.relative_buckets, c.num_heads});
    if (c.encoder_layers > 0) encoder_relative_ = relative_.clone();
  }
  if (!c.tie_embeddings) {
    head_ = nn::Weight(matrix(c.vocab_size, c.hidden_size, quantized.head), c.normalised_head);
  }
  const int64_t q = c.num_heads * c.head_dim;
  const int64_t kv = c.num_kv_heads * c.head_dim;
  blocks_.clear();
  for (int64_t i = 0; i < c.encoder_layers + c.num_layers; ++i) {
    Block& block = blocks_.emplace_back();
    if (i > 0 || c.embedding_size == 0) block.attention_norm = norm();
    block.mlp_norm = norm();
    if (c.post_norms) {
      block.attention_post_norm = ones(c.hidden_size);
      block.mlp_post_norm = ones(c.hidden_size);
    }
    if (c.qk_norm) {
      block.query_norm = ones(c.head_dim);
      block.key_norm = ones(c.head_dim);
    }
    block.qkv = linear(q + 2 * kv, c.hidden_size, c.qkv_bias);
    block.output = linear(c.hidden_size, q, c.output_bias);
    if (c.encoder_layers > 0 && i >= c.encoder_layers) {
      block.source_norm = norm();
      block.source_query = linear(q, c.hidden_size, c.qkv_bias);
      block.source_key_value = linear(2 * kv, c.hidden_size, c.qkv_bias);
      block.source_output = linear(c.hidden_size, q, c.output_bias);
    }
    block.gate_up = linear((c.gated ? 2 : 1) * c.intermediate_size, c.hidden_size, c.mlp_bias);
    block.down = linear(c.hidden_size, c.intermediate_size, c.mlp_bias);
  }
  // After the blocks', which are counted.
  if (c.embedding_size > 0) {
    embedding_norm_ = norm_of(width);
    embedding_projection_ = linear(c.hidden_size, width, true);
  }
  if (c.labels > 0) {
    label_dense_ = linear(c.hidden_size, c.hidden_size, true);
    label_output_ = linear(c.labels, c.hidden_size, true);
  }
}

std::shared_ptr<Decoder> Decoder::random(const DecoderConfig& config, uint64_t seed,
                                         at::ScalarType dtype) {
  at::NoGradGuard no_grad;
  std::shared_ptr<Decoder> model(new Decoder(config));
  model->allocate(at::TensorOptions().dtype(dtype), {});
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  for (auto& [name, weight] : model->named_weights()) {
    if (weight.dim() == 2) weight.normal_(0.0, config.initializer_range, generator);
  }
  model->compute_type_ = dtype;
  for (auto& p : model->trainable()) p.value.requires_grad_(true);
  return model;
}

bool Decoder::quantized() const {
  auto* self = const_cast<Decoder*>(this);  // projections() hands out pointers; nothing changes
  bool any = embedding_.quantized() || (head_.defined() && head_.quantized());
  for (const auto& [name, linear] : self->projections()) any = any || linear->weight.quantized();
  return any;
}

void Decoder::set_compute_type(at::ScalarType type) {
  TORCH_CHECK(type == at::kFloat || type == at::kBFloat16, "float32 or bfloat16");
  compute_type_ = type;
  weights_changed();
}

void Decoder::to(at::Device device) {
  at::NoGradGuard no_grad;
  const auto move = [&](at::Tensor& value) {
    if (value.defined()) value = value.detach().to(device).requires_grad_(value.requires_grad());
  };
  const auto move_norm = [&](Norm& norm) {
    move(norm.weight);
    move(norm.bias);
  };
  const auto move_linear = [&](nn::Linear& linear) {
    if (linear.weight.defined()) linear.weight.to(device);
    move(linear.bias);
    for (nn::LoraSlice& lora : linear.loras) {
      lora.a.to(device);
      lora.b.to(device);
    }
  };
  for (nn::Weight* weight : {&embedding_, &positions_, &types_, &head_}) {
    if (weight->defined()) weight->to(device);
  }
  for (Block& block : blocks_) {
    for (Norm* norm : {&block.attention_norm, &block.mlp_norm, &block.source_norm}) {
      move_norm(*norm);
    }
    for (at::Tensor* value :
         {&block.attention_post_norm, &block.mlp_post_norm, &block.query_norm, &block.key_norm}) {
      move(*value);
    }
  }
  for (auto& [name, linear] : projections()) move_linear(*linear);
  move_norm(embedding_norm_);
  move_linear(embedding_projection_);
  move_linear(label_dense_);
  move_linear(label_output_);
  move_norm(norm_);
  move_norm(encoder_norm_);
  move(relative_);
  move(encoder_relative_);
  ++version_;
}

void Decoder::weights_changed() {
  ++version_;
  for (auto& p : trainable()) {
    if (p.weight.defined()) p.weight.changed();
  }
}

void Decoder::weights_and_copies_changed() {
  ++version_;
  for (auto& p : trainable()) {
    if (p.weight.defined()) p.weight.changed_with_copy();
  }
}

void Decoder::freeze() {
  for (auto& p : trainable()) p.value.requires_grad_(false);
}

void Decoder::keep_packed_only() {
  freeze();
  for (auto& [name, linear] : projections()) linear->weight.keep_packed_only(compute_type_);
  // Rows can be read from blocks in their packed form too, but not from that of plain numbers.
  if (embedding_.quantized()) embedding_.keep_packed_only(compute_type_);
  if (head_.defined() && head_.quantized()) head_.keep_packed_only(compute_type_);
}

at::Tensor Decoder::label_logits(const at::Tensor& first) const {
  if (config_.labels == 0) throw std::logic_error("the model has no head of labels");
  const at::Tensor inner = nn::activated(label_dense_.forward(first, {}), config_.label_activation);
  return label_output_.forward(inner, {}).to(at::kFloat);
}

at::Tensor Decoder::head_input(const at::Tensor& hidden) const {
  return config_.head_scale == 1.0 ? hidden : hidden * config_.head_scale;
}

at::Tensor Decoder::logits(const at::Tensor& hidden) const {
  // Products with blocks are summed up in float32: there is no cause to round them before.
  const at::Tensor x = head_input(hidden);
  return head().multiply(head().quantized() ? x.to(at::kFloat) : x, {}).to(at::kFloat);
}

at::Tensor Decoder::logits_of(const at::Tensor& hidden, const at::Tensor& ids) const {
  const at::Tensor x = head_input(hidden);
  return at::linear(x, head().rows(ids.to(device())).to(x.scalar_type())).to(at::kFloat);
}

at::Tensor Decoder::loss(const at::Tensor& hidden, const at::Tensor& targets,
                         const at::Tensor& weights, double divisor) const {
  return head().loss(head_input(hidden), targets.to(device()), weights.to(device()), divisor);
}

KvRun Decoder::make_run(int64_t capacity) const {
  return KvRun::make(config_.num_layers, config_.num_kv_heads, config_.head_dim, capacity,
                     at::TensorOptions().dtype(compute_type_).device(device()));
}

std::string Decoder::block_prefix(size_t index) const {
  const auto encoder = static_cast<size_t>(config_.encoder_layers);
  return index < encoder ? "encoder." + std::to_string(index) + "."
                         : "layers." + std::to_string(index - encoder) + ".";
}

std::vector<std::pair<std::string, nn::Linear*>> Decoder::projections() {
  std::vector<std::pair<std::string, nn::Linear*>> all;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const std::string prefix = block_prefix(i);
    Block& block = blocks_[i];
    all.emplace_back(prefix + "qkv", &block.qkv);
    all.emplace_back(prefix + "output", &block.output);
    if (block.source_query.weight.defined()) {
      all.emplace_back(prefix + "source_query", &block.source_query);
      all.emplace_back(prefix + "source_key_value", &block.source_key_value);
      all.emplace_back(prefix + "source_output", &block.source_output);
    }
    all.emplace_back(prefix + "gate_up", &block.gate_up);
    all.emplace_back(prefix + "down", &block.down);
  }
  return all;
}

std::vector<Decoder::Parameter> Decoder::trainable() const {
  std::vector<Parameter> out;
  auto* self = const_cast<Decoder*>(this);  // projections() hands out pointers; nothing changes
  const auto matrix = [&](const std::string& name, const nn::Weight& weight) {
    if (weight.value().defined()) out.push_back({name, weight.value(), true, weight});
  };
  const auto vector = [&](const std::string& name, const at::Tensor& value) {
    if (value.defined()) out.push_back({name, value, false, {}});
  };
  if (!adapters_.empty()) {
    for (auto& [name, linear] : self->projections()) {
      for (const nn::LoraSlice& lora : linear->loras) {
        // The first adapter has no prefix, so that runs with one adapter keep their names.
        const std::string prefix =
            lora.adapter == 0 ? "" : adapters_[static_cast<size_t>(lora.adapter)].name + ":";
        matrix(prefix + lora.name + ".lora_A", lora.a);
        matrix(prefix + lora.name + ".lora_B", lora.b);
      }
    }
    return out;
  }
  const auto norm = [&](const std::string& name, const Norm& value) {
    vector(name, value.weight);
    vector(name + ".bias", value.bias);
  };
  const auto projection = [&](const std::string& name, const nn::Linear& linear) {
    matrix(name, linear.weight);
    vector(name + ".bias", linear.bias);
  };
  matrix("embedding", embedding_);
  if (positions_.defined()) matrix("positions", positions_);
  if (types_.defined()) matrix("types", types_);
  norm("embedding_norm", embedding_norm_);
  if (config_.embedding_size > 0) projection("embedding_projection", embedding_projection_);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const std::string prefix = block_prefix(i);
    norm(prefix + "attention_norm", blocks_[i].attention_norm);
    vector(prefix + "attention_post_norm", blocks_[i].attention_post_norm);
    norm(prefix + "source_norm", blocks_[i].source_norm);
    norm(prefix + "mlp_norm", blocks_[i].mlp_norm);
    vector(prefix + "mlp_post_norm", blocks_[i].mlp_post_norm);
    vector(prefix + "query_norm", blocks_[i].query_norm);
    vector(prefix + "key_norm", blocks_[i].key_norm);
  }
  for (auto& [name, linear] : self->projections()) projection(name, *linear);
  norm("norm", norm_);
  norm("encoder_norm", encoder_norm_);
  vector("relative", relative_);
  vector("encoder_relative", encoder_relative_);
  if (head_.defined()) matrix("head", head_);
  if (config_.labels > 0) {
    projection("label_dense", label_dense_);
    projection("label_output", label_output_);
  }
  return out;
}

}  // namespace relata::model
