// Whatever file call of a running search fails, its record loses nothing and goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "genotype_file.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/search/verify.hpp"
#include "search_record.hpp"
#include "support/failing_files.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

namespace fs = std::filesystem;
using test::FailingFiles;
using test::FileFault;

/// Where all temporary files go, also those that a fault keeps from being removed.
class TemporaryFolder {
 public:
  TemporaryFolder() { ::setenv("TMPDIR", folder_.path().c_str(), 1); }

 private:
  test::ScratchFolder folder_;
};
const TemporaryFolder temporary_folder;

/// Something is due whenever it is asked for.
constexpr SavePace always{{}, {}, {}};

/// A search as the coordinator records it.
class RecordedSearch {
 public:
  explicit RecordedSearch(fs::path run) : run_(std::move(run)), record_(run_, always) {
    record_.begin("seed=5\n");
    save();
  }
  void step() {
    const auto candidate = engine_.ask();
    record_.asked(*candidate);
    record_.write_journal();
    write_genotype(*candidate);
    engine_.tell(candidate->id, {});
    record_.told(engine_.history().back());
    record_.write_journal();
  }
  void save() {
    record_.make_due();
    record_.save_when_due(engine_, "running");
  }
  bool saved() const { return record_.saved(); }
  std::size_t done() const { return engine_.history().size(); }
  std::size_t kept() const { return RunDirectory::read(run_).value().state.history.size(); }

 private:
  /// As its evaluator does.
  void write_genotype(const evolution::Candidate& candidate) const {
    try {
      const GenotypeFile file(candidate, run_);
    } catch (const core::IoError&) {
      // It would have failed; what it comes to is the same here.
    }
  }

  fs::path run_;
  evolution::Engine engine_{{.space = genome::SearchSpace::parse("1x3"),
                             .population = 4,
                             .evaluations = 1000,
                             .start_mutations = 5}};
  SearchRecord record_;
};

void expect_files_in_flight_agree(const fs::path& run) {
  const auto found = verify_run(run, {});
  if (!found) return;
  for (const Problem& problem : found->problems) {
    EXPECT_NE(problem.file.parent_path().filename(), "inflight") << problem.line();
  }
}

TEST(FailingRecord, LosesNothingAndGoesOn) {
  for (const FileFault fault : {FileFault::error, FileFault::broken, FileFault::full}) {
    bool reached = true;
    std::size_t nth = 0;
    while (reached) {
      SCOPED_TRACE(testing::Message() << "call " << ++nth << ", fault " << static_cast<int>(fault));
      const test::ScratchFolder folder;
      RecordedSearch search(folder.path() / "run");
      search.step();
      search.save();
      search.step();
      const std::size_t before = search.done();
      {
        const FailingFiles failing(nth, fault);
        search.step();
        search.save();
        search.step();
        reached = failing.reached();
      }
      EXPECT_GE(search.kept(), before);
      search.save();
      EXPECT_TRUE(search.saved());
      search.step();
      EXPECT_EQ(search.kept(), search.done());
      EXPECT_FALSE(fs::exists(folder.path() / "run" / "search.h5.tmp"));
    }
    EXPECT_GT(nth, 12u);
  }
}

TEST(FailingRecord, LosesNothingWhereTheProcessEnds) {
  bool crashed = true;
  std::size_t nth = 0;
  while (crashed) {
    SCOPED_TRACE(testing::Message() << "call " << ++nth);
    const test::ScratchFolder folder;
    const fs::path run = folder.path() / "run";
    constexpr std::size_t steps = 4;
    crashed = test::crashes_at(nth, [&] {
      RecordedSearch search(run);
      for (std::size_t i = 0; i < steps; ++i) {
        search.step();
        if (i % 2 == 1) search.save();
      }
    });
    // What a new start finds, in a folder that is a run or can become one.
    const auto left = SearchRecord(run, always).load();
    expect_files_in_flight_agree(run);
    if (!crashed) {
      EXPECT_EQ(left.value().state.history.size(), steps);
    }
    if (left) continue;
    RecordedSearch anew(run);
    anew.step();
    EXPECT_EQ(anew.kept(), 1u);
  }
  EXPECT_GT(nth, 30u);
}

}  // namespace
}  // namespace hierevo::search
