#include "search_record.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "hierevo/io/journal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

/// An engine whose events are recorded, as the coordinator does it.
struct Recorded {
  explicit Recorded(const std::filesystem::path& run, const SavePace& pace = {})
      : record(run, pace) {
    record.begin("");
    record.save(engine, "running");
  }
  void evaluate() {
    const auto candidate = engine.ask();
    record.asked(*candidate);
    engine.tell(candidate->id, {});
    record.told(engine.history().back());
    record.write_journal();
  }

  evolution::Engine engine{
      {.space = genome::SearchSpace::parse("1x3"), .population = 4, .start_mutations = 5}};
  SearchRecord record;
};

std::size_t evaluations_in(const std::filesystem::path& run) {
  return RunDirectory::read(run)->state.history.size();
}

TEST(SearchRecord, TheJournalCatchesUpWhenTheDiskIsNoLongerFull) {
  const test::ScratchFolder folder;
  const auto run = folder.path() / "run";
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    Recorded search(run);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit little{4096, limit.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &little);
    for (int i = 0; i < 100; ++i) search.evaluate();
    if (evaluations_in(run) >= 100) ::_exit(1);
    search.record.save_when_due(search.engine, "running");  // which there is no room for either
    ::setrlimit(RLIMIT_FSIZE, &limit);
    search.evaluate();
    ::_exit(0);  // before any snapshot
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(evaluations_in(run), 101U);
}

TEST(SearchRecord, AJournalThatIsRemovedIsMadeGoodByASnapshot) {
  for (const bool emptied : {false, true}) {
    const test::ScratchFolder folder;
    const auto run = folder.path() / "run";
    const std::chrono::nanoseconds at_once{0};
    Recorded search(run,
                    {.with_journal = std::chrono::hours(1), .retry = at_once, .check = at_once});
    search.record.save_when_due(search.engine, "running");
    for (int i = 0; i < 10; ++i) search.evaluate();
    if (emptied) {
      std::filesystem::resize_file(run / "journal", 0);
    } else {
      std::filesystem::remove(run / "journal");
    }
    EXPECT_LT(evaluations_in(run), 10U);
    search.record.write_journal();
    search.record.save_when_due(search.engine, "running");
    EXPECT_EQ(evaluations_in(run), 10U);
  }
}

}  // namespace
}  // namespace hierevo::search
