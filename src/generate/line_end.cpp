#include "relata/generate/line_end.h"

#include <algorithm>
#include <iterator>

namespace relata::generate {
namespace {

using Breaks = std::shared_ptr<const std::vector<int32_t>>;

class LineEndWalk : public ConstraintWalk {
 public:
  LineEndWalk(std::unique_ptr<ConstraintWalk> inner, int32_t eos, Breaks breaks)
      : inner_(std::move(inner)), eos_(eos), breaks_(std::move(breaks)) {}

  const std::vector<int32_t>& allowed() override {
    if (ended_) {
      both_ = {eos_};
      return both_;
    }
    const std::vector<int32_t>& inner = inner_->allowed();
    if (!std::binary_search(inner.begin(), inner.end(), eos_)) return inner;
    both_.clear();
    std::set_union(inner.begin(), inner.end(), breaks_->begin(), breaks_->end(),
                   std::back_inserter(both_));
    return both_;
  }

  void accept(int32_t token) override {
    const std::vector<int32_t>& inner = inner_->allowed();
    const bool may_end = std::binary_search(inner.begin(), inner.end(), eos_);
    if (!ended_ && may_end && std::binary_search(breaks_->begin(), breaks_->end(), token)) {
      ended_ = true;
      return;
    }
    inner_->accept(token);
  }

 private:
  std::unique_ptr<ConstraintWalk> inner_;
  int32_t eos_;
  Breaks breaks_;
  std::vector<int32_t> both_;
  bool ended_ = false;
};

class LineEndConstraint : public Constraint {
 public:
  LineEndConstraint(std::shared_ptr<const Constraint> inner, int32_t eos, Breaks breaks)
      : inner_(std::move(inner)), eos_(eos), breaks_(std::move(breaks)) {}
  std::unique_ptr<ConstraintWalk> start() const override {
    return std::make_unique<LineEndWalk>(inner_->start(), eos_, breaks_);
  }

 private:
  std::shared_ptr<const Constraint> inner_;
  int32_t eos_;
  Breaks breaks_;
};

}  // namespace

LineEnds::LineEnds(const text::Tokenizer& tokenizer) : eos_(tokenizer.eos_id()) {
  auto breaks = std::make_shared<std::vector<int32_t>>();
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string bytes = tokenizer.token_bytes(id);
    if (!bytes.empty() && bytes.find_first_not_of('\n') == std::string::npos) {
      breaks->push_back(id);
    }
  }
  breaks_ = std::move(breaks);
}

std::shared_ptr<const Constraint> LineEnds::added_to(
    std::shared_ptr<const Constraint> constraint) const {
  return std::make_shared<LineEndConstraint>(std::move(constraint), eos_, breaks_);
}

}  // namespace relata::generate
