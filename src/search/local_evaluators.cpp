// Evaluators in threads of this process.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "guarded_evaluation.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/mailbox.hpp"
#include "hierevo/search/evaluators.hpp"

namespace hierevo::search {

namespace {

using EventQueue = core::Mailbox<Evaluators::Event>;

/// One evaluator and its thread.
class Slot {
 public:
  Slot(Evaluator& evaluator, EventQueue& events)
      : evaluator_(evaluator),
        events_(events),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  bool is_free() const {
    const std::scoped_lock lock(mutex_);
    return !work_;
  }
  bool has(evolution::IndividualId id) const {
    const std::scoped_lock lock(mutex_);
    return work_ && work_->candidate.id == id;
  }
  void begin(const Work& work) {
    {
      const std::scoped_lock lock(mutex_);
      work_ = work;
      to_end_ = false;
    }
    wake_.notify_one();
  }
  void ask_to_end() {
    const std::scoped_lock lock(mutex_);
    to_end_ = true;
  }
  /// Its thread is to end too.
  void stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop) {
    while (true) {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return work_.has_value(); })) return;
      const Work work = *work_;
      lock.unlock();
      next_report_ = {};
      auto evaluation = guarded_evaluation(evaluator_, work, [&](const EvaluationProgress& at) {
        report(work, at);
        const std::scoped_lock again(mutex_);
        return !to_end_ && !stop.stop_requested();
      });
      lock.lock();
      work_.reset();
      lock.unlock();
      events_.put(Evaluators::Ended{work.candidate.id, std::move(evaluation)});
    }
  }

  /// Seldom enough to cost nothing.
  void report(const Work& work, const EvaluationProgress& at) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_report_) return;
    next_report_ = now + std::chrono::milliseconds(100);
    events_.put(Evaluators::Progress{work.candidate.id, at});
  }

  Evaluator& evaluator_;
  EventQueue& events_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<Work> work_;
  bool to_end_ = false;
  std::chrono::steady_clock::time_point next_report_{};
  std::jthread thread_;  // the last: it uses all of the above
};

class LocalEvaluators final : public Evaluators {
 public:
  LocalEvaluators(const std::vector<Evaluator*>& evaluators, std::optional<DataFacts> data,
                  std::int64_t evaluator_memory) {
    for (Evaluator* evaluator : evaluators) slots_.emplace_back(*evaluator, events_);
    events_.put(Ready{std::move(data), "", evaluator_memory});
  }
  /// All are asked before any is waited for.
  ~LocalEvaluators() override {
    for (Slot& slot : slots_) slot.stop();
  }

  std::size_t count() const override { return slots_.size(); }

  void begin(const Work& work) override {
    for (Slot& slot : slots_) {
      if (slot.is_free()) return slot.begin(work);
    }
    throw core::InternalError("All evaluators of this rank are busy");
  }
  void save(evolution::IndividualId id) override {
    for (Slot& slot : slots_) {
      if (slot.has(id)) slot.ask_to_end();
    }
  }
  void kill(evolution::IndividualId id) override { save(id); }
  std::optional<Event> next() override { return events_.take(); }
  int descriptor() const override { return events_.descriptor(); }

 private:
  EventQueue events_;
  std::deque<Slot> slots_;
};

}  // namespace

std::unique_ptr<Evaluators> make_local_evaluators(std::vector<Evaluator*> evaluators,
                                                  std::optional<DataFacts> data,
                                                  std::int64_t evaluator_memory) {
  return std::make_unique<LocalEvaluators>(evaluators, std::move(data), evaluator_memory);
}

}  // namespace hierevo::search
