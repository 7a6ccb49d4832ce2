// Never change what is here: data/snapshot_v1.h5 and snapshot_v2.h5 were written from it.
#include <limits>

#include "samples.hpp"

namespace hierevo::io::test {

using evolution::Candidate;
using evolution::Evaluation;
using evolution::IndividualId;
using evolution::Status;

Snapshot golden_snapshot() {
  const genome::SearchSpace space({{2, 3}, {1, 3}});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto candidate = [&](std::uint64_t id, std::optional<IndividualId> parent,
                             std::vector<genome::Gene> genes) {
    return Candidate{IndividualId{id}, parent, 1000 + id, {space, std::move(genes)}};
  };

  Snapshot snapshot;
  snapshot.options = {.space = space,
                      .algorithm = evolution::Algorithm::aging,
                      .population = 2,
                      .evaluations = 10,
                      .tournament = 0.25,
                      .seed = 18446744073709551615U,
                      .start_mutations = 12};
  snapshot.state.history = {{candidate(2, std::nullopt, {6, 0, 6, 1, 2, 3, 1, 0, 1}),
                             {Status::evaluated,
                              0.75,
                              {0.5, 1.0},
                              {0.25, 0.125},
                              12.5,
                              1234,
                              5678,
                              0xfedcba9876543210U,
                              3,
                              ""}},
                            {candidate(1, std::nullopt, {6, 0, 6, 6, 0, 6, 1, 2, 1}),
                             {Status::diverged,
                              0.0,
                              {0.5},
                              {0.25, nan, 3.0},
                              1.5,
                              99,
                              100,
                              7,
                              1,
                              "Verlust ∞ nach Schritt 3"}},
                            {candidate(3, IndividualId{2}, {6, 0, 6, 1, 2, 3, 0, 0, 0}),
                             {Status::invalid, 0.0, {}, {}, 0.0, 0, 0, 0, 0, ""}}};
  snapshot.state.in_flight = {candidate(4, IndividualId{2}, {5, 0, 6, 1, 2, 3, 1, 0, 1})};
  snapshot.progress = {"saved", 1'700'000'000, 60.5, 110.25, 121.0, 2};
  return snapshot;
}

Snapshot golden_snapshot_2() {
  Snapshot snapshot = golden_snapshot();
  snapshot.options.objectives = {{"fitness"}, {"device/latency", true}, {"parameters", true}};
  snapshot.state.history[0].evaluation.metrics = {{"device/latency", 0.125}, {"memory", -2e9}};
  snapshot.state.history[0].evaluation.finished_at = 30.5;
  snapshot.state.history[1].evaluation.metrics = {{"memory", 3.0}};
  snapshot.state.in_flight[0].known = 3;
  snapshot.owner = {5, 0x0123456789abcdef};
  return snapshot;
}

}  // namespace hierevo::io::test
