#include "relata/base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "temp_folder.h"

namespace relata {
namespace {

namespace fs = std::filesystem;

// Makes every file end at `bytes` while it lives: a write past it fails like one on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit limit = old_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  sighandler_t old_handler_;
};

TEST(ReadFile, ReturnsEveryByte) {
  const TempFolder folder;
  std::string bytes = "a\0b\r\n";
  bytes[1] = '\0';
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65536}, size_t{300001}}) {
    const std::string content(size, 'x');
    spill(folder / "f", content);
    EXPECT_EQ(read_file(folder / "f").value(), content);
  }
  spill(folder / "f", bytes);
  EXPECT_EQ(read_file(folder / "f").value(), bytes);
}

TEST(ReadFile, ReadsFilesThatDoNotTellTheirSize) {
  EXPECT_TRUE(contains(read_file("/proc/self/status").value(), "Pid:"));
}

TEST(ReadFile, NamesThePathAndTheReason) {
  const TempFolder folder;
  const auto missing = read_file(folder / "none");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kUsage);
  EXPECT_EQ(missing.error().hint, "check the path");
  EXPECT_EQ(missing.error().message,
            (folder / "none") + ": cannot read: No such file or directory");
  const auto is_folder = read_file(folder.path());
  ASSERT_FALSE(is_folder.ok());
  EXPECT_EQ(is_folder.error().code, ErrorCode::kUsage);
  EXPECT_TRUE(contains(is_folder.error().message, "Is a directory"));
  const auto below = read_file("/dev/null/none");
  ASSERT_FALSE(below.ok());
  EXPECT_EQ(below.error().code, ErrorCode::kUsage);
  const auto long_name = read_file(folder / std::string(300, 'x'));
  ASSERT_FALSE(long_name.ok());
  EXPECT_EQ(long_name.error().code, ErrorCode::kUsage);
  EXPECT_EQ(long_name.error().hint, "use a shorter name");
}

TEST(ReadFile, WhatMayNotBeReadIsAResource) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const TempFolder folder;
  spill(folder / "f", "x");
  fs::permissions(folder / "f", fs::perms::none);
  const auto locked = read_file(folder / "f");
  ASSERT_FALSE(locked.ok());
  EXPECT_EQ(locked.error().code, ErrorCode::kResource);
}

TEST(WriteFileAtomic, MakesFoldersAndReplaces) {
  const TempFolder folder;
  const std::string path = folder / "a/b/c.txt";
  ASSERT_TRUE(write_file_atomic(path, "one").ok());
  ASSERT_TRUE(write_file_atomic(path, "two").ok());
  EXPECT_EQ(slurp(path), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "a/b"), fs::directory_iterator()), 1);
}

TEST(WriteFileAtomic, FailedWriteLeavesTheOldFileAndNothingElse) {
  const TempFolder folder;
  spill(folder / "f", "old");
  Status status;
  {
    const FileSizeLimit limit(1000);
    status = write_file_atomic(folder / "f", std::string(5000, 'x'));
  }
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kResource);
  EXPECT_EQ(status.error().message, (folder / "f") + ": cannot write: File too large");
  EXPECT_EQ(slurp(folder / "f"), "old");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(WriteFileAtomic, PathUnderAFileOrOntoAFolderFails) {
  const TempFolder folder;
  spill(folder / "f", "old");
  const auto under = write_file_atomic(folder / "f/g", "x");
  ASSERT_FALSE(under.ok());
  EXPECT_EQ(under.error().code, ErrorCode::kUsage);
  EXPECT_TRUE(contains(under.error().message, folder / "f"));
  EXPECT_TRUE(contains(under.error().message, "Not a directory"));
  const auto onto = write_file_atomic(folder.path(), "x");
  ASSERT_FALSE(onto.ok());
  EXPECT_TRUE(contains(onto.error().message, "Is a directory"));
  const auto new_one = write_file_atomic(folder / "new/", "x");
  ASSERT_FALSE(new_one.ok());
  EXPECT_EQ(new_one.error().code, ErrorCode::kUsage);
  EXPECT_EQ(folder.count(), 1u);
}

