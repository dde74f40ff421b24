// TACRED, TACREV and Re-TACRED: a list of {"id", "token": [...], "subj_start", "subj_end",
// "subj_type", "obj_...", "relation", ...}; ends are inclusive. Other members (docid, stanford_pos,
// ...) are kept in meta "tacred". Source: the readme of LDC2018T24; github.com/DFKI-NLP/tacrev and
// github.com/gstoica27/Re-TACRED for the patches.
#include <unordered_map>

#include "encoding.h"
#include "formats/tables/pair_rows.h"
#include "formats/token_text.h"

namespace relata::data {
namespace {

struct LabelPatch {
  std::unordered_map<std::string, std::string> labels;
  bool is_complete = false;  // Re-TACRED's: what it does not name is no part of the data set
};

Status read_patch_entry(const JsonRecord& record, JsonView id, JsonView label, LabelPatch& patch) {
  RELATA_TRY(std::string key, record.as_id(id));
  RELATA_TRY(const std::string_view text, record.as_text(label));
  if (text.empty()) return record.fail(label, "is empty");
  if (!patch.labels.emplace(std::move(key), text).second) {
    return record.fail(id, "has a label already");
  }
  return {};
}

Result<LabelPatch> read_patch(const std::string& path) {
  RELATA_TRY(const std::string content, read_text_file(path));
  LabelPatch patch;
  RELATA_CHECK(read_json_value({content, path}, [&](const JsonRecord& record) -> Status {
    const JsonView root = record.root();
    if (root.is_array()) {
      for (const JsonView item : root) {
        RELATA_TRY(const JsonView id, record.get(item, "id"));
        RELATA_TRY(const JsonView label, record.get(item, "relation"));
        RELATA_CHECK(read_patch_entry(record, id, label, patch));
      }
      return {};
    }
    RELATA_CHECK(record.check_object(root));
    patch.is_complete = true;
    Status status;
    root.each_member([&](std::string_view id, JsonView label) {
      if (!status.ok()) return;
      if (!label.is_string() || label.string().empty()) {
        status = record.fail(label, "is not a label");
      } else if (!patch.labels.emplace(id, label.string()).second) {
        status = record.fail(label, "is the second label of its id");
      }
    });
    return status;
  }));
  return patch;
}

Status read_entity(const JsonRecord& record, const std::string& role, const TokenText& text,
                   Document& document) {
  const JsonView root = record.root();
  RELATA_TRY(const size_t begin, record.get_index(root, role + "_start", text.size()));
  RELATA_TRY(const size_t end, record.get_index(root, role + "_end", text.size()));
  const auto range = text.range(begin, end + 1);
  if (!range) {
    return record.fail(root.find(role + "_end"), "is before " + role +
                                                     "_start, or both cover "
                                                     "empty tokens only");
  }
  Entity entity;
  entity.id = "e" + std::to_string(document.entities.size());
  entity.text = text.text().substr(range->begin, range->end - range->begin);
  RELATA_TRY(entity.type, record.find_text(root, role + "_type"));
  entity.mentions.push_back(*range);
  document.entities.push_back(std::move(entity));
  return {};
}

bool is_known(std::string_view key) {
  constexpr std::string_view kKnown[] = {"id",         "relation", "token",
                                         "subj_start", "subj_end", "subj_type",
                                         "obj_start",  "obj_end",  "obj_type"};
  return std::find(std::begin(kKnown), std::end(kKnown), key) != std::end(kKnown);
}

Result<Document> read_document(const JsonRecord& record, const Source& source) {
  const JsonView root = record.root();
  Document document;
  if (const JsonView id = root.find("id")) {
    RELATA_TRY(document.id, record.as_id(id));
  } else {
    document.id = source.stem() + "-" + std::to_string(record.number());
  }
  RELATA_TRY(const JsonView tokens, record.get_list(root, "token"));
  TokenText text(are_tight(tokens));
  RELATA_CHECK(read_tokens(record, tokens, text));
  RELATA_CHECK(read_entity(record, "subj", text, document));
  RELATA_CHECK(read_entity(record, "obj", text, document));
  RELATA_TRY(const std::string_view type, record.find_text(root, "relation"));
  text.hand_over(document);
  if (type.empty()) {
    document.meta["pairs"] = Json::array({Json::array({"e0", "e1"})});
  } else {
    document.relations.push_back({0, 1, std::string(type), {}, {}});
  }
  root.each_member([&](std::string_view key, JsonView value) {
    if (!is_known(key)) document.meta["tacred"][std::string(key)] = value.to_json();
  });
  return document;
}

bool sniff_tacred(const Sample& sample) {
  return sample.has({"token", "subj_start", "subj_end", "obj_start", "obj_end"});
}

Status read_tacred(const Source& source, const ReadOptions& options, Intake& intake) {
  LabelPatch patch;
  if (!options.label_patch.empty()) {
    RELATA_TRY(patch, read_patch(options.label_patch));
  }
  size_t patched = 0;
  RELATA_CHECK(read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
    RELATA_TRY(Document document, read_document(record, source));
    const auto found = patch.labels.find(document.id);
    if (found != patch.labels.end()) {
      ++patched;
      document.relations.assign(1, {0, 1, found->second, {}, {}});
      if (document.meta.is_object()) document.meta.erase("pairs");
      if (document.meta.is_object() && document.meta.empty()) document.meta = nullptr;
    } else if (patch.is_complete) {
      return {};
    }
    return intake.add(std::move(document), record.where());
  }));
  if (patched == 0 && !patch.labels.empty()) {
    return input_error(options.label_patch + ": none of its ids is in " + source.path,
                       "give the patch of the same split (train, dev or test)");
  }
  return {};
}

