#include "hub/hub.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <thread>

#include "environment.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/json.h"
#include "relata/base/member_reader.h"

namespace relata::app {
namespace {

constexpr size_t kLargestListing = size_t{64} << 20;
constexpr long kConnectMilliseconds = 15'000;
constexpr long kSilentSeconds = 60;  // a transfer that brings nothing for so long is given up
constexpr int kTries = 5;
constexpr int64_t kLargestFile = int64_t{1} << 42;

// What a transfer writes into: a string, or a file of which the first `there` bytes lie there.
struct Sink {
  std::string* text = nullptr;
  std::FILE* file = nullptr;
  CURL* handle = nullptr;
  int64_t there = 0;
  bool begun = false;
  int write_errno = 0;
  std::string refusal;  // the body of an answer that is no file
  const std::function<void(int64_t)>* bytes_there = nullptr;
};

bool empty_file(Sink& sink) {
  sink.there = 0;
  if (std::fflush(sink.file) == 0 && ::ftruncate(::fileno(sink.file), 0) == 0) return true;
  sink.write_errno = errno;
  return false;
}

bool begin_file(Sink& sink, long status) {
  sink.begun = true;
  if (status == 206 || sink.there == 0) return true;
  return empty_file(sink);
}

extern "C" size_t relata_take_bytes(char* data, size_t size, size_t count, void* target) {
  auto& sink = *static_cast<Sink*>(target);
  const size_t bytes = size * count;
  long status = 0;
  curl_easy_getinfo(sink.handle, CURLINFO_RESPONSE_CODE, &status);
  std::string* text = status == 200 || status == 206 ? sink.text : &sink.refusal;
  if (text != nullptr) {
    if (text->size() + bytes > kLargestListing) return 0;
    text->append(data, bytes);
    return bytes;
  }
  if (!sink.begun && !begin_file(sink, status)) return 0;
  if (std::fwrite(data, 1, bytes, sink.file) != bytes) {
    sink.write_errno = errno;
    return 0;
  }
  sink.there += static_cast<int64_t>(bytes);
  if (sink.bytes_there != nullptr) (*sink.bytes_there)(sink.there);
  return bytes;
}

std::string escaped(CURL* handle, const std::string& text, bool keep_slashes) {
  std::string out;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = keep_slashes ? std::min(text.find('/', begin), text.size()) : text.size();
    char* piece = curl_easy_escape(handle, text.data() + begin, static_cast<int>(end - begin));
    if (piece == nullptr) throw std::bad_alloc();
    if (begin > 0) out += '/';
    if (end > begin) out += piece;  // of an empty text curl takes the length by itself
    curl_free(piece);
    begin = end + 1;
  }
  return out;
}

// The places of a repository's files name nothing outside of it.
bool is_inner_path(const std::string& path) {
  const std::filesystem::path parsed = path;
  if (path.empty() || parsed.is_absolute() || path.find('\0') != std::string::npos) return false;
  return std::none_of(parsed.begin(), parsed.end(),
                      [](const auto& part) { return part == ".." || part == "." || part.empty(); });
}

bool is_hex(const std::string& text, size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<HubFile> read_file_entry(const Json& value, const std::string& where) {
  MemberReader members(value, where);
  HubFile file;
  file.path = members.string("rfilename", "");
  file.size = members.integer("size", -1, -1, kLargestFile);
  file.blob_id = members.string("blobId", "");
  if (members.has("lfs")) {
    MemberReader lfs(members.object("lfs"), where + ": lfs");
    file.sha256 = lfs.string("sha256", "");
    file.size = lfs.integer("size", file.size, -1, kLargestFile);
    members.keep(lfs.error());
  }
  if (members.error()) return *members.error();
  if (!is_inner_path(file.path)) {
    return input_error(
        fmt::format("{}: a file's name leads out of the repository: '{}'", where, file.path),
        "do not use this hub");
  }
  if (!is_hex(file.sha256, 64)) file.sha256.clear();
  if (!is_hex(file.blob_id, 40)) file.blob_id.clear();
  return file;
}

Result<HubListing> read_listing(const std::string& text, const std::string& url) {
  const Result<Json> json = parse_json(text, url);
  if (!json.ok()) {
    return input_error(url + ": the answer is not a hub's: " + json.error().message,
                       "HF_ENDPOINT must name a Hugging Face hub");
  }
  MemberReader members(*json, url);
  HubListing listing;
  listing.commit = members.string("sha", "");
  for (const Json& value : members.array("siblings")) {
    if (members.error()) break;
    RELATA_TRY(HubFile file, read_file_entry(value, url));
    listing.files.push_back(std::move(file));
  }
  if (members.error()) return *members.error();
  if (!is_hex(listing.commit, 40)) {
    return input_error(url + ": the answer names no commit",
                       "HF_ENDPOINT must name a Hugging Face hub");
  }
  return listing;
}

// A proxy that the environment names is no way to this machine itself.
std::string hosts_without_proxy() {
  const std::string here = "localhost,127.0.0.1,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const std::string value = environment(name);
    if (!value.empty()) return value == "*" ? value : here + "," + value;  // curl knows * alone
  }
  return here;
}

bool may_pass(CURLcode code, long status) {
  switch (code) {
    case CURLE_OK:
      return status == 429 || status >= 500;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Hub::State {
  CURL* handle = nullptr;
  char reason[CURL_ERROR_SIZE] = "";

  struct Answer {
    CURLcode code = CURLE_OK;
    long status = 0;
  };

  Answer ask_once(const std::string& url, Sink& sink) {
    sink.handle = handle;
    sink.begun = false;
    sink.refusal.clear();
    reason[0] = '\0';
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &sink);
    const std::string range = fmt::format("{}-", sink.there);
    curl_easy_setopt(handle, CURLOPT_RANGE, sink.there > 0 ? range.c_str() : nullptr);
    Answer answer;
    answer.code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
    return answer;
  }

  // Tries again while there is hope: each try goes on where the one before ended.
  Answer ask(const std::string& url, Sink& sink) {
    for (int tried = 1;; ++tried) {
      const int64_t before = sink.there;
      const Answer answer = ask_once(url, sink);
      if (sink.there > before) tried = 1;
      if (!may_pass(answer.code, answer.status) || tried == kTries) return answer;
      if (sink.text != nullptr) sink.text->clear();
      std::this_thread::sleep_for(std::chrono::milliseconds(250 << tried));
    }
  }

  Error explain(const std::string& url, const HubName& name, const Answer& answer) const {
    const std::string why = reason[0] != '\0' ? reason : curl_easy_strerror(answer.code);
    if (answer.code != CURLE_OK) {
      return resource_error(url + ": " + why,
                            "what is there is kept: the same command goes on; HF_ENDPOINT names "
                            "another hub");
    }
    if (answer.status == 404) {
      return usage_error(
          fmt::format("{}: the hub has no such thing (404)", url),
          fmt::format("check the name {} and its revision {}", name.repo, name.revision));
    }
    if (answer.status == 401 || answer.status == 403) {
      return usage_error(
          fmt::format("{}: the hub does not let you read it ({})", url, answer.status),
          fmt::format(
              "there is no {}, or it is private, or its terms must be accepted on its page; "
              "then set HF_TOKEN to a token of yours",
              name.repo));
    }
    return resource_error(fmt::format("{}: the hub answers {}", url, answer.status),
                          "try again later");
  }
};

Hub::Hub(std::string endpoint, const std::string& token)
    : endpoint_(std::move(endpoint)), state_(std::make_unique<State>()) {
  while (endpoint_.ends_with('/')) endpoint_.pop_back();
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kStarted == CURLE_OK) state_->handle = curl_easy_init();
  if (state_->handle == nullptr) throw std::bad_alloc();
  CURL* handle = state_->handle;
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, state_->reason);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "relata");
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectMilliseconds);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  curl_easy_setopt(handle, CURLOPT_NOPROXY, hosts_without_proxy().c_str());
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, relata_take_bytes);
  if (!token.empty()) {
    // Unlike a header of our own it is not sent on to the host of a redirect.
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(handle, CURLOPT_XOAUTH2_BEARER, token.c_str());
  }
}

