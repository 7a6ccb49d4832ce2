// A worker tries a candidate again with less memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluator_behaviour.hpp"
#include "hierevo/comm/self_communicator.hpp"
#include "worker.hpp"

namespace hierevo::search {
namespace {

using namespace std::chrono_literals;
using evolution::Evaluation;
using evolution::Status;
using testing::ElementsAre;

/// Out of memory with fewer parts than it wants.
class LargeEvaluator final : public Evaluator {
 public:
  explicit LargeEvaluator(int wanted) : wanted_(wanted) {}

  std::optional<Evaluation> evaluate(const Work& work, const ProgressCallback&) override {
    tried_.push_back(work.memory_parts);
    if (work.memory_parts < wanted_) {
      return Evaluation::failure(Status::out_of_memory, "the device is full");
    }
    Evaluation evaluation;
    evaluation.fitness = 0.5;
    return evaluation;
  }
  /// To be called when it evaluates no more.
  const std::vector<int>& tried() const { return tried_; }

 private:
  int wanted_;
  std::vector<int> tried_;
};

/// The worker's result for one candidate.
Evaluation result_of(LargeEvaluator& evaluator) {
  comm::SelfCommunicator ranks;
  const SearchOptions options;
  const auto evaluators = make_local_evaluators({&evaluator});
  Worker worker(ranks, options, evaluators.get(), "");
  worker.handle(work(1, Behaviour::succeed));
  while (true) {
    worker.tick();
    const auto message = ranks.receive(1h, worker.descriptor());
    const auto decoded = message ? decode(message->data) : std::nullopt;
    if (!decoded) continue;
    if (const auto* result = std::get_if<Result>(&*decoded)) return result->evaluation;
  }
}

TEST(WorkerMemory, IsHalvedUntilItSuffices) {
  LargeEvaluator evaluator(8);
  const Evaluation evaluation = result_of(evaluator);
  EXPECT_EQ(evaluation.status, Status::evaluated);
  EXPECT_EQ(evaluation.fitness, 0.5);
  EXPECT_EQ(evaluation.reason, "micro-batches were cut into 8 parts for lack of memory");
  EXPECT_THAT(evaluator.tried(), ElementsAre(1, 2, 4, 8));
}

TEST(WorkerMemory, OneThatHasEnoughIsTriedOnce) {
  LargeEvaluator evaluator(1);
  EXPECT_EQ(result_of(evaluator).reason, "");
  EXPECT_THAT(evaluator.tried(), ElementsAre(1));
}

TEST(WorkerMemory, IsHalvedSoOftenAndNoMore) {
  LargeEvaluator evaluator(32);
  const Evaluation evaluation = result_of(evaluator);
  EXPECT_EQ(evaluation.status, Status::out_of_memory);
  EXPECT_EQ(evaluation.reason,
            "the device is full; micro-batches were cut into 16 parts for lack of memory");
  EXPECT_THAT(evaluator.tried(), ElementsAre(1, 2, 4, 8, 16));
}

}  // namespace
}  // namespace hierevo::search
