#include "requests.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "relata/base/fields.h"
#include "relata/base/trim.h"

namespace relata::serve {
namespace {

constexpr const char* kBody = "the request";
constexpr const char* kForms =
    "send {\"text\": \"...\"}, or {\"documents\": [{\"id\": ..., \"text\": ...}]}, or a text with "
    "Content-Type: text/plain";

Result<data::Document> document_of_text(std::string text, const std::string& id) {
  if (text.empty()) return input_error(std::string(kBody) + ": the text is empty", kForms);
  auto document = data::document_from_json(
      {{"id", id.empty() ? "text" : id}, {"text", std::move(text)}}, kBody);
  if (document.ok()) return document;
  return input_error(document.error().message, "send the text in UTF-8");
}

Result<Json> parse_request(const std::string& body) {
  auto json = parse_json(body, kBody);
  if (json.ok()) return json;
  Error error = json.error();
  if (error.hint.empty()) error.hint = kForms;
  return error;
}

// Where a setting may be a number, a text and a name may not: 1 is no text, in no record.
Status check_strings(const Json& request) {
  for (const char* key : {"text", "id", "extractor"}) {
    const auto found = request.find(key);
    if (found == request.end() || found->is_null() || found->is_string()) continue;
    return input_error(std::string(kBody) + ": \"" + key + "\" is no string", kForms);
  }
  return {};
}

Result<double> score_of(const std::string& text) {
  double score = -1;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, score);
  if (code == std::errc() && stop == end && score >= 0 && score <= 1) return score;
  return input_error(std::string(kBody) + ": min_score is a probability, from 0 to 1");
}

}  // namespace

Result<ExtractRequest> request_from_json(const std::string& body) {
  if (trimmed(body).empty()) return input_error(std::string(kBody) + " is empty", kForms);
  RELATA_TRY(const Json json, parse_request(body));
  if (!json.is_object()) return input_error(std::string(kBody) + " is no JSON object", kForms);
  RELATA_CHECK(check_strings(json));
  ExtractRequest out;
  std::string text, id;
  Json documents;
  Fields fields(json, kBody);
  fields.get("text", text);
  fields.get("id", id);
  fields.get("documents", documents);
  fields.get("extractor", out.extractor);
  fields.get("min_score", out.min_score, NumberRange::between(0, 1));
  if (const Status read = fields.finish(); !read.ok()) {
    return input_error(read.error().message, read.error().hint);
  }
  out.single = fields.has("text");
  if (out.single == fields.has("documents")) {
    return input_error(std::string(kBody) + (out.single ? ": both \"text\" and \"documents\""
                                                        : ": neither \"text\" nor \"documents\""),
                       kForms);
  }
  if (out.single) {
    RELATA_TRY(data::Document document, document_of_text(std::move(text), id));
    out.documents.push_back(std::move(document));
    return out;
  }
  if (!documents.is_array() || documents.empty()) {
    return input_error(std::string(kBody) + ": \"documents\" is no list of records", kForms);
  }
  for (size_t i = 0; i < documents.size(); ++i) {
    RELATA_TRY(data::Document document,
               data::document_from_json(documents[i], "documents[" + std::to_string(i) + "]"));
    out.documents.push_back(std::move(document));
  }
  return out;
}

Result<ExtractRequest> request_from_text(
    const std::string& body, const std::multimap<std::string, std::string>& parameters) {
  ExtractRequest out;
  out.single = true;
  for (const auto& [name, value] : parameters) {
    if (parameters.count(name) > 1) {
      return input_error(std::string(kBody) + ": the parameter \"" + name + "\" is given twice",
                         "give it once");
    }
    if (name == "extractor") {
      out.extractor = value;
    } else if (name == "min_score") {
      RELATA_TRY(out.min_score, score_of(value));
    } else {
      return input_error(std::string(kBody) + ": there is no parameter \"" + name + "\"",
                         "there are: extractor, min_score");
    }
  }
  RELATA_TRY(data::Document document, document_of_text(body, ""));
  out.documents.push_back(std::move(document));
  return out;
}

bool is_plain_text(const std::string& content_type) {
  std::string type(trimmed(content_type.substr(0, content_type.find(';'))));
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type == "text/plain";
}

Result<const Service*> find_service(const std::vector<Service>& services, const std::string& name) {
  if (name.empty()) return &services.front();
  std::string names;
  for (const Service& service : services) {
    if (service.name == name) return &service;
    names += (names.empty() ? "" : ", ") + service.name;
  }
  return usage_error("there is no extractor \"" + name + "\"", "there are: " + names);
}

Json error_json(const Error& error) {
  Json inner = {{"message", error.message}};
  if (!error.hint.empty()) inner["hint"] = error.hint;
  return {{"error", std::move(inner)}};
}

int http_status(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUsage:
      return 404;  // what a request names is not there; nothing else of it is a usage error
    case ErrorCode::kBadInput:
      return 400;
    case ErrorCode::kResource:
      return 503;
    case ErrorCode::kInternal:
      break;
  }
  return 500;
}

Json services_json(const std::vector<Service>& services) {
  Json list = Json::array();
  for (const Service& service : services) {
    Json entities = Json::array(), relations = Json::array();
    for (const auto& type : service.schema.entity_types) {
      entities.push_back(type.name.empty() ? type.id : type.name);
    }
    for (const auto& type : service.schema.relation_types) {
      if (!type.negative) relations.push_back(type.name.empty() ? type.id : type.name);
    }
    list.push_back({{"name", service.name},
                    {"pipeline", service.pipeline},
                    {"needs_entities", service.needs_entities},
                    {"entity_types", std::move(entities)},
                    {"relation_types", std::move(relations)}});
  }
  return {{"extractors", std::move(list)}};
}

std::string answer_json(const ExtractRequest& request, const std::vector<data::Document>& found) {
  if (request.single) return data::to_json_line(found.front()) + "\n";
  std::string out = "{\"documents\": [";
  for (size_t i = 0; i < found.size(); ++i) {
    out += (i == 0 ? "" : ",\n") + data::to_json_line(found[i]);
  }
  return out + "]}\n";
}

}  // namespace relata::serve
