#include "retriever_loss.h"

namespace relata::retrieve {
namespace {

at::Tensor divergence(const RetrieverBatch& batch, double temperature) {
  const int64_t queries = batch.queries.size(0), width = batch.queries.size(1);
  const at::Tensor own = batch.passages.view({queries, -1, width});
  const at::Tensor products = at::matmul(own, batch.queries.unsqueeze(2)).squeeze(2) / temperature;
  const at::Tensor wanted = at::log_softmax(batch.teacher, -1);
  return (wanted.exp() * (wanted - at::log_softmax(products, -1))).sum() /
         static_cast<double>(queries);
}

at::Tensor contrast(const RetrieverBatch& batch, double temperature) {
  const int64_t queries = batch.queries.size(0);
  const int64_t each = batch.passages.size(0) / queries;
  const at::Tensor numbers = at::arange(queries, at::kLong);
  const at::Tensor positives = batch.passages.index_select(0, numbers * each);
  const at::Tensor itself = at::eye(queries, at::kBool);
  const auto products = [&](const at::Tensor& a, const at::Tensor& b) {
    return at::matmul(a, b.t()) / temperature;
  };
  const auto others = [&](const at::Tensor& a, const at::Tensor& b) {
    return products(a, b).masked_fill(itself, -INFINITY);
  };
  const at::Tensor all =
      at::cat({products(batch.queries, batch.passages), others(positives, batch.queries),
               others(batch.queries, batch.queries), others(positives, positives)},
              1);
  return at::nll_loss(at::log_softmax(all, 1), numbers * each);
}

}  // namespace

at::Tensor retriever_loss(const RetrieverBatch& batch, const RetrieverLoss& options) {
  at::Tensor loss = at::zeros({}, batch.queries.options());
  if (options.divergence > 0) {
    loss = loss + options.divergence * divergence(batch, options.temperature);
  }
  if (options.contrastive > 0) {
    loss = loss + options.contrastive * contrast(batch, options.temperature);
  }
  return loss;
}

}  // namespace relata::retrieve
