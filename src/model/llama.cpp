#include "relata/model/llama.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "relata/kernels/attention.h"

namespace relata::model {

Batch Batch::of(const std::vector<std::vector<int32_t>>& sequences) {
  int64_t total = 0;
  for (const auto& s : sequences) total += static_cast<int64_t>(s.size());
  Batch batch{at::empty({total}, at::kLong), at::empty({total}, at::kLong), {}};
  auto* ids = batch.ids.data_ptr<int64_t>();
  auto* positions = batch.positions.data_ptr<int64_t>();
  int64_t at = 0;
  for (const auto& s : sequences) {
    batch.segments.push_back({at, static_cast<int64_t>(s.size())});
    for (size_t i = 0; i < s.size(); ++i) {
      ids[at] = s[i];
      positions[at++] = static_cast<int64_t>(i);
    }
  }
  return batch;
}

Llama::Llama(LlamaConfig config) : config_(std::move(config)) {}

void Llama::allocate(at::ScalarType dtype) {
  const LlamaConfig& c = config_;
  const auto options = at::TensorOptions().dtype(dtype);
  const auto matrix = [&](int64_t rows, int64_t columns, bool bias) {
    Projection p;
    p.weight = at::zeros({rows, columns}, options);
    if (bias) p.bias = at::zeros({rows}, options);
    return p;
  };
  embedding_ = at::zeros({c.vocab_size, c.hidden_size}, options);
  norm_ = at::ones({c.hidden_size}, options);
  if (!c.tie_embeddings) head_ = at::zeros({c.vocab_size, c.hidden_size}, options);
  const int64_t q = c.num_heads * c.head_dim;
  const int64_t kv = c.num_kv_heads * c.head_dim;
  layers_.clear();
  for (int64_t i = 0; i < c.num_layers; ++i) {
    layers_.push_back(
        {at::ones({c.hidden_size}, options), matrix(q + 2 * kv, c.hidden_size, c.attention_bias),
         matrix(c.hidden_size, q, c.attention_bias), at::ones({c.hidden_size}, options),
         matrix(2 * c.intermediate_size, c.hidden_size, c.mlp_bias),
         matrix(c.hidden_size, c.intermediate_size, c.mlp_bias)});
  }
}

std::shared_ptr<Llama> Llama::random(const LlamaConfig& config, uint64_t seed,
                                     at::ScalarType dtype) {
  at::NoGradGuard no_grad;
  std::shared_ptr<Llama> model(new Llama(config));
  model->allocate(dtype);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  for (auto& [name, weight] : model->named_weights()) {
    if (weight.dim() == 2) weight.normal_(0.0, config.initializer_range, generator);
  }
  model->compute_type_ = dtype;
  for (auto& p : model->trainable()) p.value.requires_grad_(true);
  return model;
}

void Llama::set_compute_type(at::ScalarType type) {
  TORCH_CHECK(type == at::kFloat || type == at::kBFloat16, "float32 or bfloat16");
  compute_type_ = type;
  casts_.clear();
}

nn::Heads Llama::heads() const {
  return {config_.num_heads, config_.num_kv_heads, config_.head_dim};
}

at::Tensor Llama::computed(const at::Tensor& weight) {
  if (weight.scalar_type() == compute_type_) return weight.detach();
  Cast& cast = casts_[weight.unsafeGetTensorImpl()];
  const int64_t wanted = weight.requires_grad() ? generation_ : 0;
  if (cast.generation != wanted) {
    at::NoGradGuard no_grad;
    cast.copy = weight.detach().to(compute_type_);
    cast.generation = wanted;
  }
  return cast.copy;
}

at::Tensor Llama::compute_copy(const at::Tensor& weight) const {
  const auto found = casts_.find(weight.unsafeGetTensorImpl());
  const bool current = found != casts_.end() && found->second.generation == generation_;
  return current ? found->second.copy : at::Tensor();
}

bool Llama::packed(const at::Tensor& weight, Packed& pack) {
  if (at::GradMode::is_enabled()) return false;
  if (!weight.defined()) return true;  // only the packed form was kept
  if (pack.update != updates_) {
    pack.weight = nn::pack_weight(weight.detach().to(compute_type_));
    pack.update = updates_;
  }
  return pack.weight.defined();
}

void Llama::keep_packed_only() {
  at::NoGradGuard no_grad;
  if (!lora_) {
    for (auto& p : trainable()) p.value.requires_grad_(false);
  }
  for (auto& [name, projection] : projections()) {
    if (packed(projection->weight, projection->pack)) projection->weight = at::Tensor();
  }
  if (head_.defined() && packed(head_, head_pack_)) head_ = at::Tensor();
  casts_.clear();
}

at::Tensor Llama::project(const at::Tensor& x, Projection& p) {
  at::Tensor y = packed(p.weight, p.pack) ? nn::packed_linear(x, p.pack.weight, p.bias)
                                          : nn::linear(x, p.weight, computed(p.weight), p.bias);
  for (const Lora& lora : p.loras) {
    at::Tensor input = x;
    if (lora_->dropout > 0 && at::GradMode::is_enabled() && lora.a.requires_grad()) {
      input = at::dropout(x, lora_->dropout, true);
    }
    const at::Tensor low = nn::linear(input, lora.a, computed(lora.a), {});
    const at::Tensor delta = nn::linear(low, lora.b, computed(lora.b), {}) * lora_->scale();
    if (lora.rows == y.size(1)) {
      y = y + delta;
    } else {
      y.narrow(1, lora.row, lora.rows).add_(delta);
    }
  }
  return y;
}

nn::Rotation Llama::rotation(const at::Tensor& positions, int64_t length) {
  at::NoGradGuard no_grad;
  const RopeFrequencies frequencies = rope_frequencies(config_, length);
  const at::Tensor inverse = at::tensor(frequencies.inverse, at::kFloat);
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(1) * inverse.unsqueeze(0);
  return {(angles.cos() * frequencies.attention_scale).contiguous(),
          (angles.sin() * frequencies.attention_scale).contiguous()};
}

at::Tensor Llama::embed(const at::Tensor& ids) { return nn::embedding(embedding_, ids); }

namespace {

kernels::Dropout block_dropout(const ForwardOptions& options, size_t index) {
  if (options.dropout <= 0 || !at::GradMode::is_enabled()) return {};
  return {static_cast<float>(options.dropout),
          options.dropout_seed + static_cast<uint32_t>(index) * 0x9E3779B9U};
}

int64_t longest(const Batch& batch) {
  return batch.positions.numel() == 0 ? 1 : batch.positions.max().item<int64_t>() + 1;
}

}  // namespace

Llama::Stream Llama::run_layer(size_t index, const Stream& in, const nn::Rotation& rotation,
                               const nn::Segments& segments, const ForwardOptions& options,
                               const at::Tensor& rows) {
  Layer& layer = layers_[index];
  auto [x, h] = nn::add_rms_norm(in.x, in.delta, layer.attention_norm, config_.rms_norm_eps,
                                 compute_type_, block_dropout(options, 2 * index));
  at::Tensor attended = nn::attention(project(h, layer.qkv), rotation, segments, heads());
  at::Tensor stream = x;
  if (rows.defined()) {
    attended = attended.index_select(0, rows);
    stream = x.index_select(0, rows);
  }
  auto [x2, h2] =
      nn::add_rms_norm(stream, project(attended, layer.output), layer.mlp_norm,
                       config_.rms_norm_eps, compute_type_, block_dropout(options, 2 * index + 1));
  return {x2, project(nn::swiglu(project(h2, layer.gate_up)), layer.down)};
}

at::Tensor Llama::finish(const Stream& stream, const ForwardOptions& options) {
  return nn::add_rms_norm(stream.x, stream.delta, norm_, config_.rms_norm_eps, compute_type_,
                          block_dropout(options, 2 * layers_.size()))
      .second;
}

// One layer of the forward pass that keeps only its input and runs again in the backward pass.
struct CheckpointedLayer : torch::autograd::Function<CheckpointedLayer> {
  struct Call {
    Llama* model;
    size_t index;
    nn::Rotation rotation;
    nn::Segments segments;
    ForwardOptions options;
    at::Tensor rows;
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
    const Llama::Stream out = call->model->run_layer(
        call->index, {x.detach(), delta.numel() > 0 ? delta.detach() : at::Tensor()},
        call->rotation, call->segments, call->options, call->rows);
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
    const Llama::Stream out = call->model->run_layer(call->index, {x, delta}, call->rotation,
                                                     call->segments, call->options, call->rows);
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

at::Tensor Llama::hidden(const Batch& batch, const ForwardOptions& options,
                         const at::Tensor& rows) {
  const nn::Rotation turn = rotation(batch.positions, longest(batch));
  Stream stream{embed(batch.ids), {}};
  const bool checkpointing = options.gradient_checkpointing && at::GradMode::is_enabled();
  for (size_t i = 0; i < layers_.size(); ++i) {
    // Above the last attention a token needs no other: only the rows asked for go on.
    const at::Tensor kept = i + 1 == layers_.size() ? rows : at::Tensor();
    if (!checkpointing) {
      stream = run_layer(i, stream, turn, batch.segments, options, kept);
      continue;
    }
    auto call = std::make_shared<CheckpointedLayer::Call>(
        CheckpointedLayer::Call{this, i, turn, batch.segments, options, kept});
    // The anchor makes the graph reach layers whose inputs need no gradient (frozen embeddings).
    const at::Tensor anchor = at::zeros({1}).requires_grad_(true);
    const at::Tensor delta = stream.delta.defined() ? stream.delta : at::empty({0});
    auto out = CheckpointedLayer::apply(stream.x, delta, anchor, call);
    stream = {out[0], out[1]};
  }
  return finish(stream, options);
}

at::Tensor Llama::logits(const at::Tensor& hidden) {
  if (packed(head(), head_pack_)) {
    return nn::packed_linear(hidden, head_pack_.weight, {}).to(at::kFloat);
  }
  return at::linear(hidden, computed(head())).to(at::kFloat);
}

at::Tensor Llama::loss(const at::Tensor& hidden, const at::Tensor& targets,
                       const at::Tensor& weights, double divisor) {
  return nn::linear_cross_entropy(hidden, head(), computed(head()), targets, weights, divisor);
}

namespace {

// Which segments a sequence's tokens lie in, outermost first.
std::vector<size_t> path_of(const std::vector<int64_t>& rows, const nn::Segments& segments) {
  std::vector<size_t> path;
  const auto holds = [&](const nn::Segment& s) { return rows.back() < s.begin + s.length; };
  int64_t at = std::partition_point(segments.begin(), segments.end(),
                                    [&](const nn::Segment& s) { return !holds(s); }) -
               segments.begin();
  for (; at >= 0; at = segments[at].parent) path.insert(path.begin(), static_cast<size_t>(at));
  return path;
}

// Segments that several sequences, or other segments, build on.
std::vector<bool> shared_segments(const std::vector<std::vector<size_t>>& paths, size_t count) {
  std::vector<int> users(count);
  for (const auto& path : paths) {
    for (const size_t s : path) ++users[s];
  }
  std::vector<bool> shared(count);
  for (size_t s = 0; s < count; ++s) shared[s] = users[s] > 1;
  return shared;
}

void add_layer(KvRun& run, const nn::Heads& heads, const at::TensorOptions& options) {
  const std::vector<int64_t> sizes = {heads.key_value, run.capacity, heads.width};
  at::Tensor keys = at::empty(sizes, options), values = at::empty(sizes, options);
  run.layers.push_back({keys, values, keys.data_ptr(), values.data_ptr()});
}

int64_t whole_blocks(int64_t tokens) {
  return (tokens + kernels::kKeyBlock - 1) / kernels::kKeyBlock * kernels::kKeyBlock;
}

}  // namespace

at::Tensor Llama::prefill(const PackedSequences& packed, std::vector<KvCache>& caches,
                          int64_t extra) {
  at::NoGradGuard no_grad;
  const Batch& batch = packed.batch;
  const nn::Rotation turn = rotation(batch.positions, longest(batch) + extra);
  const nn::Heads shape = heads();
  std::vector<std::vector<size_t>> paths;
  std::vector<int64_t> last;
  for (const auto& rows : packed.rows) {
    paths.push_back(path_of(rows, batch.segments));
    last.push_back(rows.back());
  }
  const std::vector<bool> shared = shared_segments(paths, batch.segments.size());
  std::vector<std::shared_ptr<KvRun>> runs(batch.segments.size());
  for (size_t s = 0; s < runs.size(); ++s) {
    runs[s] = std::make_shared<KvRun>();
    runs[s]->capacity = whole_blocks(batch.segments[s].length + (shared[s] ? 0 : extra));
  }
  const at::Tensor last_rows = at::tensor(last, at::kLong);
  Stream stream{embed(batch.ids), {}};
  std::vector<nn::CacheView> views(runs.size());
  for (size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    auto [x, h] = nn::add_rms_norm(stream.x, stream.delta, layer.attention_norm,
                                   config_.rms_norm_eps, compute_type_, {});
    const at::Tensor qkv = project(h, layer.qkv);
    for (size_t s = 0; s < runs.size(); ++s) {
      add_layer(*runs[s], shape, qkv.options());
      views[s] = runs[s]->view(l);
    }
    nn::fill_caches(qkv, turn, batch.segments, views, shape);
    at::Tensor attended = nn::attention(qkv, turn, batch.segments, shape);
    at::Tensor residual = x;
    if (l + 1 == layers_.size()) {
      attended = attended.index_select(0, last_rows);
      residual = x.index_select(0, last_rows);
    }
    auto [x2, h2] = nn::add_rms_norm(residual, project(attended, layer.output), layer.mlp_norm,
                                     config_.rms_norm_eps, compute_type_, {});
    stream = {x2, project(nn::swiglu(project(h2, layer.gate_up)), layer.down)};
  }
  for (size_t s = 0; s < runs.size(); ++s) runs[s]->length = batch.segments[s].length;
  caches.assign(paths.size(), {});
  for (size_t i = 0; i < paths.size(); ++i) {
    for (const size_t s : paths[i]) {
      if (shared[s]) caches[i].shared.push_back(runs[s]);
    }
    KvRun& own = caches[i].own;
    if (!shared[paths[i].back()]) {
      own = std::move(*runs[paths[i].back()]);
      continue;
    }
    own.capacity = whole_blocks(extra);
    const auto options = at::TensorOptions().dtype(compute_type_);
    for (size_t l = 0; l < layers_.size(); ++l) add_layer(own, shape, options);
  }
  return finish(stream, {});
}

at::Tensor Llama::decode(const at::Tensor& ids, const std::vector<KvCache*>& caches) {
  at::NoGradGuard no_grad;
  const nn::Heads shape = heads();
  std::vector<int64_t> positions;
  for (const KvCache* cache : caches) {
    TORCH_CHECK(cache->own.length < cache->own.capacity, "no room left in the cache");
    positions.push_back(cache->length());
  }
  const int64_t furthest =
      positions.empty() ? 1 : *std::max_element(positions.begin(), positions.end()) + 1;
  const nn::Rotation turn = rotation(at::tensor(positions, at::kLong), furthest);
  Stream stream{embed(ids), {}};
  std::vector<std::vector<nn::CacheView>> views(caches.size());
  for (size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    auto [x, h] = nn::add_rms_norm(stream.x, stream.delta, layer.attention_norm,
                                   config_.rms_norm_eps, compute_type_, {});
    for (size_t s = 0; s < caches.size(); ++s) {
      views[s].clear();
      for (const auto& run : caches[s]->shared) views[s].push_back(run->view(l));
      views[s].push_back(caches[s]->own.view(l));
    }
    const at::Tensor attended = nn::decode_attention(project(h, layer.qkv), turn, views, shape);
    auto [x2, h2] = nn::add_rms_norm(x, project(attended, layer.output), layer.mlp_norm,
                                     config_.rms_norm_eps, compute_type_, {});
    stream = {x2, project(nn::swiglu(project(h2, layer.gate_up)), layer.down)};
  }
  for (KvCache* cache : caches) ++cache->own.length;
  return finish(stream, {});
}

std::vector<std::pair<std::string, Projection*>> Llama::projections() {
  std::vector<std::pair<std::string, Projection*>> all;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    all.emplace_back(prefix + "qkv", &layers_[i].qkv);
    all.emplace_back(prefix + "output", &layers_[i].output);
    all.emplace_back(prefix + "gate_up", &layers_[i].gate_up);
    all.emplace_back(prefix + "down", &layers_[i].down);
  }
  return all;
}

std::vector<Llama::Parameter> Llama::trainable() const {
  std::vector<Parameter> out;
  auto* self = const_cast<Llama*>(this);
  if (lora_) {
    for (auto& [name, projection] : self->projections()) {
      for (const Lora& lora : projection->loras) {
        out.push_back({lora.name + ".lora_A", lora.a, true});
        out.push_back({lora.name + ".lora_B", lora.b, true});
      }
    }
    return out;
  }
  out.push_back({"embedding", embedding_, true});
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    out.push_back({prefix + "attention_norm", layers_[i].attention_norm, false});
    out.push_back({prefix + "mlp_norm", layers_[i].mlp_norm, false});
  }
  for (auto& [name, projection] : self->projections()) {
    out.push_back({name, projection->weight, true});
    if (projection->bias.defined()) out.push_back({name + ".bias", projection->bias, false});
  }
  out.push_back({"norm", norm_, false});
  if (head_.defined()) out.push_back({"head", head_, true});
  return out;
}

}  // namespace relata::model
