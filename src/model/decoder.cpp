#include "relata/model/decoder.h"

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
  const auto norm = [&]() -> Norm {
    return {ones(c.hidden_size), c.layer_norm ? ones(c.hidden_size).zero_() : at::Tensor()};
  };
  embedding_ = nn::Weight(matrix(c.vocab_size, c.hidden_size, quantized.embedding));
  if (c.position_rows > 0) {
    positions_ = nn::Weight(at::zeros({c.position_rows, c.hidden_size}, options));
  }
  if (c.token_types > 0) {
    types_ = nn::Weight(at::zeros({c.token_types, c.hidden_size}, options));
  }
  norm_ = norm();
  if (!c.tie_embeddings) {
    head_ = nn::Weight(matrix(c.vocab_size, c.hidden_size, quantized.head), c.normalised_head);
  }
  const int64_t q = c.num_heads * c.head_dim;
  const int64_t kv = c.num_kv_heads * c.head_dim;
  blocks_.clear();
  for (int64_t i = 0; i < c.num_layers; ++i) {
    Block& block = blocks_.emplace_back();
    block.attention_norm = norm();
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
    block.gate_up = linear((c.gated ? 2 : 1) * c.intermediate_size, c.hidden_size, c.mlp_bias);
    block.down = linear(c.hidden_size, c.intermediate_size, c.mlp_bias);
  }
  // After the blocks', which are counted.
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

nn::Rotation Decoder::rotation(const at::Tensor& positions, const RopeConfig& rope,
                               int64_t length) const {
  at::NoGradGuard no_grad;
  const RopeFrequencies frequencies = rope_frequencies(config_, rope, length);
  const at::Tensor inverse = at::tensor(frequencies.inverse, at::kFloat);
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(1) * inverse.unsqueeze(0);
  return {(angles.cos() * frequencies.attention_scale).contiguous(),
          (angles.sin() * frequencies.attention_scale).contiguous()};
}

nn::AttentionSpec Decoder::attention_spec(int64_t layer) const {
  nn::AttentionSpec spec;
  spec.heads = {config_.num_heads, config_.num_kv_heads, config_.head_dim};
  spec.scale = config_.attention_scale;
  spec.causal = config_.causal;
  if (config_.slides(layer)) spec.window = config_.sliding_window;
  spec.slopes = slopes_;
  return spec;
}

at::Tensor Decoder::embed(const Pass& pass) const {
  at::Tensor rows = embedding_.rows(pass.ids);
  if (config_.embedding_scale != 1.0) rows = rows * config_.embedding_scale;
  if (positions_.defined()) {
    rows = rows + positions_.rows(pass.positions + config_.position_offset);
  }
  if (types_.defined()) {
    rows = rows + types_.rows(pass.types.defined() ? pass.types : at::zeros_like(pass.ids));
  }
  return rows;
}

// The residual stream before its last term was added.
struct Decoder::Stream {
  at::Tensor x;      // [N, D] float32
  at::Tensor delta;  // [N, D] in the compute type, or undefined
};

// The angles of a pass, for layers of either kind.
struct Decoder::Turns {
  nn::Rotation full, sliding;
};

struct Decoder::LayerCall {
  size_t index = 0;
  const Pass* pass = nullptr;
  const Turns* turns = nullptr;
  const nn::RowAdapters* adapters = nullptr;       // of all rows
  const nn::RowAdapters* kept_adapters = nullptr;  // of `kept`
  at::Tensor kept;  // rows that go on after the attention; undefined: all
};

// The stream that goes on, and what the block computes with.
std::pair<at::Tensor, at::Tensor> Decoder::norm(const Stream& in, const Norm& norm,
                                                const Pass& pass, size_t site) const {
  if (config_.layer_norm) {
    const auto [sum, normed] = nn::add_layer_norm(
        in.x, in.delta, {norm.weight, norm.bias, config_.rms_norm_eps}, pass.dropout);
    return {config_.norm_after ? normed : sum, normed.to(compute_type_)};
  }
  kernels::Dropout dropout;
  if (pass.dropout > 0 && at::GradMode::is_enabled()) {
    dropout = {static_cast<float>(pass.dropout),
               pass.dropout_seed + static_cast<uint32_t>(site) * 0x9E3779B9U};
  }
  return nn::add_rms_norm(in.x, in.delta, norm.weight, config_.rms_norm_eps, compute_type_,
                          dropout);
}

at::Tensor Decoder::post_norm(const at::Tensor& x, const at::Tensor& weight) const {
  if (!weight.defined()) return x;
  return nn::add_rms_norm(x.to(at::kFloat), {}, weight, config_.rms_norm_eps, compute_type_, {})
      .second;
}

