#include "relata/retrieve/retriever_form.h"

#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/base/json.h"

namespace relata::retrieve {
namespace {

constexpr int kFormatVersion = 2;  // 1 had no "text_form": blocks

std::string path_in(const std::string& folder) { return folder + "/relata_retriever.json"; }

}  // namespace

Status write_retriever_form(const RetrieverForm& form, const std::string& folder) {
  return write_json(path_in(folder), {{"format_version", kFormatVersion},
                                      {"tags", form.tags},
                                      {"text_form", form.sentences ? "sentence" : "block"}});
}

Result<std::optional<RetrieverForm>> read_retriever_form(const std::string& folder) {
  const std::string path = path_in(folder);
  if (!file_exists(path)) return std::optional<RetrieverForm>();
  RELATA_TRY(const Json value, read_json(path));
  if (!value.is_object()) return input_error(path + ": a JSON object is wanted");
  RetrieverForm out;
  int version = 0;
  std::string text_form = "block";
  Fields fields(value, path);
  fields.get("format_version", version);
  fields.get("tags", out.tags);
  fields.get_choice("text_form", text_form, {"block", "sentence"});
  out.sentences = text_form == "sentence";
  if (version != 1 && version != kFormatVersion) {
    return input_error(path + ": is of format version " + std::to_string(version) +
                           ", this program reads " + std::to_string(kFormatVersion),
                       "train the retriever again, or upgrade relata");
  }
  RELATA_CHECK(fields.finish());
  return std::optional(out);
}

}  // namespace relata::retrieve
