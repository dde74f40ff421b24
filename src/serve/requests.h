// What a request asks for, and the JSON of answers.
#pragma once

#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/serve/server.h"

namespace relata::serve {

struct ExtractRequest {
  std::vector<data::Document> documents;
  bool single = false;    // answered with one record instead of a list
  std::string extractor;  // "": the first
  double min_score = -1;  // below 0: the extractor's own
};

// A JSON body. Errors name the member.
Result<ExtractRequest> request_from_json(const std::string& body);
// A plain text, and `min_score` as the address has it ("" for none).
Result<ExtractRequest> request_from_text(const std::string& body, const std::string& extractor,
                                         const std::string& min_score);

// The service of that name, or the first for "".
Result<const Service*> find_service(const std::vector<Service>& services, const std::string& name);

Json error_json(const Error& error);
int http_status(const Error& error);
Json services_json(const std::vector<Service>& services);
std::string answer_json(const ExtractRequest& request, const std::vector<data::Document>& found);

}  // namespace relata::serve
