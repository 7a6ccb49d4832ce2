// Whenever the power fails, and whatever unsynced data are lost, what a sync has covered is there.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "checksummed_header.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "journalled_search.hpp"
#include "sample_training.hpp"
#include "snapshot_files.hpp"
#include "support/recorded_files.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

namespace fs = std::filesystem;
using hierevo::test::RecordedFiles;
using hierevo::test::ScratchFolder;
using Unsynced = RecordedFiles::Unsynced;

/// What was promised to survive, and from which call on.
class Promises {
 public:
  void promise(std::size_t what) { promised_.emplace_back(RecordedFiles::calls(), what); }
  std::size_t after(std::size_t calls) const {
    std::size_t most = 0;
    for (const auto& [from, what] : promised_) {
      if (from <= calls) most = std::max(most, what);
    }
    return most;
  }

 private:
  std::vector<std::pair<std::size_t, std::size_t>> promised_;
};

/// Calls look(folder, calls) with what the disk may have after `calls` calls, for each number of
/// them; where too many ways of loss are possible, with some at random.
template <typename Look>
void for_each_state(const Look& look, int draws = 4) {
  core::RandomStream random(11);
  for (std::size_t calls = 0; calls <= RecordedFiles::calls(); ++calls) {
    for (int state = 0; state < 2 + draws; ++state) {
      const Unsynced unsynced = state == 0   ? Unsynced::lost
                                : state == 1 ? Unsynced::kept
                                             : Unsynced::any;
      SCOPED_TRACE(testing::Message() << "after " << calls << " calls, state " << state);
      const ScratchFolder disk;
      RecordedFiles::rebuild(calls, unsynced, random, disk.path());
      look(disk.path(), calls);
    }
  }
}

std::string text_of(std::size_t version) {
  return std::string(1000, static_cast<char>('a' + version));
}

/// The version of a complete file; 0 where there is none, and a large number for anything else.
std::size_t version_in(const fs::path& path) {
  if (!fs::exists(path)) return 0;
  const std::string found = core::read_text_file(path);
  for (std::size_t version = 1; version < 10; ++version) {
    if (found == text_of(version)) return version;
  }
  return 1000;
}

TEST(PowerCut, LeavesAFileThatIsReplacedOldOrNew) {
  const ScratchFolder folder;
  const RecordedFiles recording(folder.path());
  Promises promises;
  for (std::size_t version = 1; version <= 4; ++version) {
    core::replace_file(folder.path() / "file", text_of(version));
    promises.promise(version);
  }
  EXPECT_GT(RecordedFiles::calls(), 4 * 4u);
  for_each_state([&](const fs::path& disk, std::size_t calls) {
    const std::size_t version = version_in(disk / "file");
    EXPECT_GE(version, promises.after(calls));
    EXPECT_LE(version, 4u);
  });
}

/// What the tests would say about a program that forgets a sync.
TEST(PowerCut, TakesWhatWasNotSynced) {
  for (const bool content_synced : {false, true}) {
    const ScratchFolder folder;
    const RecordedFiles recording(folder.path());
    const fs::path temporary = folder.path() / "file.tmp";
    const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ASSERT_GE(file, 0);
    const std::string text = text_of(1);
    ASSERT_EQ(::write(file, text.data(), text.size()), std::ssize(text));
    if (content_synced) {
      ASSERT_EQ(::fsync(file), 0);
    }
    ASSERT_EQ(::close(file), 0);
    ASSERT_EQ(::rename(temporary.c_str(), (folder.path() / "file").c_str()), 0);
    bool torn = false;
    bool absent = false;
    for_each_state(
        [&](const fs::path& disk, std::size_t calls) {
          const std::size_t version = version_in(disk / "file");
          torn = torn || version > 1;
          absent = absent || (version == 0 && calls == RecordedFiles::calls());
        },
        40);
    EXPECT_EQ(torn, !content_synced);
    EXPECT_TRUE(absent) << "the folder was not synced";
  }
}

