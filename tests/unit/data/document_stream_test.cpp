#include "relata/data/document_stream.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "relata/base/file.h"

namespace relata::data {
namespace {

constexpr size_t kPart = 1 << 20;  // what is read of a file at a time

class DocumentStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "document_stream";
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(make_folders(folder_).ok());
    options_.on_error = "skip";
    options_.number_ids = true;
    options_.whole_file = true;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The stream's documents, and how many parts had some.
  Dataset streamed(const std::string& path, size_t* parts = nullptr) {
    Dataset all;
    auto stream = DocumentStream::open(path, options_);
    EXPECT_TRUE(stream.ok()) << stream.error().message;
    if (!stream.ok()) return all;
    while (true) {
      const size_t before = all.documents.size();
      const auto more = stream->next(all);
      EXPECT_TRUE(more.ok()) << more.error().message;
      if (!more.ok() || !*more) return all;
      if (parts != nullptr) *parts += all.documents.size() > before;
    }
  }

  void expect_as_whole(const std::string& content, const std::string& name, size_t least_parts) {
    const std::string path = folder_ + "/" + name;
    ASSERT_TRUE(write_file_atomic(path, content).ok());
    const auto whole = read_dataset(path, options_);
    ASSERT_TRUE(whole.ok()) << whole.error().message;
    size_t parts = 0;
    const Dataset found = streamed(path, &parts);
    EXPECT_GE(parts, least_parts);
    EXPECT_EQ(found.format, whole->format);
    EXPECT_EQ(found.skipped, whole->skipped);
    EXPECT_EQ(found.fixed, whole->fixed);
    EXPECT_EQ(found.noted, whole->noted);
    ASSERT_EQ(found.documents.size(), whole->documents.size());
    for (size_t i = 0; i < found.documents.size(); ++i) {
      ASSERT_EQ(to_json_line(found.documents[i]), to_json_line(whole->documents[i])) << i;
    }
  }

