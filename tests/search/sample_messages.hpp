// Every kind of message, for the tests of the protocol and the corpus of its fuzzer.
#pragma once

#include <string>
#include <vector>

#include "hierevo/core/random.hpp"
#include "hierevo/genome/mutation.hpp"
#include "protocol.hpp"

namespace hierevo::search {

inline Work sample_work(const char* space, std::uint64_t seed) {
  core::RandomStream random(seed);
  Work work{{evolution::IndividualId{seed + 1}, std::nullopt, seed * 77,
             genome::random_genotype(genome::SearchSpace::parse(space), random)},
            1 << (seed % 5)};
  if (seed % 2 == 0) work.candidate.parent = evolution::IndividualId{seed + 5};
  if (seed % 3 != 0) work.candidate.known = seed * 10;
  return work;
}

inline Result sample_success() {
  Result result;
  result.id = evolution::IndividualId{4};
  result.evaluation.fitness = 0.75;
  result.evaluation.repeat_fitness = {0.5, 1.0};
  result.evaluation.repeat_loss = {0.25, 0.125};
  result.evaluation.metrics = {{"device/peak-memory", 1e9}, {"latency", 0.25}};
  return result;
}

inline Result sample_failure() {
  Result result;
  result.id = evolution::IndividualId{42};
  result.evaluation.status = evolution::Status::timed_out;
  result.evaluation.fitness = 0.25;
  result.evaluation.repeat_fitness = {0.2, 0.3};
  result.evaluation.repeat_loss = {1.5};
  result.evaluation.seconds = 12.5;
  result.evaluation.parameters = 542'138;
  result.evaluation.macs = 7;
  result.evaluation.reason = "longer than 10 s ∞";
  return result;
}

inline Hello sample_hello() {
  const DataFacts data{.input_channels = 1,
                       .classes = 100,
                       .fingerprint = 12345,
                       .image_size = 96,
                       .name = "flowers",
                       .training_images = 40'000,
                       .held_out_images = 10'000};
  return {"0.1.0", "node7", 99, 4, data, "no data", "GPUs 0 1", 34'000'000'000};
}

inline ProgressReport sample_progress_report() {
  const EvaluationProgress at{
      .repeat = 2, .step = 70, .steps = 5000, .loss = 0.5, .earlier_seconds = 12.0};
  return {{{evolution::IndividualId{5}, at}, {evolution::IndividualId{6}, {}}}};
}

struct SampleMessage {
  std::string name;
  AnyMessage message;
};

inline std::vector<SampleMessage> sample_messages() {
  Hello without_data = sample_hello();
  without_data.data.reset();
  const evolution::IndividualId id{9};
  return {{"hello", without_data},
          {"hello_with_data", sample_hello()},
          {"work", sample_work("hierarchical", 1)},
          {"work_again", sample_work("2x3,1x3", 4)},
          {"result", sample_success()},
          {"failure", sample_failure()},
          {"progress_report", sample_progress_report()},
          {"heartbeat", Heartbeat{}},
          {"stop", Stop{}},
          {"drain", Drain{}},
          {"drained", Drained{"the device fell off"}},
          {"shutdown", Shutdown{}},
          {"setup", Setup{"seed=1\n"}},
          {"capacity_reduced", CapacityReduced{3}},
          {"cancel", Cancel{id}},
          {"cancelled", Cancelled{id}}};
}

}  // namespace hierevo::search