Decoder::Stream Decoder::run_layer(const LayerCall& call, const Stream& in) const {
  const Block& block = blocks_[call.index];
  const Pass& pass = *call.pass;
  const auto layer = static_cast<int64_t>(call.index);
  auto [x, h] = norm(in, block.attention_norm, pass, 2 * call.index);
  at::Tensor qkv = block.qkv.forward(h, *call.adapters);
  const nn::AttentionSpec spec = attention_spec(layer);
  if (block.query_norm.defined()) {
    qkv = nn::norm_heads(qkv, block.query_norm, block.key_norm, config_.rms_norm_eps, spec.heads);
  }
  std::vector<nn::CacheView> views;
  for (const KvRun* run : pass.runs) {
    views.push_back(run == nullptr ? nn::CacheView{} : run->view(call.index));
  }
  at::Tensor attended =
      nn::attention(qkv, config_.slides(layer) ? call.turns->sliding : call.turns->full,
                    pass.segments, views, spec);
  at::Tensor stream = x;
  if (call.kept.defined()) {
    attended = attended.index_select(0, call.kept);
    stream = x.index_select(0, call.kept);
  }
  const nn::RowAdapters& adapters = call.kept.defined() ? *call.kept_adapters : *call.adapters;
  const at::Tensor mixed =
      post_norm(block.output.forward(attended, adapters), block.attention_post_norm);
  auto [x2, h2] = norm({stream, mixed}, block.mlp_norm, pass, 2 * call.index + 1);
  const at::Tensor up = block.gate_up.forward(h2, adapters);
  const at::Tensor inner =
      config_.gated ? nn::gated(up, config_.activation) : nn::activated(up, config_.activation);
  return {x2, post_norm(block.down.forward(inner, adapters), block.mlp_post_norm)};
}

// One layer of the forward pass that keeps only its input and runs again in the backward pass.
struct CheckpointedLayer : torch::autograd::Function<CheckpointedLayer> {
  struct Call {
    const Decoder* model;
    Pass pass;
    Decoder::Turns turns;
    nn::RowAdapters adapters, kept_adapters;
    size_t index;
    at::Tensor kept;
    Decoder::Stream run(const Decoder::Stream& in) const {
      return model->run_layer({index, &pass, &turns, &adapters, &kept_adapters, kept}, in);
    }
  };

  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& x, const at::Tensor& delta,
                                                const at::Tensor& anchor,
                                                const std::shared_ptr<Call>& call) {
    context->save_for_backward({x, delta});
    context->saved_data["generator"] = at::detail::getDefaultCPUGenerator().get_state();
    holder(context) = call;
    // Dropout must act as in training although no graph is recorded here.
    at::AutoGradMode record(true);
    const Decoder::Stream out =
        call->run({x.detach(), delta.numel() > 0 ? delta.detach() : at::Tensor()});
    return {out.x.detach(), out.delta.detach()};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    const std::shared_ptr<Call> call = holder(context);
    auto generator = at::detail::getDefaultCPUGenerator();
    const at::Tensor now = generator.get_state();
    generator.set_state(context->saved_data["generator"].toTensor());
    at::AutoGradMode record(true);
    at::Tensor x = saved[0].detach().requires_grad_(true);
    at::Tensor delta;
    if (saved[1].numel() > 0) delta = saved[1].detach().requires_grad_(true);
    const Decoder::Stream out = call->run({x, delta});
    generator.set_state(now);
    torch::autograd::backward({out.x, out.delta}, {grads[0], grads[1]});
    return {x.grad(), delta.defined() ? delta.grad() : at::Tensor(), {}, {}};
  }

 private:
  // The call lives in the graph's node, as long as the backward pass may need it.
  struct Box : torch::CustomClassHolder {
    std::shared_ptr<Call> call;
  };
  static std::shared_ptr<Call>& holder(torch::autograd::AutogradContext* context) {
    c10::IValue& slot = context->saved_data["call"];
    if (slot.isNone()) slot = c10::IValue::make_capsule(c10::make_intrusive<Box>());
    return static_cast<Box*>(slot.toCapsule().get())->call;
  }
};

namespace {

int64_t longest(const Pass& pass) {
  return pass.positions.numel() == 0 ? 1 : pass.positions.max().item<int64_t>() + 1;
}

void check(const Pass& pass) {
  if (pass.runs.empty()) return;
  if (pass.runs.size() != pass.segments.size()) throw std::logic_error("a run for each segment");
  for (size_t i = 0; i < pass.runs.size(); ++i) {
    const nn::Segment& s = pass.segments[i];
    const KvRun* run = pass.runs[i];
    const bool good = s.cached ? run != nullptr && run->length == s.length
                               : run == nullptr || run->length + s.length <= run->capacity;
    if (!good) throw std::logic_error("a run has no room, or is not as long as its segment");
  }
}

// The adapter of every row.
std::vector<int> adapters_of_rows(const Pass& pass, int first) {
  std::vector<int> out(static_cast<size_t>(pass.ids.numel()), first);
  if (pass.adapters.empty()) return out;
  for (size_t i = 0; i < pass.segments.size(); ++i) {
    const nn::Segment& s = pass.segments[i];
    if (!s.cached) std::fill_n(out.begin() + s.begin, s.length, pass.adapters[i]);
  }
  return out;
}

}  // namespace

