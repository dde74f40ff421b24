// Models by their names on a Hugging Face hub: "org/name", in the cache that `relata pull`,
// Transformers and huggingface_hub share (its layout:
// huggingface.co/docs/huggingface_hub/guides/manage-cache). Nothing here uses the network.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::app {

// org/name[@revision][:variant], as in "Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q4_K_M". The variant
// chooses among the GGUF files of a repository.
struct HubName {
  std::string repo;
  std::string revision = "main";  // branch, tag or commit
  std::string variant;
};
std::optional<HubName> parse_hub_name(const std::string& text);

// Of HF_HUB_CACHE, HF_HOME and the user's cache folder the first that is set; "": none is.
std::string hub_cache();
// Where the cache keeps the repository.
std::string hub_repo_folder(const std::string& cache, const std::string& repo);

// Whether the path's name has the variant between other characters than letters and digits, in
// any case: "x.Q4_K_M.gguf" has "q4_k_m", and not "Q4_K".
bool has_variant(const std::string& path, const std::string& variant);
// By its name alone, in any case: it may be on a hub.
bool is_gguf_name(const std::string& path);
// Those of the paths that a model can be opened by: of a split file the first part alone.
std::vector<std::string> first_parts(std::vector<std::string> paths);

// The folder or .gguf file of a repository that lies in the cache; nothing: it is not there.
// Errors (usage): several GGUF files are there and the name chooses none, or several.
Result<std::optional<std::string>> pulled_model(const HubName& name);

// What a model's name stands for: the file or folder of this name; a pulled repository; what has
// the name in one of model_places() (model_folders.h). A name that is nowhere and cannot be a hub's
// stands for itself. Errors (usage): a hub's, and it was not pulled.
Result<std::string> find_named_model(const std::string& name);

// find_named_model() for an option or argument.
CLI::Validator named_model();

}  // namespace relata::app
