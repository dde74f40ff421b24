#include "http.h"

#include <curl/curl.h>

#include <new>

#include "relata/base/host.h"

namespace relata::generate {
namespace {

constexpr size_t kLargestReply = size_t{64} << 20;
constexpr long kConnectMilliseconds = 10'000;

extern "C" size_t relata_collect(char* data, size_t size, size_t count, void* target) {
  auto& body = *static_cast<std::string*>(target);
  const size_t bytes = size * count;
  if (body.size() + bytes > kLargestReply) return 0;  // curl reports a write error
  body.append(data, bytes);
  return bytes;
}

}  // namespace

bool is_loopback(const std::string& url) {
  CURLU* parsed = curl_url();
  if (parsed == nullptr) throw std::bad_alloc();
  char* found = nullptr;
  const bool good = curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
                    curl_url_get(parsed, CURLUPART_HOST, &found, 0) == CURLUE_OK;
  const std::string host = good ? found : "";
  curl_free(found);
  curl_url_cleanup(parsed);
  return is_loopback_host(host);
}

struct HttpConnection::State {
  CURL* handle = nullptr;
  curl_slist* headers = nullptr;
  char reason[CURL_ERROR_SIZE] = "";
};

HttpConnection::HttpConnection(const std::string& bearer, double timeout)
    : state_(std::make_unique<State>()) {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kStarted == CURLE_OK) state_->handle = curl_easy_init();
  if (state_->handle == nullptr) throw std::bad_alloc();
  CURL* handle = state_->handle;
  state_->headers = curl_slist_append(nullptr, "Content-Type: application/json");
  if (!bearer.empty()) {
    state_->headers =
        curl_slist_append(state_->headers, ("Authorization: Bearer " + bearer).c_str());
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, state_->headers);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, state_->reason);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "relata");
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectMilliseconds);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS,
                   std::max(1L, static_cast<long>(std::min(timeout, 1e6) * 1000)));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, relata_collect);
}

HttpConnection::~HttpConnection() {
  curl_slist_free_all(state_->headers);
  curl_easy_cleanup(state_->handle);
}

Result<HttpReply> HttpConnection::get(const std::string& url) { return perform(url, nullptr); }

Result<HttpReply> HttpConnection::post_json(const std::string& url, const std::string& body) {
  return perform(url, &body);
}

Result<HttpReply> HttpConnection::perform(const std::string& url, const std::string* body) {
  CURL* handle = state_->handle;
  HttpReply reply;
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  // A proxy that the environment names is no way to this machine itself.
  curl_easy_setopt(handle, CURLOPT_PROXY, is_loopback(url) ? "" : nullptr);
  if (body == nullptr) {
    curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body->c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
  }
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reply.body);
  state_->reason[0] = '\0';
  const CURLcode code = curl_easy_perform(handle);
  if (code != CURLE_OK) {
    const std::string reason =
        state_->reason[0] != '\0' ? state_->reason : curl_easy_strerror(code);
    if (code == CURLE_WRITE_ERROR) return resource_error(url + ": the answer is too large");
    return resource_error(url + ": " + reason);
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  curl_off_t seconds = 0;
  if (curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
    reply.retry_after = static_cast<double>(seconds);
  }
  return reply;
}

}  // namespace relata::generate
