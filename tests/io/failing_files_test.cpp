// Whatever file call fails, or is the process's last, what was saved is there, old or new.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "data_packs.hpp"
#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/io/snapshot.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "image_shard_files.hpp"
#include "journalled_search.hpp"
#include "sample_training.hpp"
#include "samples.hpp"
#include "support/failing_files.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

namespace fs = std::filesystem;
using hierevo::test::FailingFiles;
using hierevo::test::FileFault;
using test::JournalledSearch;

/// Something that is saved in a folder, version after version.
struct Saved {
  const char* name;
  void (*save)(const fs::path& folder, int version);
  /// The version that is there; throws when there is none.
  int (*load)(const fs::path& folder);
};

/// A search with as many evaluations as its version.
void save_search(const fs::path& folder, int version) {
  save_snapshot(test::random_snapshot(1, "1x3", static_cast<std::size_t>(version), 1),
                folder / "search.h5");
}
int load_search_there(const fs::path& folder) {
  const auto loaded = load_snapshot(folder / "search.h5");
  return static_cast<int>(loaded.value().snapshot.state.history.size());
}

void save_half_trained(const fs::path& folder, int version) {
  TrainingSnapshot snapshot = test::sample_training();
  snapshot.seed = static_cast<std::uint64_t>(version);
  save_training(snapshot, folder / "7.h5");
}
int load_half_trained(const fs::path& folder) {
  return static_cast<int>(load_training(folder / "7.h5").seed);
}

class FailingSaves : public testing::TestWithParam<Saved> {
 protected:
  void save(int version) const { GetParam().save(folder_.path(), version); }
  int newest() const { return GetParam().load(folder_.path()); }

  void save_the_first_three() const {
    for (int version = 1; version <= 3; ++version) save(version);
  }
  /// Checks after a save of version 4 that may have failed.
  void expect_all_is_well() const {
    EXPECT_THAT(newest(), testing::AnyOf(3, 4));
    start_again();
    save(5);
    EXPECT_EQ(newest(), 5);
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
    }
  }
  /// Another process takes over, and removes what the previous one could not.
  void start_again() const {
    constexpr std::string_view markers[] = {"search.h5", "7.h5"};
    core::DirectoryClaim(folder_.path(), {"folder of a test", markers}).take_over();
  }
  void start_anew() const {
    for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove(entry.path());
  }

 private:
  hierevo::test::ScratchFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(All, FailingSaves,
                         testing::Values(Saved{"Search", save_search, load_search_there},
                                         Saved{"Training", save_half_trained, load_half_trained}),
                         [](const auto& one) { return one.param.name; });

TEST_P(FailingSaves, LoseNothing) {
  for (const FileFault fault : {FileFault::error, FileFault::broken, FileFault::full}) {
    bool reached = true;
    std::size_t nth = 0;
    while (reached) {
      SCOPED_TRACE(testing::Message() << "call " << ++nth << ", fault " << static_cast<int>(fault));
      start_anew();
      save_the_first_three();
      bool failed = false;
      {
        const FailingFiles failing(nth, fault);
        try {
          save(4);
        } catch (const core::IoError& error) {
          failed = true;
          EXPECT_NE(error.system_error(), 0);
        }
        reached = failing.reached();
      }
      if (!reached) {
        EXPECT_FALSE(failed);
      }
      if (!failed) {
        EXPECT_EQ(newest(), 4);
      }
      expect_all_is_well();
    }
    EXPECT_GT(nth, 6u);  // open, write, sync, close, rename, open and sync of the folder at least
  }
}

TEST_P(FailingSaves, LoseNothingWhereTheProcessEnds) {
  bool crashed = true;
  std::size_t nth = 0;
  while (crashed) {
    SCOPED_TRACE(testing::Message() << "call " << ++nth);
    start_anew();
    save_the_first_three();
    crashed = hierevo::test::crashes_at(nth, [&] { save(4); });
    if (!crashed) {
      EXPECT_EQ(newest(), 4);
    }
    expect_all_is_well();
  }
  EXPECT_GT(nth, 6u);
}

/// A pack without its last training image.
void write_with_skipped(const data::Dataset& pack, const fs::path& path) {
  using Part = DataPackWriter::Part;
  const std::size_t count = pack.train.labels.size() - 1;
  const std::vector<std::string> skipped = {"cat/broken.jpg"};
  DataPackWriter writer(path, test::info_of(pack), count + 1, 0);
  writer.append(Part::train, std::span(pack.train.pixels).first(count * pack.train.shape.bytes()),
                std::span(pack.train.labels).first(count));
  writer.leave_out(Part::train, skipped);
  writer.finish();
}

