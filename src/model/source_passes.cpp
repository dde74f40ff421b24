#include "source_passes.h"

#include <stdexcept>

namespace relata::model {
namespace {

class Splitter {
 public:
  explicit Splitter(const Pass& pass) : pass_(pass), places_(pass.segments.size(), -1) {
    if (pass.sources.size() != pass.segments.size()) {
      throw std::logic_error("a pass of an encoder-decoder says which segments are sources");
    }
  }

  SourcePasses split() {
    for (size_t i = 0; i < pass_.segments.size(); ++i) {
      if (pass_.sources[i]) {
        add_source(i);
      } else {
        add_target(i);
      }
    }
    if (target_rows_.empty()) throw std::logic_error("sources without targets");
    take_rows(source_rows_, out_.source);
    take_rows(target_rows_, out_.target);
    for (Pass* part : {&out_.source, &out_.target}) {
      part->dropout = pass_.dropout;
      part->dropout_seed = pass_.dropout_seed;
      part->gradient_checkpointing = pass_.gradient_checkpointing;
    }
    wanted_rows();
    return std::move(out_);
  }

 private:
  void add_source(size_t i) {
    const nn::Segment& s = pass_.segments[i];
    if (s.parent >= 0) throw std::logic_error("a source is a root");
    nn::SourceSpan span;
    span.begin = std::ssize(target_rows_);
    span.source = {s.cached ? 0 : std::ssize(source_rows_), s.length, -1, s.cached};
    if (!s.cached) {
      append_rows(s, source_rows_);
      out_.source.segments.push_back(span.source);
      if (!pass_.adapters.empty()) out_.source.adapters.push_back(pass_.adapters[i]);
    }
    out_.spans.push_back(span);
    out_.runs.push_back(pass_.runs.empty() ? nullptr : pass_.runs[i]);
  }

  void add_target(size_t i) {
    const nn::Segment& s = pass_.segments[i];
    if (s.parent < 0) throw std::logic_error("the root of a target is a source");
    places_[i] = std::ssize(out_.target.segments);
    const int64_t begin = s.cached ? 0 : std::ssize(target_rows_);
    out_.target.segments.push_back(
        {begin, s.length, places_[static_cast<size_t>(s.parent)], s.cached});
    if (!pass_.adapters.empty()) out_.target.adapters.push_back(pass_.adapters[i]);
    if (!pass_.runs.empty()) out_.target.runs.push_back(pass_.runs[i]);
    if (s.cached) return;
    append_rows(s, target_rows_);
    out_.spans.back().length += s.length;
  }

  static void append_rows(const nn::Segment& s, std::vector<int64_t>& rows) {
    for (int64_t i = 0; i < s.length; ++i) rows.push_back(s.begin + i);
  }

  void take_rows(const std::vector<int64_t>& rows, Pass& part) const {
    const at::Tensor index = at::tensor(rows, at::kLong);
    part.ids = pass_.ids.index_select(0, index);
    part.positions = pass_.positions.index_select(0, index);
  }

  void wanted_rows() {
    if (!pass_.rows.defined()) return;
    std::vector<int64_t> place(static_cast<size_t>(pass_.ids.numel()), -1);
    for (size_t i = 0; i < target_rows_.size(); ++i) {
      place[static_cast<size_t>(target_rows_[i])] = static_cast<int64_t>(i);
    }
    std::vector<int64_t> rows;
    const auto* wanted = pass_.rows.data_ptr<int64_t>();
    for (int64_t i = 0; i < pass_.rows.numel(); ++i) {
      rows.push_back(place[static_cast<size_t>(wanted[i])]);
      if (rows.back() < 0) throw std::logic_error("a row of a source has no state of the decoder");
    }
    out_.target.rows = at::tensor(rows, at::kLong);
  }

  const Pass& pass_;
  std::vector<int64_t> places_;  // of segments in the target pass; -1: a source
  std::vector<int64_t> source_rows_, target_rows_;
  SourcePasses out_;
};

}  // namespace

SourcePasses split_pass(const Pass& pass) { return Splitter(pass).split(); }

}  // namespace relata::model
