// The forward pass: of one stack of blocks, or of an encoder's and then a decoder's.
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <tuple>

#include "relata/model/decoder.h"
#include "relative_scores.h"
#include "source_passes.h"

namespace relata::model {

// The residual stream before its last term was added.
struct Decoder::Stream {
  at::Tensor x;      // [N, D] float32
  at::Tensor delta;  // [N, D] in the compute type, or undefined
};

// Blocks that follow one another, and what they share.
struct Decoder::Stack {
  size_t first = 0, last = 0;  // blocks_[first, last)
  bool causal = true;
  const Norm* norm = nullptr;            // after the last
  const at::Tensor* relative = nullptr;  // kinds of distances; may be undefined
  size_t norm_site = 0;
};

// What the decoder's blocks attend to.
struct Decoder::Source {
  at::Tensor states;         // [S, D] of the encoder, of sources computed now; or undefined
  nn::RowAdapters adapters;  // of its rows
  std::vector<nn::SourceSpan> spans;
  std::vector<KvRun*> runs;  // of the spans; may be null
};

// What layers of a pass do with places: angles, of layers of either kind, and scores of distances.
struct Decoder::Turns {
  nn::Rotation full, sliding;
  at::Tensor relative;
};

struct Decoder::LayerCall {
  size_t index = 0;  // of the block
  const Stack* stack = nullptr;
  const Pass* pass = nullptr;
  const Turns* turns = nullptr;
  const nn::RowAdapters* adapters = nullptr;       // of all rows
  const nn::RowAdapters* kept_adapters = nullptr;  // of `kept`
  at::Tensor kept;  // rows that go on after the attention; undefined: all
  const Source* source = nullptr;
  size_t layer() const { return index - stack->first; }
};

Decoder::Stack Decoder::stack(bool of_encoder) const {
  const auto encoder = static_cast<size_t>(config_.encoder_layers);
  const size_t end = blocks_.size();
  if (of_encoder) return {0, encoder, false, &encoder_norm_, &encoder_relative_, 2 * end + 1};
  return {encoder, end, config_.causal, &norm_, &relative_, 2 * end};
}

Decoder::Turns Decoder::turns(const Stack& stack, const Pass& pass) const {
  Turns out;
  const int64_t length = pass.positions.numel() == 0 ? 1 : pass.positions.max().item<int64_t>() + 1;
  if (stack.causal && config_.position_rows == 0) {
    out.full = rotation(pass.positions, config_.rope, length);
  }
  if (config_.sliding_window > 0) {
    out.sliding = rotation(pass.positions, config_.sliding_rope, length);
  }
  if (stack.relative->defined()) {
    out.relative = relative_scores(*stack.relative, config_.relative_distance, !stack.causal);
  }
  return out;
}

nn::AttentionSpec Decoder::attention_spec(const LayerCall& call) const {
  nn::AttentionSpec spec;
  spec.heads = {config_.num_heads, config_.num_kv_heads, config_.head_dim};
  spec.scale = config_.attention_scale;
  spec.causal = call.stack->causal;
  if (config_.slides(static_cast<int64_t>(call.layer()))) spec.window = config_.sliding_window;
  spec.slopes = slopes_;
  spec.relative = call.turns->relative;
  return spec;
}

nn::Rotation Decoder::rotation(const at::Tensor& positions, const RopeConfig& rope,
                               int64_t length) const {
  at::NoGradGuard no_grad;
  const RopeFrequencies frequencies = rope_frequencies(config_, rope, length);
  const at::Tensor inverse = at::tensor(frequencies.inverse, at::kFloat);
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(1) * inverse.unsqueeze(0);
  return {(angles.cos() * frequencies.attention_scale).contiguous().to(device()),
          (angles.sin() * frequencies.attention_scale).contiguous().to(device())};
}

at::Tensor Decoder::embed(const Pass& pass) const {
  const auto here = [&](const at::Tensor& list) { return list.to(device()); };
  at::Tensor rows = embedding_.rows(here(pass.ids));
  if (config_.embedding_scale != 1.0) rows = rows * config_.embedding_scale;
  if (positions_.defined()) {
    rows = rows + positions_.rows(here(pass.positions + config_.position_offset));
  }
  if (types_.defined()) {
    rows = rows + types_.rows(here(pass.types.defined() ? pass.types : at::zeros_like(pass.ids)));
  }
  if (!embedding_projection_.weight.defined()) return rows;
  const auto [sum, normed] = nn::add_layer_norm(
      rows, {}, {embedding_norm_.weight, embedding_norm_.bias, config_.rms_norm_eps}, pass.dropout);
  return embedding_projection_.forward(normed.to(compute_type_), {}).to(at::kFloat);
}

// The stream that goes on, and what the block computes with.
std::pair<at::Tensor, at::Tensor> Decoder::norm(const Stream& in, const Norm& norm,
                                                const Pass& pass, size_t site) const {
  if (!norm.weight.defined()) return {in.x, in.x.to(compute_type_)};
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

// Attention of a block's own rows [N, H * E], of what its norm gave.
at::Tensor Decoder::attend(const LayerCall& call, const at::Tensor& h) const {
  const Block& block = blocks_[call.index];
  at::Tensor qkv = block.qkv.forward(h, *call.adapters);
  const nn::AttentionSpec spec = attention_spec(call);
  if (block.query_norm.defined()) {
    qkv = nn::norm_heads(qkv, block.query_norm, block.key_norm, config_.rms_norm_eps, spec.heads);
  }
  std::vector<nn::CacheView> views;
  for (const KvRun* run : call.pass->runs) {
    views.push_back(run == nullptr ? nn::CacheView{} : run->view(call.layer()));
  }
  return nn::attention(qkv, spec.window > 0 ? call.turns->sliding : call.turns->full,
                       call.pass->segments, views, spec);
}

// Attention to the sources, likewise.
at::Tensor Decoder::attend_source(const LayerCall& call, const at::Tensor& h) const {
  const Block& block = blocks_[call.index];
  const Source& source = *call.source;
  std::vector<nn::SourceSpan> spans = source.spans;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (source.runs[i] != nullptr) spans[i].run = source.runs[i]->view(call.layer());
  }
  at::Tensor key_values;
  if (source.states.defined()) {
    key_values = block.source_key_value.forward(source.states, source.adapters);
  }
  return nn::source_attention(block.source_query.forward(h, *call.adapters), key_values, spans,
                              attention_spec(call));
}

Decoder::Stream Decoder::run_layer(const LayerCall& call, const Stream& in) const {
  const Block& block = blocks_[call.index];
  const Pass& pass = *call.pass;
  auto [x, h] = norm(in, block.attention_norm, pass, 2 * call.index);
  at::Tensor attended = attend(call, h);
  const nn::Linear* output = &block.output;
  if (call.source != nullptr) {
    const size_t site = 2 * blocks_.size() + 2 + call.index;
    std::tie(x, h) =
        norm({x, output->forward(attended, *call.adapters)}, block.source_norm, pass, site);
    attended = attend_source(call, h);
    output = &block.source_output;
  }
  at::Tensor stream = x;
  if (call.kept.defined()) {
    attended = attended.index_select(0, call.kept);
    stream = x.index_select(0, call.kept);
  }
  const nn::RowAdapters& adapters = call.kept.defined() ? *call.kept_adapters : *call.adapters;
  const at::Tensor mixed =
      post_norm(output->forward(attended, adapters), block.attention_post_norm);
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
    Decoder::Stack stack;
    Pass pass;
    Decoder::Turns turns;
    nn::RowAdapters adapters, kept_adapters;
    size_t index;
    at::Tensor kept;
    std::optional<Decoder::Source> source;  // its states are an input
    Decoder::Stream run(const Decoder::Stream& in, const at::Tensor& states) const {
      Decoder::Turns own = turns;
      if (stack.relative->defined()) own = model->turns(stack, pass);  // with a graph of its own
      std::optional<Decoder::Source> attended = source;
      if (attended && states.numel() > 0) attended->states = states;
      return model->run_layer({index, &stack, &pass, &own, &adapters, &kept_adapters, kept,
                               attended ? &*attended : nullptr},
                              in);
    }
  };

  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& x, const at::Tensor& delta,
                                                const at::Tensor& anchor, const at::Tensor& states,
                                                const std::shared_ptr<Call>& call) {
    context->save_for_backward({x, delta, states});
    context->saved_data["generator"] = generator_of(x.device()).get_state();
    holder(context) = call;
    // Dropout must act as in training although no graph is recorded here.
    at::AutoGradMode record(true);
    const Decoder::Stream out =
        call->run({x.detach(), delta.numel() > 0 ? delta.detach() : at::Tensor()}, states.detach());
    return {out.x.detach(), out.delta.detach()};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    const std::shared_ptr<Call> call = holder(context);
    auto generator = generator_of(saved[0].device());
    const at::Tensor now = generator.get_state();
    generator.set_state(context->saved_data["generator"].toTensor());
    at::AutoGradMode record(true);
    at::Tensor x = saved[0].detach().requires_grad_(true);
    at::Tensor delta;
    if (saved[1].numel() > 0) delta = saved[1].detach().requires_grad_(true);
    const at::Tensor states = saved[2].detach().requires_grad_(true);
    const Decoder::Stream out = call->run({x, delta}, states);
    generator.set_state(now);
    torch::autograd::backward({out.x, out.delta}, {grads[0], grads[1]});
    return {x.grad(), delta.defined() ? delta.grad() : at::Tensor(), {}, states.grad(), {}};
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

at::Tensor Decoder::run_stack(const Stack& stack, const Pass& pass, const Source* source) const {
  const Turns places = turns(stack, pass);
  const std::vector<int> of_row = adapters_of_rows(pass, adapters_.empty() ? -1 : 0);
  const nn::RowAdapters adapters = nn::RowAdapters::of(of_row, device());
  nn::RowAdapters kept_adapters = adapters;
  at::Tensor wanted;
  if (pass.rows.defined()) {
    wanted = pass.rows.to(device());
    std::vector<int> kept;
    const auto* rows = pass.rows.data_ptr<int64_t>();
    for (int64_t i = 0; i < pass.rows.numel(); ++i) {
      kept.push_back(of_row[static_cast<size_t>(rows[i])]);
    }
    kept_adapters = nn::RowAdapters::of(kept, device());
  }
  Stream stream{embed(pass), {}};
  const bool checkpointing = pass.gradient_checkpointing && at::GradMode::is_enabled();
  for (size_t i = stack.first; i < stack.last; ++i) {
    // Above the last attention a token needs no other: only the rows asked for go on.
    const at::Tensor kept = i + 1 == stack.last ? wanted : at::Tensor();
    if (!checkpointing) {
      stream =
          run_layer({i, &stack, &pass, &places, &adapters, &kept_adapters, kept, source}, stream);
      continue;
    }
    const auto own_source = source == nullptr ? std::nullopt : std::optional<Source>(*source);
    auto call = std::make_shared<CheckpointedLayer::Call>(CheckpointedLayer::Call{
        this, stack, pass, places, adapters, kept_adapters, i, kept, own_source});
    // The anchor makes the graph reach layers whose inputs need no gradient (frozen embeddings).
    const at::Tensor anchor = at::zeros({1}).requires_grad_(true);
    const at::Tensor delta = stream.delta.defined() ? stream.delta : at::empty({0});
    const at::Tensor states = source != nullptr ? source->states : at::empty({0});
    auto out = CheckpointedLayer::apply(stream.x, delta, anchor, states, call);
    stream = {out[0], out[1]};
  }
  return norm(stream, *stack.norm, pass, stack.norm_site).second;
}

at::Tensor Decoder::forward(const Pass& pass) const {
  check(pass);
  at::Tensor hidden;
  if (config_.encoder_layers == 0) {
    hidden = run_stack(stack(false), pass, nullptr);
  } else {
    SourcePasses parts = split_pass(pass);
    Source source{{}, {}, std::move(parts.spans), std::move(parts.runs)};
    if (parts.source.ids.numel() > 0) {
      source.states = run_stack(stack(true), parts.source, nullptr);
      source.adapters =
          nn::RowAdapters::of(adapters_of_rows(parts.source, adapters_.empty() ? -1 : 0), device());
    }
    hidden = run_stack(stack(false), parts.target, &source);
  }
  for (size_t i = 0; i < pass.runs.size(); ++i) {
    if (!pass.segments[i].cached && pass.runs[i] != nullptr) {
      pass.runs[i]->length += pass.segments[i].length;
    }
  }
  return hidden;
}

}  // namespace relata::model
