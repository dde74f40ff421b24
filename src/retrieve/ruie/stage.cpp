#include "ruie/stage.h"

#include "relata/base/file.h"
#include "relata/base/hash.h"

namespace relata::retrieve {
namespace {

constexpr size_t kFolderDigits = 12;
constexpr const char* kRecord = "stage.json";

}  // namespace

Stage::Stage(const std::string& output_dir, const std::string& name, const Json& inputs)
    : inputs_(inputs) {
  key_ = sha256_hex(name + "\n" + inputs.dump(-1, ' ', false, Json::error_handler_t::replace));
  folder_ = output_dir + "/" + name + "-" + key_.substr(0, kFolderDigits);
}

bool Stage::done() const { return !facts().is_null(); }

Json Stage::facts() const {
  if (!file_exists(file(kRecord))) return nullptr;
  const auto record = read_json(file(kRecord));
  const bool ours = record.ok() && record->is_object() && record->value("key", "") == key_;
  return ours ? record->value("facts", Json::object()) : Json();
}

Status Stage::finish(const Json& facts, const std::vector<std::string>& files) const {
  Json record = {{"key", key_}, {"made_from", inputs_}, {"facts", facts}};
  for (const std::string& name : files) {
    RELATA_TRY(const std::string content, read_file(file(name)));
    record["files"][name] = sha256_hex(content);
  }
  return write_json(file(kRecord), record);
}

Status Stage::check_files() const {
  RELATA_TRY(const Json record, read_json(file(kRecord)));
  const auto kept = record.find("files");
  if (kept == record.end()) return {};
  for (const auto& [name, hash] : kept->items()) {
    const auto content = read_file(file(name));
    if (content.ok() && hash == Json(sha256_hex(*content))) continue;
    return input_error(file(name) + ": is not as the stage wrote it",
                       "remove the folder " + folder_ + ": it is made again");
  }
  return {};
}

Status write_json_lines(const std::string& path, const std::vector<Json>& lines) {
  std::string out;
  for (const Json& line : lines) {
    out += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return write_file_atomic(path, out);
}

Status read_json_lines(const std::string& path, const std::function<void(const Json&)>& take) {
  RELATA_TRY(const std::string text, read_file(path));
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string where = path + ":" + std::to_string(++number);
    RELATA_TRY(const Json line,
               parse_json(std::string_view(text).substr(begin, end - begin), where));
    try {
      take(line);
    } catch (const Json::exception& problem) {
      return input_error(where + ": " + problem.what(), "remove the folder; it is made again");
    }
    begin = end + 1;
  }
  return {};
}

}  // namespace relata::retrieve
