// Evaluators in threads of this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "evaluator_behaviour.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/search/evaluators.hpp"
#include "support/process_watch.hpp"

namespace hierevo::search {
namespace {

using evolution::IndividualId;
using evolution::Status;
using Ended = Evaluators::Ended;
using Progress = Evaluators::Progress;

class ThreadEvaluator final : public Evaluator {
 public:
  std::optional<evolution::Evaluation> evaluate(const Work& work,
                                                const ProgressCallback& progress) override {
    evolution::Evaluation evaluation;
    switch (static_cast<Behaviour>(work.candidate.seed)) {
      case Behaviour::go_on_until_asked:
        while (progress({1, 2, 3, 0.5})) std::this_thread::yield();
        return std::nullopt;
      case Behaviour::want_memory:
        throw std::bad_alloc();
      case Behaviour::throw_error:
        throw std::runtime_error("cannot do it");
      case Behaviour::send_garbage:
        throw 3;
      case Behaviour::out_of_bounds:
        return out_of_bounds(number(work.candidate.id));
      default:
        evaluation.fitness = fitness_of(number(work.candidate.id));
        return evaluation;
    }
  }
};

class LocalEvaluators : public testing::Test {
 protected:
  template <typename Kind>
  Kind next() {
    while (true) {
      const auto event = evaluators_->next();
      if (!event && test::becomes_readable(evaluators_->descriptor())) continue;
      if (event && std::holds_alternative<Kind>(*event)) return std::get<Kind>(*event);
      if (event && std::holds_alternative<Progress>(*event)) continue;
      ADD_FAILURE() << "no such event";
      return {};
    }
  }
  evolution::Evaluation result(const Work& work) {
    evaluators_->begin(work);
    const Ended end = next<Ended>();
    EXPECT_EQ(end.id, work.candidate.id);
    return end.evaluation.value();
  }

  std::array<ThreadEvaluator, 2> each_;
  std::unique_ptr<Evaluators> evaluators_ =
      make_local_evaluators({&each_[0], &each_[1]}, DataFacts{1, 7, 4});
};

TEST_F(LocalEvaluators, AreReadyAndEvaluate) {
  EXPECT_EQ(next<Evaluators::Ready>().data, (DataFacts{1, 7, 4}));
  EXPECT_EQ(evaluators_->count(), 2u);
  for (std::uint64_t id = 1; id < 100; ++id) {
    EXPECT_EQ(result(work(id, Behaviour::succeed)).fitness, fitness_of(id));
  }
  EXPECT_FALSE(evaluators_->next());
  EXPECT_FALSE(test::becomes_readable(evaluators_->descriptor(), 0));
}

TEST_F(LocalEvaluators, EndWhenAskedWithoutAResult) {
  next<Evaluators::Ready>();
  evaluators_->begin(work(1, Behaviour::go_on_until_asked));
  evaluators_->begin(work(2, Behaviour::go_on_until_asked));
  EXPECT_THROW(evaluators_->begin(work(3, Behaviour::succeed)), core::InternalError);
  EXPECT_EQ(next<Progress>().at.step, 2);
  evaluators_->save(IndividualId{1});
  const Ended first = next<Ended>();
  EXPECT_EQ(first.id, IndividualId{1});
  EXPECT_FALSE(first.evaluation);
  EXPECT_EQ(result(work(3, Behaviour::succeed)).fitness, fitness_of(3));
  evaluators_->kill(IndividualId{2});
  EXPECT_FALSE(next<Ended>().evaluation);
}

TEST_F(LocalEvaluators, WhatIsThrownIsAFailure) {
  next<Evaluators::Ready>();
  EXPECT_EQ(result(work(1, Behaviour::want_memory)).status, Status::out_of_memory);
  EXPECT_EQ(result(work(2, Behaviour::throw_error)).reason, "cannot do it");
  EXPECT_EQ(result(work(3, Behaviour::send_garbage)).status, Status::failed);
  EXPECT_EQ(result(work(4, Behaviour::succeed)).status, Status::evaluated);
}

TEST_F(LocalEvaluators, WhatIsOutOfBoundsIsAFailure) {
  next<Evaluators::Ready>();
  for (std::uint64_t id = 1; id <= kinds_out_of_bounds; ++id) {
    const auto evaluation = result(work(id, Behaviour::out_of_bounds));
    EXPECT_EQ(evaluation.status, Status::failed);
    EXPECT_EQ(evaluation.reason.find("the evaluator gave "), 0u) << evaluation.reason;
  }
}

TEST_F(LocalEvaluators, TheirEndEndsWhatIsUnderWay) {
  next<Evaluators::Ready>();
  evaluators_->begin(work(1, Behaviour::go_on_until_asked));
  next<Progress>();
  evaluators_.reset();
}

/// Each ends only when the other is asked to end too.
TEST(LocalEvaluatorsEnd, AllAreAskedBeforeAnyIsWaitedFor) {
  class Together final : public Evaluator {
   public:
    explicit Together(std::atomic<int>& asked) : asked_(asked) {}
    std::optional<evolution::Evaluation> evaluate(const Work&,
                                                  const ProgressCallback& progress) override {
      while (progress({})) std::this_thread::yield();
      ++asked_;
      while (asked_ < 2) std::this_thread::yield();
      return std::nullopt;
    }

   private:
    std::atomic<int>& asked_;
  };
  std::atomic<int> asked = 0;
  Together first(asked);
  Together second(asked);
  auto evaluators = make_local_evaluators({&first, &second});
  evaluators->begin(work(1, Behaviour::succeed));
  evaluators->begin(work(2, Behaviour::succeed));
  evaluators.reset();
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace hierevo::search
