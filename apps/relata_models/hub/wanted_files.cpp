#include "hub/wanted_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <regex>

namespace relata::app {
namespace {

bool matches(const std::string& path, const std::vector<std::string>& globs) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return fnmatch(glob.c_str(), path.c_str(), 0) == 0;
  });
}

template <class Accept>
std::vector<HubFile> files_that(const HubListing& listing, const Accept& accept) {
  std::vector<HubFile> out;
  std::copy_if(listing.files.begin(), listing.files.end(), std::back_inserter(out), accept);
  return out;
}

bool is_weights(const HubFile& file) {
  return file.path.find('/') == std::string::npos && file.path.ends_with(".safetensors");
}

// What a Hugging Face folder is read from, and its card and licence. Of two sets of weights, such
// as Mistral's "consolidated.safetensors" beside its shards, Transformers' is taken.
std::vector<HubFile> folder_files(const HubListing& listing) {
  const bool usual = std::any_of(listing.files.begin(), listing.files.end(), [](const auto& file) {
    return is_weights(file) && file.path.starts_with("model");
  });
  return files_that(listing, [&](const HubFile& file) {
    if (is_weights(file)) return !usual || !file.path.starts_with("consolidated");
    static const std::regex kRead(R"([^/]+\.(json|txt|model|tiktoken|jinja|md)|LICEN[CS]E[^/]*)"
                                  R"(|\d+_[A-Za-z]+/(config\.json|model\.safetensors))");
    return std::regex_match(file.path, kRead);
  });
}

std::string sizes(const std::vector<HubFile>& files) {
  std::vector<std::string> parts;
  for (const HubFile& file : files) {
    parts.push_back(file.size < 0 ? file.path
                                  : fmt::format("{} ({:.1f} GB)", file.path,
                                                static_cast<double>(file.size) * 1e-9));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

size_t count_models(const std::vector<HubFile>& files) {
  std::vector<std::string> paths;
  for (const HubFile& file : files) paths.push_back(file.path);
  return first_parts(std::move(paths)).size();
}

}  // namespace

Result<std::vector<HubFile>> wanted_files(const HubName& name, const HubListing& listing,
                                          const std::vector<std::string>& include) {
  const auto ggufs =
      files_that(listing, [](const HubFile& file) { return is_gguf_name(file.path); });
  const std::string choose =
      fmt::format("choose one as in {}:Q4_K_M, or name files with --include '*Q4_K_M*'", name.repo);
  if (!include.empty()) {
    auto chosen =
        files_that(listing, [&](const HubFile& file) { return matches(file.path, include); });
    if (!chosen.empty()) return chosen;
    return usage_error(fmt::format("{}: no file matches {}", name.repo, fmt::join(include, ", ")),
                       "it has " + sizes(listing.files));
  }
  if (!name.variant.empty()) {
    auto chosen = files_that(listing, [&](const HubFile& file) {
      return is_gguf_name(file.path) && has_variant(file.path, name.variant);
    });
    if (count_models(chosen) == 1) return chosen;
    return usage_error(fmt::format("{}: {} of it are of the variant {}", name.repo,
                                   chosen.empty() ? "no GGUF files" : sizes(chosen), name.variant),
                       "it has " + sizes(ggufs.empty() ? listing.files : ggufs));
  }
  if (std::any_of(listing.files.begin(), listing.files.end(), is_weights)) {
    return folder_files(listing);
  }
  if (count_models(ggufs) == 1) return ggufs;
  if (!ggufs.empty()) {
    return usage_error(
        fmt::format("{}: it has {} GGUF models: {}", name.repo, count_models(ggufs), sizes(ggufs)),
        choose);
  }
  return usage_error(
      fmt::format("{}: it has neither safetensors nor GGUF files, which models are read from",
                  name.repo),
      "look for a conversion of it, or convert pytorch_model.bin with Transformers "
      "(save_pretrained); other files come with --include");
}

}  // namespace relata::app
