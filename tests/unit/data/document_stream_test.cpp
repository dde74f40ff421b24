#include "relata/data/document_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

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

// A pipe that is written while it is read.
class Pipe {
 public:
  explicit Pipe(const std::string& path) : path_(path) {
    if (::mkfifo(path.c_str(), 0600) == 0) fd_ = ::open(path.c_str(), O_RDWR);
  }
  ~Pipe() {
    end();
    std::filesystem::remove(path_);
  }
  bool write(const std::string& text) {
    return ::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  void end() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  std::string path_;
  int fd_ = -1;
};

TEST_F(DocumentStreamTest, APipeGivesWhatHasCome) {
  const std::string path = folder_ + "/pipe";
  Pipe pipe(path);
  ASSERT_TRUE(pipe.write("\n" + record(2, 100) + "\n"));
  auto stream = DocumentStream::open(path, options_).value();
  Dataset all;
  const auto read = [&] {
    while (stream.ready().value() && stream.next(all).value()) {
    }
    return all.documents.size();
  };
  EXPECT_EQ(read(), 1u);
  ASSERT_TRUE(pipe.write(record(4, 100) + "\n" + record(5, 100).substr(0, 60)));
  EXPECT_EQ(read(), 2u) << "half a record is waited for";
  EXPECT_FALSE(stream.ready().value());
  ASSERT_TRUE(pipe.write(record(5, 100).substr(60)));
  pipe.end();
  EXPECT_EQ(read(), 3u);
}

// Wherever a pipe pauses, what comes out is what reading the whole gives.
TEST_F(DocumentStreamTest, PausesChangeNothing) {
  options_.format = "jsonl";
  const std::vector<std::vector<std::string>> texts = {
      {"{\"text\":\"0\"}\n", "[1]\n", "{\"text\":\"1\"}\n", "[{\"text\":\"L\"}]\n",
       "{\"text\":\"2\"}"},
      {"{\"text\":\"a\"}\n", "oops\n", " {\"text\":\"e\"}\n", "\n", "more\n", "{\"text\":\"b\"}\n"},
      {"{\"text\":\"a\"}\n", "say \"hi\n", "{\"text\":\"c\",\"entities\":[\n",
       "{\"id\":\"e\",\"text\":\"c\"}\n", "]}\n", "}\n"}};
  for (const auto& pieces : texts) {
    std::string content;
    for (const std::string& piece : pieces) content += piece;
    const Dataset whole = parse_dataset(content, folder_ + "/pipe", options_).value();
    Pipe pipe(folder_ + "/pipe");
    ASSERT_TRUE(pipe.write(pieces[0]));
    auto stream = DocumentStream::open(folder_ + "/pipe", options_).value();
    Dataset all;
    for (size_t i = 1; i <= pieces.size(); ++i) {
      while (stream.ready().value() && stream.next(all).value()) {
      }
      if (i < pieces.size()) {
        ASSERT_TRUE(pipe.write(pieces[i]));
      } else {
        pipe.end();
      }
    }
    while (stream.next(all).value()) {
    }
    EXPECT_EQ(all.skipped.size(), whole.skipped.size()) << content;
    ASSERT_EQ(all.documents.size(), whole.documents.size()) << content;
    for (size_t i = 0; i < all.documents.size(); ++i) {
      EXPECT_EQ(to_json_line(all.documents[i]), to_json_line(whole.documents[i]));
    }
  }
}

TEST_F(DocumentStreamTest, AnUnknownFormatIsNotWaitedFor) {
  options_.format = "jsnol";
  const auto stream = DocumentStream::open("/dev/zero", options_);
  ASSERT_FALSE(stream.ok());
  EXPECT_NE(stream.error().message.find("did you mean jsonl?"), std::string::npos);
}

}  // namespace
}  // namespace relata::data
