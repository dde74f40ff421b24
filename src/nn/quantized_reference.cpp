#include "quantized_reference.h"

#include <stdexcept>

namespace relata::nn::reference {
namespace {

// legend: blocks [R, B, bytes of a block] uint8. What takes them apart gives [R, B, numbers]; the
// layouts are told in kernels/gguf_blocks.cpp.
at::Tensor part(const at::Tensor& blocks, int64_t begin, int64_t count) {
  return blocks.narrow(-1, begin, count);
}

at::Tensor ints(const at::Tensor& blocks, int64_t begin, int64_t count) {
  return part(blocks, begin, count).to(at::kInt);
}

at::Tensor as(const at::Tensor& blocks, int64_t begin, int64_t count, at::ScalarType type) {
  return part(blocks, begin, count).contiguous().view(type);
}

at::Tensor half(const at::Tensor& blocks, int64_t begin) {
  return as(blocks, begin, 2, at::kHalf).to(at::kFloat);
}

// `bits` bits of each number from every one of the shifts, which become the dimension `-2`.
at::Tensor spread(const at::Tensor& numbers, at::IntArrayRef shifts, int64_t mask) {
  const at::Tensor by = at::tensor(shifts, numbers.options()).unsqueeze(-1);
  return at::bitwise_right_shift(numbers.unsqueeze(-2), by).bitwise_and(mask);
}

at::Tensor flat(const at::Tensor& numbers) { return numbers.flatten(2); }

// The low halves of some bytes, then the high ones.
at::Tensor halves(const at::Tensor& bytes) { return spread(bytes, {0, 4}, 15).flatten(-2); }

// Thirty-two bits of four bytes.
at::Tensor bits(const at::Tensor& bytes) {
  return spread(bytes, {0, 1, 2, 3, 4, 5, 6, 7}, 1).transpose(-1, -2).flatten(-2);
}

// One scale a group of numbers.
at::Tensor each(const at::Tensor& of_groups, int64_t size) {
  return of_groups.repeat_interleave(size, -1);
}

at::Tensor small(GgmlType type, const at::Tensor& b) {
  switch (type) {
    case GgmlType::kQ40:
      return half(b, 0) * (halves(ints(b, 2, 16)) - 8);
    case GgmlType::kQ41:
      return half(b, 0) * halves(ints(b, 4, 16)) + half(b, 2);
    case GgmlType::kQ50:
      return half(b, 0) * (halves(ints(b, 6, 16)) + bits(ints(b, 2, 4)) * 16 - 16);
    case GgmlType::kQ51:
      return half(b, 0) * (halves(ints(b, 8, 16)) + bits(ints(b, 4, 4)) * 16) + half(b, 2);
    default:
      return half(b, 0) * as(b, 2, 32, at::kChar).to(at::kFloat);
  }
}

// Pairs of bits in 64 bytes: of each 32 bytes the lowest pairs, then the next.
at::Tensor pairs_of_bits(const at::Tensor& bytes) {
  return flat(spread(bytes.unflatten(-1, {2, 32}), {0, 2, 4, 6}, 3));
}

at::Tensor q2_k(const at::Tensor& b) {
  const at::Tensor scales = ints(b, 0, 16);
  return each(half(b, 80) * scales.bitwise_and(15), 16) * pairs_of_bits(ints(b, 16, 64)) -
         each(half(b, 82) * at::bitwise_right_shift(scales, 4), 16);
}

at::Tensor q3_k(const at::Tensor& b) {
  const at::Tensor low = halves(ints(b, 96, 8));
  const at::Tensor high = flat(spread(ints(b, 104, 4), {0, 2, 4, 6}, 3));
  const at::Tensor third = flat(spread(ints(b, 0, 32), {0, 1, 2, 3, 4, 5, 6, 7}, 1));
  return each(half(b, 108) * (low + high * 16 - 32), 16) *
         (pairs_of_bits(ints(b, 32, 64)) - (1 - third) * 4);
}

// Scales and minima of six bits, eight each, in twelve bytes.
std::pair<at::Tensor, at::Tensor> six_bits(const at::Tensor& bytes) {
  const at::Tensor first = bytes.narrow(-1, 0, 4), second = bytes.narrow(-1, 4, 4);
  const at::Tensor last = bytes.narrow(-1, 8, 4);
  const auto top = [](const at::Tensor& of) { return at::bitwise_right_shift(of, 6) * 16; };
  return {at::cat({first.bitwise_and(63), last.bitwise_and(15) + top(first)}, -1),
          at::cat({second.bitwise_and(63), at::bitwise_right_shift(last, 4) + top(second)}, -1)};
}

at::Tensor q4_or_q5_k(const at::Tensor& b, bool fifth_bits) {
  const auto [scales, minima] = six_bits(ints(b, 4, 12));
  at::Tensor numbers =
      flat(spread(ints(b, fifth_bits ? 48 : 16, 128).unflatten(-1, {4, 32}), {0, 4}, 15));
  if (fifth_bits) {
    numbers = numbers + flat(spread(ints(b, 16, 32), {0, 1, 2, 3, 4, 5, 6, 7}, 1)) * 16;
  }
  return each(half(b, 0) * scales, 32) * numbers - each(half(b, 2) * minima, 32);
}

at::Tensor q6_k(const at::Tensor& b) {
  // Two halves of 64 bytes; of each the low halves of the bytes, then the high ones.
  const at::Tensor low = flat(spread(ints(b, 0, 128).unflatten(-1, {2, 64}), {0, 4}, 15));
  const at::Tensor high = pairs_of_bits(ints(b, 128, 64));
  const at::Tensor scales = half(b, 208) * as(b, 192, 16, at::kChar).to(at::kFloat);
  return each(scales, 16) * (low + high * 16 - 32);
}

at::Tensor iq4_numbers(const at::Tensor& codes) {
  const at::Tensor values = at::tensor(
      {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}, codes.options());
  return values.index({codes.to(at::kLong)});
}

at::Tensor iq4_xs(const at::Tensor& b) {
  const at::Tensor low = flat(spread(ints(b, 4, 4), {0, 4}, 15).transpose(-1, -2));
  const at::Tensor high = flat(spread(ints(b, 2, 2), {0, 2, 4, 6}, 3).transpose(-1, -2));
  const at::Tensor codes = flat(halves(ints(b, 8, 128).unflatten(-1, {8, 16})));
  return each(half(b, 0) * (low + high * 16 - 32), 32) * iq4_numbers(codes);
}

at::Tensor values_of(GgmlType type, const at::Tensor& b) {
  switch (type) {
    case GgmlType::kF32:
      return b.view(at::kFloat);
    case GgmlType::kF16:
      return b.view(at::kHalf).to(at::kFloat);
    case GgmlType::kBf16:
      return b.view(at::kBFloat16).to(at::kFloat);
    case GgmlType::kQ40:
    case GgmlType::kQ41:
    case GgmlType::kQ50:
    case GgmlType::kQ51:
    case GgmlType::kQ80:
      return small(type, b);
    case GgmlType::kIq4Nl:
      return half(b, 0) * iq4_numbers(halves(ints(b, 2, 16)));
    case GgmlType::kQ2K:
      return q2_k(b);
    case GgmlType::kQ3K:
      return q3_k(b);
    case GgmlType::kQ4K:
      return q4_or_q5_k(b, false);
    case GgmlType::kQ5K:
      return q4_or_q5_k(b, true);
    case GgmlType::kQ6K:
      return q6_k(b);
    case GgmlType::kIq4Xs:
      return iq4_xs(b);
    default:
      throw std::logic_error(std::string("no plain form of ") + name_of(type));
  }
}

}  // namespace

at::Tensor nf4_values(const Nf4Tensors& t, const at::Tensor& order, int64_t in, Span rows,
                      Span columns) {
  at::Tensor stored =
      at::arange(rows.begin, rows.begin + rows.count, t.packed.options().dtype(at::kLong));
  if (order.defined()) stored = order.index({stored});
  const at::Tensor places =
      stored.unsqueeze(1) * in +
      at::arange(columns.begin, columns.begin + columns.count, stored.options());
  const at::Tensor bytes = t.packed.index({at::floor_divide(places, 2)}).to(at::kLong);
  const at::Tensor codes =
      at::where(places.remainder(2) == 0, at::bitwise_right_shift(bytes, 4), bytes.bitwise_and(15));
  const at::Tensor blocks = at::floor_divide(places, t.block);
  at::Tensor scales = t.absmax.index({blocks});
  if (t.nested_absmax.defined()) {
    scales = t.nested_quant_map.index({scales.to(at::kLong)}) *
                 t.nested_absmax.index({at::floor_divide(blocks, 256)}) +
             t.nested_offset;
  }
  return t.quant_map.index({codes}) * scales;
}

at::Tensor block_values(GgmlType type, const at::Tensor& bytes, Span rows, Span columns) {
  const GgmlBlock block = ggml_block(type);
  const at::Tensor blocks = bytes.narrow(0, rows.begin, rows.count)
                                .narrow(1, columns.begin / block.elements * block.bytes,
                                        columns.count / block.elements * block.bytes)
                                .contiguous()
                                .view({rows.count, columns.count / block.elements, block.bytes});
  return values_of(type, blocks).reshape({rows.count, columns.count});
}

}  // namespace relata::nn::reference
