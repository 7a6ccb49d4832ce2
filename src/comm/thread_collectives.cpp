#include "hierevo/comm/thread_collectives.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "collective_order.hpp"
#include "hierevo/core/error.hpp"
#include "reduce_elements.hpp"
#include "stall_aware_timeout.hpp"

namespace hierevo::comm {

namespace {

using detail::CollectiveKind;
using detail::CollectiveOrder;

std::byte* bytes_of(const Elements& elements) {
  return static_cast<std::byte*>(elements.data);
}

/// Does for all ranks what each of them ordered. Nothing overlaps.
class Performance {
 public:
  explicit Performance(const std::vector<CollectiveOrder>& orders) : orders_(orders) {}

  void run() const {
    switch (orders_[0].kind) {
      case CollectiveKind::all_reduce:
        return all_reduce();
      case CollectiveKind::broadcast:
        return broadcast();
      case CollectiveKind::all_gather:
        return all_gather();
      case CollectiveKind::barrier:
        return;
    }
  }

 private:
  void all_reduce() const {
    const auto [data, count, type] = orders_[0].elements;
    if (count == 0) return;
    std::vector<const std::byte*> inputs;
    for (const auto& order : orders_) inputs.push_back(bytes_of(order.elements));
    detail::reduce_elements(inputs, static_cast<std::byte*>(data), count, type);
    copy_to_all(orders_[0].elements);
  }

  void broadcast() const {
    copy_to_all(orders_[static_cast<std::size_t>(orders_[0].root)].elements);
  }

  void copy_to_all(const Elements& source) const {
    for (const auto& order : orders_) copy(source, bytes_of(order.elements));
  }

  void all_gather() const {
    for (const auto& order : orders_) {
      std::size_t offset = 0;
      for (const auto& source : orders_) {
        copy(source.elements, bytes_of(order.all) + offset);
        offset += source.elements.bytes();
      }
    }
  }

  static void copy(const Elements& source, std::byte* target) {
    if (source.count > 0 && source.data != target) {
      std::memcpy(target, source.data, source.bytes());
    }
  }

  const std::vector<CollectiveOrder>& orders_;
};

bool fit_together(const CollectiveOrder& one, const CollectiveOrder& other) {
  return one.kind == other.kind && one.elements.count == other.elements.count &&
         one.elements.type == other.elements.type && one.root == other.root;
}

/// An operation on its way from the first rank that starts it to the last. Guarded by the board's
/// mutex, except while the last one performs it.
struct Posted {
  enum class State { gathering, performing, done };

  std::uint64_t number = 0;
  State state = State::gathering;
  std::vector<std::optional<CollectiveOrder>> orders;  ///< by rank

  std::vector<int> missing() const {
    std::vector<int> ranks;
    for (std::size_t rank = 0; rank < orders.size(); ++rank) {
      if (!orders[rank]) ranks.push_back(static_cast<int>(rank));
    }
    return ranks;
  }
};

}  // namespace

/// Where ranks post what they start. Outlives the group as long as somebody waits.
class ThreadCollectivesGroup::Board {
 public:
  Board(int size, std::chrono::nanoseconds timeout)
      : timeout_(timeout), started_(static_cast<std::size_t>(size), 0) {}

  std::chrono::nanoseconds timeout() const { return timeout_; }
  int size() const { return static_cast<int>(started_.size()); }

  std::shared_ptr<Posted> post(int rank, const CollectiveOrder& order) {
    std::unique_lock lock(mutex_);
    throw_if_dead(rank);
    const std::uint64_t number = ++started_[static_cast<std::size_t>(rank)];
    auto posted = find_or_open(number);
    posted->orders[static_cast<std::size_t>(rank)] = order;
    if (!posted->missing().empty()) return posted;
    open_.erase(number);
    perform(rank, *posted, lock);
    return posted;
  }

  bool ended(const Posted& posted, detail::StallAwareTimeout& patience) {
    const std::scoped_lock lock(mutex_);
    if (posted.state == Posted::State::gathering) return !dead_.empty() || patience.spent();
    return posted.state == Posted::State::done;
  }

  void wait(int rank, const Posted& posted, detail::StallAwareTimeout& patience) {
    std::unique_lock lock(mutex_);
    const auto decided = [&] { return posted.state != Posted::State::gathering || !dead_.empty(); };
    while (!ended_.wait_until(lock, patience.next_look(), decided)) {
      if (patience.spent()) give_up(rank, posted);
    }
    // Once all have come nothing can be late, and the memory is in use.
    ended_.wait(lock, [&] { return posted.state != Posted::State::performing; });
    if (posted.state != Posted::State::done) throw_if_dead(rank);
  }

