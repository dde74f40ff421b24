#include "relata/model/safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "relata/base/atomic_file.h"
#include "relata/base/json.h"

namespace relata::model {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;  // as in the reference implementation
constexpr const char* kMetadata = "__metadata__";

const std::map<std::string, int64_t> kDtypeSizes = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
    {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},
    {"I32", 4},  {"F32", 4}, {"U64", 8}, {"I64", 8},     {"F64", 8}};

std::string in_quotes(const std::string& name) {
  constexpr size_t kShown = 200;
  return "'" + (name.size() > kShown ? name.substr(0, kShown) + "..." : name) + "'";
}

Error damaged(const std::string& path, const std::string& problem) {
  return input_error(path + ": " + problem,
                     "the file is cut short or damaged; copy or download it again");
}

Error damaged(const std::string& path, const std::string& name, const std::string& problem) {
  return damaged(path, "tensor " + in_quotes(name) + ": " + problem);
}

// What lies in place of a file that was not really fetched; nothing for a safetensors file, whose
// first bytes are a length.
std::optional<Error> explain_other_file(const std::string& path, std::string_view text) {
  if (text.starts_with("version https://git-lfs.github.com/spec/")) {
    return input_error(path + ": a Git LFS pointer, not the weights themselves",
                       "fetch the file: run `git lfs pull` in its folder, or download it");
  }
  if (text.starts_with("<!DOCTYPE") || text.starts_with("<!doctype") || text.starts_with("<html")) {
    return input_error(path + ": a web page, not the weights", "download the file itself");
  }
  if (text.starts_with("PK\x03\x04")) {
    return input_error(path + ": a zip archive, as torch.save() writes it, not safetensors",
                       "load the model with Transformers and call save_pretrained()");
  }
  return std::nullopt;
}

// The header as JSON. A parser that builds objects keeps one of two equal keys without a word, so
// keys are counted while it reads.
Result<Json> parse_header(std::string_view text, const std::string& path) {
  if (text.empty() || text.front() != '{') {
    return damaged(path, "the header is not a JSON object");
  }
  std::vector<std::set<std::string>> keys;
  std::optional<std::string> twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second && !twice) twice = key;
    }
    return true;
  };
  Json header = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object()) {
    return damaged(path, "the header is not a JSON object");
  }
  if (twice) return damaged(path, *twice, "the name occurs twice in the header");
  return header;
}

std::optional<int64_t> size_from(const Json& value) {
  if (!value.is_number_unsigned()) return {};
  const auto number = value.get<uint64_t>();
  if (number > uint64_t{std::numeric_limits<int64_t>::max()}) return {};
  return static_cast<int64_t>(number);
}

// Bytes of a tensor, or nothing when they overflow.
std::optional<int64_t> byte_count(const std::vector<int64_t>& shape, int64_t element) {
  int64_t total = element;
  for (const int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(total, size, &total)) return {};
  }
  return total;
}

struct Range {
  int64_t begin, end;
  const std::string* name;
};

Result<TensorView> read_entry(const Json& entry, const std::string& path, const std::string& name,
                              const std::shared_ptr<MappedFile>& file,
                              std::span<const std::byte> data, std::vector<Range>& ranges) {
  if (!entry.is_object()) return damaged(path, name, "its description is not an object");
  const auto dtype = entry.find("dtype");
  const auto shape = entry.find("shape");
  const auto offsets = entry.find("data_offsets");
  if (dtype == entry.end() || !dtype->is_string()) {
    return damaged(path, name, "\"dtype\" is missing or not a string");
  }
  if (shape == entry.end() || !shape->is_array()) {
    return damaged(path, name, "\"shape\" is missing or not a list");
  }
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2) {
    return damaged(path, name, "\"data_offsets\" is missing or not a pair");
  }
  TensorView view;
  view.dtype = dtype->get<std::string>();
  view.file = file;
  const int64_t element = safetensors_dtype_size(view.dtype);
  if (element == 0) {
    return input_error(path + ": tensor " + in_quotes(name) + ": dtype " + in_quotes(view.dtype) +
                           " is not supported",
                       "use the checkpoint in bfloat16, float16 or float32");
  }
  for (const Json& size : *shape) {
    const auto number = size_from(size);
    if (!number) return damaged(path, name, "a size in its shape is not a whole number");
    view.shape.push_back(*number);
  }
  const auto begin = size_from((*offsets)[0]);
  const auto end = size_from((*offsets)[1]);
  if (!begin || !end || *begin > *end) {
    return damaged(path, name, "its data_offsets are not a range");
  }
  if (static_cast<uint64_t>(*end) > data.size()) {
    return damaged(
        path, name,
        "its data ends at byte " + std::to_string(*end) + " of " + std::to_string(data.size()));
  }
  const auto wanted = byte_count(view.shape, element);
  if (!wanted || *wanted != *end - *begin) {
    return damaged(
        path, name,
        "its shape and dtype do not fill its " + std::to_string(*end - *begin) + " bytes of data");
  }
  view.bytes = data.subspan(static_cast<size_t>(*begin), static_cast<size_t>(*wanted));
  ranges.push_back({*begin, *end, &name});
  return view;
}

