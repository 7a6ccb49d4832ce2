// Undamaged runs are content, and every damage of a list is found, with the words that say what it
// is.
#include "hierevo/search/verify.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <memory>
#include <ostream>

#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/io/journal.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/search/run_directory.hpp"
#include "screening.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

namespace fs = std::filesystem;
using evolution::Algorithm;
using evolution::Evaluation;
using evolution::IndividualId;
using evolution::Status;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct RunOptions {
  Algorithm algorithm = Algorithm::evolution;
  const char* space = "2x3,1x4";
  bool reuse = false;
  bool failures = false;
  std::uint64_t seed = 1;
  std::size_t told = 60;
};

/// A search of five evaluators, as the coordinator keeps one.
class MadeRun {
 public:
  MadeRun(fs::path folder, const RunOptions& options)
      : folder_(std::move(folder)), options_(options) {
    engine_options_ = {.space = genome::SearchSpace::parse(options.space),
                       .algorithm = options.algorithm,
                       .population = 8,
                       .evaluations = 80,
                       .tournament = 0.3,
                       .seed = options.seed,
                       .start_mutations = 50};
    start();
  }
  /// Another start of the same run: from its files alone.
  void start() {
    const auto loaded = io::load_search(snapshot_path(), journal_path());
    engine_ = loaded ? std::make_unique<evolution::Engine>(engine_options_, loaded->snapshot.state)
                     : std::make_unique<evolution::Engine>(engine_options_);
    SearchOptions screened;
    screened.reuse_fitness = options_.reuse;
    model_.input_channels = 1;  // as the data would make it
    model_.classes = 7;
    screening_ = std::make_unique<Screening>(screened, model_);
    for (const auto& one : engine_->history()) screening_->remember(one.evaluation);
    journal_.reset();
    waiting_.clear();
    save();
  }
  void go_on(std::size_t told) {
    while (engine_->history().size() < told) {
      while (waiting_.size() < 5) ask();
      const auto at = static_cast<std::ptrdiff_t>(random_.below(waiting_.size()));
      const evolution::Candidate candidate = waiting_[static_cast<std::size_t>(at)];
      waiting_.erase(waiting_.begin() + at);
      tell(candidate.id, evaluated(candidate));
    }
    journal_->write();
  }
  void save() {
    progress_.elapsed_seconds += 10.0;
    progress_.worker_seconds += 50.0;
    progress_.busy_seconds += 45.0;
    progress_.workers = 5;
    const io::Snapshot now{engine_options_, engine_->state(), progress_};
    io::save_snapshot(now, snapshot_path());
    journal_ = std::make_unique<io::Journal>(journal_path(), now);
  }

  io::Snapshot state() const { return {engine_options_, engine_->state(), progress_}; }
  fs::path snapshot_path() const { return folder_ / "search.h5"; }
  fs::path journal_path() const { return folder_ / "journal"; }

 private:
  void ask() {
    const auto candidate = engine_->ask();
    if (!candidate) throw std::logic_error("no more candidates");
    journal_->asked(*candidate);
    const auto facts = screening_->look_at(*candidate);
    if (facts.decided) {
      tell(candidate->id, facts.evaluation);
    } else {
      waiting_.push_back(*candidate);
    }
  }
  Evaluation evaluated(const evolution::Candidate& candidate) {
    Evaluation evaluation = screening_->look_at(candidate).evaluation;
    evaluation.status = Status::evaluated;
    evaluation.worker = 1 + static_cast<int>(random_.below(5));
    evaluation.seconds = random_.unit();
    if (options_.failures && random_.below(4) == 0) {
      evaluation.status = Status::diverged;
      evaluation.fitness = 0.0;
      evaluation.repeat_loss = {std::numeric_limits<double>::quiet_NaN()};
      evaluation.reason = "the loss is \xFF";
      return evaluation;
    }
    evaluation.repeat_fitness = {random_.unit(), random_.unit(), random_.unit()};
    evaluation.fitness = 0.0;
    for (const double one : evaluation.repeat_fitness) evaluation.fitness += one / 3.0;
    return evaluation;
  }
  void tell(IndividualId id, const Evaluation& evaluation) {
    engine_->tell(id, evaluation);
    journal_->told(engine_->history().back());
    screening_->remember(evaluation);
  }

