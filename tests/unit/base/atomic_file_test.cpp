#include "relata/base/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string_view>

#include "relata/base/file.h"
#include "temp_folder.h"

namespace relata {
namespace {

namespace fs = std::filesystem;

Status write_pieces(const std::string& path, std::string_view content) {
  RELATA_TRY(AtomicFile file, AtomicFile::create(path));
  for (size_t i = 0; i < content.size(); i += 2) {
    RELATA_CHECK(file.write(std::as_bytes(std::span(content.substr(i, 2)))));
  }
  return file.finish();
}

// Both ways to write are one mechanism.
using Write = std::function<Status(const std::string&, std::string_view)>;
class WholeFiles : public testing::TestWithParam<Write> {};
INSTANTIATE_TEST_SUITE_P(AtOnceAndInPieces, WholeFiles,
                         testing::Values(Write(write_file_atomic), Write(write_pieces)));

TEST_P(WholeFiles, AppearWithoutLeavingAnythingElse) {
  const TempFolder folder;
  ASSERT_TRUE(GetParam()(folder / "f", "old").ok());
  ASSERT_TRUE(GetParam()(folder / "f", "new").ok());
  EXPECT_EQ(slurp(folder / "f"), "new");
  EXPECT_EQ(folder.count(), 1u);
}

TEST_P(WholeFiles, AreWrittenThroughLinks) {
  const TempFolder folder;
  fs::create_directory(folder / "far");
  spill(folder / "far/real", "old");
  ASSERT_EQ(::chmod((folder / "far/real").c_str(), 0640), 0);
  fs::create_symlink("far/real", folder / "inner");
  fs::create_symlink("inner", folder / "link");
  fs::create_symlink("far/new", folder / "dangling");
  fs::create_symlink("loop", folder / "loop");
  ASSERT_TRUE(GetParam()(folder / "link", "new").ok());
  ASSERT_TRUE(GetParam()(folder / "dangling", "made").ok());
  EXPECT_TRUE(fs::is_symlink(folder / "link") && fs::is_symlink(folder / "dangling"));
  EXPECT_EQ(slurp(folder / "far/real"), "new");
  EXPECT_EQ(fs::status(folder / "far/real").permissions(), fs::perms(0640));
  EXPECT_EQ(slurp(folder / "far/new"), "made");
  EXPECT_FALSE(GetParam()(folder / "loop", "x").ok());
}

TEST_P(WholeFiles, GoIntoPipesWhateverTheirName) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  const int fifo = ::open((folder / "fifo").c_str(), O_RDWR | O_CLOEXEC);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const auto next = [](int fd) {
    std::string got(6, '?');
    EXPECT_EQ(::read(fd, got.data(), got.size()), 6);
    return got;
  };
  ASSERT_TRUE(GetParam()(folder / "fifo", "facts\n").ok());
  EXPECT_EQ(next(fifo), "facts\n");
  EXPECT_TRUE(fs::is_fifo(folder / "fifo"));
  // What a shell's >(command) is.
  ASSERT_TRUE(GetParam()("/proc/self/fd/" + std::to_string(ends[1]), "facts\n").ok());
  EXPECT_EQ(next(ends[0]), "facts\n");
  for (const int fd : {fifo, ends[0], ends[1]}) ::close(fd);
}

TEST_P(WholeFiles, StayDevices) {
  const TempFolder folder;
  const std::string full = folder / "full";
  if (::mknod(full.c_str(), S_IFCHR | 0600, makedev(1, 7)) != 0) {
    GTEST_SKIP() << "only root may make devices";
  }
  const Status status = GetParam()(full, "x");
  if (!status.ok() && contains(status.error().message, "Permission denied")) {
    GTEST_SKIP() << "devices in this folder are not opened";
  }
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kResource);
  EXPECT_EQ(status.error().message, full + ": cannot write: No space left on device");
  EXPECT_TRUE(contains(status.error().hint, "free some space"));
  EXPECT_TRUE(fs::is_character_file(full));
}

TEST_P(WholeFiles, MayHaveTheLongestName) {
  const TempFolder folder;
  const std::string name(255, 'n');
  EXPECT_TRUE(GetParam()(folder / name, "x").ok());
  EXPECT_EQ(folder.count(), 1u);
}

TEST(AtomicFileTest, LeavesNothingWhereItIsNotFinished) {
  const TempFolder folder;
  spill(folder / "f", "old");
  ASSERT_TRUE(AtomicFile::create(folder / "f").ok());
  EXPECT_EQ(slurp(folder / "f"), "old");
  EXPECT_EQ(folder.count(), 1u);
}

// The number of a process that has ended, and what it did in between.
pid_t end_of_process(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  return child;
}

TEST(AtomicFileTest, RemovesWhatKilledWritersLeft) {
  const TempFolder folder;
  end_of_process([&] {
    const auto file = AtomicFile::create(folder / "f");
    ::_exit(0);  // as a kill: nothing is destroyed
  });
  ASSERT_EQ(folder.count(), 1u);
  const std::string dead = std::to_string(end_of_process([] {}));
  const std::string other = folder / ("g.tmp." + dead + ".0"),
                    alive = folder / ("f.tmp." + std::to_string(::getppid()) + ".0"),
                    named = folder / ("f.tmp." + dead + ".txt"),
                    before = folder / ("f.tmp." + std::to_string(::getpid()) + ".9999999");
  for (const std::string& path : {other, alive, named, before}) spill(path, "x");
  const auto first = AtomicFile::create(folder / "f");
  EXPECT_TRUE(file_exists(other) && file_exists(alive) && file_exists(named));
  EXPECT_FALSE(file_exists(before)) << "of a killed process with the number of this one";
  EXPECT_EQ(folder.count(), 4u);
  const auto second = AtomicFile::create(folder / "f");
  EXPECT_EQ(folder.count(), 5u) << "the first's own file stays";
}

TEST(AtomicFileTest, LeftoversAreRemovedWithoutWriting) {
  const TempFolder folder;
  const std::string dead = std::to_string(end_of_process([] {}));
  const auto living = AtomicFile::create(folder / "f");
  spill(folder / ("f.tmp." + dead + ".0"), "x");
  spill(folder / ("g.tmp." + dead + ".0"), "x");
  spill(folder / "real", "old");
  fs::create_symlink("real", folder / "link");
  spill(folder / ("real.tmp." + dead + ".3"), "x");
  remove_leftovers(folder / "f");
  remove_leftovers(folder / "link");
  remove_leftovers(folder / "nothing/here");
  remove_leftovers("/dev/null");
  EXPECT_FALSE(file_exists(folder / ("f.tmp." + dead + ".0")));
  EXPECT_FALSE(file_exists(folder / ("real.tmp." + dead + ".3")));
  EXPECT_TRUE(file_exists(folder / ("g.tmp." + dead + ".0")));
  EXPECT_EQ(folder.count(), 4u) << "g's, real, link, and what is being written";
}

TEST(AtomicFileTest, IsRemovedByWhatHandlesSignals) {
  const TempFolder folder;
  end_of_process([&] {
    const auto finished = [&] { return write_pieces(folder / "kept", "x"); };
    const auto first = AtomicFile::create(folder / "f"), second = AtomicFile::create(folder / "g");
    if (finished().ok() && first.ok() && second.ok()) remove_temporary_files();
    ::_exit(0);
  });
  EXPECT_EQ(folder.count(), 1u);
  EXPECT_EQ(slurp(folder / "kept"), "x");
}

}  // namespace
}  // namespace relata
