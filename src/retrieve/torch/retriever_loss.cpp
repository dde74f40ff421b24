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

at::Tensor contrast(const RetrieverBatch& batch, const RetrieverLoss& options) {
  const int64_t queries = batch.queries.size(0);
  const int64_t each = batch.passages.size(0) / queries;
  const at::Tensor numbers = at::arange(queries, at::kLong);
  const at::Tensor positives = batch.passages.index_select(0, numbers * each);
  const at::Tensor itself = at::eye(queries, at::kBool);
  const auto products = [&](const at::Tensor& a, const at::Tensor& b) {
    return at::matmul(a, b.t()) / options.temperature;
  };
  const auto others = [&](const at::Tensor& a, const at::Tensor& b) {
    return products(a, b).masked_fill(itself, -INFINITY);
  };
  std::vector<at::Tensor> parts = {products(batch.queries, batch.passages),
                                   others(positives, batch.queries)};
  if (options.query_negatives) parts.push_back(others(batch.queries, batch.queries));
  if (options.passage_negatives) parts.push_back(others(positives, positives));
  const at::Tensor all = at::cat(parts, 1);
  return at::nll_loss(at::log_softmax(all, 1), numbers * each);
}

}  // namespace

at::Tensor retriever_loss(const RetrieverBatch& batch, const RetrieverLoss& options) {
  at::Tensor loss = at::zeros({}, batch.queries.options());
  if (options.divergence > 0) {
    loss = loss + options.divergence * divergence(batch, options.temperature);
  }
  if (options.contrastive > 0) {
    loss = loss + options.contrastive * contrast(batch, options);
  }
  return loss;
}

at::Tensor reward_loss(const at::Tensor& scores) {
  return -at::log_softmax(scores, 1).select(1, 0).mean();
}

}  // namespace relata::retrieve
