// `relata pull`: models from a Hugging Face hub into the cache that Transformers uses too.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "commands.h"
#include "environment.h"
#include "help.h"
#include "hub/hub.h"
#include "hub/wanted_files.h"
#include "io/command_io.h"
#include "models/hub_models.h"
#include "relata/base/file.h"
#include "relata/base/file_lock.h"
#include "relata/base/log.h"
#include "relata/base/progress.h"

namespace relata::app {
namespace {

namespace fs = std::filesystem;

struct PullOptions {
  std::string name;
  std::vector<std::string> include;
  bool dry_run = false;
};

// As huggingface_hub reads its switches.
bool is_offline() {
  const std::string value = environment("HF_HUB_OFFLINE");
  return value == "1" || value == "true" || value == "TRUE" || value == "yes" || value == "on" ||
         value == "ON" || value == "YES" || value == "True";
}

std::string hub_endpoint() {
  const std::string stated = environment("HF_ENDPOINT");
  return stated.empty() ? "https://huggingface.co" : stated;
}

// HF_TOKEN, or what `huggingface-cli login` left beside the cache.
std::string hub_token() {
  std::string token = environment("HF_TOKEN");
  if (token.empty()) {
    std::string path = environment("HF_TOKEN_PATH");
    if (path.empty()) path = (fs::path(hub_cache()).parent_path() / "token").string();
    if (const auto file = read_file(path); file.ok()) token = *file;
  }
  while (!token.empty() && (token.back() == '\n' || token.back() == ' ')) token.pop_back();
  return token;
}

constexpr double kMega = 1e6;

int64_t megabytes(int64_t bytes) {
  return static_cast<int64_t>(static_cast<double>(bytes) / kMega);
}

int64_t known_bytes(const std::vector<HubFile>& files) {
  int64_t sum = 0;
  for (const HubFile& file : files) sum += std::max<int64_t>(0, file.size);
  return sum;
}

// A repository's folder in the cache while it is filled.
class Pull {
 public:
  Pull(Hub& hub, const HubName& name, std::string commit)
      : hub_(hub),
        name_(name),
        commit_(std::move(commit)),
        folder_(hub_repo_folder(hub_cache(), name.repo)) {}

  Status run(const std::vector<HubFile>& files) {
    RELATA_CHECK(make_folders((folder_ / "blobs").string()));
    RELATA_TRY(const FileLock lock, FileLock::take(folder_.string(), "pulls this model"));
    RELATA_CHECK(check_room(files));
    Progress progress(name_.repo, megabytes(known_bytes(files)), "MB");
    int64_t before = 0;
    for (const HubFile& file : files) {
      RELATA_CHECK(fetch(file, before, progress));
      before += std::max<int64_t>(0, file.size);
    }
    progress.finish();
    if (name_.revision == commit_) return {};
    // Last, so that a name never stands for half a model.
    return write_file_atomic((folder_ / "refs" / name_.revision).string(), commit_);
  }

 private:
  fs::path blob_of(const HubFile& file) const {
    return folder_ / "blobs" /
           (file.content_name().empty() ? fmt::format("{}-{}", commit_, flat(file.path))
                                        : file.content_name());
  }
  static std::string flat(std::string path) {
    std::replace(path.begin(), path.end(), '/', '_');
    return path;
  }
  static fs::path unfinished(fs::path blob) { return blob += ".incomplete"; }

  Status check_room(const std::vector<HubFile>& files) const {
    int64_t needed = 0;
    for (const HubFile& file : files) {
      const fs::path blob = blob_of(file);
      if (file_exists(blob.string())) continue;
      std::error_code absent;
      const auto begun = fs::file_size(unfinished(blob), absent);
      needed += std::max<int64_t>(0, file.size - (absent ? 0 : static_cast<int64_t>(begun)));
    }
    std::error_code unknown;
    const fs::space_info space = fs::space(folder_, unknown);
    if (unknown || static_cast<uintmax_t>(needed) <= space.available) return {};
    return resource_error(
        fmt::format("{}: {} MB are needed and {} MB are free", folder_.string(), megabytes(needed),
                    megabytes(static_cast<int64_t>(space.available))),
        "make room, or let HF_HOME name a folder on another disk");
  }

  Status fetch(const HubFile& file, int64_t before, Progress& progress) {
    const fs::path blob = blob_of(file);
    if (file_exists(blob.string())) {
      progress.skip(megabytes(std::max<int64_t>(0, file.size)));
      return link(file, blob);
    }
    const std::string begun = unfinished(blob).string();
    RELATA_CHECK(hub_.fetch(name_, commit_, file, begun, [&](int64_t there) {
      progress.update(megabytes(before + there), file.path);
    }));
    RELATA_TRY(const bool good, is_content_of(begun, file));
    std::error_code problem;
    if (!good) {
      fs::remove(begun, problem);
      return input_error(fmt::format("{}: {}: what came is not what the hub announced (its size or "
                                     "hash differs); it was removed",
                                     name_.repo, file.path),
                         "try again");
    }
    fs::rename(begun, blob, problem);
    if (problem) return resource_error(fmt::format("{}: {}", blob.string(), problem.message()));
    return link(file, blob);
  }

