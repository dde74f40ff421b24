#include "hf/added_tokens.h"
#include "hf/hf_components.h"

namespace relata::text {
namespace {

Status append_special(const Node& special_tokens, const std::string& name, const std::string& where,
                      std::vector<int32_t>& out) {
  const auto entry = special_tokens.find(name);
  if (entry == special_tokens.end()) {
    return input_error(where + ": special token \"" + name + "\" is not defined");
  }
  JsonReader reader(*entry, where + ".special_tokens." + name);
  for (const Node& id : reader.array("ids")) {
    const int64_t value = id.is_number_integer() ? id.get<int64_t>() : -1;
    if (value < 0 || value >= kIdLimit) reader.fail("an id is out of range");
    out.push_back(static_cast<int32_t>(value));
  }
  return reader.status();
}

// "single" is a list of {"SpecialToken": {"id": NAME}} and, once, {"Sequence": {"id": "A"}}.
Result<SpecialFrame> parse_template(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const Node& special_tokens = reader.object("special_tokens");
  const Node& single = reader.array("single");
  RELATA_CHECK(reader.status());
  SpecialFrame frame;
  int sequences = 0;
  for (const Node& item : single) {
    JsonReader part(item, where + ".single");
    if (part.find("Sequence") != nullptr) {
      ++sequences;
      continue;
    }
    JsonReader token(part.object("SpecialToken"), where + ".single");
    const std::string name = token.string("id", "");
    if (name.empty()) token.fail("a \"Sequence\" or a named \"SpecialToken\" is wanted");
    RELATA_CHECK(part.status());
    RELATA_CHECK(token.status());
    RELATA_CHECK(
        append_special(special_tokens, name, where, sequences == 0 ? frame.before : frame.after));
  }
  if (sequences != 1) return input_error(where + ": \"single\" must hold the sequence once");
  return frame;
}

// BERT's and RoBERTa's own kinds: "cls" before and "sep" after, each as [token, id].
Result<SpecialFrame> parse_cls_sep(JsonReader& reader) {
  SpecialFrame frame;
  for (const auto& [key, ids] : {std::pair("cls", &frame.before), std::pair("sep", &frame.after)}) {
    const Node& pair = reader.array(key);
    const int64_t id =
        pair.size() == 2 && pair[1].is_number_integer() ? pair[1].get<int64_t>() : -1;
    if (id < 0 || id >= kIdLimit) reader.fail(std::string("\"") + key + "\" has no usable id");
    ids->push_back(static_cast<int32_t>(id));
  }
  RELATA_CHECK(reader.status());
  return frame;
}

Result<PostProcessing> parse(const Node& node, const std::string& where, int depth);

Result<PostProcessing> parse_chain(const Node& node, const std::string& where, int depth) {
  if (depth >= kDepthLimit) return input_error(where + ": sequences nested too deeply");
  JsonReader reader(node, where);
  PostProcessing result;
  auto& [before, after] = result.frame;
  for (const Node& item : reader.array("processors")) {
    RELATA_TRY(const PostProcessing inner, parse(item, where + ".processors", depth + 1));
    // A later processor works around what the earlier ones made.
    before.insert(before.begin(), inner.frame.before.begin(), inner.frame.before.end());
    after.insert(after.end(), inner.frame.after.begin(), inner.frame.after.end());
    if (!inner.trim_offsets) continue;
    result.trim_offsets = true;
    result.add_prefix_space = inner.add_prefix_space;
  }
  RELATA_CHECK(reader.status());
  return result;
}

Result<PostProcessing> parse(const Node& node, const std::string& where, int depth) {
  PostProcessing result;
  if (node.is_null()) return result;
  RELATA_TRY(const std::string type, component_type(node, where));
  if (type == "Sequence") return parse_chain(node, where, depth);
  if (type == "TemplateProcessing") {
    RELATA_TRY(result.frame, parse_template(node, where));
    return result;
  }
  JsonReader reader(node, where);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    RELATA_TRY(result.frame, parse_cls_sep(reader));
    if (type == "BertProcessing") return result;
  } else if (type != "ByteLevel") {
    return unsupported_component(where, type);
  }
  result.trim_offsets = reader.boolean("trim_offsets", true);
  result.add_prefix_space = reader.boolean("add_prefix_space", true);
  RELATA_CHECK(reader.status());
  return result;
}

}  // namespace

Result<PostProcessing> parse_post_processor(const Node& node, const std::string& where) {
  return parse(node, where, 0);
}

}  // namespace relata::text
