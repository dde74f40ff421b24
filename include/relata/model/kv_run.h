// Keys and values of a run of tokens, which longer sequences go on from.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "relata/nn/ops.h"

namespace relata::model {

// Of all layers, each laid out as nn::CacheView says. A run is a node of a prefix tree: what comes
// before it lies in its parents' runs.
struct KvRun {
  at::Tensor keys, values;   // [layers, K, capacity, E]; undefined: nothing is kept
  void* key_data = nullptr;  // a tensor's own data_ptr() is slow for what is asked at every token
  void* value_data = nullptr;
  int64_t layer_bytes = 0;  // of a layer's keys, or values
  int64_t capacity = 0;     // tokens
  int64_t length = 0;

  // Room for `capacity` tokens, rounded up to whole blocks.
  static KvRun make(int64_t layers, int64_t heads, int64_t width, int64_t capacity,
                    const at::TensorOptions& options);
  bool defined() const { return keys.defined(); }
  nn::CacheView view(size_t layer) const {
    const auto offset = static_cast<int64_t>(layer) * layer_bytes;
    return {static_cast<char*>(key_data) + offset, static_cast<char*>(value_data) + offset,
            capacity, length};
  }
  int64_t bytes() const;
  // A copy of tokens [begin, end).
  KvRun part(int64_t begin, int64_t end) const;
  // Makes room for `wanted` tokens, at least twice as many as before where that is not enough.
  void grow(int64_t wanted);
};

}  // namespace relata::model
