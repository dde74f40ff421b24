// Plain ATen forms of the operations: what runs on any device LibTorch has, and the oracle of the
// kernels. RELATA_KERNELS=reference has them used on the CPU too.
#pragma once

#include "relata/nn/ops.h"
#include "relata/nn/optimizer.h"

namespace relata::nn {

// Whether an operation on the device, or on what lies there, must take its plain form.
bool use_reference(at::Device device);
bool use_reference(const at::Tensor& t);

namespace reference {

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& delta,
                                               const at::Tensor& weight, double eps,
                                               at::ScalarType out, double dropout);
at::Tensor gated(const at::Tensor& gate_up, Activation activation);
at::Tensor linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& weight,
                                const at::Tensor& compute_weight, const at::Tensor& targets,
                                const at::Tensor& weights, double divisor);
// What spec.relative [H, 2 D + 1] adds to scores [H, queries, keys], of places [queries, keys]: the
// key's less the query's, int64.
at::Tensor relative_bias(const at::Tensor& relative, const at::Tensor& places);
// Also what the kernels do not know: windows and position biases. Cost: the square of a tree's
// tokens in memory.
at::Tensor attention(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                     const AttentionSpec& spec);
// Of cached_attention.h. The runs' memory is on the tensors' device.
at::Tensor rows_of_run(const CacheView& run, Heads heads, const at::TensorOptions& options);
void append_to_runs(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                    const std::vector<CacheView>& runs, Heads heads);
// Of optimizer.h.
void adamw(const AdamWStep& step, const AdamWTensors& tensors, const at::Tensor& gradient);

}  // namespace reference
}  // namespace relata::nn
