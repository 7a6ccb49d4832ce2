// Journals: what was noted is there again after a kill at any byte, and no damage goes unnoticed.
#include "hierevo/io/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

using evolution::Engine;
using evolution::EngineState;
using evolution::Evaluation;
using evolution::IndividualId;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// An engine under way with some workers, whose every step is noted in a journal.
class Search {
 public:
  explicit Search(const std::filesystem::path& folder)
      : snapshot_(folder / "search.h5"), journal_path_(folder / "journal") {}

  void snapshot() {
    save_snapshot({engine_.options(), engine_.state(), {}}, snapshot_);
    journal_ = std::make_unique<Journal>(journal_path_);
  }
  void step() {
    while (engine_.in_flight_count() < 4) journal_->asked(*engine_.ask());
    const auto in_flight = engine_.in_flight();
    const IndividualId id = in_flight[random_.below(in_flight.size())].id;
    Evaluation evaluation;
    evaluation.fitness = random_.unit();
    evaluation.repeat_fitness = {evaluation.fitness, 0.5};
    evaluation.repeat_loss = {random_.unit()};
    evaluation.phenotype = random_.below(1000);
    evaluation.worker = 3;
    evaluation.reason = "none";
    engine_.tell(id, evaluation);
    journal_->told(id, evaluation);
    journal_->write();
  }
  EngineState state() const { return engine_.state(); }
  std::optional<LoadedSnapshot> load() const { return load_search(snapshot_, journal_path_); }
  const std::filesystem::path& snapshot_path() const { return snapshot_; }
  const std::filesystem::path& journal_path() const { return journal_path_; }

 private:
  std::filesystem::path snapshot_;
  std::filesystem::path journal_path_;
  core::RandomStream random_{4};
  Engine engine_{{.space = genome::SearchSpace::parse("2x3,1x3"),
                  .population = 5,
                  .evaluations = 1000,
                  .start_mutations = 20}};
  std::unique_ptr<Journal> journal_;
};

void expect_equal(const EngineState& a, const EngineState& b) {
  EXPECT_EQ(a.history, b.history);
  EXPECT_EQ(a.in_flight, b.in_flight);
}

class JournalTest : public testing::Test {
 protected:
  test::ScratchFolder folder_;
  Search search_{folder_.path()};
};

TEST_F(JournalTest, BringsASnapshotToItsLastMoment) {
  EXPECT_FALSE(search_.load().has_value());
  search_.snapshot();
  for (int i = 0; i < 50; ++i) {
    search_.step();
    if (i % 7 == 3) search_.snapshot();
    const auto loaded = search_.load();
    expect_equal(loaded->snapshot.state, search_.state());
    EXPECT_THAT(loaded->warnings, IsEmpty());
  }
}

TEST_F(JournalTest, AnEarlierSnapshotWithItsJournalsIsAsGood) {
  EngineState at_the_last_snapshot;
  for (int i = 0; i < 5; ++i) {
    search_.snapshot();
    at_the_last_snapshot = search_.state();
    for (int steps = 0; steps < 6; ++steps) search_.step();
  }
  for (const char* damaged : {"", ".1"}) {
    core::replace_file(search_.snapshot_path().string() + damaged, std::string_view("nonsense"));
    expect_equal(search_.load()->snapshot.state, search_.state());
  }
  // Without the newest journal the others lead from the oldest snapshot to the newest.
  std::filesystem::remove(search_.journal_path());
  expect_equal(search_.load()->snapshot.state, at_the_last_snapshot);
}