  fs::path folder_;
  RunOptions options_;
  evolution::EngineOptions engine_options_;
  genome::ModelSpec model_;
  core::RandomStream random_{7};
  std::unique_ptr<evolution::Engine> engine_;
  std::unique_ptr<Screening> screening_;
  std::unique_ptr<io::Journal> journal_;
  std::vector<evolution::Candidate> waiting_;
  io::RunProgress progress_{.state = "running"};
};

const VerifyOptions with_model{.model = genome::ModelSpec{}};

std::string all_lines(const Verification& found) {
  std::string lines;
  for (const Problem& problem : found.problems) lines += problem.line() + "\n";
  return lines;
}

class Undamaged : public testing::TestWithParam<std::pair<const char*, RunOptions>> {};
INSTANTIATE_TEST_SUITE_P(
    Runs, Undamaged,
    testing::Values(std::pair{"evolution", RunOptions{}},
                    std::pair{"aging", RunOptions{.algorithm = Algorithm::aging}},
                    std::pair{"random", RunOptions{.algorithm = Algorithm::random}},
                    std::pair{"reuse", RunOptions{.space = "1x4", .reuse = true}},
                    std::pair{"failures", RunOptions{.failures = true}},
                    std::pair{"hierarchical", RunOptions{.space = "hierarchical"}}),
    [](const auto& one) { return std::string(one.param.first); });

TEST_P(Undamaged, RunsAreContentAtEveryMoment) {
  const RunOptions options = GetParam().second;
  const test::ScratchFolder folder;
  EXPECT_FALSE(verify_run(folder.path(), with_model).has_value());
  MadeRun run(folder.path(), options);
  Verification last;
  for (std::size_t told = 4; told <= options.told; told += 4) {
    run.go_on(told);
    if (told % 12 == 0) run.save();
    if (told % 20 == 0) run.start();
    for (const VerifyOptions& given : {with_model, VerifyOptions{}}) {
      const auto found = verify_run(folder.path(), given);
      ASSERT_EQ(all_lines(*found), "");
      EXPECT_THAT(found->notes, IsEmpty());
      last = *found;
    }
  }
  EXPECT_EQ(last.candidates(), run.state().state.history.size() + last.in_flight);
  EXPECT_GT(last.in_flight, 0U);
  EXPECT_EQ(last.reused > 5, options.reuse);
  EXPECT_EQ(last.failed > 5, options.failures);
  EXPECT_EQ(last.files, 6U);
}

TEST(Verify, ARunFromBeforeTheCountsWereKeptIsCheckedButForItsTournaments) {
  const test::ScratchFolder folder;
  MadeRun run(folder.path(), {});
  run.go_on(40);
  io::Snapshot old = run.state();
  for (auto& individual : old.state.history) individual.candidate.known.reset();
  for (auto& candidate : old.state.in_flight) candidate.known.reset();
  auto found = verify_search(old, with_model);
  EXPECT_EQ(all_lines(found), "");
  ASSERT_THAT(found.notes, SizeIs(1));
  EXPECT_THAT(found.notes[0], HasSubstr(fmt::format("{0} of {0} candidates do not say how many",
                                                    found.candidates())));
  old.state.history[30].candidate.seed ^= 1;
  EXPECT_THAT(all_lines(verify_search(old, with_model)), HasSubstr("its seed is"));
  // Gone on with by this version: the new ones are checked.
  evolution::Engine engine(old.options, old.state);
  for (std::size_t i = 0; i < old.state.in_flight.size(); ++i) engine.ask();
  engine.ask();
  io::Snapshot later{old.options, engine.state(), old.progress};
  later.state.history[30].candidate.seed ^= 1;
  found = verify_search(later, with_model);
  EXPECT_EQ(all_lines(found), "");
  EXPECT_THAT(found.notes[0], HasSubstr(fmt::format("{} of {} candidates", found.candidates() - 1,
                                                    found.candidates())));
}

using Edit = std::function<void(io::Snapshot&)>;

struct Damage {
  const char* name;
  const char* says;
  Edit edit;
};
void PrintTo(const Damage& damage, std::ostream* out) {
  *out << damage.name;
}

