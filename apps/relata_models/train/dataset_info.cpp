#include "train/dataset_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/base/json.h"
#include "relata/base/member_reader.h"

namespace relata::app {
namespace {

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

void take_names(MemberReader& entry, data::ConversationMembers& members) {
  MemberReader columns(entry.object("columns"), entry.where() + ": columns");
  members.instruction = columns.string("prompt", members.instruction);
  members.input = columns.string("query", members.input);
  members.output = columns.string("response", members.output);
  members.system = columns.string("system", members.system);
  members.history = columns.string("history", members.history);
  members.messages = columns.string("messages", members.messages);
  MemberReader tags(entry.object("tags"), entry.where() + ": tags");
  members.role = tags.string("role_tag", "");
  members.content = tags.string("content_tag", "");
  members.user = tags.string("user_tag", "");
  members.assistant = tags.string("assistant_tag", "");
  members.system_role = tags.string("system_tag", "");
  entry.keep(columns.error());
  entry.keep(tags.error());
}

// Of an object's members, one that is not among `heeded` and would change what is learned, were it
// heeded; "": there is none.
std::string unheeded(const Json& object, const std::vector<std::string_view>& heeded) {
  for (const auto& [key, content] : object.items()) {
    const bool known = std::find(heeded.begin(), heeded.end(), key) != heeded.end();
    if (!known && !content.is_null()) return key;
  }
  return "";
}

Status check_members(MemberReader& entry, const Json& value) {
  std::string found;
  if (value.is_object()) {
    found = unheeded(value, {"file_name", "formatting", "ranking", "columns", "tags",
                             // where else the data lie
                             "hf_hub_url", "ms_hub_url", "om_hub_url", "cloud_file_name"});
  }
  const auto look_into = [&](const std::string& section,
                             const std::vector<std::string_view>& heeded) {
    const std::string member = unheeded(entry.object(section), heeded);
    if (found.empty() && !member.empty()) found = section + ": " + member;
  };
  look_into("columns", {"prompt", "query", "response", "system", "history", "messages"});
  look_into("tags", {"role_tag", "content_tag", "user_tag", "assistant_tag", "system_tag",
                     "observation_tag", "function_tag"});
  if (found.empty()) return {};
  return usage_error(fmt::format("{}: \"{}\" is not heeded here", entry.where(), found),
                     "remove it where the file can be trained on as it is, all of it");
}

Result<NamedDataset> read_entry(const Json& value, const std::string& where,
                                const std::string& folder) {
  MemberReader entry(value, where);
  RELATA_CHECK(check_members(entry, value));
  NamedDataset out;
  const std::string name = entry.string("file_name", "");
  const std::string form = entry.string("formatting", "alpaca");
  const bool ranking = entry.boolean("ranking", false);
  take_names(entry, out.members);
  if (entry.error()) return usage_error(entry.error()->message, entry.error()->hint);
  if (name.empty()) {
    return usage_error(where + " names no file of this machine",
                       "fetch its file and give its \"file_name\"");
  }
  if (ranking) {
    return usage_error(where + " is of preferences (\"ranking\"), which are not trained on",
                       "choose data of questions and answers");
  }
  if (form != "alpaca" && form != "sharegpt") {
    return usage_error(fmt::format("{}: \"formatting\" {} is not known", where, form),
                       "alpaca or sharegpt");
  }
  out.path = (std::filesystem::path(folder) / name).string();
  return out;
}

}  // namespace

Result<std::vector<NamedDataset>> find_datasets(const std::vector<std::string>& names,
                                                const std::string& folder) {
  const std::string list = (std::filesystem::path(folder) / "dataset_info.json").string();
  std::optional<Json> entries;
  std::vector<NamedDataset> out;
  for (const std::string& name : names) {
    if (file_exists(name)) {
      out.push_back({name, {}});
      continue;
    }
    if (!entries) {
      if (!file_exists(list)) {
        return usage_error(name + ": there is no such file, and no " + list + " that lists it",
                           "check the path; dataset_dir names the folder of dataset_info.json");
      }
      RELATA_TRY(entries, read_json(list));
    }
    const auto found = entries->find(name);
    if (!entries->is_object() || found == entries->end()) {
      const auto nearest = nearest_name(name, keys_of(*entries));
      return usage_error(
          fmt::format("{}: there is no such file, and {} has no such entry", name, list),
          nearest ? "did you mean '" + *nearest + "'?" : "check the name");
    }
    RELATA_TRY(NamedDataset dataset, read_entry(*found, list + ": " + name, folder));
    out.push_back(std::move(dataset));
  }
  return out;
}

}  // namespace relata::app
