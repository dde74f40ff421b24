#include "relata/base/gguf.h"

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "gguf/gguf_part.h"

namespace relata {

using internal::GgufEntry;
using internal::GgufPart;
using internal::load_value;

namespace {

constexpr const char* kSplitNumber = "split.no";
constexpr const char* kSplitCount = "split.count";
constexpr const char* kSplitTensors = "split.tensors.count";

std::optional<int64_t> integer_at(GgufValueType type, const std::byte* at) {
  switch (type) {
    case GgufValueType::kUint8:
      return load_value<uint8_t>(at);
    case GgufValueType::kInt8:
      return load_value<int8_t>(at);
    case GgufValueType::kUint16:
      return load_value<uint16_t>(at);
    case GgufValueType::kInt16:
      return load_value<int16_t>(at);
    case GgufValueType::kUint32:
      return load_value<uint32_t>(at);
    case GgufValueType::kInt32:
      return load_value<int32_t>(at);
    case GgufValueType::kInt64:
      return load_value<int64_t>(at);
    case GgufValueType::kUint64: {
      const auto value = load_value<uint64_t>(at);
      if (value > uint64_t{std::numeric_limits<int64_t>::max()}) return {};
      return static_cast<int64_t>(value);
    }
    default:
      return {};
  }
}

std::optional<double> number_at(GgufValueType type, const std::byte* at) {
  if (type == GgufValueType::kFloat32) return load_value<float>(at);
  if (type == GgufValueType::kFloat64) return load_value<double>(at);
  if (const auto integer = integer_at(type, at)) return static_cast<double>(*integer);
  return {};
}

// What an entry holds, for messages: "an array of string".
std::string described(const GgufEntry& entry) {
  if (entry.type != GgufValueType::kArray) return name_of(entry.type);
  return std::string("an array of ") + name_of(entry.element);
}

// "folder/name-00002-of-00003.gguf" taken apart.
struct SplitName {
  std::string prefix;
  int64_t number = 0;  // from 1
  int64_t count = 0;
};

constexpr size_t kDigits = 5;
constexpr std::string_view kOf = "-of-";
constexpr std::string_view kSuffix = ".gguf";

std::optional<int64_t> digits_at(std::string_view text, size_t at) {
  int64_t value = 0;
  const char* begin = text.data() + at;
  const auto parsed = std::from_chars(begin, begin + kDigits, value);
  if (parsed.ptr != begin + kDigits || value < 0) return {};
  return value;
}

std::optional<SplitName> split_name(std::string_view path) {
  const size_t tail = 1 + kDigits + kOf.size() + kDigits + kSuffix.size();
  if (path.size() < tail || !path.ends_with(kSuffix)) return {};
  const size_t begin = path.size() - tail;
  if (path[begin] != '-' || path.substr(begin + 1 + kDigits, kOf.size()) != kOf) return {};
  const auto number = digits_at(path, begin + 1);
  const auto count = digits_at(path, begin + 1 + kDigits + kOf.size());
  if (!number || !count) return {};
  return SplitName{std::string(path.substr(0, begin)), *number, *count};
}

std::string five_digits(int64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

std::string part_path(const SplitName& name, int64_t number) {
  std::string path = name.prefix;
  path += '-';
  path += five_digits(number);
  path += kOf;
  path += five_digits(name.count);
  path += kSuffix;
  return path;
}

// An integer of a part, or nothing where the key is absent or of another type.
std::optional<int64_t> integer_of(const GgufPart& part, const char* key) {
  const auto found = part.entries.find(key);
  if (found == part.entries.end() || found->second.type == GgufValueType::kArray) return {};
  return integer_at(found->second.type, found->second.bytes.data());
}

Error other_file(const std::string& path, const std::string& problem) {
  return input_error(path + ": " + problem,
                     "keep the parts of one model together, under their original names");
}

Result<std::vector<GgufPart>> read_parts(const std::string& path) {
  std::vector<GgufPart> parts;
  RELATA_TRY(GgufPart opened, internal::read_gguf_part(path));
  const bool is_split = opened.entries.count(kSplitCount) != 0;
  const int64_t count = integer_of(opened, kSplitCount).value_or(0);
  if (!is_split || count == 1) {
    parts.push_back(std::move(opened));
    return parts;
  }
  const auto name = split_name(path);
  if (!name || name->count != count || name->number < 1 || name->number > count) {
    return other_file(path, "it says that it is one of " + std::to_string(count) +
                                " parts, its name does not say which (NAME-00001-of-" +
                                five_digits(count) + ".gguf)");
  }
  for (int64_t number = 1; number <= count; ++number) {
    const std::string this_path = part_path(*name, number);
    if (!file_exists(this_path)) {
      return input_error(this_path + ": this part of the model is missing",
                         "copy or download all " + std::to_string(count) + " parts");
    }
    RELATA_TRY(GgufPart part, internal::read_gguf_part(this_path));
    if (integer_of(part, kSplitNumber) != number - 1 || integer_of(part, kSplitCount) != count) {
      return other_file(this_path, "its name and its metadata disagree on which part it is");
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

// Calls visit(bytes) for each string of an array that was checked when the file was opened.
template <class Visit>
void each_string(const GgufEntry& entry, const Visit& visit) {
  const std::byte* at = entry.bytes.data();
  for (uint64_t i = 0; i < entry.count; ++i) {
    const auto size = static_cast<size_t>(load_value<uint64_t>(at));
    at += sizeof(uint64_t);
    visit(std::string_view(reinterpret_cast<const char*>(at), size));
    at += size;
  }
}

}  // namespace

struct GgufFile::State {
  std::string path;
  std::vector<std::shared_ptr<MappedFile>> maps;
  std::vector<std::string> keys;
  std::map<std::string, GgufEntry> entries;
  std::vector<GgufTensor> tensors;
  std::map<std::string, size_t> by_name;

  Error at_key(const std::string& key, const std::string& problem, const char* hint) const {
    return input_error(path + ": key " + internal::gguf_quoted(key) + ": " + problem, hint);
  }
  Error missing(const std::string& key) const {
    return at_key(key, "it is missing",
                  "the file is incomplete, or no language model; get another one");
  }
  Error other_type(const std::string& key, const GgufEntry& entry, const char* wanted) const {
    return at_key(key, "it is " + described(entry) + ", " + wanted + " is wanted",
                  "the file is damaged, or its maker is newer than this relata");
  }
  const GgufEntry* find(const std::string& key) const {
    const auto found = entries.find(key);
    return found == entries.end() ? nullptr : &found->second;
  }
  // `convert(entry)`: an optional value.
  template <class T, class Convert>
  Result<T> single(const std::string& key, const std::optional<T>& fallback, const char* wanted,
                   const Convert& convert) const {
    const GgufEntry* entry = find(key);
    if (entry == nullptr) {
      if (fallback) return *fallback;
      return missing(key);
    }
    std::optional<T> value;
    if (entry->type != GgufValueType::kArray) value = convert(*entry);
    if (!value) return other_type(key, *entry, wanted);
    return *std::move(value);
  }
  // `convert(type, at)`: an optional element.
  template <class T, class Convert>
  Result<std::vector<T>> array(const std::string& key, const char* wanted,
                               const Convert& convert) const {
    const GgufEntry* entry = find(key);
    if (entry == nullptr) return missing(key);
    const size_t size = internal::fixed_size(entry->element);
    if (size == 0) return other_type(key, *entry, wanted);
    std::vector<T> values;
    values.reserve(static_cast<size_t>(entry->count));
    for (uint64_t i = 0; i < entry->count; ++i) {
      const std::optional<T> value = convert(entry->element, entry->bytes.data() + i * size);
      if (!value) return other_type(key, *entry, wanted);
      values.push_back(*value);
    }
    return values;
  }
};

bool is_gguf(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  if (std::string_view(path).ends_with(kSuffix)) return true;
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  return file.read(magic.data(), magic.size()) &&
         load_value<uint32_t>(std::as_bytes(std::span(magic)).data()) == internal::kGgufMagic;
}

int64_t gguf_part_number(const std::string& path) {
  const auto name = split_name(path);
  return name ? name->number : 0;
}

GgufFile::GgufFile(std::unique_ptr<const State> state) : state_(std::move(state)) {}
GgufFile::~GgufFile() = default;

Result<std::shared_ptr<const GgufFile>> GgufFile::open(const std::string& path) {
  RELATA_TRY(std::vector<GgufPart> parts, read_parts(path));
  auto state = std::make_unique<State>();
  state->path = path;
  for (GgufPart& part : parts) {
    state->maps.push_back(part.map);
    for (GgufTensor& tensor : part.tensors) {
      if (!state->by_name.emplace(tensor.name, state->tensors.size()).second) {
        return other_file(
            part.path, "tensor " + internal::gguf_quoted(tensor.name) + " is in another part too");
      }
      state->tensors.push_back(std::move(tensor));
    }
  }
  if (parts.size() > 1) {
    const auto wanted = integer_of(parts.front(), kSplitTensors);
    const auto found = static_cast<int64_t>(state->tensors.size());
    if (wanted.value_or(found) != found) {
      return other_file(path, "its parts hold " + std::to_string(found) + " tensors, " +
                                  std::to_string(*wanted) + " are wanted");
    }
  }
  state->keys = std::move(parts.front().keys);
  state->entries = std::move(parts.front().entries);
  return std::shared_ptr<const GgufFile>(new GgufFile(std::move(state)));
}

const std::string& GgufFile::path() const { return state_->path; }
const std::vector<GgufTensor>& GgufFile::tensors() const { return state_->tensors; }
const std::vector<std::string>& GgufFile::keys() const { return state_->keys; }
bool GgufFile::has(const std::string& key) const { return state_->find(key) != nullptr; }

const GgufTensor* GgufFile::find(const std::string& name) const {
  const auto found = state_->by_name.find(name);
  return found == state_->by_name.end() ? nullptr : &state_->tensors[found->second];
}

Result<std::string> GgufFile::get_string(const std::string& key,
                                         std::optional<std::string> fallback) const {
  return state_->single<std::string>(
      key, fallback, "a string", [](const GgufEntry& entry) -> std::optional<std::string> {
        if (entry.type != GgufValueType::kString) return {};
        std::string text;
        each_string(entry, [&](std::string_view value) { text = value; });
        return text;
      });
}

Result<int64_t> GgufFile::get_integer(const std::string& key,
                                      std::optional<int64_t> fallback) const {
  return state_->single<int64_t>(
      key, fallback, "an integer of 63 bits",
      [](const GgufEntry& entry) { return integer_at(entry.type, entry.bytes.data()); });
}

Result<double> GgufFile::get_number(const std::string& key, std::optional<double> fallback) const {
  return state_->single<double>(key, fallback, "a number", [](const GgufEntry& entry) {
    return number_at(entry.type, entry.bytes.data());
  });
}

Result<bool> GgufFile::get_bool(const std::string& key, std::optional<bool> fallback) const {
  return state_->single<bool>(key, fallback, "a truth value",
                              [](const GgufEntry& entry) -> std::optional<bool> {
                                if (entry.type != GgufValueType::kBool) return {};
                                return entry.bytes.front() != std::byte{0};
                              });
}

Result<std::vector<std::string_view>> GgufFile::get_strings(const std::string& key) const {
  const GgufEntry* entry = state_->find(key);
  if (entry == nullptr) return state_->missing(key);
  if (entry->type != GgufValueType::kArray || entry->element != GgufValueType::kString) {
    return state_->other_type(key, *entry, "an array of strings");
  }
  std::vector<std::string_view> values;
  values.reserve(static_cast<size_t>(entry->count));
  each_string(*entry, [&](std::string_view value) { values.push_back(value); });
  return values;
}

Result<std::vector<int64_t>> GgufFile::get_integers(const std::string& key) const {
  return state_->array<int64_t>(
      key, "integers", [](GgufValueType type, const std::byte* at) -> std::optional<int64_t> {
        if (type == GgufValueType::kBool) return std::to_integer<int64_t>(*at);
        return integer_at(type, at);
      });
}

Result<std::vector<float>> GgufFile::get_floats(const std::string& key) const {
  return state_->array<float>(key, "floating-point numbers",
                              [](GgufValueType type, const std::byte* at) -> std::optional<float> {
                                if (type == GgufValueType::kFloat32) return load_value<float>(at);
                                if (type == GgufValueType::kFloat64)
                                  return static_cast<float>(load_value<double>(at));
                                return {};
                              });
}

GgufRawValue GgufFile::raw_value(const std::string& key) const {
  const GgufEntry* entry = state_->find(key);
  if (entry == nullptr) throw std::logic_error("GgufFile::raw_value() of a missing key: " + key);
  return {entry->type, entry->bytes_and_head};
}

const char* name_of(GgufValueType type) {
  static constexpr std::array kNames = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                        "int32",  "float32", "bool",   "string", "array",
                                        "uint64", "int64",   "float64"};
  return kNames.at(static_cast<size_t>(type));
}

}  // namespace relata