evolution::Candidate& candidate_at(io::Snapshot& snapshot, std::size_t row) {
  return snapshot.state.history.at(row).candidate;
}
Evaluation& evaluation_at(io::Snapshot& snapshot, std::size_t row) {
  return snapshot.state.history.at(row).evaluation;
}
/// A row, from `from` on, that was mutated from a parent and evaluated.
std::size_t child_from(const io::Snapshot& snapshot, std::size_t from) {
  while (!snapshot.state.history.at(from).candidate.parent ||
         snapshot.state.history.at(from).evaluation.status != Status::evaluated) {
    ++from;
  }
  return from;
}
void change_gene(evolution::Candidate& candidate) {
  const genome::Gene gene = candidate.genotype.genes()[0];
  candidate.genotype.set_edge(2, 0, 1, 0, gene == 1 ? 2 : 1);
}
IndividualId another_parent(const io::Snapshot& snapshot, const evolution::Candidate& child) {
  for (const auto& one : snapshot.state.history) {
    if (one.candidate.id != *child.parent && !evolution::is_failure(one.evaluation.status)) {
      return one.candidate.id;
    }
  }
  throw std::logic_error("there is one candidate only");
}

const std::vector<Damage>& damages() {
  static const std::vector<Damage> list = {
      {"gene", "its genotype is not that of its parent",
       [](io::Snapshot& s) { change_gene(candidate_at(s, child_from(s, 30))); }},
      {"gene_of_the_start", "its genotype is not the random one of its number",
       [](io::Snapshot& s) { change_gene(candidate_at(s, 0)); }},
      {"gene_in_flight", "its genotype is not that of its parent",
       [](io::Snapshot& s) { change_gene(s.state.in_flight.at(2)); }},
      {"parent", "; the tournament after ",
       [](io::Snapshot& s) {
         auto& child = candidate_at(s, child_from(s, 30));
         child.parent = another_parent(s, child);
       }},
      {"parent_forged_with_its_genotype", "; the tournament after ",
       [](io::Snapshot& s) {
         auto& child = s.state.in_flight.at(1);
         const IndividualId parent = another_parent(s, child);
         for (const auto& one : s.state.history) {
           if (one.candidate.id != parent) continue;
           const auto known = child.known;
           child = evolution::offspring(s.options, child.id, &one.candidate);
           child.known = known;
         }
       }},
      {"no_parent", "; the tournament after ",
       [](io::Snapshot& s) { candidate_at(s, child_from(s, 30)).parent.reset(); }},
      {"seed", "its seed is ", [](io::Snapshot& s) { candidate_at(s, 12).seed += 1; }},
      {"seed_of_the_run", "its seed is ", [](io::Snapshot& s) { s.options.seed += 1; }},
      {"tournament_of_the_run", "; the tournament after ",
       [](io::Snapshot& s) { s.options.tournament = 1.0; }},
      {"fitness", ", the mean of its 3 repeats ",
       [](io::Snapshot& s) { evaluation_at(s, child_from(s, 20)).fitness += 1e-9; }},
      {"fitness_of_the_best_with_its_repeats", "; the tournament after ",
       [](io::Snapshot& s) {
         const IndividualId best = evolution::Engine(s.options, s.state).best()->candidate.id;
         for (auto& one : s.state.history) {
           if (one.candidate.id != best) continue;
           one.evaluation.fitness = 0.0;
           one.evaluation.repeat_fitness = {0.0, 0.0, 0.0};
         }
       }},
      {"repeat", ", the mean of its 3 repeats ",
       [](io::Snapshot& s) { evaluation_at(s, child_from(s, 20)).repeat_fitness[1] += 0.01; }},
      {"order", "the order of evaluations is wrong",
       [](io::Snapshot& s) { std::swap(s.state.history.at(20), s.state.history.at(40)); }},
      {"evaluations_swapped", "its phenotype is recorded as ",
       [](io::Snapshot& s) { std::swap(evaluation_at(s, 20), evaluation_at(s, 40)); }},
      {"phenotype", "its phenotype is recorded as ",
       [](io::Snapshot& s) { evaluation_at(s, child_from(s, 20)).phenotype ^= 1; }},
      {"parameters", "its network is recorded with ",
       [](io::Snapshot& s) { evaluation_at(s, child_from(s, 20)).parameters += 1; }},
      {"multiply_accumulates", "its network is recorded with ",
       [](io::Snapshot& s) { evaluation_at(s, child_from(s, 20)).macs -= 1; }},
      {"invalid", "its cell is valid, but it was told to be invalid",
       [](io::Snapshot& s) { evaluation_at(s, child_from(s, 20)).status = Status::invalid; }},
      {"over_budget", "it was not trained and has a fitness of ",
       [](io::Snapshot& s) { evaluation_at(s, child_from(s, 20)).status = Status::over_budget; }},
      {"reused_without_origin", "its fitness was reused, but no equal phenotype",
       [](io::Snapshot& s) { evaluation_at(s, 0).status = Status::reused; }},
      {"negative_fitness", "it has a fitness of -1",
       [](io::Snapshot& s) { evaluation_at(s, 20).fitness = -1.0; }},
      {"known", "it says it was made after ",
       [](io::Snapshot& s) { *candidate_at(s, 50).known += 1000; }},
      {"busier_than_there", "its workers were busy for ",
       [](io::Snapshot& s) { s.progress.busy_seconds = s.progress.worker_seconds + 1.0; }},
      {"negative_time", "its sums cannot be",
       [](io::Snapshot& s) { s.progress.elapsed_seconds = -1.0; }},
      {"state", "its state is 'asleep'", [](io::Snapshot& s) { s.progress.state = "asleep"; }},
      {"finished_too_soon", "it is finished with 60 of 80 evaluations",
       [](io::Snapshot& s) { s.progress.state = "finished"; }},
      {"twice", "is there twice",
       [](io::Snapshot& s) { candidate_at(s, 20).id = candidate_at(s, 21).id; }},
      {"missing", "is missing",
       [](io::Snapshot& s) { s.state.in_flight.erase(s.state.in_flight.begin()); }},
  };
  return list;
}

