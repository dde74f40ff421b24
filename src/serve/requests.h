// What a request asks for, and the JSON of answers.
#pragma once

#include <map>
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
// A plain text, with "extractor" and "min_score" among the parameters of the address.
Result<ExtractRequest> request_from_text(const std::string& body,
                                         const std::multimap<std::string, std::string>& parameters);
// Whether a Content-Type is text/plain, however it is written.
bool is_plain_text(const std::string& content_type);

// The service of that name, or the first for "".
Result<const Service*> find_service(const std::vector<Service>& services, const std::string& name);

Json error_json(const Error& error);
// Of an error about a request, or of a service that failed at it (server.cpp's fault_of()).
int http_status(const Error& error);
Json services_json(const std::vector<Service>& services);
std::string answer_json(const ExtractRequest& request, const std::vector<data::Document>& found);

}  // namespace relata::serve
