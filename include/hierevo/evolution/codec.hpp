#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "hierevo/core/bytes.hpp"
#include "hierevo/evolution/individual.hpp"

namespace hierevo::evolution {

/// How candidates and evaluations stand in messages (src/search/PROTOCOL.md) and in journals
/// (io/FORMAT.md).

/// Bytes that a stored Evaluation::reason has at most.
inline constexpr std::size_t longest_reason = 4096;
/// Repeats that a stored evaluation has at most.
inline constexpr std::size_t most_repeats = 1000;
/// Metrics that an evaluation has at most.
inline constexpr std::size_t most_metrics = 64;
/// Bytes that the name of a metric has at most.
inline constexpr std::size_t longest_metric_name = 64;
/// Stands for a Candidate::known that is none.
inline constexpr std::uint64_t known_not_kept = std::numeric_limits<std::uint64_t>::max();
/// How files say that Evaluation::finished_at was not recorded.
inline constexpr double time_not_recorded = std::numeric_limits<double>::quiet_NaN();
/// Nothing for that, and for what is no time.
std::optional<double> recorded_time(double stored);

/// Whether it has 1 to longest_metric_name letters, digits and `_ - . /`, and begins with a letter.
bool can_be_metric(std::string_view name);
/// What keeps metrics from being written; empty when nothing does. Their names can be metrics and
/// are none of names_of_results; their values are finite.
std::string problem_with(const Metrics& metrics);
/// What keeps an evaluation from being written; empty when nothing does.
std::string problem_with(const Evaluation& evaluation);

/// For read_candidate().
void write(core::ByteWriter& out, const Candidate& candidate);
/// For read_evaluation(). A longer reason is cut. Its metrics and time of recording are left out.
void write(core::ByteWriter& out, const Evaluation& evaluation);
/// For read_metrics().
void write(core::ByteWriter& out, const Metrics& metrics);

/// Nothing for bytes that are no candidate of `space`, whatever they are.
std::optional<Candidate> read_candidate(core::ByteReader& in, const genome::SearchSpace& space);
/// Nothing for bytes that are no evaluation without a problem.
std::optional<Evaluation> read_evaluation(core::ByteReader& in);
/// Nothing for bytes that are no metrics without a problem, each name once and in order.
std::optional<Metrics> read_metrics(core::ByteReader& in);

}  // namespace hierevo::evolution