at::Tensor Decoder::forward(const Pass& pass) const {
  check(pass);
  const int64_t length = longest(pass);
  Turns turns;
  if (config_.position_rows == 0) turns.full = rotation(pass.positions, config_.rope, length);
  if (config_.sliding_window > 0) {
    turns.sliding = rotation(pass.positions, config_.sliding_rope, length);
  }
  const std::vector<int> of_row = adapters_of_rows(pass, adapters_.empty() ? -1 : 0);
  const nn::RowAdapters adapters = nn::RowAdapters::of(of_row);
  nn::RowAdapters kept_adapters = adapters;
  if (pass.rows.defined()) {
    std::vector<int> kept;
    const auto* rows = pass.rows.data_ptr<int64_t>();
    for (int64_t i = 0; i < pass.rows.numel(); ++i) {
      kept.push_back(of_row[static_cast<size_t>(rows[i])]);
    }
    kept_adapters = nn::RowAdapters::of(kept);
  }
  Stream stream{embed(pass), {}};
  const bool checkpointing = pass.gradient_checkpointing && at::GradMode::is_enabled();
  for (size_t i = 0; i < blocks_.size(); ++i) {
    // Above the last attention a token needs no other: only the rows asked for go on.
    const at::Tensor kept = i + 1 == blocks_.size() ? pass.rows : at::Tensor();
    if (!checkpointing) {
      stream = run_layer({i, &pass, &turns, &adapters, &kept_adapters, kept}, stream);
      continue;
    }
    auto call = std::make_shared<CheckpointedLayer::Call>(
        CheckpointedLayer::Call{this, pass, turns, adapters, kept_adapters, i, kept});
    // The anchor makes the graph reach layers whose inputs need no gradient (frozen embeddings).
    const at::Tensor anchor = at::zeros({1}).requires_grad_(true);
    const at::Tensor delta = stream.delta.defined() ? stream.delta : at::empty({0});
    auto out = CheckpointedLayer::apply(stream.x, delta, anchor, call);
    stream = {out[0], out[1]};
  }
  for (size_t i = 0; i < pass.runs.size(); ++i) {
    if (!pass.segments[i].cached && pass.runs[i] != nullptr) {
      pass.runs[i]->length += pass.segments[i].length;
    }
  }
  return norm(stream, norm_, pass, 2 * blocks_.size()).second;
}

at::Tensor Decoder::label_logits(const at::Tensor& first) const {
  if (config_.labels == 0) throw std::logic_error("the model has no head of labels");
  const at::Tensor inner = nn::activated(label_dense_.forward(first, {}), config_.label_activation);
  return label_output_.forward(inner, {}).to(at::kFloat);
}

at::Tensor Decoder::logits(const at::Tensor& hidden) const {
  // Products with blocks are summed up in float32: there is no cause to round them before.
  const at::Tensor x = head().quantized() ? hidden.to(at::kFloat) : hidden;
  return head().multiply(x, {}).to(at::kFloat);
}

at::Tensor Decoder::logits_of(const at::Tensor& hidden, const at::Tensor& ids) const {
  return at::linear(hidden, head().rows(ids).to(hidden.scalar_type())).to(at::kFloat);
}

at::Tensor Decoder::loss(const at::Tensor& hidden, const at::Tensor& targets,
                         const at::Tensor& weights, double divisor) const {
  return head().loss(hidden, targets, weights, divisor);
}

KvRun Decoder::make_run(int64_t capacity) const {
  return KvRun::make(config_.num_layers, config_.num_kv_heads, config_.head_dim, capacity,
                     compute_type_);
}

std::vector<std::pair<std::string, nn::Linear*>> Decoder::projections() {
  std::vector<std::pair<std::string, nn::Linear*>> all;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    all.emplace_back(prefix + "qkv", &blocks_[i].qkv);
    all.emplace_back(prefix + "output", &blocks_[i].output);
    all.emplace_back(prefix + "gate_up", &blocks_[i].gate_up);
    all.emplace_back(prefix + "down", &blocks_[i].down);
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
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    norm(prefix + "attention_norm", blocks_[i].attention_norm);
    vector(prefix + "attention_post_norm", blocks_[i].attention_post_norm);
    norm(prefix + "mlp_norm", blocks_[i].mlp_norm);
    vector(prefix + "mlp_post_norm", blocks_[i].mlp_post_norm);
    vector(prefix + "query_norm", blocks_[i].query_norm);
    vector(prefix + "key_norm", blocks_[i].key_norm);
  }
  for (auto& [name, linear] : self->projections()) projection(name, *linear);
  norm("norm", norm_);
  if (head_.defined()) matrix("head", head_);
  if (config_.labels > 0) {
    projection("label_dense", label_dense_);
    projection("label_output", label_output_);
  }
  return out;
}

}  // namespace relata::model