// The format allows neither overlaps nor bytes that belong to no tensor.
Status check_cover(std::vector<Range> ranges, int64_t size, const std::string& path) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  int64_t covered = 0;
  for (const Range& range : ranges) {
    if (range.begin < covered) {
      return damaged(path, *range.name, "its data overlaps another tensor's");
    }
    if (range.begin > covered) {
      return damaged(path, *range.name, "bytes before its data belong to no tensor");
    }
    covered = range.end;
  }
  if (covered != size) {
    return damaged(path, std::to_string(size - covered) + " bytes follow the last tensor");
  }
  return {};
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name.find("..") == std::string::npos &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

Result<TensorViews> read_shards(const std::string& folder, const std::string& index_path) {
  RELATA_TRY(const Json index, read_json(index_path));
  const auto weight_map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || weight_map == index.end() || !weight_map->is_object() ||
      weight_map->empty()) {
    return input_error(index_path + ": \"weight_map\" is missing or not an object with entries");
  }
  std::map<std::string, TensorViews> shards;
  TensorViews tensors;
  for (const auto& [name, value] : weight_map->items()) {
    if (!value.is_string()) {
      return input_error(index_path + ": tensor " + in_quotes(name) + ": its shard is not a name");
    }
    const auto shard = value.get<std::string>();
    if (!is_plain_name(shard)) {
      return input_error(index_path + ": tensor " + in_quotes(name) + ": shard " +
                             in_quotes(shard) + " is not a plain file name",
                         "shards must lie beside their index");
    }
    const std::string path = folder + "/" + shard;
    auto found = shards.find(shard);
    if (found == shards.end()) {
      if (!file_exists(path)) {
        return input_error(
            path + ": this shard is missing; " + index_path + " wants it for " + in_quotes(name),
            "copy or download the missing file");
      }
      RELATA_TRY(TensorViews views, read_safetensors(path));
      found = shards.emplace(shard, std::move(views)).first;
    }
    const auto tensor = found->second.find(name);
    if (tensor == found->second.end()) {
      return input_error(
          path + ": tensor " + in_quotes(name) + " is missing; " + index_path + " says it is there",
          "the index and the shards belong to different checkpoints");
    }
    tensors.insert_or_assign(name, tensor->second);
  }
  return tensors;
}

}  // namespace

int64_t safetensors_dtype_size(const std::string& dtype) {
  const auto found = kDtypeSizes.find(dtype);
  return found == kDtypeSizes.end() ? 0 : found->second;
}

Result<TensorViews> read_safetensors(const std::string& path,
                                     std::map<std::string, std::string>* metadata) {
  RELATA_TRY(const std::shared_ptr<MappedFile> file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file->bytes();
  const std::string_view whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (const auto other = explain_other_file(path, whole)) return *other;
  if (bytes.size() < kLengthBytes) {
    return damaged(
        path, "a safetensors file has at least 8 bytes, this one " + std::to_string(bytes.size()));
  }
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  }
  if (length > kMaxHeader || length > bytes.size() - kLengthBytes) {
    return damaged(path, "its header claims " + std::to_string(length) + " bytes, the file has " +
                             std::to_string(bytes.size()));
  }
  const auto header_bytes = bytes.subspan(kLengthBytes, static_cast<size_t>(length));
  const auto data = bytes.subspan(kLengthBytes + static_cast<size_t>(length));
  const std::string_view text(reinterpret_cast<const char*>(header_bytes.data()),
                              header_bytes.size());
  RELATA_TRY(const Json header, parse_header(text, path));

  TensorViews views;
  std::vector<Range> ranges;
  std::map<std::string, std::string> pairs;
  for (const auto& [name, entry] : header.get_ref<const Json::object_t&>()) {
    if (name == kMetadata) {
      if (!entry.is_object()) return damaged(path, "\"__metadata__\" is not an object");
      for (const auto& [key, value] : entry.get_ref<const Json::object_t&>()) {
        if (!value.is_string()) {
          return damaged(path, "\"__metadata__\": " + in_quotes(key) + " is not a string");
        }
        pairs[key] = value.get<std::string>();
      }
      continue;
    }
    RELATA_TRY(TensorView view, read_entry(entry, path, name, file, data, ranges));
    views.emplace(name, std::move(view));
  }
  RELATA_CHECK(check_cover(std::move(ranges), static_cast<int64_t>(data.size()), path));
  if (metadata != nullptr) *metadata = std::move(pairs);
  return views;
}

