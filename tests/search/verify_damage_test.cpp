// Every damage of a list is found in the search itself, with the words that say what it is.
#include "hierevo/search/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <stdexcept>

#include "hierevo/core/file.hpp"
#include "made_run.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using evolution::Evaluation;
using evolution::IndividualId;
using evolution::Status;
using testing::HasSubstr;

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

/// What verify says of a search after `change` of one fitness that was reused.
std::string said_after_change_of_a_reuse(
    const std::function<void(evolution::Evaluation&)>& change) {
  const test::ScratchFolder folder;
  MadeRun run(folder.path(), {.space = "1x4", .reuse = true});
  run.go_on(60);
  io::Snapshot snapshot = run.state();
  for (auto& individual : snapshot.state.history) {
    if (individual.evaluation.status != Status::reused) continue;
    change(individual.evaluation);
    break;
  }
  return all_lines(verify_search(snapshot, with_model));
}

TEST(Verify, AReusedFitnessIsThatOfItsOrigin) {
  EXPECT_THAT(said_after_change_of_a_reuse([](evolution::Evaluation& evaluation) {
                evaluation.fitness *= 0.5;
                for (double& one : evaluation.repeat_fitness) one *= 0.5;
              }),
              HasSubstr("its reused fitness is "));
}

TEST(Verify, ReusedMetricsAreThoseOfTheirOrigin) {
  EXPECT_THAT(said_after_change_of_a_reuse(
                  [](evolution::Evaluation& evaluation) { evaluation.metrics["latency"] = 1.0; }),
              HasSubstr("its reused metrics are "));
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

}  // namespace
}  // namespace hierevo::search
