// Extractors over HTTP: documents in, facts out, and a page on which people try them.
//
//   GET  /                 the page
//   GET  /health           {"status": "ok"}
//   GET  /v1/extractors    what there is, with the names of what it finds
//   POST /v1/extract       {"text": "..."} -> the result record; {"documents": [record, ...]} ->
//                          {"documents": [...]}; "extractor" and "min_score" beside either. Or
//                          plain text, with those two as parameters of the address
//   POST /v1/page          the same, answered with a page for people
//   GET  /metrics          counters in Prometheus' text format
//
// An error is {"error": {"message": "...", "hint": "..."}} with a status of 400 and more.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/data/schema.h"

namespace relata::serve {

// An extractor under a name. `extract` may be called from several threads at once; `min_score`
// below 0 is the extractor's own.
struct Service {
  std::string name;
  std::string pipeline;
  data::Schema schema;
  bool needs_entities = false;  // texts alone have nothing that could be asked about
  std::function<Result<std::vector<data::Document>>(const std::vector<data::Document>& documents,
                                                    double min_score)>
      extract;
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;                       // 0: any that is free
  int threads = 8;                       // requests under way at once; more wait
  size_t most_bytes = size_t{16} << 20;  // of a request
  // What requests must bring as "Authorization: Bearer KEY", but those for the page and /health;
  // "": anybody may ask.
  std::string api_key;
};

class Server {
 public:
  // Takes the port. The first service answers requests that name none. Errors (kResource): a port
  // that is in use or not allowed, a host that is not this machine's.
  static Result<std::unique_ptr<Server>> open(std::vector<Service> services,
                                              const ServerOptions& options);
  virtual ~Server() = default;
  virtual int port() const = 0;
  // Answers as long as the process lives.
  virtual void run() = 0;
};

}  // namespace relata::serve