TEST(WriteFileAtomic, UnwritableFolderFails) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const TempFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0500), 0);
  const auto status = write_file_atomic(folder / "f", "x");
  ::chmod(folder.path().c_str(), 0700);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, (folder / "f") + ": cannot write: Permission denied");
}

TEST(ExpandInputs, TakesFilesFoldersGlobsAndStandardInput) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "d/sub").ok());
  for (const char* name : {"d/b.txt", "d/a.txt", "d/sub/c.txt", "x1.txt", "x2.txt", "x10.txt"}) {
    spill(folder / name, "");
  }
  const auto files =
      expand_inputs({folder / "x10.txt", "-", folder / "d", folder / "x?.txt"}).value();
  EXPECT_EQ(files, (std::vector<std::string>{folder / "x10.txt", "-", folder / "d/a.txt",
                                             folder / "d/b.txt", folder / "d/sub/c.txt",
                                             folder / "x1.txt", folder / "x2.txt"}));
}

TEST(ExpandInputs, SpecialCharactersInNamesAreTakenAsTheyAre) {
  const TempFolder folder;
  for (const char* name : {"a*b", "axb", "[1].txt", "1.txt"}) spill(folder / name, "");
  EXPECT_EQ(expand_inputs({folder / "a*b"}).value(), std::vector<std::string>{folder / "a*b"});
  EXPECT_EQ(expand_inputs({folder / "[1]*"}).value(), std::vector<std::string>{folder / "[1].txt"});
}

TEST(ExpandInputs, TwoStarsAreAnyNumberOfFolders) {
  const TempFolder folder;
  for (const char* name : {"d/a.txt", "d/sub/b.txt", "d/sub/[x]*/c.txt", "d/sub/c.md",
                           "d/.hidden/e.txt", "d/sub/.f.txt"}) {
    ASSERT_TRUE(make_folders(fs::path(folder / name).parent_path().string()).ok());
    spill(folder / name, "");
  }
  fs::create_directory_symlink(folder / "d", folder / "d/sub/loop");
  const auto found = [&](const std::string& pattern) {
    std::vector<std::string> files = expand_inputs({folder / pattern}).value();
    for (std::string& file : files) file.erase(0, (folder / "").size());
    return files;
  };
  using Files = std::vector<std::string>;
  const Files texts = {"d/a.txt", "d/sub/[x]*/c.txt", "d/sub/b.txt"};
  EXPECT_EQ(found("d/**/*.txt"), texts);
  EXPECT_EQ(found("**/*.txt"), texts);
  EXPECT_EQ(found("**/d/**/**/*.txt"), texts);
  EXPECT_EQ(found("*/**/c.*"), (Files{"d/sub/[x]*/c.txt", "d/sub/c.md"}));
  Files all = found("d/**");
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Files{"d/a.txt", "d/sub/[x]*/c.txt", "d/sub/b.txt", "d/sub/c.md"}));
  EXPECT_EQ(found("**/sub"), (Files{"d/sub/[x]*/c.txt", "d/sub/b.txt", "d/sub/c.md"}));
  EXPECT_EQ(found("d/**.txt"), Files{"d/a.txt"}) << "inside a name it is one star";
  EXPECT_FALSE(expand_inputs({folder / "**/*.pdf"}).ok());
}

