// The body of every instruction set's kernel. Included once by each set's file, inside a namespace
// of its own and where functions are compiled for that set. The file has defined before:
//   kLanes               rows of a panel in a vector, a divisor of kBlockPanel
//   kMostRows            rows of x whose sums fit into the registers
//   Floats, Ints         kLanes floats, 32-bit integers
//   Bytes, Shorts        the same size in bytes, 16-bit integers
//   Floats load_halves(const uint8_t*)   kLanes half-precision numbers
//   Floats load_bytes(const uint8_t*)    kLanes bytes; load_signed(): of -128 to 127
//   Ints dot<F, first, last>(const Bytes* numbers, const int8_t* x, int32_t start)
//                        start + the products of groups [first, last), in each lane. `start` is
//                        what takes the format's zero into account; dot() may do so in another way.

template <class V>
RELATA_INLINE V load_as(const void* from) {
  V out;
  __builtin_memcpy(&out, from, sizeof out);
  return out;
}

// The numbers of a step, a vector for each group.
template <class F>
RELATA_INLINE void load_numbers(const uint8_t* high, const uint8_t* low, Bytes* numbers) {
  if constexpr (F::kLow == 8) {
    for (int g = 0; g < kGroups; ++g) numbers[g] = load_as<Bytes>(low + g * kVector);
    return;
  }
  for (int v = 0; v < kGroups / 2; ++v) {
    const auto both = load_as<Bytes>(low + v * kVector);
    numbers[v] = both & 15;
    numbers[v + kGroups / 2] = (Bytes)((Shorts)both >> 4) & 15;
  }
  if constexpr (F::kHigh > 0) {
    constexpr uint8_t kMask = ((1 << F::kHigh) - 1) << 4;
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g) {
      const auto bits = load_as<Shorts>(high + high_vector(F::kHigh, g) * kVector);
      const int right = high_shift(F::kHigh, g) - 4;
      numbers[g] |= (Bytes)(right < 0 ? bits << -right : bits >> right) & kMask;
    }
  }
}

// kLanes rows of a panel, from `lane` on, times R rows of x, which lie `x_rows` blocks apart.
template <class F, int R>
RELATA_INLINE void multiply_lanes(const uint8_t* panel, int lane, const QuantizedBlock* x,
                                  int x_rows, int64_t k, float* y) {
  Floats sums[R] = {};
  const int64_t units = k / (kStep * F::kSteps);
  for (int64_t unit = 0; unit < units; ++unit) {
    const Floats unit_scale = load_halves(panel + 2 * lane);
    const Floats unit_minimum = F::kMinimum ? load_halves(panel + kHalves + 2 * lane) : Floats{};
    panel += F::kHeaderBytes;
    for (int step = 0; step < F::kSteps; ++step, panel += F::kStepBytes, x += x_rows) {
      Floats scale = unit_scale, second = {}, minimum = unit_minimum;
      if constexpr (F::kScales == Scales::kBytes) {
        scale = unit_scale * load_bytes(panel + lane);
        minimum = -(unit_minimum * load_bytes(panel + kBlockPanel + lane));
      } else if constexpr (F::kScales == Scales::kTwoBytes) {
        scale = unit_scale * load_signed(panel + lane);
        second = unit_scale * load_signed(panel + kBlockPanel + lane);
      }
      const uint8_t* high = panel + F::kScaleBytes + kGroup * lane;
      Bytes numbers[kGroups];
      load_numbers<F>(high, high + F::kHighBytes, numbers);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const QuantizedBlock& block = x[r];
        Floats product;
        if constexpr (F::kScales == Scales::kTwoBytes) {
          const int32_t half = block.negated_half;
          const Ints first = dot<F, 0, 4>(numbers, block.values, half << F::kZeroBits);
          const Ints last =
              dot<F, 4, 8>(numbers, block.values, (block.negated_sum - half) << F::kZeroBits);
          product = __builtin_convertvector(first, Floats) * scale +
                    __builtin_convertvector(last, Floats) * second;
        } else {
          const int32_t start = F::kZeroBits < 0 ? 0 : block.negated_sum << F::kZeroBits;
          product =
              __builtin_convertvector(dot<F, 0, 8>(numbers, block.values, start), Floats) * scale;
        }
        sums[r] += product * block.scale;
        if constexpr (F::kMinimum) sums[r] += minimum * block.scaled_sum;
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    __builtin_memcpy(y + r * kBlockPanel + lane, &sums[r], sizeof sums[r]);
  }
}

template <class F, int rows>
void multiply_tile(const uint8_t* panel, const QuantizedBlock* x, int64_t k, float* y) {
  constexpr int kTogether = rows < kMostRows ? rows : kMostRows;
  static_assert(rows % kTogether == 0);
  for (int row = 0; row < rows; row += kTogether) {
    for (int lane = 0; lane < kBlockPanel; lane += kLanes) {
      multiply_lanes<F, kTogether>(panel, lane, x + row, rows, k, y + row * kBlockPanel);
    }
  }
}

template <class F>
MultiplyTile tile_of(int64_t rows) {
  switch (rows) {
    case 1:
      return multiply_tile<F, 1>;
    case 2:
      return multiply_tile<F, 2>;
    case 4:
      return multiply_tile<F, 4>;
    case 8:
      return multiply_tile<F, 8>;
    case 12:
      return multiply_tile<F, 12>;
    default:
      return multiply_tile<F, 16>;
  }
}

MultiplyTile find_tile(GgmlType type, int64_t rows) {
  return with_format(type, MultiplyTile{},
                     [rows](auto format) { return tile_of<decltype(format)>(rows); });
}
