// The rank's side of evaluators in processes of their own.
#include "hierevo/search/process_evaluators.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
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

/// So often in series a program may end without having had a candidate.
constexpr int most_vain_starts = 3;

/// What epoll tells: the supervisor, or the messages or the output of a slot.
constexpr std::uint64_t of_supervisor = 0;
constexpr std::uint64_t messages_of(std::size_t slot) {
  return 2 * slot + 1;
}
constexpr std::uint64_t output_of(std::size_t slot) {
  return 2 * slot + 2;
}
constexpr std::size_t slot_of_event(std::uint64_t event) {
  return static_cast<std::size_t>((event - 1) / 2);
}

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
    std::size_t index = 0;
    ProcessEvaluatorsOptions::One how;
    std::optional<EvaluatorProcess> process;
    bool ready = false;
    int vain_starts = 0;       ///< in series
    std::optional<Work> work;  ///< under way, or to begin as soon as it is ready
    std::optional<evolution::IndividualId> killed_for;  ///< the process is being killed for that

    bool takes_work() const { return ready && !killed_for; }
  };

  Slot* slot_of(evolution::IndividualId id);
  void start(Slot& slot);
  void look();
  void look_at(std::uint64_t event);
  void look_for_ends();
  void take_messages(Slot& slot);
  /// Whether it was a message that could come now.
  bool take(Slot& slot, const AnyMessage& message);
  bool greeted(Slot& slot, const Hello& hello);
  void ended(Slot& slot, const comm::ProcessEnd& end);
  void end_work(Slot& slot, std::optional<Evaluation> evaluation);
  void break_down(const std::string& reason);
  void let_go_of_all();

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
  watch_input(changes_.get(), supervisor_.descriptor(), of_supervisor);
  for (auto& one : options.evaluators) {
    const std::size_t index = slots_.size();
    Slot& slot = slots_.emplace_back();
    slot.index = index;
    slot.how = std::move(one);
    start(slot);
  }
}

void ProcessEvaluators::start(Slot& slot) {
  slot.ready = false;
  slot.process.emplace(supervisor_, slot.how.order,
                       EvaluatorProcess::Watch{.epoll = changes_.get(),
                                               .messages = messages_of(slot.index),
                                               .output = output_of(slot.index)});
  slot.process->send(Setup{slot.how.setup});
}

ProcessEvaluators::Slot* ProcessEvaluators::slot_of(evolution::IndividualId id) {
  for (Slot& slot : slots_) {
    if (slot.work && slot.work->candidate.id == id) return &slot;
  }
  return nullptr;
}

void ProcessEvaluators::begin(const Work& work) {
  if (broken_) return;  // which is still to be told
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
  std::array<epoll_event, 64> changes;
  const int count =
      ::epoll_wait(changes_.get(), changes.data(), static_cast<int>(changes.size()), 0);
  for (int i = 0; i < count; ++i) look_at(changes[static_cast<std::size_t>(i)].data.u64);
  if (broken_) let_go_of_all();
}

void ProcessEvaluators::look_at(std::uint64_t event) {
  if (event == of_supervisor) return look_for_ends();
  Slot& slot = slots_[slot_of_event(event)];
  if (event == output_of(slot.index)) {
    slot.process->read_output();
  } else {
    take_messages(slot);
  }
}

void ProcessEvaluators::look_for_ends() {
  while (const auto end = supervisor_.next_end()) {
    for (Slot& slot : slots_) {
      if (!broken_ && slot.process->id() == end->id) ended(slot, *end);
    }
  }
  if (supervisor_.gone()) break_down("the process that starts its evaluators has ended");
}

void ProcessEvaluators::take_messages(Slot& slot) {
  for (const AnyMessage& message : slot.process->receive()) {
    if (broken_ || take(slot, message)) continue;
    core::log(core::LogLevel::warning, "A message of an evaluator came out of turn; ignored");
  }
}

bool ProcessEvaluators::take(Slot& slot, const AnyMessage& message) {
  if (const auto* hello = std::get_if<Hello>(&message)) return greeted(slot, *hello);
  const bool works = slot.ready && slot.work;
  if (const auto* beat = std::get_if<Beat>(&message)) {
    for (const auto& part : beat->parts) {
      if (!works || part.id != slot.work->candidate.id) return false;
      events_.push_back(Progress{part.id, part.at});
    }
    return true;
  }
  if (const auto* result = std::get_if<Result>(&message)) {
    if (!works || result->id != slot.work->candidate.id) return false;
    end_work(slot, result->evaluation);
    slot.vain_starts = 0;
    return true;
  }
  if (!std::holds_alternative<Left>(message) || !works) return false;
  end_work(slot, std::nullopt);
  slot.vain_starts = 0;
  return true;
}

bool ProcessEvaluators::greeted(Slot& slot, const Hello& hello) {
  if (slot.ready) return false;
  if (!hello.error.empty()) {
    break_down(hello.error);
    return true;
  }
  slot.ready = true;
  if (slot.work) slot.process->send(*slot.work);
  const bool all_ready =
      std::all_of(slots_.begin(), slots_.end(), [](const Slot& one) { return one.ready; });
  if (announced_ || !all_ready) return true;
  announced_ = true;
  events_.push_back(Ready{hello.data, ""});
  return true;
}

void ProcessEvaluators::ended(Slot& slot, const comm::ProcessEnd& end) {
  take_messages(slot);  // its last may have come since they were looked at
  if (broken_) return;
  const std::string how = slot.process->with_last_words(description(end));
  if (slot.killed_for) {
    // Its result may have come just before, and another candidate after that.
    if (slot.work && slot.work->candidate.id == *slot.killed_for) end_work(slot, std::nullopt);
    slot.killed_for.reset();
    slot.vain_starts = 0;
  } else if (slot.ready && slot.work) {
    const bool memory = end.cause == comm::ProcessEnd::Cause::out_of_memory;
    end_work(slot, Evaluation::failure(memory ? Status::out_of_memory : Status::crashed, how));
    slot.vain_starts = 0;
  } else if (++slot.vain_starts >= most_vain_starts) {
    break_down(fmt::format("{}: {}",
                           slot.ready ? "an evaluator ends again and again without work"
                                      : "an evaluator could not be started",
                           how));
    return;
  } else {
    core::log(core::LogLevel::warning, "An evaluator without work is started again: {}", how);
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

/// Nothing of theirs is looked at any more, and descriptor() becomes silent.
void ProcessEvaluators::let_go_of_all() {
  ::epoll_ctl(changes_.get(), EPOLL_CTL_DEL, supervisor_.descriptor(), nullptr);
  for (Slot& slot : slots_) {
    slot.work.reset();
    if (slot.process) supervisor_.kill(slot.process->id());
    slot.process.reset();
  }
}

}  // namespace

std::unique_ptr<Evaluators> make_process_evaluators(comm::ProcessSupervisor& supervisor,
                                                    ProcessEvaluatorsOptions options) {
  return std::make_unique<ProcessEvaluators>(supervisor, std::move(options));
}

}  // namespace hierevo::search
