#include "weights/nf4_state.h"

#include <array>
#include <cmath>
#include <cstring>
#include <set>

#include "relata/base/member_reader.h"
#include "relata/kernels/nf4.h"
#include "relata/model/damage.h"
#include "weights/types.h"

namespace relata::model {
namespace {

constexpr const char* kAbsmax = ".absmax";
constexpr const char* kMap = ".quant_map";
constexpr const char* kNestedAbsmax = ".nested_absmax";
constexpr const char* kNestedMap = ".nested_quant_map";
constexpr const char* kState = ".quant_state.bitsandbytes__nf4";
constexpr const char* kOtherState = ".quant_state.bitsandbytes__";
constexpr int64_t kMaxSide = (int64_t{1} << 31) - 1;
constexpr const char* kAgain =
    "copy the folder again, or quantise the model anew: relata model quantize MODEL OUT --to nf4";

int64_t blocks_of(int64_t count, int64_t block) { return (count + block - 1) / block; }

std::string name_of_missing(const std::string& weight, const char* end) {
  return "tensor " + weight + " is quantised and its state has no " + (weight + end);
}

// What the state says of scales in eight bits.
void read_nested(MemberReader& file, Nf4Stored& out) {
  if (!file.has("nested_offset")) file.fail("\"nested_offset\" is missing");
  out.nested_offset = static_cast<float>(file.number("nested_offset", 0));
  if (file.required_integer("nested_blocksize", 1, kMaxSide) != kernels::kNf4Nested) {
    file.refuse("nested_blocksize", "256");
  }
  if (file.string("nested_dtype", "float32") != "float32") {
    file.refuse("nested_dtype", "\"float32\"");
  }
}

// The text of the state: {"quant_type": "nf4", "blocksize": 64, "shape": [out, in], ...}.
Status read_state(const TensorView& view, const std::string& place, bool nested, Nf4Stored& out) {
  const std::string_view text(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
  const auto parsed = parse_json(text, place);
  if (!parsed.ok()) return input_error(parsed.error().message, kAgain);
  const Json& json = parsed.value();
  if (!json.is_object()) return input_error(place + ": a JSON object is wanted", kAgain);
  MemberReader file(json, place);
  const std::string type = file.string("quant_type", "");
  out.block = file.required_integer("blocksize", 32, 4096);
  // What the matrix was quantised from. Its products are not rounded to it, as bitsandbytes' are
  // not.
  const std::string dtype = file.string("dtype", "");
  if (dtype != "float32" && dtype != "bfloat16" && dtype != "float16") {
    file.refuse("dtype", "\"float32\", \"bfloat16\" or \"float16\"");
  }
  const Json* shape = file.find("shape");
  const bool pair = shape != nullptr && shape->is_array() && shape->size() == 2;
  for (size_t i = 0; pair && i < 2; ++i) {
    const auto size = MemberReader::whole_number((*shape)[i]);
    if (!size || *size < 1 || *size > kMaxSide) break;
    out.shape.push_back(*size);
  }
  if (out.shape.size() != 2) file.refuse("shape", "the two sizes of a matrix");
  if (type != "nf4") file.refuse("quant_type", "\"nf4\"");
  if ((out.block & (out.block - 1)) != 0) file.refuse("blocksize", "a power of two");
  if (nested) read_nested(file, out);
  if (file.error()) return Error{file.error()->code, file.error()->message, kAgain};
  return {};
}

struct Wanted {
  const char* end;
  const TensorView* view;
  const char* dtype;
  int64_t count;
};

Status check_sizes(const Nf4Stored& stored, const std::string& name, const std::string& where) {
  const int64_t count = stored.shape[0] * stored.shape[1];
  const int64_t blocks = blocks_of(count, stored.block);
  const bool nested = stored.nested();
  const auto bytes = static_cast<int64_t>(stored.packed.bytes.size());
  if (bytes != (count + 1) / 2) {
    return input_error(where + ": tensor " + name + " has " + std::to_string(bytes) +
                           " bytes, its state says that it is " + shape_text(stored.shape) +
                           ", which takes " + std::to_string((count + 1) / 2),
                       kAgain);
  }
  const std::array<Wanted, 4> all = {
      Wanted{kAbsmax, &stored.absmax, nested ? "U8" : "F32", blocks},
      {kMap, &stored.quant_map, "F32", 16},
      {kNestedAbsmax, &stored.nested_absmax, "F32", blocks_of(blocks, kernels::kNf4Nested)},
      {kNestedMap, &stored.nested_quant_map, "F32", 256}};
  for (size_t i = 0; i < (nested ? all.size() : 2); ++i) {
    const Wanted& want = all.at(i);
    const int64_t size = want.count * safetensors_dtype_size(want.dtype);
    if (want.view->dtype == want.dtype && static_cast<int64_t>(want.view->bytes.size()) == size) {
      continue;
    }
    return input_error(where + ": tensor " + name + want.end + " is " +
                           shape_text(want.view->shape) + " of " + want.view->dtype +
                           ", a matrix " + shape_text(stored.shape) + " needs [" +
                           std::to_string(want.count) + "] of " + want.dtype,
                       kAgain);
  }
  return {};
}

// The view of that name, removed from the others; an empty one if there is none.
TensorView take(TensorViews& views, const std::string& name) {
  const auto found = views.find(name);
  if (found == views.end()) return {};
  TensorView view = found->second;
  views.erase(found);
  return view;
}

Result<Nf4Stored> take_one(TensorViews& views, const std::string& name, const std::string& where) {
  Nf4Stored stored;
  stored.packed = take(views, name);
  if (stored.packed.file == nullptr) {
    return input_error(where + ": tensor " + name + kState + " has no " + name, kAgain);
  }
  const TensorView state = take(views, name + kState);
  stored.absmax = take(views, name + kAbsmax);
  stored.quant_map = take(views, name + kMap);
  stored.nested_absmax = take(views, name + kNestedAbsmax);
  stored.nested_quant_map = take(views, name + kNestedMap);
  const bool twice = stored.nested_absmax.file != nullptr || stored.absmax.dtype == "U8";
  for (const auto& [view, end, needed] : {std::tuple(&stored.absmax, kAbsmax, true),
                                          {&stored.quant_map, kMap, true},
                                          {&stored.nested_absmax, kNestedAbsmax, twice},
                                          {&stored.nested_quant_map, kNestedMap, twice}}) {
    if (needed && view->file == nullptr) {
      return input_error(where + ": " + name_of_missing(name, end), kAgain);
    }
  }
  RELATA_CHECK(read_state(state, where + ": tensor " + name + kState, twice, stored));
  RELATA_CHECK(check_sizes(stored, name, where));
  return stored;
}

at::Tensor as_tensor(const TensorView& view, at::ScalarType type) {
  const size_t count = view.bytes.size() / at::elementSize(type);
  at::Tensor out = at::empty({static_cast<int64_t>(count)}, at::TensorOptions().dtype(type));
  std::memcpy(out.data_ptr(), view.bytes.data(), view.bytes.size());
  return out;
}

}  // namespace

Result<std::map<std::string, Nf4Stored>> take_nf4(TensorViews& views, const std::string& where) {
  std::set<std::string> names;
  for (const auto& [name, view] : views) {
    if (name.ends_with(kState)) {
      names.insert(name.substr(0, name.size() - std::string_view(kState).size()));
    } else if (name.find(kOtherState) != std::string::npos) {
      return input_error(where + ": tensor " + name +
                             ": of bitsandbytes' 4-bit types NF4 alone is "
                             "supported",
                         "quantise the float checkpoint to nf4");
    }
  }
  std::map<std::string, Nf4Stored> out;
  for (const std::string& name : names) {
    RELATA_TRY(Nf4Stored stored, take_one(views, name, where));
    out.emplace(name, std::move(stored));
  }
  for (const auto& [name, view] : views) {
    if (view.dtype != "U8" || !name.ends_with(".weight")) continue;
    return input_error(where + ": " + name_of_missing(name, kState), kAgain);
  }
  return out;
}

bool finite_scales(const nn::Nf4Tensors& t) {
  const bool nested = t.nested_absmax.defined();
  return std::isfinite(t.nested_offset) && all_finite(nested ? t.nested_absmax : t.absmax);
}

Result<nn::QuantizedRows> nf4_rows(const Nf4Stored& stored, const std::string& place) {
  nn::Nf4Tensors t;
  t.packed = as_tensor(stored.packed, at::kByte);
  t.absmax = as_tensor(stored.absmax, stored.nested() ? at::kByte : at::kFloat);
  t.quant_map = as_tensor(stored.quant_map, at::kFloat);
  t.block = stored.block;
  if (stored.nested()) {
    t.nested_absmax = as_tensor(stored.nested_absmax, at::kFloat);
    t.nested_quant_map = as_tensor(stored.nested_quant_map, at::kFloat);
    t.nested_offset = stored.nested_offset;
  }
  if (!finite_scales(t)) {
    return input_error(place + ": an absolute maximum of its state is not finite", kAgain);
  }
  if (!all_finite(t.quant_map) || !all_finite(t.nested_quant_map)) {
    return input_error(place + ": a value of its quant_map is not finite", kAgain);
  }
  return nn::QuantizedRows::of_nf4(std::move(t), stored.shape[0], stored.shape[1]);
}

std::vector<std::pair<std::string, at::Tensor>> nf4_state(const nn::Nf4Tensors& tensors,
                                                          at::IntArrayRef shape,
                                                          const std::string& dtype) {
  Json json = {{"quant_type", "nf4"},
               {"blocksize", tensors.block},
               {"dtype", dtype},
               {"shape", Json(shape.vec())}};
  std::vector<std::pair<std::string, at::Tensor>> out = {{kAbsmax, tensors.absmax},
                                                         {kMap, tensors.quant_map}};
  if (tensors.nested_absmax.defined()) {
    json["nested_blocksize"] = kernels::kNf4Nested;
    json["nested_dtype"] = "float32";
    json["nested_offset"] = static_cast<double>(tensors.nested_offset);
    out.emplace_back(kNestedAbsmax, tensors.nested_absmax);
    out.emplace_back(kNestedMap, tensors.nested_quant_map);
  }
  const std::string text = json.dump();
  at::Tensor state = at::empty({static_cast<int64_t>(text.size())}, at::kByte);
  std::memcpy(state.data_ptr(), text.data(), text.size());
  out.emplace_back(kState, state);
  return out;
}

}  // namespace relata::model