class Planted : public testing::TestWithParam<Damage> {};
INSTANTIATE_TEST_SUITE_P(Damages, Planted, testing::ValuesIn(damages()),
                         [](const auto& one) { return std::string(one.param.name); });

/// In a snapshot with a good checksum, and no other file to compare it with.
TEST_P(Planted, IsFound) {
  const test::ScratchFolder folder;
  MadeRun run(folder.path(), {});
  run.go_on(60);
  io::Snapshot snapshot = run.state();
  ASSERT_EQ(all_lines(verify_search(snapshot, with_model)), "");
  GetParam().edit(snapshot);
  EXPECT_THAT(all_lines(verify_search(snapshot, with_model)), HasSubstr(GetParam().says));
  const test::ScratchFolder alone;
  core::replace_file(alone.path() / "search.h5", io::encode_snapshot(snapshot));
  const auto found = verify_run(alone.path(), with_model);
  ASSERT_TRUE(found.has_value());
  ASSERT_FALSE(found->problems.empty());
  for (const Problem& problem : found->problems) {
    EXPECT_EQ(problem.file.parent_path(), alone.path());
    EXPECT_THAT(problem.line(), HasSubstr("search.h5"));
  }
}

/// With its journals beside it, also where the search alone would hang together.
TEST(Verify, RowsInAnotherOrderThanTheJournalsAreFound) {
  const test::ScratchFolder folder;
  MadeRun run(folder.path(), {});
  run.go_on(20);
  run.save();
  run.go_on(40);
  run.save();
  run.go_on(44);
  const auto good = core::read_file(run.snapshot_path());
  const io::Snapshot snapshot = io::decode_snapshot(good, "search.h5");
  for (std::size_t row = 0; row + 1 < snapshot.state.history.size(); ++row) {
    io::Snapshot altered = snapshot;
    std::swap(altered.state.history[row], altered.state.history[row + 1]);
    core::replace_file(run.snapshot_path(), io::encode_snapshot(altered));
    EXPECT_NE(all_lines(verify_run(folder.path(), with_model).value()), "") << row;
  }
  core::replace_file(run.snapshot_path(), good);
  EXPECT_EQ(all_lines(verify_run(folder.path(), with_model).value()), "");
}

TEST(Verify, AReusedFitnessIsThatOfItsOrigin) {
  const test::ScratchFolder folder;
  MadeRun run(folder.path(), {.space = "1x4", .reuse = true});
  run.go_on(60);
  io::Snapshot snapshot = run.state();
  for (auto& individual : snapshot.state.history) {
    if (individual.evaluation.status != Status::reused) continue;
    individual.evaluation.fitness *= 0.5;
    for (double& one : individual.evaluation.repeat_fitness) one *= 0.5;
    break;
  }
  EXPECT_THAT(all_lines(verify_search(snapshot, with_model)), HasSubstr("its reused fitness is "));
}

