#include "preflight.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/scratch_folder.hpp"

namespace hierevo::app {
namespace {

namespace fs = std::filesystem;

/// As two starts do that have one number in two containers with one host name.
TEST(SharedFolderToken, TwoInOneFolderDoNotGetInEachOthersWay) {
  const test::ScratchFolder folder;
  const fs::path run = folder.path() / "run";
  const SharedFolderToken one(run);
  {
    const SharedFolderToken two(run);
    EXPECT_NE(one.text(), two.text());
    check_shared(run, two.text());
  }
  check_shared(run, one.text());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace hierevo::app
