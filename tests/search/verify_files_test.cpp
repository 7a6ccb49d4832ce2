// Every damage to a file of a run is found, and told with the file.
#include "hierevo/search/verify.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hierevo/core/file.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/search/run_directory.hpp"
#include "io/data_packs.hpp"
#include "io/sample_training.hpp"
#include "made_run.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

namespace fs = std::filesystem;
using evolution::IndividualId;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A whole run directory whose files are damaged one by one.
class Files : public testing::Test {
 protected:
  Files() {
    run_.go_on(20);
    run_.save();
    run_.go_on(40);
    run_.save();
    run_.go_on(50);
    const auto state = run_.state().state;
    fs::create_directory(folder_.path() / "inflight");
    save_training(half_trained(), state.in_flight.front());
    fs::create_directories(folder_.path() / "train-3" / "repeat-1");
    save_training(weights(), state.in_flight.front());
  }
  fs::path half_trained() const {
    return RunDirectory::half_trained_path(folder_.path(), run_.state().state.in_flight.front().id);
  }
  fs::path weights() const { return folder_.path() / "train-3" / "repeat-1" / "best.h5"; }
  static void save_training(const fs::path& path, const evolution::Candidate& candidate) {
    io::TrainingSnapshot training = io::test::sample_training();
    training.genotype = candidate.genotype;
    training.seed = candidate.seed;
    io::save_training(training, path);
  }
  void flip(const fs::path& path) const {
    auto bytes = core::read_file(path);
    bytes[bytes.size() / 2] ^= std::byte{4};
    core::replace_file(path, bytes);
  }
  Verification verify() const { return verify_run(folder_.path(), with_model).value(); }
  std::string lines() const { return all_lines(verify()); }
  /// Exactly one problem, in `file`.
  void expect_one(const fs::path& file, const char* says) const {
    const Verification found = verify();
    ASSERT_THAT(found.problems, SizeIs(1)) << all_lines(found);
    EXPECT_EQ(found.problems[0].file, file);
    EXPECT_THAT(found.problems[0].line(), HasSubstr(file.string()));
    EXPECT_THAT(found.problems[0].line(), HasSubstr(says));
  }

  test::ScratchFolder folder_;
  MadeRun run_{folder_.path(), {}};
};

TEST_F(Files, UndamagedAreContent) {
  const Verification found = verify();
  EXPECT_EQ(all_lines(found), "");
  EXPECT_THAT(found.notes, IsEmpty());
  EXPECT_EQ(found.files, 8U);
}

TEST_F(Files, AFlippedByteIsFoundInEachOfThem) {
  const fs::path snapshot = run_.snapshot_path();
  const fs::path journal = run_.journal_path();
  for (const fs::path& path : {snapshot, fs::path(snapshot.string() + ".1"),
                               fs::path(snapshot.string() + ".2"), half_trained(), weights()}) {
    const auto good = core::read_file(path);
    flip(path);
    expect_one(path, "it is damaged");
    core::replace_file(path, good);
  }
  for (const char* suffix : {"", ".1"}) {
    const fs::path path = journal.string() + suffix;
    const auto good = core::read_file(path);
    flip(path);
    EXPECT_THAT(lines(), HasSubstr(path.string() + "': what follows byte "));
    EXPECT_THAT(lines(), HasSubstr("a record is damaged"));
    core::replace_file(path, good);
  }
  EXPECT_EQ(lines(), "");
}

TEST_F(Files, ARecordThatIsMissingInAJournalIsFound) {
  const auto bytes = core::read_file(run_.journal_path());
  // Its header is the 18 bytes of the first line, 12 before the record, and its body of 25.
  constexpr std::size_t first = 18 + 12 + 25;
  const auto length = std::to_integer<std::size_t>(bytes[first]) +
                      (std::to_integer<std::size_t>(bytes[first + 1]) << 8);
  auto cut = bytes;
  cut.erase(cut.begin() + first, cut.begin() + static_cast<std::ptrdiff_t>(first + 12 + length));
  core::replace_file(run_.journal_path(), cut);
  expect_one(run_.journal_path(), "a record is damaged, or one before it is missing");
}

TEST_F(Files, AJournalOfAnotherRunIsFound) {
  const test::ScratchFolder folder;
  MadeRun other(folder.path(), {.seed = 2});
  other.go_on(10);
  core::replace_file(run_.journal_path(), core::read_file(other.journal_path()));
  const std::string found = lines();
  EXPECT_THAT(found, HasSubstr("(it belongs to another run)"));
}

TEST_F(Files, AnOldSnapshotThatWasCopiedBackIsFound) {
  const auto old = core::read_file(run_.snapshot_path());
  run_.save();
  run_.go_on(55);
  run_.save();
  run_.go_on(60);
  run_.save();
  run_.go_on(65);
  core::replace_file(run_.snapshot_path(), old);
  EXPECT_THAT(lines(), HasSubstr("it follows 50 evaluations of"));
}

TEST_F(Files, ASnapshotOfOtherEvaluationsThanTheOthersIsFound) {
  const fs::path earliest = run_.snapshot_path().string() + ".1";
  io::Snapshot altered = io::decode_snapshot(core::read_file(earliest), earliest);
  altered.state.history.at(5).evaluation.worker += 1;
  core::replace_file(earliest, io::encode_snapshot(altered));
  expect_one(earliest, "evaluation 6 is another one than in the search as a whole");
}

