#include "hierevo/search/run_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <set>

#include "hierevo/core/error.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using testing::HasSubstr;

TEST(RunDirectory, IsMadeAndLocked) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "deep" / "run";
  EXPECT_FALSE(RunDirectory::in_use(path));
  {
    RunDirectory run(path);
    EXPECT_TRUE(RunDirectory::in_use(path));
    EXPECT_FALSE(run.load().has_value());
    EXPECT_FALSE(RunDirectory::configuration_of(path).has_value());
    try {
      RunDirectory second(path);
      FAIL();
    } catch (const core::InUseError& error) {
      EXPECT_EQ(error.exit_code(), core::ExitCode::in_use);
      EXPECT_THAT(error.what(), HasSubstr("another process already works"));
    }
  }
  EXPECT_FALSE(RunDirectory::in_use(path));
}

TEST(RunDirectory, ForgetsWhatWasInFlightWhenItsEvaluationHasEnded) {
  const test::ScratchFolder folder;
  RunDirectory run(folder.path() / "run");
  evolution::Engine engine({.space = genome::SearchSpace::parse("1x3"), .population = 4});
  run.clean_in_flight(engine.state());  // there are none yet
  const auto in_flight = folder.path() / "run" / "inflight";
  std::filesystem::create_directory(in_flight);
  for (const char* name :
       {"1.h5", "1.h5.node7.12.tmp", "1.json", "1.json.node7.12.tmp", "2.h5", "2.h5.node7.12.tmp",
        "2.json", "2.json.node7.12.tmp", "3.h5", "4.h5", "4.json", "notes.txt", "notes.tmp",
        "2x.h5", "2.jso", "0.h5", "0.json"}) {
    core::replace_file(in_flight / name, std::string_view("half"));
  }
  EXPECT_EQ(RunDirectory::half_trained_path(run.path(), evolution::IndividualId{3}),
            in_flight / "3.h5");
  for (int i = 0; i < 3; ++i) engine.ask();
  engine.tell(evolution::IndividualId{2}, evolution::Evaluation());
  run.clean_in_flight(engine.state());
  const auto left = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(in_flight)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  };
  // 4 was begun by a start whose end no snapshot has seen: it may be asked for again.
  std::set<std::string> expected = {"1.h5",      "1.h5.node7.12.tmp",
                                    "1.json",    "1.json.node7.12.tmp",
                                    "3.h5",      "4.h5",
                                    "4.json",    "notes.txt",
                                    "notes.tmp", "2x.h5",
                                    "2.jso",     "0.h5",
                                    "0.json"};
  EXPECT_EQ(left(), expected);
  run.clean_cut_off_writes();  // as a search that begins does
  expected.erase("1.h5.node7.12.tmp");
  expected.erase("1.json.node7.12.tmp");
  EXPECT_EQ(left(), expected);
}

/// Candidates 1 and 3 are in flight, 2 has ended.
evolution::EngineState one_ended() {
  evolution::Engine engine({.space = genome::SearchSpace::parse("1x3"), .population = 4});
  for (int i = 0; i < 3; ++i) engine.ask();
  engine.tell(evolution::IndividualId{2}, evolution::Evaluation());
  return engine.state();
}

TEST(RunDirectory, RemovesTheFoldersOfProgramsAndNothingElsewhere) {
  namespace fs = std::filesystem;
  const test::ScratchFolder folder;
  RunDirectory run(folder.path() / "run");
  const auto in_flight = run.path() / "inflight";
  const auto elsewhere = folder.path() / "elsewhere";
  fs::create_directory(elsewhere);
  core::replace_file(elsewhere / "file", std::string_view("kept"));
  for (const char* name : {"1.d", "2.d", "x.d"}) {
    fs::create_directories(in_flight / name / "more");
    core::replace_file(in_flight / name / "more" / "state", std::string_view("half"));
    fs::create_directory_symlink(elsewhere, in_flight / name / "link");
  }
  run.clean_in_flight(one_ended());
  EXPECT_TRUE(fs::exists(in_flight / "1.d" / "more" / "state"));
  EXPECT_FALSE(fs::exists(in_flight / "2.d"));
  EXPECT_TRUE(fs::exists(in_flight / "x.d"));
  fs::create_directory_symlink(elsewhere, in_flight / "2.d");
  run.clean_in_flight(one_ended());
  EXPECT_FALSE(fs::is_symlink(in_flight / "2.d"));
  EXPECT_TRUE(fs::exists(elsewhere / "file"));
}

TEST(RunDirectory, WarnsOnceOfAFolderThatCannotBeRemoved) {
  const test::ScratchFolder folder;
  RunDirectory run(folder.path() / "run");
  auto deep = run.path() / "inflight" / "2.d";
  for (int i = 0; i < 100; ++i) deep /= "d";
  std::filesystem::create_directories(deep);
  rlimit usual{};
  ::getrlimit(RLIMIT_NOFILE, &usual);
  const rlimit few{64, usual.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);  // removing opens each folder on the way
  testing::internal::CaptureStderr();
  run.clean_in_flight(one_ended());
  run.clean_in_flight(one_ended());
  const std::string log = testing::internal::GetCapturedStderr();
  ::setrlimit(RLIMIT_NOFILE, &usual);
  const auto first = log.find("2.d' of a candidate that has ended cannot be removed");
  EXPECT_NE(first, log.npos) << log;
  EXPECT_EQ(log.find("cannot be removed", first + 50), log.npos) << log;
  run.clean_in_flight(one_ended());
  EXPECT_FALSE(std::filesystem::exists(run.path() / "inflight" / "2.d"));
}

TEST(RunDirectory, KeepsWhatItIsGiven) {
  const test::ScratchFolder folder;
  {
    RunDirectory run(folder.path() / "run");
    io::Snapshot snapshot;
    snapshot.options.seed = 77;
    run.save(snapshot);
    run.save_configuration("seed=77\n");
  }
  RunDirectory again(folder.path() / "run");
  EXPECT_EQ(again.load()->options.seed, 77u);
  EXPECT_EQ(RunDirectory::configuration_of(again.path()), "seed=77\n");
}

TEST(RunDirectory, RefusesAFolderWithOtherThings) {
  const test::ScratchFolder folder;
  core::replace_file(folder.path() / "thesis.tex", std::string_view("precious"));
  try {
    RunDirectory run(folder.path());
    FAIL();
  } catch (const core::CheckpointError& error) {
    EXPECT_THAT(error.what(), HasSubstr("it holds other files"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "lock"));
}

TEST(RunDirectory, SaysWhatCannotBeMade) {
  const test::ScratchFolder folder;
  core::replace_file(folder.path() / "file", std::string_view(""));
  EXPECT_THROW(RunDirectory(folder.path() / "file" / "run"), core::IoError);
}

}  // namespace
}  // namespace hierevo::search
