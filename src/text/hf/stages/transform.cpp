#include "transform.h"

#include <algorithm>

namespace relata::text {

void Transform::put(Change change) {
  ByteRange origin;
  if (change.change > 0) {
    if (next_ > 0) origin = in_.origin(next_ - 1, next_);
  } else if (!in_.empty()) {
    const size_t at = std::min(next_, in_.size() - 1);
    origin = in_.origin(at, at + 1);
    for (int i = 0; i <= -change.change; ++i) skip();
  }
  encoded_.clear();
  append_utf8(encoded_, change.value);
  out_.append(encoded_, origin);
}

}  // namespace relata::text