  std::string folder_;
  ReadOptions options_;
};

std::string record(size_t number, size_t size) {
  std::string text;
  while (text.size() < size) text += "Anna \\\"owns\\\" {Lund] 村。 ";
  const std::string id =
      number % 7 == 3 ? "" : "\"id\": \"d" + std::to_string(number % 500) + "\", ";
  std::string out = "{" + id + "\"text\": \"" + text + "\"}";
  if (number % 5 == 1) out.insert(1, "\n  \"entities\": [\n ],\n");  // over several lines
  return out;
}

// Broken and odd records among good ones, so that parts begin and end everywhere.
std::string odd_jsonl(size_t records, size_t size) {
  std::string out;
  for (size_t i = 0; i < records; ++i) {
    out += record(i, size + i * 37 % 4000);
    out += i % 11 == 0 ? "\r\n" : "\n";
    if (i % 23 == 5) out += "{\"id\": \"x\", \"text\": \"broken\n";
    if (i % 29 == 7) out += "\n \n";
    if (i % 31 == 9) out += "{\"text\": \"caf\xE9\"}\n";
    if (i % 37 == 1) out += "{\"txt\": \"a slip\"} {\"text\": \"two on a line\"}\n";
  }
  return out;
}

TEST_F(DocumentStreamTest, PartsAreReadAsTheWholeWouldBe) {
  const std::string content = odd_jsonl(1200, 2000);
  ASSERT_GT(content.size(), 3 * kPart);
  for (const size_t shift : {0, 1, 313, 2047}) {
    expect_as_whole(std::string(shift, '\n') + content, "odd.jsonl", 3);
  }
  expect_as_whole("\xEF\xBB\xBF" + content.substr(0, content.size() - 1), "marked.jsonl", 3);
}

TEST_F(DocumentStreamTest, ARecordThatNeverEndsDoesNotHoldTheRest) {
  options_.format = "jsonl";
  const std::string rest = odd_jsonl(700, 2000);
  for (const char* broken :
       {"{\"text\": \"\", \"entities\": [{", "{\"text\": \"a\", \"entities\": [", "{\"text\": \"a",
        "{\"text\":", "{\"text\": \"a\",", "{", "\"", "}]", "{\"text\": \"a\"}}",
        "{\"text\": 1 \"a\""}) {
    expect_as_whole(std::string(broken) + "\n" + rest, "open.jsonl", 2);
  }
}

// Objects of one record at the beginnings of lines are none of their own.
TEST_F(DocumentStreamTest, ARecordMayGoOverManyLines) {
  std::string content;
  for (size_t i = 0; content.size() < 3 * kPart; ++i) {
    content += "{\"text\":\n\"" + std::string(i % 3000, 'a') + " Ann met Bob\", \"entities\":\n[";
    for (int k = 0; k < 3; ++k) {
      content += std::string(k == 0 ? "" : ",") + "\n{\"id\": \"e" + std::to_string(k) +
                 "\", \"text\": \"Ann\", \"mentions\": []\n}";
    }
    content += "\n]\n, \"meta\":\n{}\n}\n";
  }
  expect_as_whole(content, "wide.jsonl", 3);
  EXPECT_TRUE(streamed(folder_ + "/wide.jsonl").skipped.empty());
}

TEST_F(DocumentStreamTest, LinesAreReadAsTheWholeWouldBe) {
  options_.format = "lines";
  std::string content;
  while (content.size() < 3 * kPart) {
    content += "Anna\rowns 村 number " + std::to_string(content.size()) + ", " +
               std::string(400, 'x') + ".\r\n\n";
    if (content.size() % 9 == 0) content += "caf\xE9\n";
  }
  expect_as_whole(content, "lines.txt", 3);
  expect_as_whole(content + "no end\rof line", "cut.txt", 3);
  std::erase(content, '\n');
  expect_as_whole(content, "mac.txt", 1);
}

TEST_F(DocumentStreamTest, OtherFilesAreReadWhole) {
  expect_as_whole("Anna owns it.\n\nAnd more.", "page.txt", 1);
  expect_as_whole(std::string("\xFF\xFE{\0\"\0t\0e\0x\0t\0\"\0:\0\"\0a\0\"\0}\0", 26), "wide.jsonl",
                  1);
  options_.format = "jsonl";
  expect_as_whole("[{\"text\": \"one\"},\n{\"text\": \"two\"}]", "list.json", 1);
  const std::string empty = folder_ + "/empty.jsonl";
  ASSERT_TRUE(write_file_atomic(empty, " \n").ok());
  EXPECT_EQ(streamed(empty).skipped, read_dataset(empty, options_)->skipped);
  EXPECT_FALSE(DocumentStream::open(folder_ + "/absent.jsonl", options_).ok());
}

TEST_F(DocumentStreamTest, StopsAtABadRecordWhereAskedTo) {
  options_.on_error = "stop";
  const std::string path = folder_ + "/stop.jsonl";
  ASSERT_TRUE(write_file_atomic(path, "{\"text\": \"one\"}\n{\"txet\": 1}\n").ok());
  auto stream = DocumentStream::open(path, options_).value();
  Dataset all;
  const auto more = stream.next(all);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().message, read_dataset(path, options_).error().message);
}

// A pipe's documents are there as soon as their lines are.
TEST_F(DocumentStreamTest, APipeGivesWhatHasCome) {
  const std::string path = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::promise<void> first_read;
  std::thread writer([&] {
    std::ofstream pipe(path);
    pipe << record(1, 100) << "\n" << std::flush;
    first_read.get_future().wait();
    pipe << record(2, 100) << "\n" << record(4, 100);
  });
  auto stream = DocumentStream::open(path, options_).value();
  Dataset all;
  EXPECT_TRUE(stream.next(all).value());
  EXPECT_EQ(all.documents.size(), 1u);
  EXPECT_FALSE(stream.ready());
  first_read.set_value();
  while (stream.next(all).value()) {
  }
  writer.join();
  EXPECT_EQ(all.documents.size(), 3u);
}

}  // namespace
}  // namespace relata::data
