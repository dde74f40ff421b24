// Reading YAML.
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "clean.h"
#include "json_text.h"
#include "relata/base/file.h"
#include "relata/base/json.h"

namespace relata {
namespace {

using internal::kMaxDepth;
using internal::too_deep;

// What aliases may add to a YAML document, in nodes and bytes: a few lines could name petabytes.
constexpr size_t kMaxAliasWeight = size_t{1} << 24;

class YamlError : public std::runtime_error {
 public:
  YamlError(const YAML::Mark& mark, const std::string& reason)
      : std::runtime_error(reason), line_(mark.line + 1) {}
  int line() const { return line_; }

 private:
  int line_;
};

// Builds the value from the parser's events, so that scalars still tell whether they were quoted
// and no tree of unknown depth is ever walked.
class YamlBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw YamlError(mark, "more than one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (key_wanted()) throw YamlError(mark, "empty key");
    add(mark, anchor, {nullptr, 1, 0});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw YamlError(mark, "alias to a value that contains it");
    if (key_wanted()) {
      if (!it->second.value.is_string()) throw YamlError(mark, "a key must be a string");
      return set_key(mark, it->second.value.get<std::string>());
    }
    alias_weight_ += it->second.weight;
    if (alias_weight_ > kMaxAliasWeight) throw YamlError(mark, "aliases expand to too much data");
    if (stack_.size() + it->second.height > kMaxDepth) throw YamlError(mark, too_deep());
    add(mark, 0, it->second);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool is_typed = tag.empty() || tag == "?" || tag == kTagPrefix + "int" ||
                          tag == kTagPrefix + "float" || tag == kTagPrefix + "bool" ||
                          tag == kTagPrefix + "null";
    if (!is_typed && tag != "!" && tag != kTagPrefix + "str") unknown_tag(mark, tag);
    if (key_wanted()) {
      if (anchor != 0) anchors_[anchor] = {text, 1 + text.size(), 0};
      return set_key(mark, text);
    }
    Node node{text, 1 + text.size(), 0};
    if (is_typed) {
      auto typed = internal::plain_scalar(text);
      if (!typed) throw YamlError(mark, typed.error().message);
      node.value = *std::move(typed);
    }
    add(mark, anchor, std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, "seq", anchor, Json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, "map", anchor, Json::object());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  Json take() { return std::move(root_); }

 private:
  static inline const std::string kTagPrefix = "tag:yaml.org,2002:";
  struct Node {
    Json value;
    size_t weight = 1;  // nodes and bytes of text
    size_t height = 0;  // levels of containers
  };
  struct Frame {
    Node node;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  [[noreturn]] static void unknown_tag(const YAML::Mark& mark, const std::string& tag) {
    throw YamlError(mark, "unknown tag '" + internal::clean_text(tag, 60) + "'");
  }

  bool key_wanted() const {
    return !stack_.empty() && stack_.back().node.value.is_object() && !stack_.back().has_key;
  }

  void set_key(const YAML::Mark& mark, const std::string& key) {
    Frame& frame = stack_.back();
    if (!frame.keys.insert(key).second) {
      throw YamlError(mark, "duplicate key '" + internal::clean_text(key, 60) + "'");
    }
    frame.key = key;
    frame.has_key = true;
  }

  void open(const YAML::Mark& mark, const std::string& tag, const std::string& type,
            YAML::anchor_t anchor, Json value) {
    if (key_wanted()) throw YamlError(mark, "a key must be a string");
    if (!tag.empty() && tag != "?" && tag != "!" && tag != kTagPrefix + type) {
      unknown_tag(mark, tag);
    }
    if (stack_.size() >= kMaxDepth) throw YamlError(mark, too_deep());
    Frame frame;
    frame.node = {std::move(value), 1, 1};
    frame.mark = mark;
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add(frame.mark, frame.anchor, std::move(frame.node));
  }

  void add(const YAML::Mark& mark, YAML::anchor_t anchor, Node node) {
    if (anchor != 0) {
      // Anchors inside anchors are copied once for every level.
      alias_weight_ += node.weight;
      if (alias_weight_ > kMaxAliasWeight) throw YamlError(mark, "anchors hold too much data");
      anchors_[anchor] = node;
    }
    if (stack_.empty()) {
      root_ = std::move(node.value);
      return;
    }
    Frame& frame = stack_.back();
    frame.node.weight += node.weight + frame.key.size();
    frame.node.height = std::max(frame.node.height, node.height + 1);
    if (frame.node.value.is_array()) {
      frame.node.value.push_back(std::move(node.value));
    } else {
      frame.node.value.get_ref<Json::object_t&>().emplace_back(std::move(frame.key),
                                                               std::move(node.value));
      frame.key.clear();
      frame.has_key = false;
    }
  }

  Json root_;
  std::vector<Frame> stack_;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  size_t alias_weight_ = 0;
  int documents_ = 0;
};

}  // namespace

Result<Json> parse_yaml(std::string_view text, const std::string& where) {
  if (const size_t bad = internal::find_bad_utf8(text); bad != std::string_view::npos) {
    return usage_error(internal::place(text, bad, where) + "not valid UTF-8",
                       "convert the file to UTF-8");
  }
  auto error_at = [&](int line, std::string_view reason) {
    return usage_error(
        where + ":" + std::to_string(line) + ": " + internal::clean_text(reason, 200),
        "mend line " + std::to_string(line) +
            "; nested keys are indented by spaces, alike, and each is given once");
  };
  std::istringstream stream{std::string(text)};
  YamlBuilder builder;
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YamlError& error) {
    return error_at(error.line(), error.what());
  } catch (const YAML::DeepRecursion& error) {
    return error_at(error.mark.line + 1, too_deep());
  } catch (const YAML::Exception& error) {
    return error_at(error.mark.line + 1, error.msg);
  }
  return builder.take();
}

Result<Json> read_yaml(const std::string& path) {
  RELATA_TRY(const std::string text, read_file(path));
  return parse_yaml(text, path == "-" ? "standard input" : path);
}

}  // namespace relata
