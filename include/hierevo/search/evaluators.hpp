#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hierevo/search/data_facts.hpp"
#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

/// The evaluators of one rank, which work at the same time: in processes of their own
/// (evaluator_pool.hpp) or in threads of this one. Belongs to one thread, and nothing here
/// waits.
class Evaluators {
 public:
  /// All of them can begin, or why they cannot. Comes first, and once.
  struct Ready {
    std::optional<DataFacts> data;  ///< none where no data were read
    std::string error;
    std::int64_t evaluator_memory = 0;  ///< bytes that each has for a training; 0: not known
  };
  /// How far an evaluation is.
  struct Progress {
    evolution::IndividualId id{};
    EvaluationProgress at;
  };
  /// An evaluation is over; without a result when save() or kill() asked for its end. One that is
  /// killed before it could begin may be reported as crashed, which is retried.
  struct Ended {
    evolution::IndividualId id{};
    std::optional<evolution::Evaluation> evaluation;
  };
  /// Some evaluators are lost for good, after Ready; their candidates wait for the others.
  struct CapacityReduced {
    std::size_t left = 1;  ///< so many remain
  };
  /// Nothing more can be evaluated here; what had begun is dropped. Comes last.
  struct Broken {
    std::string reason;
  };
  /// What may have happened.
  using Event = std::variant<Ready, Progress, Ended, CapacityReduced, Broken>;

  virtual ~Evaluators() = default;
  Evaluators() = default;
  Evaluators(const Evaluators&) = delete;
  Evaluators& operator=(const Evaluators&) = delete;

  /// How many evaluations may be in flight at the same time. Does not change, not even after
  /// CapacityReduced.
  virtual std::size_t count() const = 0;
  /// Starts an evaluation; of these count() may be in flight at the same time, of different
  /// candidates.
  virtual void begin(const Work& work) = 0;
  /// Asks an evaluation to end soon, with its half-trained state saved where possible.
  virtual void save(evolution::IndividualId id) = 0;
  /// Ends it at once where possible.
  virtual void kill(evolution::IndividualId id) = 0;
  /// What has happened since, in order.
  virtual std::optional<Event> next() = 0;
  /// Readable when next() may have something; what depends on time alone is found by calling it.
  virtual int descriptor() const = 0;
};

/// `evaluators`, each in a thread of its own in this process. A crash ends all, and one that does
/// not call its progress callback cannot be ended: for debugging, and for programs that embed the
/// search with an evaluator of their own. `evaluator_memory` is as in Evaluators::Ready. They must
/// outlive what is returned, which waits for them at its end.
std::unique_ptr<Evaluators> make_local_evaluators(std::vector<Evaluator*> evaluators,
                                                  std::optional<DataFacts> data = std::nullopt,
                                                  std::int64_t evaluator_memory = 0);

}  // namespace hierevo::search
