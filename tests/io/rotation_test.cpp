#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "samples.hpp"
#include "snapshot_files.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A snapshot that is recognised by its number of evaluations.
Snapshot snapshot_of(std::size_t evaluations) {
  return test::random_snapshot(1, "1x3", evaluations, 1);
}

class Rotation : public testing::Test {
 protected:
  void save(std::size_t evaluations) { save_snapshot(snapshot_of(evaluations), path_); }

  /// Evaluations of the snapshot that a restart would resume from; 0 when there is none.
  std::size_t loaded() const {
    const auto found = load_snapshot(path_);
    return found ? found->snapshot.state.history.size() : 0;
  }
  std::vector<std::string> warnings() const { return load_snapshot(path_)->warnings; }

  /// Evaluations of the files PATH, PATH.1 and PATH.2; -1 where there is none.
  std::vector<int> kept() const {
    std::vector<int> found;
    for (const fs::path& name : kept_names(path_)) {
      if (!fs::exists(name)) {
        found.push_back(-1);
        continue;
      }
      const Snapshot snapshot = decode_snapshot(core::read_file(name), name);
      found.push_back(static_cast<int>(snapshot.state.history.size()));
    }
    return found;
  }

  hierevo::test::ScratchFolder folder_;
  fs::path path_ = folder_.path() / "search.h5";
  fs::path first_ = folder_.path() / "search.h5.1";
  fs::path second_ = folder_.path() / "search.h5.2";
};

int no_hard_links(const char*, const char*) {
  errno = EPERM;
  return -1;
}

TEST_F(Rotation, NothingThereIsNoSnapshot) {
  EXPECT_FALSE(load_snapshot(path_));
  EXPECT_FALSE(load_snapshot(folder_.path() / "nowhere" / "search.h5"));
}

TEST_F(Rotation, TheThreeNewestAreKept) {
  save(1);
  EXPECT_THAT(kept(), ElementsAre(1, -1, -1));
  save(2);
  EXPECT_THAT(kept(), ElementsAre(2, 1, -1));
  for (std::size_t i = 3; i <= 5; ++i) save(i);
  EXPECT_THAT(kept(), ElementsAre(5, 4, 3));
  EXPECT_THAT(warnings(), IsEmpty());
  const auto files = std::distance(fs::directory_iterator(folder_.path()), {});
  EXPECT_EQ(files, 3) << "something else was left behind";
}

TEST_F(Rotation, ASnapshotIsThereAtEveryStep) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  int links = 0;
  keep_earlier_snapshots(path_, snapshot_kind, [&](const char* from, const char* to) {
    ++links;
    EXPECT_THAT(kept(), ElementsAre(3, -1, 2));
    EXPECT_EQ(loaded(), 3U);
    return ::link(from, to);
  });
  EXPECT_EQ(links, 1);
  EXPECT_THAT(kept(), ElementsAre(3, 3, 2));
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(Rotation, ACrashBetweenTheRenamesIsMadeGood) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  fs::rename(first_, second_);
  EXPECT_EQ(loaded(), 3U);
  save(4);
  EXPECT_THAT(kept(), ElementsAre(4, 3, 2));
}

TEST_F(Rotation, ACrashAfterTheLinkIsMadeGood) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  fs::rename(first_, second_);
  fs::create_hard_link(path_, first_);
  EXPECT_EQ(loaded(), 3U);
  save(4);
  EXPECT_THAT(kept(), ElementsAre(4, 3, 2));
}

TEST_F(Rotation, ACrashWhileWritingIsMadeGood) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  keep_earlier_snapshots(path_, snapshot_kind, ::link);
  auto bytes = encode_snapshot(snapshot_of(4));
  bytes.resize(bytes.size() / 2);
  core::replace_file(path_.string() + ".n1.17.tmp", bytes);
  EXPECT_EQ(loaded(), 3U);
  save(5);
  EXPECT_THAT(kept(), ElementsAre(5, 3, 2));
}

TEST_F(Rotation, WithoutHardLinksTheNewestIsRenamed) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  keep_earlier_snapshots(path_, snapshot_kind, no_hard_links);
  EXPECT_THAT(kept(), ElementsAre(-1, 3, 2));
  EXPECT_EQ(loaded(), 3U);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("search.h5' (No such file or directory)")));
  keep_earlier_snapshots(path_, snapshot_kind, no_hard_links);
  EXPECT_THAT(kept(), ElementsAre(-1, 3, 2));
  save(4);
  EXPECT_THAT(kept(), ElementsAre(4, 3, 2));
}

TEST_F(Rotation, AttemptsThatFailDoNotUseUpTheEarlierOnes) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  // Hardly anything can be written, as on a full disk.
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit little{512, limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &little);
  int failed = 0;
  for (int i = 0; i < 5; ++i) {
    try {
      save(4);
    } catch (const core::IoError&) {
      ++failed;
    }
  }
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, before);
  EXPECT_EQ(failed, 5);
  EXPECT_THAT(kept(), ElementsAre(3, 3, 2));
  save(4);
  EXPECT_THAT(kept(), ElementsAre(4, 3, 2));
}

TEST_F(Rotation, ADamagedSnapshotPushesNoGoodOneOut) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  core::replace_file(path_, "not a snapshot");
  save(4);
  EXPECT_THAT(kept(), ElementsAre(4, 2, 1));
}

TEST_F(Rotation, TheNewestGoodOneIsUsed) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  core::replace_file(path_, "rubbish");
  fs::resize_file(first_, fs::file_size(first_) - 1);
  EXPECT_EQ(loaded(), 1U);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("search.h5': it is not a hierevo snapshot"),
                                      HasSubstr("search.h5.1': it is torn")));
  EXPECT_EQ(core::read_text_file(path_), "rubbish") << "loading changed a file";
}

TEST_F(Rotation, WhenNoneIsGoodAllAreNamed) {
  for (std::size_t i = 1; i <= 3; ++i) save(i);
  for (const fs::path& name : kept_names(path_)) core::replace_file(name, "rubbish");
  try {
    load_snapshot(path_);
    FAIL() << "rubbish was loaded";
  } catch (const core::CheckpointError& error) {
    EXPECT_EQ(error.path(), path_);
    EXPECT_THAT(error.what(), HasSubstr("none of its snapshots can be used"));
    for (const fs::path& name : kept_names(path_)) {
      EXPECT_THAT(error.what(), HasSubstr(name.string() + "': it is not a hierevo snapshot"));
    }
  }
}

/// The IoError of saving to `path`.
void expect_io_error(const fs::path& path, int system_error) {
  try {
    save_snapshot(snapshot_of(1), path);
    ADD_FAILURE() << "saved to " << path;
  } catch (const core::IoError& error) {
    EXPECT_EQ(error.system_error(), system_error) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(path.string()));
  }
}

TEST_F(Rotation, AFolderThatCannotBeWrittenIsNamed) {
  expect_io_error(folder_.path() / "nowhere" / "search.h5", ENOENT);
  core::replace_file(folder_.path() / "file", "text");
  expect_io_error(folder_.path() / "file" / "search.h5", ENOTDIR);
  // Not even root can create a file there.
  EXPECT_THROW(save_snapshot(snapshot_of(1), "/proc/search.h5"), core::IoError);
}

}  // namespace
}  // namespace hierevo::io