TEST(ExpandInputs, TwoStarsFindWhatAFolderHas) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "d/sub").ok());
  for (const char* name : {"d/a.txt", "outside.txt", "d.txt"}) spill(folder / name, "");
  fs::create_symlink("nowhere", folder / "d/dangling.txt");
  fs::create_symlink(folder / "outside.txt", folder / "d/sub/linked.txt");
  ASSERT_EQ(::mkfifo((folder / "d/pipe.txt").c_str(), 0600), 0);
  const std::vector<std::string> wanted = {folder / "d/a.txt", folder / "d/sub/linked.txt"};
  EXPECT_EQ(expand_inputs({folder / "d"}).value(), wanted);
  EXPECT_EQ(expand_inputs({folder / "d/**"}).value(), wanted);
  EXPECT_EQ(expand_inputs({folder / "d/**/*.txt"}).value(), wanted);
  for (const char* no_folder : {"d.txt/**", "d/dangling.txt/**/*"}) {
    const auto found = expand_inputs({folder / no_folder});
    ASSERT_FALSE(found.ok()) << no_folder;
    EXPECT_TRUE(contains(found.error().message, "matches no file")) << found.error().message;
  }
}

TEST(ExpandInputs, TheFolderThatCannotBeReadIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "the superuser reads every folder";
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "d/closed").ok());
  spill(folder / "d/a.txt", "");
  fs::permissions(folder / "d/closed", fs::perms::none);
  for (const char* name : {"d", "d/**/*.txt"}) {
    const auto files = expand_inputs({folder / name});
    ASSERT_FALSE(files.ok()) << name;
    EXPECT_TRUE(contains(files.error().message, folder / "d/closed")) << files.error().message;
  }
  fs::permissions(folder / "d/closed", fs::perms::owner_all);
}

TEST(ExpandInputs, TwoStarsBeginInTheFolderOfTheProcess) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "sub").ok());
  for (const char* name : {"a.txt", "sub/b.txt"}) spill(folder / name, "");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const auto files = expand_inputs({"**/*.txt"});
  fs::current_path(before);
  EXPECT_EQ(files.value(), (std::vector<std::string>{"a.txt", "sub/b.txt"}));
}

TEST(ExpandInputs, NothingFoundIsAnError) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "empty").ok());
  for (const char* name : {"none", "*.txt", "empty"}) {
    const auto files = expand_inputs({folder / name});
    ASSERT_FALSE(files.ok()) << name;
    EXPECT_EQ(files.error().code, ErrorCode::kUsage);
    EXPECT_TRUE(contains(files.error().message, folder / name));
  }
}

TEST(ExpandInputs, LinkLoopsEnd) {
  const TempFolder folder;
  spill(folder / "f", "");
  fs::create_directory_symlink(folder.path(), folder / "loop");
  fs::create_symlink("nowhere", folder / "dangling");
  EXPECT_EQ(expand_inputs({folder.path()}).value(), std::vector<std::string>{folder / "f"});
}

TEST(JournalTest, LinesAreThereAfterReopening) {
  const TempFolder folder;
  const std::string path = folder / "new/j";
  {
    auto journal = Journal::open(path).value();
    EXPECT_TRUE(journal.lines().empty());
    ASSERT_TRUE(journal.append("one").ok());
    ASSERT_TRUE(journal.append("").ok());
    EXPECT_EQ(slurp(path), "one\n\n");
    Journal moved = std::move(journal);
    ASSERT_TRUE(moved.append("two").ok());
  }
  EXPECT_EQ(Journal::open(path).value().lines(), (std::vector<std::string>{"one", "", "two"}));
}

