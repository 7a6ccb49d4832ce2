// The ranks that work for a search: their state, what each was given, and which are free.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/search/rank_record.hpp"

namespace hierevo::search {

class WorkerTable {
 public:
  using Clock = std::chrono::steady_clock;
  using Id = evolution::IndividualId;

  enum class State : std::uint8_t {
    expected,     ///< has not sent Hello
    present,      ///< gets work
    silent,       ///< for too long; resumes its former state when it reports again
    dead,         ///< for certain, and for good
    quarantined,  ///< fails where others succeed: gets no more work
    left,         ///< has saved, as it was asked to
    broken,       ///< can no longer evaluate, and is gone
  };

  /// Ranks from `first` to below `end`, whose silence counts from `now` on.
  WorkerTable(int first, int end, Clock::time_point now);

  bool contains(int rank) const { return workers_.contains(rank); }
  State state(int rank) const { return workers_.at(rank).state; }
  const std::string& host(int rank) const { return workers_.at(rank).host; }
  /// The ranks that may take what is sent to them.
  std::vector<int> reachable() const;
  /// The present ranks that were given this and have not answered.
  const std::set<int>& holders(Id id) const;
  /// What it was given and has not answered, whether it is present or not.
  const std::set<Id>& given(int rank) const { return workers_.at(rank).given; }

  /// `place`: the devices or cores of its evaluators, for people.
  void greeted(int rank, const std::string& host, std::size_t evaluators,
               const std::string& place = {});
  /// Why it does not work, for people; forgotten when it reports again.
  void note_reason(int rank, const std::string& reason);
  /// It has at most so many evaluators from now on; what it was given beyond that, it keeps.
  void has_fewer(int rank, std::size_t evaluators);
  /// A message came from it. True when it was silent until then.
  bool heard(int rank, Clock::time_point now);
  /// No message can have been received for so long: this process itself stood still.
  void forgive(Clock::duration silence, Clock::time_point now);
  /// The ranks that sent nothing for `patience`; they are silent now. Those that have not sent
  /// Hello may be reading large data, and have `first_patience`.
  std::vector<int> fallen_silent(Clock::time_point now, Clock::duration patience,
                                 Clock::duration first_patience);
  void left(int rank);
  /// What it had not answered is dropped, and returned.
  std::set<Id> broke(int rank) { return gone(rank, State::broken); }
  std::set<Id> died(int rank) { return gone(rank, State::dead); }

  /// For people: all of it, and a number that grows when it changes.
  std::vector<RankFacts> facts() const;
  std::uint64_t version() const { return version_; }

  /// A rank that could begin something; not `avoided`, unless there is nobody else. One whose last
  /// evaluations all failed waits until another has ended something: a broken node fails fast, and
  /// would spoil one candidate after the other before anybody could have succeeded.
  std::optional<int> free_rank(std::optional<int> avoided) const;
  void give(int rank, Id id);
  /// False when it was not given this.
  bool answered(int rank, Id id);

  /// An evaluation succeeded or failed there. True when the rank is in quarantine from now on: so
  /// many consecutive failures cannot be chance where others fail as seldom as they do.
  bool judge(int rank, bool success);

  /// Whether somebody present, or still expected, could work.
  bool any_usable() const { return expected_ + present_ > 0; }
  bool any_expected() const { return expected_ > 0; }
  /// Whether some rank might report again.
  bool any_silent() const;
  std::size_t present() const { return present_; }
  std::size_t evaluators() const { return evaluators_; }  ///< of those present
  std::size_t busy() const { return busy_; }              ///< of these evaluators
  /// Ranks: silent, dead, quarantined, left or broken.
  std::size_t lost() const { return lost_; }
  /// Whether nobody is left that something may come from.
  bool all_gone() const;
  /// Whether everybody has saved and left.
  bool all_left() const;

 private:
  struct Worker {
    State state = State::expected;
    State before_silence = State::expected;
    std::string host;
    std::string place;
    std::string reason;
    std::size_t evaluators = 0;
    std::set<Id> given;  ///< and not answered
    Clock::time_point heard{};
    int failing = 0;              ///< consecutive failures
    std::size_t judged_then = 0;  ///< all evaluations, when its last one ended
    std::size_t successes = 0;
    std::size_t failures = 0;
  };

  /// Makes a change to a worker and keeps what is counted over all of them true.
  template <typename Change>
  void change(int rank, Change&& make);
  void count(int rank, const Worker& worker, bool add);
  void count_holder(int rank, Id id, bool add);
  void set_state(int rank, State state);
  std::set<Id> gone(int rank, State state);
  bool is_to_blame(const Worker& worker) const;
  bool waits_for_others(const Worker& worker) const;
  static std::size_t busy_of(const Worker& worker);

  std::map<int, Worker> workers_;
  std::map<Id, std::set<int>> holders_;  ///< without those that nobody has
  std::set<int> free_;
  std::size_t expected_ = 0;
  std::size_t present_ = 0;
  std::size_t evaluators_ = 0;
  std::size_t busy_ = 0;
  std::size_t lost_ = 0;
  std::size_t successes_ = 0;
  std::size_t failures_ = 0;
  std::uint64_t version_ = 0;
};

}  // namespace hierevo::search
