#include "relata/serve/server.h"

#include <httplib.h>

#include <exception>

#include "relata/extract/page.h"
#include "requests.h"
#include "start_page.h"

namespace relata::serve {
namespace {

constexpr const char* kJson = "application/json; charset=utf-8";
constexpr const char* kHtml = "text/html; charset=utf-8";

void answer_error(httplib::Response& response, const Error& error, int status) {
  response.status = status;
  response.set_content(
      error_json(error).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", kJson);
}

Result<ExtractRequest> read_request(const httplib::Request& request) {
  if (request.get_header_value("Content-Type").rfind("text/plain", 0) == 0) {
    return request_from_text(request.body, request.get_param_value("extractor"),
                             request.get_param_value("min_score"));
  }
  return request_from_json(request.body);
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

class HttpServer final : public Server {
 public:
  HttpServer(std::vector<Service> services, const ServerOptions& options)
      : services_(std::move(services)) {
    server_.new_task_queue = [threads = options.threads] {
      return new httplib::ThreadPool(static_cast<size_t>(threads));
    };
    server_.set_payload_max_length(options.most_bytes);
    add_routes();
  }

  Status bind(const ServerOptions& options) {
    port_ = options.port == 0 ? server_.bind_to_any_port(options.host)
            : server_.bind_to_port(options.host, options.port) ? options.port
                                                               : -1;
    if (port_ > 0) return {};
    return resource_error(
        options.host + ":" + std::to_string(options.port) + ": cannot be listened on",
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

  Result<Found> extract(const httplib::Request& request) const {
    RELATA_TRY(ExtractRequest asked, read_request(request));
    RELATA_TRY(const Service* service, find_service(services_, asked.extractor));
    RELATA_CHECK(check_documents(*service, asked.documents));
    RELATA_TRY(auto documents, service->extract(asked.documents, asked.min_score));
    return Found{service, std::move(asked), std::move(documents)};
  }

  // `write` makes the answer of what was found.
  template <class Write>
  void answer(const httplib::Request& request, httplib::Response& response, const char* type,
              const Write& write) const {
    const auto found = extract(request);
    if (found.ok()) {
      response.set_content(write(*found), type);
    } else {
      answer_error(response, found.error(), http_status(found.error()));
    }
  }

  void add_routes() {
    server_.Get("/", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(start_page(services_), kHtml);
    });
    server_.Get("/health", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("{\"status\": \"ok\"}\n", kJson);
    });
    server_.Get("/v1/extractors", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(services_json(services_).dump() + "\n", kJson);
    });
    server_.Post(
        "/v1/extract", [this](const httplib::Request& request, httplib::Response& response) {
          answer(request, response, kJson,
                 [](const Found& found) { return answer_json(found.request, found.documents); });
        });
    server_.Post("/v1/page", [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response, kHtml, [](const Found& found) {
        return extract::extraction_page(found.documents, found.service->schema, {});
      });
    });
    server_.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
      if (!response.body.empty()) return;
      const Error error = response.status == 413
                              ? input_error("the request is too large", "send fewer documents")
                              : usage_error("there is no " + request.method + " " + request.path,
                                            "POST /v1/extract, or open / in a browser");
      answer_error(response, error, response.status);
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
  httplib::Server server_;
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
