// What a generated answer may be, token by token.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace relata::generate {

// One answer on its way. Not shared between threads.
class ConstraintWalk {
 public:
  virtual ~ConstraintWalk() = default;
  // The tokens that may come next, ascending and without duplicates; EOS is among them where the
  // answer may end. Never empty. Valid until the next call of accept().
  virtual const std::vector<int32_t>& allowed() = 0;
  // `token` is one of allowed() and not EOS; std::logic_error otherwise.
  virtual void accept(int32_t token) = 0;
};

// Immutable and shared by requests and threads; each answer walks it from the start.
class Constraint {
 public:
  virtual ~Constraint() = default;
  virtual std::unique_ptr<ConstraintWalk> start() const = 0;
};

}  // namespace relata::generate
