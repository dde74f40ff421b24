// Reading samples of formats of entities and events, and of annotation tools, for their tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data::annotated {

inline const std::string kFiles = RELATA_TEST_FILES "/data/annotated/";

inline Dataset read(const std::string& name, const std::string& on_error = "stop") {
  ReadOptions options;
  options.on_error = on_error;
  auto dataset = read_dataset(kFiles + name, options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message;
  return dataset.ok() ? *dataset : Dataset{};
}

inline Dataset parse(const std::string& content, const std::string& format,
                     const std::string& on_error = "stop", const std::string& path = "f") {
  ReadOptions options;
  options.format = format;
  options.on_error = on_error;
  auto dataset = parse_dataset(content, path, options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message;
  return dataset.ok() ? *dataset : Dataset{};
}

inline std::string parse_error(const std::string& content, const std::string& format,
                               const std::string& path = "f") {
  ReadOptions options;
  options.format = format;
  const auto dataset = parse_dataset(content, path, options);
  EXPECT_FALSE(dataset.ok()) << content;
  return dataset.ok() ? "" : dataset.error().message;
}

inline std::string covered(const Document& document, const ByteRange& range) {
  return document.text.substr(range.begin, range.end - range.begin);
}

// "Ada Lovelace/PER London/LOC"
inline std::string entities_of(const Document& document) {
  std::string out;
  for (const Entity& entity : document.entities) {
    if (!out.empty()) out += " ";
    out += entity.text + "/" + entity.type;
  }
  return out;
}

inline std::string arguments_of(const Document& document, const Event& event) {
  std::string out = event.type + ":" + covered(document, event.trigger);
  for (const Argument& argument : event.arguments) {
    out += " " + argument.role + "=" + covered(document, argument.range);
  }
  return out;
}

}  // namespace relata::data::annotated