Result<TensorViews> read_model_tensors(const std::string& folder) {
  const std::string single = folder + "/model.safetensors";
  if (file_exists(single)) return read_safetensors(single);
  const std::string index = folder + "/model.safetensors.index.json";
  if (file_exists(index)) return read_shards(folder, index);
  for (const char* old : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!file_exists(folder + "/" + old)) continue;
    return input_error(
        folder + "/" + old + ": pickled weights are not read, because loading them can run code",
        "convert them: load the model with Transformers and call save_pretrained(), which writes "
        "model.safetensors");
  }
  return input_error(folder + ": no model.safetensors and no model.safetensors.index.json here",
                     "give the folder that has the model's config.json and weights");
}

Result<TensorViews> read_adapter_tensors(const std::string& folder, const LoraConfig& config) {
  const std::string path = folder + "/adapter_model.safetensors";
  const std::string old = folder + "/adapter_model.bin";
  if (!file_exists(path) && file_exists(old)) {
    return input_error(
        old + ": pickled weights are not read, because loading them can run code",
        "convert them: load the adapter with PEFT and call save_pretrained(), which writes "
        "adapter_model.safetensors");
  }
  if (!file_exists(path)) {
    return input_error(folder + ": no adapter_model.safetensors here",
                       "give the folder that PEFT's save_pretrained() wrote");
  }
  RELATA_TRY(TensorViews tensors, read_safetensors(path));
  constexpr std::string_view kPrefix = "base_model.model.";
  constexpr std::string_view kDown = ".lora_A.weight", kUp = ".lora_B.weight";
  for (const auto& [name, view] : tensors) {
    const bool down = name.ends_with(kDown), up = name.ends_with(kUp);
    if (!down && !up) continue;
    const size_t side = down ? 0 : 1;
    const size_t begin = name.starts_with(kPrefix) ? kPrefix.size() : 0;
    const int64_t rank =
        config.rank_of(name.substr(begin, name.size() - begin - (down ? kDown : kUp).size()));
    if (view.shape.size() == 2 && view.shape[side] == rank) continue;
    return input_error(path + ": tensor " + in_quotes(name) + " is not of the rank " +
                           std::to_string(rank) + " that adapter_config.json states",
                       "adapter_config.json and the weights do not belong together");
  }
  return tensors;
}

Status write_safetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::vector<const TensorToWrite*> order;
  std::map<std::string, std::pair<int64_t, int64_t>> offsets;
  for (const TensorToWrite& tensor : tensors) {
    const int64_t element = safetensors_dtype_size(tensor.dtype);
    const auto wanted = byte_count(tensor.shape, element);
    if (element == 0 || !wanted || static_cast<uint64_t>(*wanted) != tensor.bytes.size()) {
      return internal_error(path + ": tensor " + in_quotes(tensor.name) + ": " +
                            std::to_string(tensor.bytes.size()) +
                            " bytes do not match its shape and dtype " + tensor.dtype);
    }
    if (tensor.name == kMetadata || !offsets.emplace(tensor.name, std::pair(0, 0)).second) {
      return internal_error(path + ": tensor " + in_quotes(tensor.name) +
                            ": the name is reserved or written twice");
    }
    order.push_back(&tensor);
  }
  // Holes are not allowed, so only falling element sizes keep every tensor aligned.
  std::sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    const int64_t a_size = safetensors_dtype_size(a->dtype);
    const int64_t b_size = safetensors_dtype_size(b->dtype);
    return a_size != b_size ? a_size > b_size : a->name < b->name;
  });
  int64_t end = 0;
  for (const TensorToWrite* tensor : order) {
    const int64_t begin = end;
    end += static_cast<int64_t>(tensor->bytes.size());
    offsets[tensor->name] = {begin, end};
  }

  std::map<std::string, const TensorToWrite*> by_name;
  for (const TensorToWrite* tensor : order) by_name[tensor->name] = tensor;
  Json header = {{kMetadata, {{"format", "pt"}}}};
  for (const auto& [key, value] : metadata) header[kMetadata][key] = value;
  for (const auto& [name, tensor] : by_name) {
    const auto& [begin, stop] = offsets[name];
    header[name] = {{"dtype", tensor->dtype},
                    {"shape", Json(tensor->shape)},
                    {"data_offsets", Json::array({begin, stop})}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');

  std::array<std::byte, kLengthBytes> length{};
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length[i] = static_cast<std::byte>(uint64_t{text.size()} >> (8 * i));
  }
  RELATA_TRY(AtomicFile file, AtomicFile::create(path));
  RELATA_CHECK(file.write(length));
  RELATA_CHECK(file.write(std::as_bytes(std::span(text))));
  for (const TensorToWrite* tensor : order) RELATA_CHECK(file.write(tensor->bytes));
  return file.finish();
}

}  // namespace relata::model
