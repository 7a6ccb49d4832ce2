// Searches for tests of reports: made by the engine, with made-up evaluations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hierevo/core/random.hpp"
#include "hierevo/report/run_data.hpp"

namespace hierevo::test {

/// `evaluations` candidates of `workers`, whose evaluations take times of their own; some fail.
inline report::RunData made_up_run(std::string_view space, std::size_t evaluations,
                                   std::uint64_t seed, std::size_t workers = 3) {
  core::RandomStream random(seed);
  evolution::EngineOptions options{.space = genome::SearchSpace::parse(space),
                                   .population = 10,
                                   .evaluations = evaluations + workers,
                                   .seed = seed};
  evolution::Engine engine(options);
  double now = 0.0;
  double busy = 0.0;
  while (engine.history().size() < evaluations) {
    while (engine.in_flight_count() < workers) engine.ask();
    const auto in_flight = engine.in_flight();
    now += random.unit();
    evolution::Evaluation evaluation;
    const auto status = random.below(20);
    if (status == 0) {
      evaluation = evolution::Evaluation::failure(evolution::Status::crashed, "signal 11");
    } else {
      evaluation.status = status == 1 ? evolution::Status::reused : evolution::Status::evaluated;
      evaluation.fitness = random.unit();
      evaluation.repeat_fitness = {evaluation.fitness - 0.01, evaluation.fitness + 0.01};
      evaluation.seconds = std::min(now, random.unit());
      evaluation.parameters = 1000 + static_cast<std::int64_t>(random.below(100'000));
      evaluation.macs = 100'000 + static_cast<std::int64_t>(random.below(10'000'000));
    }
    busy += evaluation.seconds;
    evaluation.worker = 1 + static_cast<int>(random.below(workers));
    evaluation.finished_at = now;
    engine.tell(in_flight[random.below(in_flight.size())].id, evaluation);
  }
  report::RunData run{.run = "a-run",
                      .name = "a-run",
                      .running = false,
                      .search = {options, engine.state(), {}},
                      .ranks = {},
                      .data = {},
                      .options = {},
                      .conditions = report::OptionValues{},
                      .trainings = {}};
  run.search.progress = {.state = "saved",
                         .unix_seconds = 1'790'000'000,
                         .elapsed_seconds = now,
                         .busy_seconds = busy,
                         .worker_seconds = now * static_cast<double>(workers),
                         .workers = static_cast<int>(workers)};
  return run;
}

}  // namespace hierevo::test