TEST(JournalTest, DropsATornLastLine) {
  const TempFolder folder;
  spill(folder / "j", "one\ntwo\nthr");
  {
    auto journal = Journal::open(folder / "j").value();
    EXPECT_EQ(journal.lines(), (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(journal.torn(), "thr");
    EXPECT_EQ(slurp(folder / "j"), "one\ntwo\nthr") << "nothing is lost by opening";
    ASSERT_TRUE(journal.append("three").ok());
  }
  EXPECT_EQ(slurp(folder / "j"), "one\ntwo\nthree\n");
  spill(folder / "only", "never finished");
  auto only = Journal::open(folder / "only").value();
  EXPECT_TRUE(only.lines().empty());
  EXPECT_EQ(only.torn(), "never finished");
  ASSERT_TRUE(only.append("one").ok());
  EXPECT_EQ(slurp(folder / "only"), "one\n");
}

TEST(JournalTest, ShowsItsLinesWithoutKeepingThem) {
  const TempFolder folder;
  const std::string path = folder / "j";
  const std::string large(3 << 20, 'x');  // more than is read at a time
  const std::vector<std::string> lines = {"one", "", large, "two"};
  {
    auto journal = Journal::open(path).value();
    for (const std::string& line : lines) ASSERT_TRUE(journal.append(line).ok());
  }
  std::ofstream(path, std::ios::app) << "torn";
  std::vector<std::pair<size_t, size_t>> places;
  auto journal = Journal::open(path, [&](std::string_view line, size_t offset) {
                   EXPECT_EQ(line, lines.at(places.size()));
                   places.emplace_back(offset, line.size());
                   return Status();
                 }).value();
  EXPECT_TRUE(journal.lines().empty());
  EXPECT_EQ(journal.torn(), "torn");
  ASSERT_EQ(places.size(), lines.size());
  ASSERT_TRUE(journal.append("three").ok());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(journal.line_at(places[i].first, places[i].second).value(), lines[i]);
  }
  EXPECT_FALSE(journal.line_at(places.back().first, 100).ok());
}

TEST(JournalTest, AVisitorsErrorIsTheOpenings) {
  const TempFolder folder;
  ASSERT_TRUE(Journal::open(folder / "j").value().append("one").ok());
  const auto refused = Journal::open(
      folder / "j", [](std::string_view, size_t) -> Status { return input_error("not mine"); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, "not mine");
}

TEST(JournalTest, FailedAppendLeavesNoPartOfTheLine) {
  const TempFolder folder;
  auto journal = Journal::open(folder / "j").value();
  ASSERT_TRUE(journal.append("one").ok());
  {
    const FileSizeLimit limit(10);
    const auto status = journal.append("a line that does not fit");
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kResource);
    EXPECT_EQ(status.error().message, (folder / "j") + ": cannot append: File too large");
  }
  EXPECT_EQ(slurp(folder / "j"), "one\n");
  ASSERT_TRUE(journal.append("two").ok());
  EXPECT_EQ(slurp(folder / "j"), "one\ntwo\n");
}

TEST(JournalTest, HasOneHolder) {
  const TempFolder folder;
  const auto journal = Journal::open(folder / "j");
  ASSERT_TRUE(journal.ok());
  const auto second = Journal::open(folder / "j");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kResource);
}

TEST(JournalTest, RefusesANewlineInALine) {
  const TempFolder folder;
  auto journal = Journal::open(folder / "j").value();
  EXPECT_THROW((void)journal.append("a\nb"), std::logic_error);
}

TEST(MappedFileTest, ShowsTheBytes) {
  const TempFolder folder;
  spill(folder / "f", "weights");
  spill(folder / "empty", "");
  const auto file = MappedFile::open(folder / "f").value();
  ASSERT_EQ(file->bytes().size(), 7u);
  EXPECT_EQ(static_cast<char>(file->bytes()[6]), 's');
  EXPECT_TRUE(MappedFile::open(folder / "empty").value()->bytes().empty());
}

TEST(MappedFileTest, RefusesWhatIsNotAFile) {
  const TempFolder folder;
  for (const std::string& path : {folder / "none", folder.path(), std::string("/dev/null")}) {
    const auto file = MappedFile::open(path);
    ASSERT_FALSE(file.ok()) << path;
    const bool is_device = path == "/dev/null";
    EXPECT_EQ(file.error().code, is_device ? ErrorCode::kResource : ErrorCode::kUsage);
    EXPECT_TRUE(file.error().message.starts_with(path + ": cannot "));
  }
}

}  // namespace
}  // namespace relata