/// A pack or shard, which HDF5 writes on disk: whole or refused, whichever of its writes fails.
/// Some happen only as a dataset or the file is closed.
TEST(FailingNewFiles, AreWholeOrRefused) {
  const hierevo::test::ScratchFolder folder;
  const data::Dataset pack = test::random_pack(4000, 60);
  const auto images = test::sample_images(400, 1);
  const ShardInfo shard{ImagePart::train, 0, 77};
  const std::function<void()> kinds[] = {
      [&] { test::write_pack(pack, folder.path() / "new"); },
      [&] { write_with_skipped(pack, folder.path() / "new"); },
      [&] { test::write_shard(folder.path(), shard, images); },
      [&] { test::write_shard(folder.path(), shard, images, 100'000); }};
  for (const auto& write_one : kinds) {
    write_one();
    const fs::path made = fs::directory_iterator(folder.path())->path();
    const auto whole = core::read_file(made);
    fs::remove(made);
    for (const FileFault fault : {FileFault::error, FileFault::broken, FileFault::full}) {
      bool reached = true;
      std::size_t refused = 0;
      for (std::size_t nth = 1; reached; ++nth) {
        SCOPED_TRACE(testing::Message() << "call " << nth << ", fault " << static_cast<int>(fault));
        try {
          const FailingFiles failing(nth, fault);
          write_one();
          reached = failing.reached();
          ASSERT_TRUE(fs::exists(made));
        } catch (const core::IoError&) {
          ASSERT_LT(++refused, 1000U) << "without end";
        }
        if (!fs::exists(made)) continue;
        ASSERT_TRUE(core::read_file(made) == whole);
        fs::remove(made);
      }
      EXPECT_GT(refused, 8U);
    }
  }
}

/// Two snapshots with their journals; then one whose journal cannot be created, or is torn.
TEST(FailingJournal, LosesNothingThatItHasTaken) {
  for (const FileFault fault : {FileFault::error, FileFault::broken, FileFault::full}) {
    bool reached = true;
    for (std::size_t nth = 1; reached; ++nth) {
      SCOPED_TRACE(testing::Message() << "call " << nth << ", fault " << static_cast<int>(fault));
      const hierevo::test::ScratchFolder folder;
      JournalledSearch search(folder.path());
      for (int i = 0; i < 2; ++i) {
        search.save();
        search.begin_journal();
        search.step();
      }
      search.save();
      search.drop_journal();
      std::size_t taken = search.done();
      {
        const FailingFiles failing(nth, fault);
        try {
          search.begin_journal();
          for (int i = 0; i < 3; ++i) {
            search.step();
            taken = search.done();
          }
        } catch (const core::IoError& error) {
          EXPECT_NE(error.system_error(), 0);
        }
        search.drop_journal();
        reached = failing.reached();
      }
      EXPECT_GE(search.kept(), taken);
      search.save();
      search.begin_journal();
      search.step();
      EXPECT_EQ(search.kept(), search.done());
    }
  }
}

TEST(FailingJournal, LosesNothingThatItHasTakenWhereTheProcessEnds) {
  bool crashed = true;
  std::size_t nth = 0;
  while (crashed) {
    SCOPED_TRACE(testing::Message() << "call " << ++nth);
    const hierevo::test::ScratchFolder folder;
    JournalledSearch search(folder.path());
    search.save();
    search.begin_journal();
    search.step();
    search.drop_journal();
    const std::size_t before = search.done();
    crashed = hierevo::test::crashes_at(nth, [&] {
      search.save();
      search.begin_journal();
      search.step();
    });
    EXPECT_GE(search.kept(), before + (crashed ? 0 : 1));
    // The next start: a snapshot of what is there, and a journal after it.
    search.save();
    search.begin_journal();
    search.step();
    EXPECT_EQ(search.kept(), search.done());
  }
  EXPECT_GT(nth, 12u);
}

TEST(FailingJournal, ASyncThatFailsIsToldByALaterWrite) {
  const hierevo::test::ScratchFolder folder;
  JournalledSearch search(folder.path());
  search.save();
  const hierevo::test::FailingSyncs failing;
  search.begin_journal();
  const auto step_after_a_failure = [&] {
    search.step();
    failing.wait_for(1);
    search.step();        // may come before the syncing thread has noticed it
    failing.wait_for(2);  // by its second sync it has noticed
    search.step();
  };
  EXPECT_THROW(step_after_a_failure(), core::IoError);
  EXPECT_GE(search.kept() + 1, search.done());
}

}  // namespace
}  // namespace hierevo::io
