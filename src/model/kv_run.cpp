#include "relata/model/kv_run.h"

namespace relata::model {

int64_t KvRun::bytes() const {
  int64_t sum = 0;
  for (const Layer& layer : layers) {
    sum += static_cast<int64_t>(layer.keys.nbytes() + layer.values.nbytes());
  }
  return sum;
}

}  // namespace relata::model