Hub::~Hub() { curl_easy_cleanup(state_->handle); }

Result<HubListing> Hub::list(const HubName& name) {
  const std::string url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", endpoint_,
                                      name.repo, escaped(state_->handle, name.revision, false));
  std::string text;
  Sink sink;
  sink.text = &text;
  const State::Answer answer = state_->ask(url, sink);
  if (answer.code != CURLE_OK || answer.status != 200) return state_->explain(url, name, answer);
  return read_listing(text, url);
}

Status Hub::fetch(const HubName& name, const std::string& commit, const HubFile& file,
                  const std::string& path, const std::function<void(int64_t)>& bytes_there) {
  const std::string url = fmt::format("{}/{}/resolve/{}/{}", endpoint_, name.repo, commit,
                                      escaped(state_->handle, file.path, true));
  std::FILE* out = std::fopen(path.c_str(), "ab");
  if (out == nullptr) return resource_error(fmt::format("{}: {}", path, std::strerror(errno)));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> closer(out, std::fclose);
  std::error_code ignored;
  Sink sink;
  sink.file = out;
  sink.there = static_cast<int64_t>(std::filesystem::file_size(path, ignored));
  sink.bytes_there = &bytes_there;
  if (file.size >= 0 && sink.there == file.size) return {};
  State::Answer answer;
  if (file.size < 0 || sink.there < file.size || empty_file(sink)) {
    answer = state_->ask(url, sink);
    constexpr long kNoSuchRange = 416;
    if (answer.status == kNoSuchRange && empty_file(sink)) answer = state_->ask(url, sink);
  }
  if (sink.write_errno == 0 && std::fflush(out) != 0) sink.write_errno = errno;
  if (sink.write_errno != 0) {
    return resource_error(fmt::format("{}: {}", path, std::strerror(sink.write_errno)),
                          "make room, then the same command goes on");
  }
  if (answer.code == CURLE_OK && (answer.status == 200 || answer.status == 206)) return {};
  return state_->explain(url, name, answer);
}

Result<bool> is_content_of(const std::string& path, const HubFile& file) {
  std::error_code problem;
  const auto size = std::filesystem::file_size(path, problem);
  if (problem) return false;
  if (file.size >= 0 && size != static_cast<uintmax_t>(file.size)) return false;
  if (file.content_name().empty()) return true;
  RELATA_TRY(const auto map, MappedFile::open(path));
  const auto bytes = map->bytes();
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return (file.sha256.empty() ? git_blob_id(content) : sha256_hex(content)) == file.content_name();
}

}  // namespace relata::app
