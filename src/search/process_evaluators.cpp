// The rank's side of evaluators in processes of their own.
#include "hierevo/search/process_evaluators.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <span>
#include <utility>

#include "evaluator_process.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/search/protocol.hpp"

namespace hierevo::search {

namespace {

using evolution::Evaluation;
using evolution::number;
using evolution::Status;

/// So often in series a program may end before it is ready.
constexpr int most_failed_starts = 3;

class ProcessEvaluators final : public Evaluators {
 public:
  ProcessEvaluators(comm::ProcessSupervisor& supervisor, ProcessEvaluatorsOptions options);

  std::size_t count() const override { return slots_.size(); }
  void begin(const Work& work) override;
  void save(evolution::IndividualId id) override;
  void kill(evolution::IndividualId id) override;
  std::optional<Event> next() override;
  int descriptor() const override { return changes_.get(); }

 private:
  struct Slot {
    ProcessEvaluatorsOptions::One how;
    std::optional<EvaluatorProcess> process;
    bool ready = false;
    int failed_starts = 0;     ///< in series
    std::optional<Work> work;  ///< under way, or to begin as soon as it is ready
    std::optional<evolution::IndividualId> killed_for;  ///< the process is being killed for that

    bool takes_work() const { return ready && !killed_for; }
  };

  Slot* slot_of(evolution::IndividualId id);
  void start(Slot& slot);
  void look();
  void take(Slot& slot, const AnyMessage& message);
  void greeted(Slot& slot, const Hello& hello);
  void ended(Slot& slot, const comm::ProcessEnd& end);
  void end_work(Slot& slot, std::optional<Evaluation> evaluation);
  void break_down(const std::string& reason);

  comm::ProcessSupervisor& supervisor_;
  core::Descriptor changes_;  ///< epoll over all that is read here
  std::deque<Slot> slots_;
  std::deque<Event> events_;
  bool announced_ = false;
  bool broken_ = false;
};

ProcessEvaluators::ProcessEvaluators(comm::ProcessSupervisor& supervisor,
                                     ProcessEvaluatorsOptions options)
    : supervisor_(supervisor), changes_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!changes_) throw core::IoError("epoll", "make", errno);
  epoll_event wanted{.events = EPOLLIN, .data = {}};
  ::epoll_ctl(changes_.get(), EPOLL_CTL_ADD, supervisor_.descriptor(), &wanted);
  for (auto& one : options.evaluators) {
    slots_.emplace_back().how = std::move(one);
    start(slots_.back());
  }
}

void ProcessEvaluators::start(Slot& slot) {
  slot.ready = false;
  slot.process.emplace(supervisor_, slot.how.order, changes_.get());
  slot.process->send(Setup{slot.how.setup});
}

ProcessEvaluators::Slot* ProcessEvaluators::slot_of(evolution::IndividualId id) {
  for (Slot& slot : slots_) {
    if (slot.work && slot.work->candidate.id == id) return &slot;
  }
  return nullptr;
}

void ProcessEvaluators::begin(const Work& work) {
  const auto free = std::find_if(slots_.begin(), slots_.end(),
                                 [](const Slot& slot) { return !slot.work.has_value(); });
  if (free == slots_.end()) throw core::InternalError("All evaluators of this rank are busy");
  free->work = work;
  if (free->takes_work()) free->process->send(work);
}

void ProcessEvaluators::save(evolution::IndividualId id) {
  Slot* slot = slot_of(id);
  if (slot == nullptr) return;
  if (slot->takes_work()) {
    slot->process->send(Leave{});
  } else if (slot->killed_for != id) {
    end_work(*slot, std::nullopt);  // it had not begun
  }
}

void ProcessEvaluators::kill(evolution::IndividualId id) {
  Slot* slot = slot_of(id);
  if (slot == nullptr) return;
  if (slot->takes_work()) {
    slot->killed_for = id;
    supervisor_.kill(slot->process->id());
  } else if (slot->killed_for != id) {
    end_work(*slot, std::nullopt);  // it had not begun
  }
}

std::optional<Evaluators::Event> ProcessEvaluators::next() {
  if (events_.empty() && !broken_) look();
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void ProcessEvaluators::look() {
  epoll_event ignored{};
  if (::epoll_wait(changes_.get(), &ignored, 1, 0) <= 0) return;
  for (Slot& slot : slots_) {
    slot.process->read_output();
    while (const auto message = slot.process->receive()) take(slot, *message);
  }
  while (const auto end = supervisor_.next_end()) {
    for (Slot& slot : slots_) {
      if (!broken_ && slot.process->id() == end->id) ended(slot, *end);
    }
  }
  if (supervisor_.gone()) break_down("the process that starts its evaluators has ended");
}

void ProcessEvaluators::take(Slot& slot, const AnyMessage& message) {
  if (const auto* hello = std::get_if<Hello>(&message)) greeted(slot, *hello);
  if (const auto* beat = std::get_if<Beat>(&message); beat != nullptr && slot.work) {
    for (const auto& part : beat->parts) {
      if (part.id == slot.work->candidate.id) events_.push_back(Progress{part.id, part.at});
    }
  }
  if (const auto* result = std::get_if<Result>(&message)) {
    const bool asked = slot.work && slot.work->candidate.id == result->id;
    if (asked) end_work(slot, result->evaluation);
  }
  if (std::holds_alternative<Left>(message) && slot.work) end_work(slot, std::nullopt);
}

void ProcessEvaluators::greeted(Slot& slot, const Hello& hello) {
  if (!hello.error.empty()) {
    break_down(hello.error);
    return;
  }
  slot.ready = true;
  slot.failed_starts = 0;
  if (slot.work) slot.process->send(*slot.work);
  const bool all_ready =
      std::all_of(slots_.begin(), slots_.end(), [](const Slot& one) { return one.ready; });
  if (announced_ || !all_ready) return;
  announced_ = true;
  events_.push_back(Ready{hello.data, ""});
}

void ProcessEvaluators::ended(Slot& slot, const comm::ProcessEnd& end) {
  const std::string how = slot.process->with_last_words(description(end));
  if (slot.killed_for) {
    // Its result may have come just before, and another candidate after that.
    if (slot.work && slot.work->candidate.id == *slot.killed_for) end_work(slot, std::nullopt);
    slot.killed_for.reset();
  } else if (slot.ready && slot.work) {
    const bool memory = end.cause == comm::ProcessEnd::Cause::out_of_memory;
    end_work(slot, Evaluation::failure(memory ? Status::out_of_memory : Status::crashed, how));
  } else if (slot.ready) {
    core::log(core::LogLevel::warning, "An idle evaluator ended and is started again: {}", how);
  } else if (++slot.failed_starts >= most_failed_starts) {
    break_down(fmt::format("an evaluator could not be started: {}", how));
    return;
  }
  start(slot);
}

void ProcessEvaluators::end_work(Slot& slot, std::optional<Evaluation> evaluation) {
  events_.push_back(Ended{slot.work->candidate.id, std::move(evaluation)});
  slot.work.reset();
}

void ProcessEvaluators::break_down(const std::string& reason) {
  if (std::exchange(broken_, true)) return;
  if (announced_) {
    events_.push_back(Broken{reason});
  } else {
    events_.push_back(Ready{std::nullopt, reason});
  }
}

}  // namespace

std::unique_ptr<Evaluators> make_process_evaluators(comm::ProcessSupervisor& supervisor,
                                                    ProcessEvaluatorsOptions options) {
  return std::make_unique<ProcessEvaluators>(supervisor, std::move(options));
}

}  // namespace hierevo::search
