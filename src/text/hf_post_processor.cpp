#include "added_tokens.h"
#include "hf_components.h"

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

Result<SpecialFrame> parse(const Node& node, const std::string& where, int depth);

Result<SpecialFrame> parse_chain(const Node& node, const std::string& where, int depth) {
  if (depth >= kDepthLimit) return input_error(where + ": sequences nested too deeply");
  JsonReader reader(node, where);
  SpecialFrame frame;
  for (const Node& item : reader.array("processors")) {
    RELATA_TRY(const SpecialFrame inner, parse(item, where + ".processors", depth + 1));
    // A later processor works around what the earlier ones made.
    frame.before.insert(frame.before.begin(), inner.before.begin(), inner.before.end());
    frame.after.insert(frame.after.end(), inner.after.begin(), inner.after.end());
  }
  RELATA_CHECK(reader.status());
  return frame;
}

Result<SpecialFrame> parse(const Node& node, const std::string& where, int depth) {
  if (node.is_null()) return SpecialFrame{};
  RELATA_TRY(const std::string type, component_type(node, where));
  if (type == "TemplateProcessing") return parse_template(node, where);
  if (type == "Sequence") return parse_chain(node, where, depth);
  // It only trims offsets, and relata's offsets cover the white space a token holds.
  if (type == "ByteLevel") return SpecialFrame{};
  return unsupported_component(where, type);
}

}  // namespace

Result<SpecialFrame> parse_post_processor(const Node& node, const std::string& where) {
  return parse(node, where, 0);
}

}  // namespace relata::text
