#include "relata/base/file_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "temp_folder.h"

namespace relata {
namespace {

TEST(FileText, MapsFilesAndReadsTheRest) {
  const TempFolder folder;
  const std::string path = folder / "a.txt";
  ASSERT_TRUE(write_file_atomic(path, "text\n").ok());
  const auto file = FileText::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ((*file)->text(), "text\n");
  ASSERT_TRUE(write_file_atomic(path, "").ok());
  const auto empty = FileText::open(path);
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ((*empty)->text(), "");
  EXPECT_EQ((*file)->text(), "text\n");  // the file that was there is still mapped

  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] {
    const int end = ::open(pipe.c_str(), O_WRONLY);  // waits for the reader
    EXPECT_EQ(::write(end, "piped", 5), 5);
    ::close(end);
  });
  const auto piped = FileText::open(pipe);
  writer.join();
  ASSERT_TRUE(piped.ok());
  EXPECT_EQ((*piped)->text(), "piped");

  EXPECT_EQ(FileText::of("own")->text(), "own");
  const auto missing = FileText::open(folder / "none");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("none: cannot read"), std::string::npos);
  EXPECT_FALSE(FileText::open(folder / ".").ok());
}

}  // namespace
}  // namespace relata
