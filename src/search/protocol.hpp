#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/search/data_facts.hpp"
#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

/// The messages between coordinator (rank 0) and workers, and between a worker and its evaluator
/// processes. A worker sends Hello once; from then on it gets Work, at most as much at the same
/// time as it has evaluators, and answers each with one Result, or with Cancelled where it was told
/// to Cancel it, until it gets Drain and answers Drained. Shutdown ends it. Layout:
/// src/search/PROTOCOL.md.

/// Worker → coordinator: ready to work. With an `error`, it never will be.
/// Evaluator → worker: the same, without what the worker knows itself.
struct Hello {
  std::string program;                ///< core::version() of the worker
  std::string host;                   ///< where it runs
  std::uint64_t fingerprint = 0;      ///< hash of the options, equal on all ranks
  std::uint32_t evaluators = 1;       ///< so many candidates at the same time
  std::optional<DataFacts> data;      ///< where its evaluators have read data
  std::string error;                  ///< why this rank cannot evaluate; empty when it can
  std::string place;                  ///< the devices or cores of its evaluators, for people
  std::int64_t evaluator_memory = 0;  ///< bytes for a training in one evaluator; 0: not known
};

// Work (evaluator.hpp), coordinator → worker → evaluator: evaluate this.

/// Evaluator → worker → coordinator: what came out.
struct Result {
  evolution::IndividualId id{};
  evolution::Evaluation evaluation;
};

/// Worker → coordinator, a few times in each --heartbeat: it is there, and so far are its
/// candidates. Evaluator → worker: so far is the candidate.
struct ProgressReport {
  struct Part {
    evolution::IndividualId id{};
    EvaluationProgress at;
  };
  std::vector<Part> parts;
};

/// Coordinator → worker, a few times in each --heartbeat: it is there.
struct Heartbeat {};

/// Worker → coordinator: it has lost evaluators for good. It still evaluates what it was given
/// already.
struct CapacityReduced {
  std::uint32_t evaluators = 1;  ///< so many candidates at the same time from now on
};

/// Coordinator → worker: this candidate has its result by now; its evaluation must end.
struct Cancel {
  evolution::IndividualId id{};
};

/// Worker → coordinator: the evaluation has ended without a result.
struct Cancelled {
  evolution::IndividualId id{};
};

/// Worker → coordinator: it was asked to stop; the coordinator drains all workers and saves.
struct Stop {};

/// Coordinator → worker: save what is in flight, and answer Drained.
/// Worker → evaluator: save what is in flight.
struct Drain {};

/// Coordinator → worker: the search is over, and nothing that is sent is still read. A worker
/// that has not left saves what is in flight and leaves.
struct Shutdown {};

/// Worker → coordinator: has saved what it could, and nothing more will come. With an `error`, it
/// can no longer evaluate; else it was told to leave.
/// Evaluator → worker: has saved what was in flight.
struct Drained {
  std::string error;
};

/// Worker → evaluator, first: what the program needs to know to make its evaluator.
struct Setup {
  std::string text;
};

using AnyMessage = std::variant<Hello, Work, Result, ProgressReport, Heartbeat, Stop, Drain,
                                Drained, Shutdown, Setup, CapacityReduced, Cancel, Cancelled>;

inline constexpr std::uint16_t protocol_version = 9;
inline constexpr std::size_t most_evaluators = 1024;
inline constexpr std::size_t longest_setup = std::size_t{1} << 15;

/// Texts longer than their bound are cut, but for a Setup's: UsageError.
std::vector<std::byte> encode(const AnyMessage& message);

/// Nothing for bytes that are no complete message of this protocol version, whatever they are.
std::optional<AnyMessage> decode(std::span<const std::byte> bytes);

}  // namespace hierevo::search
