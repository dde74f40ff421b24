// Reading and writing samples of relation formats, for their tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {

inline const std::string kRelationSamples = RELATA_TEST_FILES "/data/formats/";

inline std::string content_of(const std::string& name) {
  const auto content = read_file(kRelationSamples + name);
  EXPECT_TRUE(content.ok()) << content.error().message;
  return content.ok() ? *content : "";
}

inline Dataset read(const std::string& name, const std::string& format = "") {
  ReadOptions options;
  options.format = format;
  auto dataset = read_dataset(kRelationSamples + name, options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message;
  return dataset.ok() ? *dataset : Dataset{};
}

inline Dataset parse(const std::string& content, const std::string& format,
                     const std::string& on_error = "stop") {
  ReadOptions options;
  options.format = format;
  options.on_error = on_error;
  auto dataset = parse_dataset(content, "f", options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message << "\n" << content;
  return dataset.ok() ? *dataset : Dataset{};
}

inline std::string error_of(const std::string& content, const std::string& format) {
  ReadOptions options;
  options.format = format;
  const auto dataset = parse_dataset(content, "f", options);
  EXPECT_FALSE(dataset.ok()) << content;
  return dataset.ok() ? "" : dataset.error().message;
}

inline std::string write(const std::vector<Document>& documents, const std::string& format,
                         std::vector<std::string>* lost = nullptr) {
  const auto out = write_dataset(documents, {format, ""}, lost);
  EXPECT_TRUE(out.ok()) << out.error().message;
  return out.ok() ? *out : "";
}

inline std::string covered(const Document& document, ByteRange range) {
  return document.text.substr(range.begin, range.end - range.begin);
}

inline std::string mention(const Document& document, size_t entity, size_t index = 0) {
  return covered(document, document.entities.at(entity).mentions.at(index));
}

// "head -type-> tail" of every relation.
inline std::vector<std::string> triples(const Document& document) {
  std::vector<std::string> out;
  for (const Relation& relation : document.relations) {
    out.push_back(document.entities.at(relation.head).text + " -" + relation.type + "-> " +
                  document.entities.at(relation.tail).text);
  }
  return out;
}

}  // namespace relata::data