TEST_F(JournalTest, AReaderNeedsNoLockWhileAnotherProcessWrites) {
  const pid_t writer = ::fork();
  if (writer == 0) {
    Search other(folder_.path());
    for (int i = 0; i < 60; ++i) {
      other.snapshot();
      other.step();
    }
    ::_exit(0);
  }
  int status = 0;
  std::size_t seen = 0;
  while (::waitpid(writer, &status, WNOHANG) == 0) {
    const auto loaded = search_.load();
    if (!loaded) continue;  // the first snapshot is still to come
    EXPECT_THAT(loaded->warnings, IsEmpty());
    EXPECT_GE(loaded->snapshot.state.history.size(), seen);
    seen = loaded->snapshot.state.history.size();
  }
  EXPECT_EQ(status, 0);
  EXPECT_THAT(search_.load()->snapshot.state.history, SizeIs(60));
}

TEST_F(JournalTest, CutAnywhereItHasAllWholeRecords) {
  search_.snapshot();
  std::vector<EngineState> states = {search_.state()};
  std::vector<std::uintmax_t> sizes = {std::filesystem::file_size(search_.journal_path())};
  for (int i = 0; i < 6; ++i) {
    search_.step();
    states.push_back(search_.state());
    sizes.push_back(std::filesystem::file_size(search_.journal_path()));
  }
  const std::vector<std::byte> whole = core::read_file(search_.journal_path());
  std::size_t step = states.size() - 1;
  for (std::size_t length = whole.size() + 1; length-- > 0;) {
    while (step > 0 && sizes[step] > length) --step;
    core::replace_file(search_.journal_path(), std::span(whole).first(length));
    const auto loaded = search_.load();
    EXPECT_THAT(loaded->warnings, IsEmpty()) << length;
    EXPECT_EQ(loaded->snapshot.state.history, states[step].history) << length;
    EXPECT_GE(loaded->snapshot.state.in_flight.size(), length < sizes[1] ? 0U : 3U);
  }
}

TEST_F(JournalTest, DamageIsToldAndNothingBehindItIsUsed) {
  search_.snapshot();
  for (int i = 0; i < 30; ++i) search_.step();
  const auto whole = core::read_file(search_.journal_path());
  const auto history = search_.state().history;
  core::RandomStream random(5);
  for (int i = 0; i < 1000; ++i) {
    auto bytes = whole;
    const std::size_t at = random.below(bytes.size());
    bytes[at] ^= static_cast<std::byte>(1 + random.below(255));
    core::replace_file(search_.journal_path(), bytes);
    try {
      const auto loaded = search_.load();
      const auto& found = loaded->snapshot.state.history;
      ASSERT_LE(found.size(), history.size());
      EXPECT_TRUE(std::equal(found.begin(), found.end(), history.begin())) << at;
      // A length that leads behind the end looks like a record that is not whole yet.
      if (found.size() + 1 < history.size() && !loaded->warnings.empty()) {
        EXPECT_THAT(loaded->warnings, SizeIs(1));
      }
    } catch (const core::CheckpointError&) {
      EXPECT_LT(at, 18U);  // the first line
    }
  }
}

TEST_F(JournalTest, OfANewerVersionOrWithoutASnapshotItIsRefused) {
  search_.snapshot();
  search_.step();
  auto bytes = core::read_file(search_.journal_path());
  bytes[16] = std::byte{'2'};
  core::replace_file(search_.journal_path(), bytes);
  EXPECT_THROW(search_.load(), core::CheckpointError);
  bytes[16] = std::byte{'1'};
  core::replace_file(search_.journal_path(), bytes);
  EXPECT_TRUE(search_.load().has_value());
  std::filesystem::remove(search_.snapshot_path());
  EXPECT_THROW(search_.load(), core::CheckpointError);
}

TEST_F(JournalTest, AFullDiskIsToldAndLeavesWholeRecords) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit little{8192, 8192};
    search_.snapshot();
    ::setrlimit(RLIMIT_FSIZE, &little);
    for (int i = 0; i < 1000; ++i) {
      try {
        search_.step();
      } catch (const core::IoError& error) {
        ::_exit(error.system_error() == EFBIG ? 0 : 1);
      }
    }
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  const auto loaded = search_.load();
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_GT(loaded->snapshot.state.history.size(), 10U);
}

}  // namespace
}  // namespace hierevo::io
