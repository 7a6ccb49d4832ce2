#include "new_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <stop_token>
#include <thread>

#include "data_packs.hpp"
#include "hierevo/core/error.hpp"
#include "image_shard_files.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

/// While one lives, this process can make no file longer than this many bytes, as if the disk were
/// full.
class ShortFiles {
 public:
  explicit ShortFiles(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ShortFiles(const ShortFiles&) = delete;
  ShortFiles& operator=(const ShortFiles&) = delete;
  ~ShortFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  sighandler_t handler_;
  rlimit before_{};
};

/// The text of the IoError (not UsageError) of `call`.
std::string failure(const std::function<void()>& call) {
  try {
    call();
    return "none";
  } catch (const core::IoError& error) {
    EXPECT_EQ(error.exit_code(), core::ExitCode::run_directory);
    return error.what();
  }
}

class NewFileTest : public testing::Test {
 protected:
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path()), {}));
  }

  const hierevo::test::ScratchFolder folder;
  const fs::path path = folder.path() / "new.h5";
};

TEST_F(NewFileTest, HasItsNameWhenItIsWhole) {
  NewFile file(path);
  EXPECT_EQ(files(), 0U);
  file.write([](const h5::File& opened) { h5::write_attribute<double>(opened, "x", 7.0); });
  EXPECT_EQ(files(), 1U);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(file.publish());
  const h5::Session session;
  EXPECT_EQ(h5::read_attribute<double>(h5::open_file_at(path.string()), "x"), 7.0);
}

TEST_F(NewFileTest, DoesNotReplaceAFile) {
  NewFile first(path);
  first.write([](const h5::File& opened) { h5::write_attribute<double>(opened, "x", 7.0); });
  EXPECT_TRUE(first.publish());
  NewFile late(path);
  late.write([](const h5::File&) {});
  EXPECT_FALSE(late.publish());
  const h5::Session session;
  EXPECT_EQ(h5::read_attribute<double>(h5::open_file_at(path.string()), "x"), 7.0);
}

/// As two processes do that have the same id in two containers with the same host name.
TEST_F(NewFileTest, TwoAtOnceDoNotShareATemporaryFile) {
  NewFile one(path);
  NewFile two(path);
  one.write([](const h5::File& opened) { h5::write_attribute<double>(opened, "x", 1.0); });
  two.write([](const h5::File& opened) { h5::write_attribute<double>(opened, "x", 2.0); });
  EXPECT_TRUE(two.publish());
  EXPECT_FALSE(one.publish());
  const h5::Session session;
  EXPECT_EQ(h5::read_attribute<double>(h5::open_file_at(path.string()), "x"), 2.0);
}

/// The first may take the others' temporary files for ones that killed processes left.
TEST_F(NewFileTest, IsLateWhenItsTemporaryFileIsGoneToo) {
  NewFile late(path);
  late.write([](const h5::File&) {});
  fs::remove(fs::directory_iterator(folder.path())->path());
  EXPECT_THAT(failure([&] { late.publish(); }), HasSubstr("No such file or directory"));
  NewFile later(path);
  later.write([](const h5::File&) {});
  fs::remove(fs::directory_iterator(folder.path())->path());
  std::ofstream(path) << "of who was first";
  EXPECT_FALSE(later.publish());
}

/// Each process that finishes removes such files once.
TEST_F(NewFileTest, IsMadeWhileOthersRemoveTemporaryFiles) {
  std::ofstream(path) << "of who was first";
  constexpr int finishing = 20;
  std::atomic<int> left = 0;
  const std::jthread remover([&](const std::stop_token& over) {
    while (!over.stop_requested()) {
      std::error_code gone;
      for (const auto& entry : fs::directory_iterator(folder.path(), gone)) {
        if (left > 0 && entry.path() != path && fs::remove(entry.path(), gone)) --left;
      }
    }
  });
  for (int i = 0; i < 300; ++i) {
    left = finishing;
    NewFile late(path);
    EXPECT_EQ(failure([&] { late.write([](const h5::File&) {}); }), "none");
    EXPECT_FALSE(late.publish());
  }
}

/// Every kind of such file, with room for only a part of it.
TEST_F(NewFileTest, LeavesNothingOnAFullDisk) {
  test::write_shard(folder.path(), {ImagePart::train, 0, 77}, test::sample_images(20, 1));
  ShardPlan plan = test::sample_plan();
  plan.train_shards = 1;
  plan.test_shards = 0;
  const auto cannot_write = AllOf(HasSubstr("Cannot write '"), HasSubstr("File too large"),
                                  HasSubstr("Check free space and permissions there."));
  for (const rlim_t room : {100U, 1000U, 2000U}) {
    const ShortFiles short_files(room);
    EXPECT_THAT(failure([&] { write_shard_index(folder.path(), plan); }), cannot_write) << room;
    EXPECT_THAT(
        failure([&] {
          test::write_shard(folder.path(), {ImagePart::test, 0, 77}, test::sample_images(20, 1));
        }),
        cannot_write)
        << room;
    EXPECT_THAT(failure([&] { test::write_pack(test::random_pack(40, 9), path); }), cannot_write)
        << room;
    EXPECT_EQ(files(), 1U) << room;
  }
  write_shard_index(folder.path(), plan);
  EXPECT_EQ(files(), 2U);
}

}  // namespace
}  // namespace hierevo::io
