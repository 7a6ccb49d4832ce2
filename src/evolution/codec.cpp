#include "hierevo/evolution/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"

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

}  // namespace

std::optional<double> recorded_time(double stored) {
  if (!std::isfinite(stored) || stored < 0.0) return std::nullopt;
  return stored;
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
  return "";
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

}  // namespace hierevo::evolution