  void close() {
    const std::scoped_lock lock(mutex_);
    die("the group was destroyed");
  }

 private:
  std::shared_ptr<Posted> find_or_open(std::uint64_t number) {
    auto& posted = open_[number];
    if (!posted) {
      posted = std::make_shared<Posted>();
      posted->number = number;
      posted->orders.resize(started_.size());
    }
    return posted;
  }

  void perform(int rank, Posted& posted, std::unique_lock<std::mutex>& lock) {
    std::vector<CollectiveOrder> orders;
    for (const auto& order : posted.orders) orders.push_back(*order);
    for (const auto& order : orders) {
      if (fit_together(order, orders[0])) continue;
      die(fmt::format("{} of one rank is {} of another", describe(orders[0], posted.number),
                      describe(order, posted.number)));
      throw_if_dead(rank);
    }
    posted.state = Posted::State::performing;
    lock.unlock();
    Performance(orders).run();
    lock.lock();
    posted.state = Posted::State::done;
    ended_.notify_all();
  }

  void give_up(int rank, const Posted& posted) {
    const auto& order = *posted.orders[static_cast<std::size_t>(rank)];
    const std::chrono::duration<double> limit = timeout_;
    const auto missing = posted.missing();
    die(fmt::format(
        "{} {}, since {} {} not started it", describe(order, posted.number),
        detail::late_text(limit.count()),
        fmt::format("{} {}", missing.size() == 1 ? "rank" : "ranks", fmt::join(missing, ", ")),
        missing.size() == 1 ? "has" : "have"));
  }

  /// The first reason stays.
  void die(std::string reason) {
    if (dead_.empty()) dead_ = std::move(reason);
    ended_.notify_all();
  }

  void throw_if_dead(int rank) const {
    if (!dead_.empty()) {
      throw core::CommunicationError(rank, "its group cannot be used any more", dead_);
    }
  }

  const std::chrono::nanoseconds timeout_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<std::uint64_t> started_;  ///< operations by rank
  std::map<std::uint64_t, std::shared_ptr<Posted>> open_;
  std::string dead_;  ///< why, when the group is dead
};

class ThreadCollectivesGroup::Started final : public Request::Operation {
 public:
  Started(std::shared_ptr<Board> board, int rank, std::shared_ptr<Posted> posted)
      : board_(std::move(board)),
        rank_(rank),
        posted_(std::move(posted)),
        patience_(board_->timeout()) {}

  bool done() override { return board_->ended(*posted_, patience_); }
  void wait() override { board_->wait(rank_, *posted_, patience_); }

 private:
  const std::shared_ptr<Board> board_;
  const int rank_;
  const std::shared_ptr<Posted> posted_;
  detail::StallAwareTimeout patience_;
};

class ThreadCollectivesGroup::Member final : public Collectives {
 public:
  Member(std::shared_ptr<Board> board, int rank) : board_(std::move(board)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return board_->size(); }

  Request all_reduce(Elements elements) override {
    return start(detail::order_all_reduce(elements));
  }
  Request broadcast(Elements elements, int root) override {
    return start(detail::order_broadcast(elements, root, size()));
  }
  Request all_gather(Elements own, Elements all) override {
    return start(detail::order_all_gather(own, all, size()));
  }
  Request barrier() override { return start({}); }

 private:
  Request start(const CollectiveOrder& order) {
    return Request(std::make_unique<Started>(board_, rank_, board_->post(rank_, order)));
  }

  const std::shared_ptr<Board> board_;
  const int rank_;
};

ThreadCollectivesGroup::ThreadCollectivesGroup(int size, std::chrono::nanoseconds timeout) {
  if (size < 1) {
    throw core::UsageError(fmt::format("Cannot make a group of {} ranks", size),
                           "a group has at least one rank");
  }
  board_ = std::make_shared<Board>(size, timeout);
  for (int rank = 0; rank < size; ++rank) {
    members_.push_back(std::make_unique<Member>(board_, rank));
  }
}

ThreadCollectivesGroup::~ThreadCollectivesGroup() {
  board_->close();
}

Collectives& ThreadCollectivesGroup::collectives(int rank) {
  if (rank < 0 || rank >= static_cast<int>(members_.size())) {
    throw core::UsageError(fmt::format("There is no rank {}", rank),
                           fmt::format("the group has the ranks 0 to {}", members_.size() - 1));
  }
  return *members_[static_cast<std::size_t>(rank)];
}

}  // namespace hierevo::comm
