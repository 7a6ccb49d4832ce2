#include "hierevo/evolution/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/printable.hpp"

namespace hierevo::evolution {

using core::ByteReader;
using core::ByteWriter;

namespace {

void write_numbers(ByteWriter& out, const std::vector<double>& values) {
  out.u32(static_cast<std::uint32_t>(values.size()));
  for (const double value : values) out.f64(value);
}

std::vector<double> read_numbers(ByteReader& in) {
  const std::size_t count = in.u32();
  if (count > most_repeats) in.fail();
  std::vector<double> values;
  for (std::size_t i = 0; in.ok() && i < count; ++i) values.push_back(in.f64());
  return values;
}

bool is_letter(char one) {
  return (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z');
}

bool is_of_names(char one) {
  constexpr std::string_view others = "_-./";
  return is_letter(one) || (one >= '0' && one <= '9') || others.find(one) != others.npos;
}

}  // namespace

std::optional<double> recorded_time(double stored) {
  if (!std::isfinite(stored) || stored < 0.0) return std::nullopt;
  return stored;
}

bool can_be_metric(std::string_view name) {
  return !name.empty() && name.size() <= longest_metric_name && is_letter(name.front()) &&
         std::ranges::all_of(name, is_of_names);
}

std::string problem_with(const Metrics& metrics) {
  if (metrics.size() > most_metrics) {
    return fmt::format("{} metrics (at most {} are kept)", metrics.size(), most_metrics);
  }
  for (const auto& [name, value] : metrics) {
    if (!can_be_metric(name)) {
      return fmt::format(
          "a metric named '{}' (names are 1 to {} letters, digits, '_', '-', '.' and '/', a letter "
          "first)",
          core::printable(name.substr(0, 2 * longest_metric_name)), longest_metric_name);
    }
    if (std::ranges::find(names_of_results, name) != names_of_results.end()) {
      return fmt::format("a metric named '{}' (every evaluation has that besides its metrics)",
                         name);
    }
    if (!std::isfinite(value)) {
      return fmt::format("a metric '{}' of {} (it must be finite)", name, value);
    }
  }
  return "";
}

std::string problem_with(const Evaluation& evaluation) {
  // Below 0 it would be worse than an invalid cell's.
  if (!std::isfinite(evaluation.fitness) || evaluation.fitness < 0.0) {
    return fmt::format("a fitness of {} (it must be a number from 0 up)", evaluation.fitness);
  }
  if (!std::isfinite(evaluation.seconds) || evaluation.seconds < 0.0) {
    return fmt::format("a duration of {} s", evaluation.seconds);
  }
  const std::size_t repeats =
      std::max(evaluation.repeat_fitness.size(), evaluation.repeat_loss.size());
  if (repeats > most_repeats) {
    return fmt::format("results of {} repeats (at most {} are kept)", repeats, most_repeats);
  }
  return problem_with(evaluation.metrics);
}

void write(ByteWriter& out, const Candidate& candidate) {
  out.u64(number(candidate.id));
  out.u64(candidate.parent ? number(*candidate.parent) : 0);
  out.u64(candidate.seed);
  out.u64(candidate.known.value_or(known_not_kept));
  out.bytes(candidate.genotype.genes());
}

std::optional<Candidate> read_candidate(ByteReader& in, const genome::SearchSpace& space) {
  const std::uint64_t id = in.u64();
  const std::uint64_t parent = in.u64();
  const std::uint64_t seed = in.u64();
  const std::uint64_t known = in.u64();
  std::vector<genome::Gene> genes = in.bytes(genome::SearchSpace::most_genes);
  if (!in.ok() || id == 0) return std::nullopt;
  try {
    Candidate candidate{IndividualId{id}, std::nullopt, seed,
                        genome::Genotype(space, std::move(genes))};
    if (parent != 0) candidate.parent = IndividualId{parent};
    if (known != known_not_kept) candidate.known = known;
    return candidate;
  } catch (const core::UsageError&) {
    return std::nullopt;  // genes that do not fit the space
  }
}

void write(ByteWriter& out, const Evaluation& evaluation) {
  out.u8(static_cast<std::uint8_t>(evaluation.status));
  out.f64(evaluation.fitness);
  write_numbers(out, evaluation.repeat_fitness);
  write_numbers(out, evaluation.repeat_loss);
  out.f64(evaluation.seconds);
  out.i64(evaluation.parameters);
  out.i64(evaluation.macs);
  out.u64(evaluation.phenotype);
  out.i64(evaluation.worker);
  out.text(std::string_view(evaluation.reason).substr(0, longest_reason));
}

std::optional<Evaluation> read_evaluation(ByteReader& in) {
  Evaluation evaluation;
  const std::uint8_t status = in.u8();
  evaluation.fitness = in.f64();
  evaluation.repeat_fitness = read_numbers(in);
  evaluation.repeat_loss = read_numbers(in);
  evaluation.seconds = in.f64();
  evaluation.parameters = in.i64();
  evaluation.macs = in.i64();
  evaluation.phenotype = in.u64();
  const std::int64_t worker = in.i64();
  evaluation.reason = in.text(longest_reason);
  const bool possible = status < status_count && worker >= 0 &&
                        worker <= std::numeric_limits<decltype(evaluation.worker)>::max();
  if (!in.ok() || !possible || !problem_with(evaluation).empty()) return std::nullopt;
  evaluation.status = static_cast<Status>(status);
  evaluation.worker = static_cast<decltype(evaluation.worker)>(worker);
  return evaluation;
}

void write(ByteWriter& out, const Metrics& metrics) {
  out.u32(static_cast<std::uint32_t>(metrics.size()));
  for (const auto& [name, value] : metrics) {
    out.text(name);
    out.f64(value);
  }
}

std::optional<Metrics> read_metrics(ByteReader& in) {
  const std::size_t count = in.u32();
  if (count > most_metrics) in.fail();
  Metrics metrics;
  for (std::size_t i = 0; in.ok() && i < count; ++i) {
    std::string name = in.text(longest_metric_name);
    if (!metrics.empty() && name <= metrics.rbegin()->first) in.fail();
    metrics.emplace_hint(metrics.end(), std::move(name), in.f64());
  }
  if (!in.ok() || !problem_with(metrics).empty()) return std::nullopt;
  return metrics;
}

}  // namespace hierevo::evolution