TEST(Verify, WithoutTheModelEqualPhenotypesMustCostTheSame) {
  const test::ScratchFolder folder;
  MadeRun run(folder.path(), {.space = "1x4", .reuse = true});
  run.go_on(60);
  io::Snapshot snapshot = run.state();
  for (auto& individual : snapshot.state.history) {
    if (individual.evaluation.status == Status::reused) individual.evaluation.parameters += 8;
  }
  EXPECT_THAT(all_lines(verify_search(snapshot, {})), HasSubstr("its network is recorded with "));
}

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
    io::save_training({.genotype = candidate.genotype,
                       .model = {},
                       .pixel_mean = {0.5F, 0.5F, 0.5F},
                       .pixel_scale = {1.0F, 1.0F, 1.0F},
                       .options = "steps=100\n",
                       .seed = candidate.seed,
                       .losses = {2.5, 1.25},
                       .weights = {{"stem.0.weight", {2}, {0.5F, 1.0F}}},
                       .momentum = {{"stem.0.weight", {2}, {0.5F, 1.0F}}},
                       .average = {}},
                      path);
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
    EXPECT_THAT(lines(), HasSubstr(path.string() + "': what it has behind byte "));
    EXPECT_THAT(lines(), HasSubstr("a record is damaged"));
    core::replace_file(path, good);
  }
  EXPECT_EQ(lines(), "");
}

TEST_F(Files, ARecordThatIsMissingInAJournalIsFound) {
  const auto bytes = core::read_file(run_.journal_path());
  // Its header is the 18 bytes of the first line, 12 in front of the record, and its body of 25.
  constexpr std::size_t first = 18 + 12 + 25;
  const auto length = std::to_integer<std::size_t>(bytes[first]) +
                      (std::to_integer<std::size_t>(bytes[first + 1]) << 8);
  auto cut = bytes;
  cut.erase(cut.begin() + first, cut.begin() + static_cast<std::ptrdiff_t>(first + 12 + length));
  core::replace_file(run_.journal_path(), cut);
  expect_one(run_.journal_path(), "a record is damaged, or one in front of it is missing");
}

TEST_F(Files, AJournalOfAnotherRunIsFound) {
  const test::ScratchFolder folder;
  MadeRun other(folder.path(), {.seed = 2});
  other.go_on(10);
  core::replace_file(run_.journal_path(), core::read_file(other.journal_path()));
  const std::string found = lines();
  EXPECT_THAT(found, HasSubstr("(it is of another run)"));
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
  EXPECT_THAT(lines(), HasSubstr("it follows on 50 evaluations of"));
}

TEST_F(Files, ASnapshotOfOtherEvaluationsThanTheOthersIsFound) {
  const fs::path earliest = run_.snapshot_path().string() + ".1";
  io::Snapshot altered = io::decode_snapshot(core::read_file(earliest), earliest);
  altered.state.history.at(5).evaluation.worker += 1;
  core::replace_file(earliest, io::encode_snapshot(altered));
  expect_one(earliest, "evaluation 6 is another one than in the search as a whole");
}

TEST_F(Files, HalfTrainedCandidatesWithoutAnOwnerAreFound) {
  const auto state = run_.state().state;
  const auto told = state.history.at(10).candidate;
  const fs::path path = RunDirectory::half_trained_path(folder_.path(), told.id);
  save_training(path, told);
  expect_one(path, "nobody owns it, as its evaluation has ended");
  fs::remove(path);
  // Told since the last snapshot: the next one removes it.
  save_training(RunDirectory::half_trained_path(folder_.path(), state.history.back().candidate.id),
                state.history.back().candidate);
  EXPECT_EQ(lines(), "");

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
  expect_one(path(told), "nobody owns it, as its evaluation has ended");
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

TEST_F(Files, WhereNoSnapshotIsGoodAllAreNamed) {
  for (const char* suffix : {"", ".1", ".2"}) flip(run_.snapshot_path().string() + suffix);
  const std::string found = lines();
  EXPECT_THAT(found, HasSubstr("none of its snapshots can be used"));
  EXPECT_THAT(found, HasSubstr("search.h5.2': it is damaged"));
}

}  // namespace
}  // namespace hierevo::search
