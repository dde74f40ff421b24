#include "relata/serve/server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <chrono>
#include <exception>
#include <functional>
#include <future>

#include "metrics.h"
#include "relata/base/hash.h"
#include "relata/base/host.h"
#include "relata/base/log.h"
#include "relata/extract/page.h"
#include "requests.h"
#include "start_page.h"

namespace relata::serve {
namespace {

constexpr const char* kJson = "application/json; charset=utf-8";
constexpr const char* kMetrics = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kHtml = "text/html; charset=utf-8";

// Connections have threads of their own, so that those on which nothing is asked hold up nobody.
constexpr size_t kConnections = 128;
constexpr time_t kIdleSeconds = 2;     // between requests of a connection
constexpr time_t kUnreadSeconds = 10;  // without another byte of a request that has begun

constexpr int kUnauthorized = 401;
constexpr int kTooLarge = 413;
constexpr int kUnsupported = 415;

void answer_error(httplib::Response& response, const Error& error, int status) {
  response.status = status;
  response.set_content(
      error_json(error).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", kJson);
}

Result<ExtractRequest> read_request(const httplib::Request& request, const std::string& body) {
  if (is_plain_text(request.get_header_value("Content-Type"))) {
    return request_from_text(body, request.params);
  }
  if (!request.params.empty()) {
    return input_error("the request: parameters of the address go with plain text only",
                       "write \"" + request.params.begin()->first + "\" into the JSON object");
  }
  return request_from_json(body);
}

// Why a body cannot be read as it is, "" where it can.
std::string unsupported(const httplib::Request& request) {
  const std::string encoding = request.get_header_value("Content-Encoding");
  if (!encoding.empty() && encoding != "identity") return "Content-Encoding: " + encoding;
  return request.is_multipart_form_data() ? "multipart/form-data" : "";
}

// Reads all of what was sent: the next request of the connection begins behind it. False where that
// fails; the library has then given the response its status.
bool read_all(const httplib::Request& request, const httplib::ContentReader& reader,
              const httplib::ContentReceiver& take) {
  // Without either there is no body, for which the library would wait.
  if (!request.has_header("Content-Length") && !request.has_header("Transfer-Encoding")) {
    return true;
  }
  if (!request.is_multipart_form_data()) return reader(take);
  return reader([](const httplib::MultipartFormData&) { return true; }, take);
}

bool drop(const char*, size_t) { return true; }

// Answers with the status alone, whatever the request holds.
void refuse(const httplib::Request& request, httplib::Response& response,
            const httplib::ContentReader& reader, int status) {
  read_all(request, reader, drop);
  response.status = status;
}

// False where the body was not taken; the response then has the status that says why.
bool read_body(const httplib::Request& request, httplib::Response& response,
               const httplib::ContentReader& reader, size_t most, std::string& body) {
  if (!unsupported(request).empty()) {
    refuse(request, response, reader, kUnsupported);
    return false;
  }
  bool fits = true;  // the library looks at the size only where it is told before
  const bool read = read_all(request, reader, [&](const char* bytes, size_t count) {
    fits = fits && count <= most - body.size();
    if (fits) body.append(bytes, count);
    return true;
  });
  if (!fits) response.status = kTooLarge;
  return read && fits;
}

// By their hashes, whose comparison tells nothing of where the two differ.
bool same_secret(std::string_view given, const std::string& key) {
  return sha256_hex(given) == sha256_hex(key);
}

Error error_of(const httplib::Request& request, int status) {
  switch (status) {
    case kUnauthorized:
      return usage_error("this server wants a key", "send it as Authorization: Bearer KEY");
    case 404:
      return usage_error("there is no " + request.method + " " + request.path,
                         "POST /v1/extract, or open / in a browser");
    case kTooLarge:
      return input_error("the request is too large", "send fewer documents");
    case kUnsupported:
      return input_error("the request: " + unsupported(request) + " is not read here",
                         "send JSON or plain text as it is");
    default:
      return input_error("the request is not complete, or no HTTP request");
  }
}

// SO_REUSEPORT, the library's choice, would give one port to several servers, which then take
// requests from each other.
void set_options(int socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

Status check_documents(const Service& service, const std::vector<data::Document>& documents) {
  if (!service.needs_entities) return {};
  for (const data::Document& document : documents) {
    if (document.entities.size() >= 2) continue;
    return input_error("document \"" + document.id + "\": " + service.name +
                           " asks about pairs of entities, and there is none",
                       "send records with \"entities\" and their \"mentions\"");
  }
  return {};
}

// What a service fails at is no fault of the request's, whatever it is to who started the server:
// that one reads what to do about it.
Error fault_of(const Service& service, const Error& error) {
  log_warning("a request to " + service.name + " failed: " + error.message +
              (error.hint.empty() ? "" : " (" + error.hint + ")"));
  Error out = error;
  if (out.code == ErrorCode::kUsage) out.code = ErrorCode::kInternal;
  out.hint = "who runs this server finds on its standard error what to do";
  return out;
}

class HttpServer final : public Server {
 public:
  HttpServer(std::vector<Service> services, const ServerOptions& options)
      : services_(std::move(services)),
        most_bytes_(options.most_bytes),
        api_key_(options.api_key),
        computing_(static_cast<size_t>(options.threads)) {
    server_.new_task_queue = [threads = options.threads] {
      return new httplib::ThreadPool(kConnections + static_cast<size_t>(threads));
    };
    server_.set_payload_max_length(options.most_bytes);
    server_.set_keep_alive_timeout(kIdleSeconds);
    server_.set_read_timeout(kUnreadSeconds);
    server_.set_socket_options([this](int socket) {
      set_options(socket);
      socket_ = socket;
    });
    add_routes();
    add_errors();
  }
  ~HttpServer() override { computing_.shutdown(); }

  Status bind(const ServerOptions& options) {
    port_ = options.port == 0 ? server_.bind_to_any_port(options.host)
            : server_.bind_to_port(options.host, options.port) ? options.port
                                                               : -1;
    if (port_ > 0) {
      ::listen(socket_, SOMAXCONN);  // more may wait than the library's five
      return {};
    }
    return resource_error(
        url_host(options.host) + ":" + std::to_string(options.port) + ": cannot be listened on",
        "another program may use the port, or the address is not this machine's; name others "
        "with --port and --host (port 0: any that is free)");
  }

  int port() const override { return port_; }
  void run() override { server_.listen_after_bind(); }

 private:
  struct Found {
    const Service* service;
    ExtractRequest request;
    std::vector<data::Document> documents;
  };

  Result<Found> extract(const httplib::Request& request, const std::string& body) const {
    RELATA_TRY(ExtractRequest asked, read_request(request, body));
    RELATA_TRY(const Service* service, find_service(services_, asked.extractor));
    RELATA_CHECK(check_documents(*service, asked.documents));
    auto documents = service->extract(asked.documents, asked.min_score);
    if (!documents.ok()) return fault_of(*service, documents.error());
    return Found{service, std::move(asked), std::move(documents).value()};
  }

  void count(const std::vector<data::Document>& documents,
             std::chrono::steady_clock::time_point begin) {
    size_t facts = 0;
    for (const data::Document& document : documents) facts += document.relations.size();
    metrics_.add_extraction(documents.size(), facts, std::chrono::steady_clock::now() - begin);
  }

  // On one of the threads that compute, as soon as one is free.
  Result<std::string> compute(const std::function<Result<std::string>()>& work) {
    const auto task = std::make_shared<std::packaged_task<Result<std::string>()>>(work);
    auto done = task->get_future();
    computing_.enqueue([task] { (*task)(); });
    return done.get();
  }

  // False where the request lacks the key; the response then says so.
  bool may_ask(const httplib::Request& request, httplib::Response& response) const {
    if (api_key_.empty()) return true;
    const std::string scheme = "Bearer ";
    const std::string given = request.get_header_value("Authorization");
    if (given.starts_with(scheme) && same_secret(given.substr(scheme.size()), api_key_)) {
      return true;
    }
    response.set_header("WWW-Authenticate", "Bearer");
    response.status = kUnauthorized;
    return false;
  }

  using Write = std::string (*)(const Found&);

  // `write` makes the answer of what was found.
  void add_extraction(const std::string& path, const char* type, Write write) {
    server_.Post(path,
                 [this, type, write](const httplib::Request& request, httplib::Response& response,
                                     const httplib::ContentReader& reader) {
                   if (!may_ask(request, response)) {
                     return refuse(request, response, reader, kUnauthorized);
                   }
                   std::string body;
                   if (!read_body(request, response, reader, most_bytes_, body)) return;
                   const auto begin = std::chrono::steady_clock::now();
                   const auto text = compute([&]() -> Result<std::string> {
                     RELATA_TRY(const Found found, extract(request, body));
                     count(found.documents, begin);
                     return write(found);
                   });
                   if (text.ok()) {
                     response.set_content(*text, type);
                   } else {
                     answer_error(response, text.error(), http_status(text.error()));
                   }
                 });
  }

  void add_routes() {
    server_.Get("/", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(start_page(services_, !api_key_.empty()), kHtml);
    });
    server_.Get("/health", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("{\"status\": \"ok\"}\n", kJson);
    });
    server_.Get("/v1/extractors",
                [this](const httplib::Request& request, httplib::Response& response) {
                  if (!may_ask(request, response)) return;
                  response.set_content(services_json(services_).dump() + "\n", kJson);
                });
    server_.Get("/metrics", [this](const httplib::Request& request, httplib::Response& response) {
      if (!may_ask(request, response)) return;
      response.set_content(metrics_.text(), kMetrics);
    });
    add_extraction("/v1/extract", kJson,
                   [](const Found& found) { return answer_json(found.request, found.documents); });
    add_extraction("/v1/page", kHtml, [](const Found& found) {
      return extract::extraction_page(found.documents, found.service->schema, {});
    });
    // Elsewhere the library would keep what is sent in memory, whatever its size.
    const auto nowhere = [](const httplib::Request& request, httplib::Response& response,
                            const httplib::ContentReader& reader) {
      if (read_all(request, reader, drop)) response.status = 404;
    };
    server_.Post(".*", nowhere).Put(".*", nowhere).Patch(".*", nowhere).Delete(".*", nowhere);
  }

  void add_errors() {
    server_.set_logger([this](const httplib::Request&, const httplib::Response& response) {
      metrics_.add_answer(response.status);
    });
    server_.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
      if (response.body.empty()) {
        answer_error(response, error_of(request, response.status), response.status);
      }
    });
    server_.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr thrown) {
          std::string what = "an error without a name";
          try {
            std::rethrow_exception(thrown);
          } catch (const std::exception& problem) {
            what = problem.what();
          } catch (...) {
          }
          answer_error(response, internal_error(what), 500);
        });
  }

  std::vector<Service> services_;
  size_t most_bytes_;
  std::string api_key_;
  Metrics metrics_;
  httplib::ThreadPool computing_;  // requests under way at once
  httplib::Server server_;
  int socket_ = -1;
  int port_ = -1;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(std::vector<Service> services,
                                             const ServerOptions& options) {
  auto server = std::make_unique<HttpServer>(std::move(services), options);
  RELATA_CHECK(server->bind(options));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace relata::serve