TEST(PowerCut, LeavesAPublishedFileWhole) {
  const ScratchFolder folder;
  const RecordedFiles recording(folder.path());
  const fs::path temporary = folder.path() / "file.tmp";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  ASSERT_GE(file, 0);
  const std::string text = text_of(1);
  ASSERT_EQ(::write(file, text.data(), text.size()), std::ssize(text));
  ASSERT_EQ(::close(file), 0);
  core::publish_file(temporary, folder.path() / "file");
  Promises promises;
  promises.promise(1);
  for_each_state([&](const fs::path& disk, std::size_t calls) {
    const std::size_t version = version_in(disk / "file");
    EXPECT_GE(version, promises.after(calls));
    EXPECT_LE(version, 1u);
  });
}

TrainingSnapshot training(std::size_t version) {
  TrainingSnapshot snapshot = test::sample_training();
  snapshot.seed = version;
  return snapshot;
}

/// How a training is saved, again and again.
struct Save {
  const char* name;
  void (*save)(const TrainingSnapshot& snapshot, const fs::path& path);
};

class PowerCutOfATraining : public testing::TestWithParam<Save> {};
INSTANTIATE_TEST_SUITE_P(
    All, PowerCutOfATraining,
    testing::Values(Save{"Alone", [](const TrainingSnapshot& snapshot,
                                     const fs::path& path) { save_training(snapshot, path); }},
                    Save{"Kept", save_kept_training},
                    Save{"KeptWithoutHardLinks",
                         [](const TrainingSnapshot& snapshot, const fs::path& path) {
                           keep_earlier_snapshots(path, training_kind,
                                                  [](const char*, const char*) { return -1; });
                           save_training(snapshot, path);
                         }}),
    [](const auto& one) { return one.param.name; });

TEST_P(PowerCutOfATraining, LeavesWhatWasSaved) {
  const ScratchFolder folder;
  const RecordedFiles recording(folder.path());
  Promises promises;
  for (std::size_t version = 1; version <= 5; ++version) {
    GetParam().save(training(version), folder.path() / "last.h5");
    promises.promise(version);
  }
  for_each_state([&](const fs::path& disk, std::size_t calls) {
    const auto loaded = load_newest_training(disk / "last.h5");
    EXPECT_GE(loaded ? loaded->snapshot.seed : 0, promises.after(calls));
    if (!loaded) return;
    EXPECT_THAT(loaded->warnings, testing::Each(testing::HasSubstr("No such file")))
        << "a name of a torn file";
  });
}

TEST(PowerCut, LeavesASearchWithAllThatWasSynced) {
  const ScratchFolder folder;
  const RecordedFiles recording(folder.path());
  test::JournalledSearch search(folder.path());
  Promises saved;
  struct Noted {
    std::size_t write;
    std::size_t done;
  };
  std::vector<Noted> noted;
  for (int round = 0; round < 3; ++round) {
    search.save();
    saved.promise(search.done());
    search.begin_journal();
    for (int step = 0; step < 4; ++step) {
      search.step();
      noted.push_back({RecordedFiles::last_write(), search.done()});
      if (step == 1) RecordedFiles::wait_until_synced(noted.back().write);
    }
  }
  search.drop_journal();
  const auto history = search.now().state.history;
  std::size_t by_journal = 0;
  for_each_state([&](const fs::path& disk, std::size_t calls) {
    std::size_t promised = saved.after(calls);
    for (const auto& [write, done] : noted) {
      if (write < calls && RecordedFiles::is_synced(write, calls)) {
        by_journal += done > promised ? 1 : 0;
        promised = std::max(promised, done);
      }
    }
    const auto loaded = load_search(disk / "search.h5", disk / "journal");
    const std::size_t kept = loaded ? loaded->snapshot.state.history.size() : 0;
    ASSERT_GE(kept, promised);
    ASSERT_LE(kept, history.size());
    if (!loaded) return;
    EXPECT_TRUE(std::equal(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(kept),
                           loaded->snapshot.state.history.begin()));
  });
  EXPECT_GT(by_journal, 0u);
}

}  // namespace
}  // namespace hierevo::io
