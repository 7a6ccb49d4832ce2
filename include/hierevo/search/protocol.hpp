#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

/// The messages between coordinator (rank 0) and workers. A worker says Hello once; from then on it
/// gets Work and answers each with one Result, until it gets Leave. Layout:
/// src/search/PROTOCOL.md.

/// Worker → coordinator: ready to work. With an `error`, it never will be.
struct Hello {
  std::string program;            ///< core::version() of the worker
  std::string host;               ///< where it runs
  std::uint64_t fingerprint = 0;  ///< hash of the options, equal on all ranks
  std::string error;              ///< why this rank cannot evaluate; empty when it can
};

/// Coordinator → worker: evaluate this.
struct Work {
  evolution::Candidate candidate;
};

/// Worker → coordinator: what came out.
struct Result {
  evolution::IndividualId id{};
  evolution::Evaluation evaluation;
};

/// Coordinator → worker: stop, also in the middle of an evaluation, and end.
/// Worker → coordinator: it was asked to stop; the coordinator saves, then sends all workers home.
struct Leave {};

using AnyMessage = std::variant<Hello, Work, Result, Leave>;

inline constexpr std::uint16_t protocol_version = 2;

/// Texts longer than their bound are cut.
std::vector<std::byte> encode(const AnyMessage& message);

/// Nothing for bytes that are no complete message of this protocol version, whatever they are.
std::optional<AnyMessage> decode(std::span<const std::byte> bytes);

}  // namespace hierevo::search
