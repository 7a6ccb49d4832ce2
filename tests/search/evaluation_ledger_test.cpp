#include "evaluation_ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "search/search_cases.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::search {
namespace {

using evolution::Evaluation;
using evolution::IndividualId;
using evolution::Status;
using testing::HasSubstr;

class EvaluationLedgerTest : public testing::Test {
 protected:
  /// As a coordinator does it when all ranks are there.
  void begin() {
    record_.emplace(options_.run);
    ledger_.emplace(options_, *record_);
    record_->begin("");
    ledger_->begin(std::nullopt, 0);
  }
  static Evaluation success() {
    Evaluation evaluation;
    evaluation.fitness = 0.5;
    return evaluation;
  }
  IndividualId next() { return ledger_->next()->candidate.id; }
  CandidateTable::Issued& issued(IndividualId id) { return *ledger_->candidates().find(id); }
  const evolution::Individual& last() const { return ledger_->engine().history().back(); }

  test::ScratchFolder folder_;
  SearchOptions options_ = small_search(folder_.path() / "run");
  std::optional<SearchRecord> record_;
  std::optional<EvaluationLedger> ledger_;
};

TEST_F(EvaluationLedgerTest, AResultKeepsWhatTheScreeningFound) {
  begin();
  CandidateTable::Issued& one = *ledger_->next();
  const CandidateTable::Issued before = one;
  EXPECT_EQ(ledger_->status().in_flight, 1u);
  EXPECT_TRUE(ledger_->record_result(one, success(), 3));
  EXPECT_EQ(ledger_->candidates().find(before.candidate.id), nullptr);
  EXPECT_EQ(last().candidate, before.candidate);
  EXPECT_EQ(last().evaluation.fitness, 0.5);
  EXPECT_EQ(last().evaluation.worker, 3);
  EXPECT_EQ(last().evaluation.phenotype, before.facts.phenotype);
  EXPECT_EQ(last().evaluation.parameters, before.facts.parameters);
  EXPECT_GT(before.facts.parameters, 0);
  const SearchStatus status = ledger_->status();
  EXPECT_EQ(status.evaluated, 1u);
  EXPECT_EQ(status.in_flight, 0u);
  EXPECT_EQ(status.best, before.candidate.id);
}

TEST_F(EvaluationLedgerTest, AResultWithoutAnObjectiveIsAFailure) {
  options_.engine.objectives = evolution::objectives_of("fitness,-latency,-parameters");
  begin();
  Evaluation result = success();
  const Evaluation judged = ledger_->judged(result);
  EXPECT_EQ(judged.status, Status::failed);
  EXPECT_EQ(judged.reason, "the evaluator gave no metric 'latency', an objective (it gave none)");
  result.metrics["latency"] = 0.5;
  EXPECT_EQ(ledger_->judged(result), result);
  const Evaluation crash = Evaluation::failure(Status::crashed, "signal 9");
  EXPECT_EQ(ledger_->judged(crash), crash);
}

TEST_F(EvaluationLedgerTest, TheSecondCrashIsRecorded) {
  begin();
  const IndividualId id = next();
  const Evaluation crash = Evaluation::failure(Status::crashed, "exit status 1");
  EXPECT_FALSE(ledger_->record_result(issued(id), crash, 1));
  EXPECT_EQ(ledger_->status().done, 0u);
  EXPECT_TRUE(ledger_->record_result(issued(id), crash, 2));
  EXPECT_EQ(ledger_->status().failed, 1u);
  EXPECT_EQ(ledger_->failures().length(), 1u);
}

TEST_F(EvaluationLedgerTest, TheThirdLossIsRecordedAsACrash) {
  begin();
  const IndividualId id = next();
  EXPECT_FALSE(ledger_->record_loss(issued(id)));
  EXPECT_FALSE(ledger_->record_loss(issued(id)));
  EXPECT_TRUE(ledger_->record_loss(issued(id)));
  EXPECT_EQ(last().evaluation.status, Status::crashed);
  EXPECT_THAT(last().evaluation.reason, HasSubstr("lost, 3 times"));
}

TEST_F(EvaluationLedgerTest, WhatNeedsNoWorkerIsRecordedAtOnce) {
  options_.max_parameters = 1;
  begin();
  EXPECT_EQ(ledger_->next(), nullptr);
  EXPECT_EQ(ledger_->status().done, options_.engine.evaluations);
  EXPECT_EQ(ledger_->status().evaluated, 0u);
  EXPECT_EQ(ledger_->candidates().size(), 0u);
}

TEST_F(EvaluationLedgerTest, ResumesWhatTheRecordHolds) {
  begin();
  const IndividualId done = next();
  const IndividualId unfinished = next();
  ledger_->record_result(issued(done), success(), 1);
  record_->save(ledger_->engine(), "saved");
  ledger_.reset();
  begin();
  EXPECT_EQ(ledger_->done_before(), 1u);
  EXPECT_EQ(ledger_->status().evaluated, 1u);
  EXPECT_EQ(ledger_->status().in_flight, 1u);
  EXPECT_EQ(next(), unfinished);
}

}  // namespace
}  // namespace hierevo::search