  // The file's name in the snapshot, as a link to its content.
  Status link(const HubFile& file, const fs::path& blob) {
    const fs::path place = folder_ / "snapshots" / commit_ / file.path;
    RELATA_CHECK(make_folders(place.parent_path().string()));
    std::error_code problem;
    fs::remove(place, problem);
    fs::create_symlink(blob.lexically_relative(place.parent_path()), place, problem);
    if (problem) fs::copy_file(blob, place, problem);  // a file system without links
    if (problem) return resource_error(fmt::format("{}: {}", place.string(), problem.message()));
    return {};
  }

  Hub& hub_;
  const HubName& name_;
  std::string commit_;
  fs::path folder_;
};

Json listed(const std::vector<HubFile>& files) {
  Json out = Json::array();
  for (const HubFile& file : files) out.push_back({{"path", file.path}, {"bytes", file.size}});
  return out;
}

Result<int> tell(const HubName& name, const std::vector<HubFile>& files, const std::string& commit,
                 const std::string& path, const Context& context) {
  const Json page = {
      {"repo", name.repo}, {"commit", commit}, {"path", path}, {"files", listed(files)}};
  if (context.json) {
    RELATA_CHECK(write_result("", json_page(page)));
    return kDone;
  }
  std::string text;
  if (path.empty()) {
    for (const HubFile& file : files) {
      text += fmt::format("{:>10.1f} MB  {}\n", static_cast<double>(file.size) / kMega, file.path);
    }
    text += fmt::format("{:>10.1f} MB in {}\n", static_cast<double>(known_bytes(files)) / kMega,
                        counted(files.size(), "file"));
  } else {
    text = path + "\n";
  }
  RELATA_CHECK(write_result("", text));
  return kDone;
}

Result<std::string> pulled_path(const HubName& name) {
  RELATA_TRY(const std::optional<std::string> path, pulled_model(name));
  if (path) return *path;
  return resource_error(
      fmt::format("{}: it was not pulled, and HF_HUB_OFFLINE forbids to ask the hub", name.repo),
      "unset HF_HUB_OFFLINE, or copy the model's folder here and name that");
}

Result<int> run_pull(const PullOptions& options, const Context& context) {
  const auto name = parse_hub_name(options.name);
  if (!name) {
    return usage_error(fmt::format("'{}' is not the name of a repository", options.name),
                       "write organisation/name, as in Qwen/Qwen2.5-0.5B-Instruct; @revision and "
                       ":Q4_K_M may follow");
  }
  if (hub_cache().empty()) {
    return usage_error("there is no cache folder: neither HF_HOME nor HOME is set",
                       "let HF_HOME name a folder");
  }
  if (is_offline()) {
    RELATA_TRY(const std::string path, pulled_path(*name));
    return tell(*name, {}, "", path, context);
  }
  Hub hub(hub_endpoint(), hub_token());
  RELATA_TRY(const HubListing listing, hub.list(*name));
  RELATA_TRY(const std::vector<HubFile> files, wanted_files(*name, listing, options.include));
  if (options.dry_run) return tell(*name, files, listing.commit, "", context);
  Pull pull(hub, *name, listing.commit);
  RELATA_CHECK(pull.run(files));
  // What is there may be more than one model, or none when --include chose something else.
  const auto path = pulled_model(*name);
  const fs::path snapshot =
      fs::path(hub_repo_folder(hub_cache(), name->repo)) / "snapshots" / listing.commit;
  return tell(*name, files, listing.commit, path.ok() && *path ? path->value() : snapshot.string(),
              context);
}

}  // namespace

void add_pull_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<PullOptions>();
  CLI::App* verb = add_verb(
      app, "pull", "Fetch a model from a Hugging Face hub",
      "Fetches what a model is read from (configuration, tokenizer, safetensors; or one GGUF "
      "file)\n"
      "into the cache that Transformers and huggingface_hub use too, checks it by its hashes, and\n"
      "prints where it lies. From then on the name stands for it wherever a model is named. What\n"
      "was begun is gone on with; what is there is not fetched again.\n\n"
      "Environment: HF_ENDPOINT (another hub), HF_TOKEN (for what needs one), HF_HOME and\n"
      "HF_HUB_CACHE (the cache), HF_HUB_OFFLINE=1 (ask no hub).",
      {"relata pull Qwen/Qwen2.5-0.5B-Instruct",
       "relata pull bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M",
       "relata generate -m Qwen/Qwen2.5-0.5B-Instruct requests.jsonl",
       "HF_ENDPOINT=https://hub.example.org relata pull team/model@v2 --dry-run"});
  verb->add_option("REPO", options->name, "organisation/name[@revision][:variant of a GGUF]")
      ->required();
  verb->add_option("--include", options->include,
                   "Fetch the files that match this glob instead; several may be given")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  verb->add_flag("--dry-run", options->dry_run, "List what would be fetched, and its size");
  verb->callback([options, &context] {
    set_interrupt_hint("what is there is kept; the same command goes on from there");
    context.action = [options, &context] { return run_pull(*options, context); };
  });
}

}  // namespace relata::app
