#include "relata/extract/demonstrations.h"

#include "relata/base/fields.h"

namespace relata::extract {

const std::vector<std::string>& retriever_names() {
  static const std::vector<std::string> names = {"bm25", "dense", "fused", "random"};
  return names;
}

const std::vector<std::string>& query_form_names() {
  static const std::vector<std::string> names = {"sentence", "masked", "pair"};
  return names;
}

Result<DemonstrationSettings> demonstration_settings(const Json& section,
                                                     const std::string& where) {
  DemonstrationSettings out;
  if (section.is_null()) return out;
  const std::string place = where + ": demonstrations";
  if (!section.is_object()) {
    return usage_error(place + ": not a mapping of keys to values",
                       "demonstrations: {examples: 4, retriever: bm25}");
  }
  constexpr double kMost = 1e6;
  Fields fields(section, place);
  fields.get("pool", out.pool);
  fields.get("pool_sha256", out.pool_sha256);
  fields.get_choice("retriever", out.retriever, retriever_names());
  fields.get("encoder", out.encoder);
  fields.get("encoder_sha256", out.encoder_sha256);
  fields.get_choice("query", out.query, query_form_names());
  fields.get("examples", out.examples, NumberRange::between(0, kMost));
  fields.get("max_tokens", out.max_tokens, NumberRange::between(0, kMost));
  fields.get("near_duplicate", out.near_duplicate, NumberRange::above(0, 1));
  fields.get("diversity", out.diversity, NumberRange::below(0, 1));
  fields.get("seed", out.seed, NumberRange::between(0, 0x1p53));
  fields.get("vote", out.vote, NumberRange::between(0, 1));
  fields.get("voters", out.voters, NumberRange::between(1, kMost));
  RELATA_CHECK(fields.finish());
  const bool embeds = out.retriever == "dense" || out.retriever == "fused";
  if (embeds && out.encoder.empty()) {
    return usage_error(place + ": retriever " + out.retriever + " needs an encoder",
                       "encoder: the folder of a sentence encoder, such as models/minilm");
  }
  return out;
}

Json to_json(const DemonstrationSettings& settings) {
  Json json = Json::object();
  json["pool"] = settings.pool;
  if (!settings.pool_sha256.empty()) json["pool_sha256"] = settings.pool_sha256;
  json["retriever"] = settings.retriever;
  if (!settings.encoder.empty()) json["encoder"] = settings.encoder;
  if (!settings.encoder_sha256.empty()) json["encoder_sha256"] = settings.encoder_sha256;
  json["query"] = settings.query;
  json["examples"] = settings.examples;
  json["max_tokens"] = settings.max_tokens;
  json["near_duplicate"] = settings.near_duplicate;
  json["diversity"] = settings.diversity;
  json["seed"] = settings.seed;
  json["vote"] = settings.vote;
  json["voters"] = settings.voters;
  return json;
}

std::vector<Demonstration> fitting_demonstrations(std::vector<Demonstration> best,
                                                  const std::vector<size_t>& cost, size_t room,
                                                  DemonstrationCounts& counts) {
  std::vector<Demonstration> out;
  size_t used = 0;
  for (size_t i = 0; i < best.size(); ++i) {
    if (cost[i] > room) {
      ++counts.too_long;
    } else if (used + cost[i] > room) {
      ++counts.no_room;
    } else {
      used += cost[i];
      out.push_back(std::move(best[i]));
    }
  }
  return out;
}

DemonstrationCounts& DemonstrationCounts::operator+=(const DemonstrationCounts& other) {
  shown += other.shown;
  duplicates += other.duplicates;
  too_long += other.too_long;
  no_room += other.no_room;
  return *this;
}

}  // namespace relata::extract
