#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "hierevo/core/bytes.hpp"
#include "hierevo/evolution/individual.hpp"

namespace hierevo::evolution {

/// How candidates and evaluations stand in messages (src/search/PROTOCOL.md) and in journals
/// (io/FORMAT.md).

/// Bytes that a stored Evaluation::reason has at most.
inline constexpr std::size_t longest_reason = 4096;
/// Repeats that a stored evaluation has at most.
inline constexpr std::size_t most_repeats = 1000;
/// Stands for a Candidate::known that is none.
inline constexpr std::uint64_t known_not_kept = std::numeric_limits<std::uint64_t>::max();
/// How files say that Evaluation::finished_at was not recorded.
inline constexpr double time_not_recorded = std::numeric_limits<double>::quiet_NaN();
/// Nothing for that, and for what is no time.
std::optional<double> recorded_time(double stored);

/// What keeps an evaluation from being written; empty when nothing does.
std::string problem_with(const Evaluation& evaluation);

/// For read_candidate().
void write(core::ByteWriter& out, const Candidate& candidate);
/// For read_evaluation(). A longer reason is cut.
void write(core::ByteWriter& out, const Evaluation& evaluation);

/// Nothing for bytes that are no candidate of `space`, whatever they are.
std::optional<Candidate> read_candidate(core::ByteReader& in, const genome::SearchSpace& space);
/// Nothing for bytes that are no evaluation without a problem.
std::optional<Evaluation> read_evaluation(core::ByteReader& in);

}  // namespace hierevo::evolution