// Null if a mention is missing or is no range of tokens.
Json write_item(const PairItem& item, const TokenizedText& text) {
  const Document& document = *item.document;
  Json out;
  out["id"] = document.id;
  const bool kept = document.meta.is_object() && document.meta.contains("tacred") &&
                    document.meta["tacred"].is_object();
  const auto put_kept = [&](bool before) {
    if (!kept) return;
    for (const auto& [key, value] : document.meta["tacred"].items()) {
      if ((key == "docid") == before) out[key] = value;
    }
  };
  put_kept(true);
  if (item.relation) out["relation"] = item.relation->type;
  out["token"] = token_list(document, text, 0, text.tokens.size());
  for (const auto& [role, index] : {std::pair("subj", item.head), std::pair("obj", item.tail)}) {
    const Entity& entity = document.entities.at(index);
    if (entity.mentions.empty()) return nullptr;
    const auto tokens = text.find(entity.mentions.front());
    if (!tokens) return nullptr;
    out[std::string(role) + "_start"] = tokens->first;
    out[std::string(role) + "_end"] = tokens->second - 1;
  }
  out["subj_type"] = document.entities.at(item.head).type;
  out["obj_type"] = document.entities.at(item.tail).type;
  put_kept(false);
  return out;
}

Result<std::string> write_tacred(const std::vector<Document>& documents, const WriteOptions&,
                                 Losses& losses) {
  Json list = Json::array();
  const Document* last = nullptr;
  TokenizedText text;
  std::unordered_map<const Document*, size_t> written;
  for (const PairItem& item : pair_items(documents)) {
    if (item.document != last) text = tokenize(*item.document, losses);
    last = item.document;
    size_t& number = written[item.document];
    Json record = write_item(item, text);
    if (record.is_null()) {
      ++losses["relations of entities that are not in the text"];
      continue;
    }
    ++number;
    if (number > 1) record["id"] = item.document->id + "#" + std::to_string(number);
    list.push_back(std::move(record));
  }
  for (const auto& [document, records] : written)
    losses["documents without relations"] += records == 0;
  return dump_records(list);
}

}  // namespace

FormatEntry tacred_format() {
  FormatEntry entry;
  entry.info = {"tacred", "TACRED's JSON: tokens, one subject, one object, one relation a record"};
  entry.holds = kHoldsIds | kHoldsEntityTypes | kHoldsMentions | kHoldsRelations | kHoldsPairs;
  entry.meta = {"tacred", "tokens"};
  entry.sniff = sniff_tacred;
  entry.read = read_tacred;
  entry.write = write_tacred;
  return entry;
}

}  // namespace relata::data