/// As a kill leaves it between a snapshot and what is removed after it, or before the snapshot.
TEST_F(Files, WhatIsLeftOfCandidatesThatHaveEndedIsNoted) {
  const auto state = run_.state().state;
  for (const auto& told : {state.history.at(10).candidate, state.history.back().candidate}) {
    save_training(RunDirectory::half_trained_path(folder_.path(), told.id), told);
  }
  const Verification found = verify();
  EXPECT_EQ(all_lines(found), "");
  EXPECT_THAT(
      found.notes,
      testing::ElementsAre(HasSubstr(
          "2 files are left of candidates whose evaluation has ended, as a kill leaves them: "
          "the next start removes them")));
  // While a search runs, so it is between any two snapshots.
  const RunDirectory running(folder_.path());
  EXPECT_EQ(lines(), "");
  EXPECT_THAT(verify().notes, testing::ElementsAre("A search runs here"));
}

TEST_F(Files, HalfTrainedCandidatesWithoutAnOwnerAreFound) {
  const auto state = run_.state().state;
  const auto told = state.history.at(10).candidate;
  const fs::path path = RunDirectory::half_trained_path(folder_.path(), told.id);
  save_training(path, state.history.at(11).candidate);
  expect_one(path, "its genotype or its seed is not the candidate's");
  fs::remove(path);

  const fs::path of_nobody = RunDirectory::half_trained_path(folder_.path(), IndividualId{81});
  save_training(of_nobody, told);
  expect_one(of_nobody, "nobody owns it, as there is no such candidate");
  fs::remove(of_nobody);

  save_training(half_trained(), told);
  expect_one(half_trained(), "its genotype or its seed is not the candidate's");
}

TEST_F(Files, GenotypesOfProgramsAreThoseOfTheirCandidates) {
  const auto state = run_.state().state;
  const auto& candidate = state.in_flight.front();
  const auto& told = state.history.at(10).candidate;
  const auto path = [&](const evolution::Candidate& of) {
    return folder_.path() / "inflight" / fmt::format("{}.json", number(of.id));
  };
  core::replace_file(path(candidate), genome::json_text(candidate.genotype));
  EXPECT_EQ(lines(), "");
  EXPECT_EQ(verify().files, 9U);
  core::replace_file(path(candidate), genome::json_text(told.genotype));
  expect_one(path(candidate), "its genotype or its seed is not the candidate's");
  core::replace_file(path(candidate), std::string_view("{"));
  expect_one(path(candidate), "it is not JSON");
  fs::remove(path(candidate));
  core::replace_file(path(told), genome::json_text(told.genotype));
  EXPECT_EQ(lines(), "");
}

TEST_F(Files, StrangersAndWhatIsNotThereAreNoted) {
  core::replace_file(folder_.path() / "notes.txt", std::string_view("mine"));
  core::replace_file(folder_.path() / "search.h5.tmp", std::string_view("half"));
  core::replace_file(folder_.path() / "inflight" / "7.h5.tmp", std::string_view("half"));
  VerifyOptions options = with_model;
  options.pack = folder_.path() / "gone.h5";
  const Verification found = verify_run(folder_.path(), options).value();
  EXPECT_EQ(all_lines(found), "");
  EXPECT_THAT(found.notes,
              testing::UnorderedElementsAre(
                  HasSubstr("notes.txt' is no file of a run"),
                  HasSubstr("search.h5.tmp' is no file of a run: it was left by a write"),
                  HasSubstr("7.h5.tmp' is no file of a run"),
                  HasSubstr("gone.h5' are not there, and not checked")));
  options.pack = folder_.path() / "notes.txt";
  EXPECT_THAT(all_lines(verify_run(folder_.path(), options).value()), HasSubstr("notes.txt"));
}

/// The facts of a search that trains on the pack.
DataFacts facts_of(const data::Dataset& pack) {
  return {.input_channels = static_cast<int>(pack.train.shape.channels),
          .classes = static_cast<int>(pack.class_names.size()),
          .fingerprint = data::fingerprint_of(pack.train),
          .name = pack.name,
          .training_images = std::ssize(pack.train.labels)};
}

TEST_F(Files, APackMustBeTheOneThatTheSearchBeganWith) {
  const test::ScratchFolder data;
  VerifyOptions options = with_model;
  options.trains = true;
  options.pack = data.path() / "pack.h5";
  const data::Dataset pack = io::test::random_pack(10, 3);
  io::test::write_pack(pack, options.pack);
  const auto found = [&] { return verify_run(folder_.path(), options).value(); };
  EXPECT_EQ(all_lines(found()), "");
  EXPECT_THAT(found().notes, testing::ElementsAre(HasSubstr("There is no data.json")));
  RunDirectory(folder_.path()).save_data(facts_of(pack));
  EXPECT_EQ(all_lines(found()), "");
  EXPECT_THAT(found().notes, IsEmpty());
  fs::remove(options.pack);
  io::test::write_pack(io::test::random_pack(10, 3, 2), options.pack);
  ASSERT_THAT(found().problems, SizeIs(1));
  EXPECT_EQ(found().problems.front().file, options.pack);
  EXPECT_THAT(all_lines(found()),
              HasSubstr("are not those that the search began with: 'made by a test' (10 images"));
  core::replace_file(folder_.path() / "data.json", std::string_view("{"));
  ASSERT_THAT(found().problems, SizeIs(1));
  EXPECT_EQ(found().problems.front().file, folder_.path() / "data.json");
}

TEST_F(Files, WhereNoSnapshotIsGoodAllAreNamed) {
  for (const char* suffix : {"", ".1", ".2"}) flip(run_.snapshot_path().string() + suffix);
  const std::string found = lines();
  EXPECT_THAT(found, HasSubstr("none of its snapshots can be used"));
  EXPECT_THAT(found, HasSubstr("search.h5.2': it is damaged"));
}

}  // namespace
}  // namespace hierevo::search
