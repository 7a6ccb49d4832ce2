// What the tests of whole searches share.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "hierevo/io/snapshot.hpp"
#include "hierevo/search/builtin_evaluators.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/search.hpp"

namespace hierevo::search {

inline SearchOptions small_search(const std::filesystem::path& run) {
  SearchOptions options;
  options.engine.population = 8;
  options.engine.evaluations = 60;
  options.engine.tournament = 0.3;
  options.engine.seed = 5;
  options.run = run;
  return options;
}

inline io::Snapshot saved(const std::filesystem::path& run) {
  return io::load_snapshot(RunDirectory::snapshot_path(run)).value().snapshot;
}

/// The run has exactly the evaluations 1 … `wanted`, each once.
inline void expect_complete(const std::filesystem::path& run, std::size_t wanted) {
  const io::Snapshot snapshot = saved(run);
  std::set<std::uint64_t> ids;
  for (const auto& individual : snapshot.state.history) {
    EXPECT_TRUE(ids.insert(number(individual.candidate.id)).second);
  }
  ASSERT_EQ(ids.size(), wanted);
  EXPECT_EQ(*ids.begin(), 1u);
  EXPECT_EQ(*ids.rbegin(), wanted);
  EXPECT_TRUE(snapshot.state.in_flight.empty());
  EXPECT_EQ(snapshot.progress.state, "finished");
}

/// Gives the synthetic fitness, but fails, or throws, for the ids it is told.
class ScriptedEvaluator final : public Evaluator {
 public:
  std::function<std::optional<evolution::Evaluation>(const evolution::Candidate&)> script;
  std::optional<evolution::Evaluation> evaluate(const Work& work,
                                                const ProgressCallback& progress) override {
    if (!progress({})) return std::nullopt;
    if (script) {
      if (auto scripted = script(work.candidate)) return scripted;
    }
    return inner_->evaluate(work, progress);
  }

 private:
  std::unique_ptr<Evaluator> inner_ = make_synthetic_evaluator({});
};

}  // namespace hierevo::search
