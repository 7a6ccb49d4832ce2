#include "hierevo/search/evaluator_pool.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <set>
#include <span>
#include <utility>

#include "evaluator_process.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "protocol.hpp"

namespace hierevo::search {

namespace {

using evolution::Evaluation;
using evolution::number;
using evolution::Status;

/// How often a program that ends without having had a candidate is started at least.
constexpr int least_vain_starts = 3;
/// Before it is started again; then twice as long each time.
constexpr std::chrono::duration<double> first_pause = std::chrono::milliseconds(100);
constexpr std::chrono::duration<double> longest_pause = std::chrono::minutes(1);

/// What epoll reports: the supervisor, or the messages or the output of a slot.
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

class EvaluatorPool final : public Evaluators {
 public:
  EvaluatorPool(process::Supervisor& supervisor, EvaluatorPoolOptions options);
  EvaluatorPool(const EvaluatorPool&) = delete;
  EvaluatorPool& operator=(const EvaluatorPool&) = delete;
  ~EvaluatorPool() override;

  std::size_t count() const override { return slots_.size(); }
  void begin(const Work& work) override;
  void save(evolution::IndividualId id) override;
  void kill(evolution::IndividualId id) override;
  std::optional<Event> next() override;
  int descriptor() const override { return changes_.get(); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Slot {
    std::size_t index = 0;
    EvaluatorPoolOptions::One how;
    std::optional<EvaluatorProcess> process;  ///< none: it is given up
    Clock::time_point started;
    bool ready = false;
    int vain_starts = 0;                          ///< consecutive
    Clock::time_point first_in_vain;              ///< when the first of them ended
    std::optional<Clock::time_point> next_start;  ///< its process has ended; it is started then
    std::optional<Work> work;                     ///< in flight
    bool killed = false;                          ///< is being killed, as kill() or save() wanted
    std::string fault;                            ///< is being killed for this

    bool is_ending() const { return killed || !fault.empty(); }
    bool takes_work() const { return process && ready && !work && !is_ending(); }
  };

  Slot* slot_of(evolution::IndividualId id);
  /// Drops a candidate that has not begun; false when there is none such.
  bool drop_waiting(evolution::IndividualId id);
  void hand_out();
  void start(Slot& slot);
  void start_again(Slot& slot);
  void send_or_kill(Slot& slot, const AnyMessage& message);
  void kill_for(Slot& slot, const std::string& fault);
  void kill_process(Slot& slot);
  void look();
  void look_at_starts();
  void look_at(std::uint64_t event);
  void look_for_ends();
  void take_messages(Slot& slot);
  /// Whether it was a message that could come now.
  bool take(Slot& slot, const AnyMessage& message);
  bool greeted(Slot& slot, const Hello& hello);
  void ended(Slot& slot, const process::ProcessEnd& end);
  void ended_in_vain(Slot& slot, const std::string& how);
  void end_work(Slot& slot, std::optional<Evaluation> evaluation);
  /// Without it, where others are left.
  std::string failure_of(const Slot& slot, const std::string& how) const;
  void give_up(Slot& slot, const std::string& reason);
  void break_down(const std::string& reason);
  void let_go_of_all();

  process::Supervisor& supervisor_;
  core::Descriptor changes_;  ///< epoll over all that is read here
  std::chrono::duration<double> start_limit_;
  std::chrono::duration<double> retry_limit_;
  std::chrono::duration<double> exit_limit_;
  std::deque<Slot> slots_;
  std::deque<Work> waiting_;  ///< for one that is ready
  std::deque<Event> events_;
  std::optional<Hello> first_hello_;
  bool announced_ = false;
  bool broken_ = false;
  bool has_let_go_ = false;
};

EvaluatorPool::EvaluatorPool(process::Supervisor& supervisor, EvaluatorPoolOptions options)
    : supervisor_(supervisor),
      changes_(::epoll_create1(EPOLL_CLOEXEC)),
      start_limit_(options.start_limit),
      retry_limit_(options.retry_limit),
      exit_limit_(options.exit_limit) {
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

EvaluatorPool::~EvaluatorPool() {
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(exit_limit_);
  std::set<process::ProcessId> waited_for;
  for (Slot& slot : slots_) {
    if (!slot.process || slot.work || slot.next_start || slot.is_ending()) continue;
    slot.process->close_connection();
    waited_for.insert(slot.process->id());
  }
  while (!waited_for.empty() && !supervisor_.gone() && Clock::now() < end) {
    pollfd wanted{changes_.get(), POLLIN, 0};
    ::poll(&wanted, 1, 50);
    for (Slot& slot : slots_) {
      if (slot.process) slot.process->read_output();
    }
    while (const auto ended = supervisor_.next_end()) waited_for.erase(ended->id);
  }
}

void EvaluatorPool::start(Slot& slot) {
  slot.ready = false;
  slot.next_start.reset();
  slot.killed = false;
  slot.fault.clear();
  slot.started = Clock::now();
  slot.process.emplace(supervisor_, slot.how.order,
                       EvaluatorProcess::Watch{.epoll = changes_.get(),
                                               .messages = messages_of(slot.index),
                                               .output = output_of(slot.index)});
  send_or_kill(slot, Setup{slot.how.setup});
}

void EvaluatorPool::start_again(Slot& slot) {
  try {
    start(slot);
  } catch (const core::IoError& error) {
    give_up(slot, fmt::format("an evaluator could not be started: {}", error.what()));
  }
}

EvaluatorPool::Slot* EvaluatorPool::slot_of(evolution::IndividualId id) {
  for (Slot& slot : slots_) {
    if (slot.work && slot.work->candidate.id == id) return &slot;
  }
  return nullptr;
}

bool EvaluatorPool::drop_waiting(evolution::IndividualId id) {
  return std::erase_if(waiting_, [id](const Work& work) { return work.candidate.id == id; }) > 0;
}

void EvaluatorPool::begin(const Work& work) {
  if (broken_) return;  // which is still to be reported
  const auto busy = std::count_if(slots_.begin(), slots_.end(),
                                  [](const Slot& slot) { return slot.work.has_value(); });
  if (waiting_.size() + static_cast<std::size_t>(busy) >= slots_.size()) {
    throw core::InternalError("All evaluators of this rank are busy");
  }
  waiting_.push_back(work);
  hand_out();
}

void EvaluatorPool::hand_out() {
  for (Slot& slot : slots_) {
    if (waiting_.empty()) return;
    if (!slot.takes_work()) continue;
    slot.work = std::move(waiting_.front());
    waiting_.pop_front();
    send_or_kill(slot, *slot.work);
  }
}

void EvaluatorPool::save(evolution::IndividualId id) {
  if (drop_waiting(id)) events_.push_back(Ended{id, std::nullopt});
  Slot* slot = slot_of(id);
  if (slot == nullptr || slot->is_ending() || slot->process->send(Drain{})) return;
  core::log(core::LogLevel::warning, "Killing an evaluator that reads no messages");
  kill(id);
}

void EvaluatorPool::kill(evolution::IndividualId id) {
  if (drop_waiting(id)) {
    // The time is not its own fault: it is worth another try.
    events_.push_back(
        Ended{id, Evaluation::failure(Status::crashed, "no evaluator was ready for it in time")});
  }
  Slot* slot = slot_of(id);
  if (slot == nullptr || slot->is_ending()) return;
  slot->killed = true;
  kill_process(*slot);
}

void EvaluatorPool::send_or_kill(Slot& slot, const AnyMessage& message) {
  if (!slot.process->send(message)) kill_for(slot, "it read no messages");
}

void EvaluatorPool::kill_for(Slot& slot, const std::string& fault) {
  core::log(core::LogLevel::warning, "Killing an evaluator: {}", fault);
  slot.fault = fault;
  kill_process(slot);
}

void EvaluatorPool::kill_process(Slot& slot) {
  try {
    supervisor_.kill(slot.process->id());
  } catch (const core::IoError& error) {
    break_down(error.what());
  }
}

std::optional<Evaluators::Event> EvaluatorPool::next() {
  if (events_.empty() && !broken_) look();
  if (broken_) let_go_of_all();
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void EvaluatorPool::look() {
  std::array<epoll_event, 64> changes;
  const int count =
      ::epoll_wait(changes_.get(), changes.data(), static_cast<int>(changes.size()), 0);
  for (int i = 0; i < count; ++i) look_at(changes[static_cast<std::size_t>(i)].data.u64);
  if (broken_) return;
  look_at_starts();
  hand_out();
}

void EvaluatorPool::look_at_starts() {
  const auto now = Clock::now();
  for (Slot& slot : slots_) {
    if (broken_) return;
    if (slot.next_start) {
      if (now >= *slot.next_start) start_again(slot);
      continue;
    }
    if (!slot.process || slot.ready || slot.is_ending()) continue;
    if (now - slot.started <= start_limit_) continue;
    kill_for(slot, fmt::format("it was not ready after {} s", start_limit_.count()));
  }
}

void EvaluatorPool::look_at(std::uint64_t event) {
  if (event == of_supervisor) return look_for_ends();
  Slot& slot = slots_[slot_of_event(event)];
  if (!slot.process) return;
  if (event == output_of(slot.index)) {
    slot.process->read_output();
  } else {
    take_messages(slot);
  }
}

void EvaluatorPool::look_for_ends() {
  while (const auto end = supervisor_.next_end()) {
    for (Slot& slot : slots_) {
      const bool its = slot.process && slot.process->id() == end->id;
      if (its && !broken_) ended(slot, *end);
    }
  }
  if (supervisor_.gone()) break_down("the process that starts its evaluators has ended");
}

void EvaluatorPool::take_messages(Slot& slot) {
  for (const AnyMessage& message : slot.process->receive()) {
    if (broken_ || !slot.process) return;
    if (take(slot, message)) continue;
    core::log(core::LogLevel::warning, "Ignoring an unexpected message from an evaluator");
  }
}

bool EvaluatorPool::take(Slot& slot, const AnyMessage& message) {
  if (const auto* hello = std::get_if<Hello>(&message)) return greeted(slot, *hello);
  const bool works = slot.ready && slot.work;
  if (const auto* report = std::get_if<ProgressReport>(&message)) {
    for (const auto& part : report->parts) {
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
  if (!std::holds_alternative<Drained>(message) || !works) return false;
  end_work(slot, std::nullopt);
  slot.vain_starts = 0;
  return true;
}

bool EvaluatorPool::greeted(Slot& slot, const Hello& hello) {
  if (slot.ready) return false;
  if (!first_hello_) first_hello_ = hello;
  first_hello_->evaluator_memory = std::min(first_hello_->evaluator_memory, hello.evaluator_memory);
  const auto& first = first_hello_->data;
  if (!hello.error.empty()) {
    give_up(slot, hello.error);
    return true;
  }
  if (hello.data.has_value() != first.has_value() || (first && !same_data(*hello.data, *first))) {
    give_up(slot, fmt::format("an evaluator read other data than the first one, {} instead of {}: "
                              "the data set was changed, or is not the same for all",
                              hello.data ? description(*hello.data) : "none",
                              first ? description(*first) : "none"));
    return true;
  }
  slot.ready = true;
  const bool all_ready =
      std::all_of(slots_.begin(), slots_.end(), [](const Slot& one) { return one.ready; });
  if (announced_ || !all_ready) return true;
  announced_ = true;
  events_.push_back(Ready{hello.data, "", first_hello_->evaluator_memory});
  return true;
}

void EvaluatorPool::ended(Slot& slot, const process::ProcessEnd& end) {
  take_messages(slot);  // its last may have come since they were looked at
  if (broken_ || !slot.process) return;
  std::string fault = slot.fault.empty() ? description(end) : slot.fault;
  if (end.cause == process::ProcessEnd::Cause::not_started) fault = std::strerror(end.code);
  const std::string how = slot.process->with_last_words(fault);
  const bool in_vain = !slot.work && !slot.killed;  // where killed, its result came just before
  if (in_vain) return ended_in_vain(slot, how);
  slot.vain_starts = 0;
  if (slot.work && slot.killed) {
    end_work(slot, std::nullopt);
  } else if (slot.work) {
    const bool memory = end.cause == process::ProcessEnd::Cause::out_of_memory;
    end_work(slot, Evaluation::failure(memory ? Status::out_of_memory : Status::crashed, how));
  }
  start_again(slot);
}

void EvaluatorPool::ended_in_vain(Slot& slot, const std::string& how) {
  const auto now = Clock::now();
  const bool was_fine = slot.ready && now - slot.started > longest_pause;
  if (slot.vain_starts == 0 || was_fine) slot.first_in_vain = now;
  if (was_fine) slot.vain_starts = 0;
  ++slot.vain_starts;
  const std::string failure = failure_of(slot, how);
  slot.ready = false;
  // A user who watches the search begin can fix it sooner.
  const bool waited_enough = !announced_ || now - slot.first_in_vain >= retry_limit_;
  if (slot.vain_starts >= least_vain_starts && waited_enough) return give_up(slot, failure);
  const auto pause = std::min(first_pause * std::exp2(slot.vain_starts - 1), longest_pause);
  slot.next_start = now + std::chrono::duration_cast<Clock::duration>(pause);
  core::log(core::LogLevel::warning, "Retrying in {:.1f} s: {}", pause.count(), failure);
}

std::string EvaluatorPool::failure_of(const Slot& slot, const std::string& how) const {
  const std::string program = slot.how.order.command.empty() ? "" : slot.how.order.command.front();
  if (slot.ready) {
    return fmt::format("the evaluator '{}' ended without work: {}", program, how);
  }
  const auto limit = slot.how.order.memory_limit;
  const std::string with_limit =
      limit ? fmt::format(
                  " within {:.3g} GiB of address space, its limit (an evaluator that "
                  "trains needs 1 GiB at least)",
                  static_cast<double>(*limit) / (1 << 30))
            : "";
  return fmt::format("the evaluator '{}' could not be started{}: {}", program, with_limit, how);
}

void EvaluatorPool::end_work(Slot& slot, std::optional<Evaluation> evaluation) {
  events_.push_back(Ended{slot.work->candidate.id, std::move(evaluation)});
  slot.work.reset();
}

void EvaluatorPool::give_up(Slot& slot, const std::string& reason) {
  const auto left = std::count_if(slots_.begin(), slots_.end(), [&slot](const Slot& other) {
    return &other != &slot && other.process.has_value();
  });
  // At the start all must work: a user who watches the search begin can still fix it.
  if (!announced_ || left == 0) return break_down(reason);
  core::log(core::LogLevel::error, "This rank continues with {} of {} evaluators: {}", left,
            slots_.size(), reason);
  if (slot.process) kill_process(slot);
  slot.process.reset();
  events_.push_back(CapacityReduced{static_cast<std::size_t>(left)});
}

void EvaluatorPool::break_down(const std::string& reason) {
  if (std::exchange(broken_, true)) return;
  if (announced_) {
    events_.push_back(Broken{reason});
  } else {
    events_.push_back(Ready{.data = std::nullopt, .error = reason});
  }
}

/// Nothing of theirs is looked at any more, and descriptor() becomes silent.
void EvaluatorPool::let_go_of_all() {
  if (std::exchange(has_let_go_, true)) return;
  ::epoll_ctl(changes_.get(), EPOLL_CTL_DEL, supervisor_.descriptor(), nullptr);
  waiting_.clear();
  for (Slot& slot : slots_) {
    slot.work.reset();
    if (slot.process) kill_process(slot);
    slot.process.reset();
  }
}

}  // namespace

std::unique_ptr<Evaluators> make_evaluator_pool(process::Supervisor& supervisor,
                                                EvaluatorPoolOptions options) {
  return std::make_unique<EvaluatorPool>(supervisor, std::move(options));
}

}  // namespace hierevo::search
