// One HTTP connection, kept open between requests. Not thread-safe: one per thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "relata/base/result.h"

namespace relata::generate {

// Whether the URL's host is this machine itself (base/host.h).
bool is_loopback(const std::string& url);

struct HttpReply {
  int status = 0;
  std::string body;
  std::optional<double> retry_after;  // seconds, when the server says
};

class HttpConnection {
 public:
  // `bearer` is sent as the Authorization header, unless it is empty. `timeout` in seconds.
  HttpConnection(const std::string& bearer, double timeout);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Whatever the server answers is a reply; errors (resource): no complete one came. Replies of
  // more than 64 MiB are not read.
  Result<HttpReply> get(const std::string& url);
  Result<HttpReply> post_json(const std::string& url, const std::string& body);

 private:
  Result<HttpReply> perform(const std::string& url, const std::string* body);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace relata::generate
