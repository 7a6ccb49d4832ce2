#include <fmt/format.h>

#include <cmath>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "checksummed_header.hpp"
#include "format_attributes.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/io/snapshot.hpp"
#include "snapshot_metrics.hpp"

namespace hierevo::io {

namespace {

using evolution::Candidate;
using evolution::Evaluation;
using evolution::Individual;
using evolution::IndividualId;

evolution::EngineOptions read_options(hid_t root) {
  evolution::EngineOptions options;
  options.space = genome::SearchSpace::parse(h5::read_text_attribute(root, "space"));
  options.algorithm = evolution::algorithm_named(h5::read_text_attribute(root, "algorithm"));
  options.population = h5::read_attribute<std::uint64_t>(root, "population");
  options.evaluations = h5::read_attribute<std::uint64_t>(root, "evaluations");
  options.tournament = h5::read_attribute<double>(root, "tournament");
  options.seed = h5::read_attribute<std::uint64_t>(root, "seed");
  options.start_mutations = h5::read_attribute<std::int32_t>(root, "start_mutations");
  if (h5::has_attribute(root, "objectives")) {
    options.objectives = evolution::objectives_of(h5::read_text_attribute(root, "objectives"));
  }
  return options;
}

/// Files of earlier versions have none.
core::OwnerMark read_owner(hid_t root) {
  if (!h5::has_attribute(root, "incarnation")) return {};
  const auto incarnation = h5::read_attribute<std::uint64_t>(root, "incarnation");
  if (incarnation > core::highest_incarnation) throw h5::Error("its incarnation is impossible");
  return {incarnation, h5::read_attribute<std::uint64_t>(root, "owner")};
}

RunProgress read_progress(hid_t root) {
  const h5::Group group = h5::open_group(root, "progress");
  RunProgress progress;
  progress.state = h5::read_text_attribute(group, "state");
  progress.unix_seconds = h5::read_attribute<std::int64_t>(group, "unix_seconds");
  progress.elapsed_seconds = h5::read_attribute<double>(group, "elapsed_seconds");
  progress.busy_seconds = h5::read_attribute<double>(group, "busy_seconds");
  progress.worker_seconds = h5::read_attribute<double>(group, "worker_seconds");
  progress.workers = h5::read_attribute<std::int32_t>(group, "workers");
  return progress;
}

genome::Genotype genotype_of(std::span<const std::uint8_t> genes, const genome::SearchSpace& space,
                             std::uint64_t id) {
  try {
    return {space, {genes.begin(), genes.end()}};
  } catch (const core::UsageError& error) {
    throw h5::Error(fmt::format("candidate {} is impossible: {}", id, error.what()));
  }
}

std::vector<Candidate> read_candidates(hid_t group, const genome::SearchSpace& space) {
  const auto ids = h5::read_vector<std::uint64_t>(group, "id");
  const auto parents = h5::read_vector<std::uint64_t>(group, "parent", ids.size());
  const auto seeds = h5::read_vector<std::uint64_t>(group, "seed", ids.size());
  const auto genotypes = h5::read_matrix<std::uint8_t>(group, "genotype", ids.size());
  std::vector<std::uint64_t> known(ids.size(), evolution::known_not_kept);
  if (h5::has_member(group, "known")) {
    known = h5::read_vector<std::uint64_t>(group, "known", ids.size());
  }
  std::vector<Candidate> candidates;
  candidates.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::optional<IndividualId> parent;
    if (parents[i] != 0) parent = IndividualId{parents[i]};
    candidates.push_back(
        {IndividualId{ids[i]}, parent, seeds[i], genotype_of(genotypes.row(i), space, ids[i])});
    if (known[i] != evolution::known_not_kept) candidates.back().known = known[i];
  }
  return candidates;
}

/// The table of one value per repeat, without its padding: one list per individual.
std::vector<std::vector<double>> read_repeats(hid_t group, const char* name, const char* count_name,
                                              std::size_t rows) {
  const auto table = h5::read_matrix<double>(group, name, rows);
  const auto counts = h5::read_vector<std::uint32_t>(group, count_name, rows);
  std::vector<std::vector<double>> lists;
  lists.reserve(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    if (counts[i] > table.columns) {
      throw h5::Error(fmt::format("{} says {} runs in row {} of a table with {}", count_name,
                                  counts[i], i, table.columns));
    }
    const auto row = table.row(i).first(counts[i]);
    lists.emplace_back(row.begin(), row.end());
  }
  return lists;
}

std::vector<Evaluation> read_evaluations(hid_t group, std::size_t rows) {
  const auto statuses = h5::read_enums(group, "status", rows, status_names());
  const auto fitness = h5::read_vector<double>(group, "fitness", rows);
  auto repeat_fitness = read_repeats(group, "repeat_fitness", "repeat_fitness_count", rows);
  auto repeat_loss = read_repeats(group, "repeat_loss", "repeat_loss_count", rows);
  const auto seconds = h5::read_vector<double>(group, "seconds", rows);
  const auto parameters = h5::read_vector<std::int64_t>(group, "parameters", rows);
  const auto macs = h5::read_vector<std::int64_t>(group, "macs", rows);
  const auto phenotypes = h5::read_vector<std::uint64_t>(group, "phenotype", rows);
  const auto workers = h5::read_vector<std::int32_t>(group, "worker", rows);
  auto reasons = h5::read_strings(group, "reason", rows);
  std::vector<double> finished_at(rows, evolution::time_not_recorded);
  if (h5::has_member(group, "finished_at")) {
    finished_at = h5::read_vector<double>(group, "finished_at", rows);
  }
  auto metrics = read_metrics(group, rows);
  std::vector<Evaluation> evaluations(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    if (statuses[i] >= evolution::status_count) {
      throw h5::Error(fmt::format("row {} has the unknown status {}", i, statuses[i]));
    }
    if (!std::isfinite(fitness[i])) throw h5::Error(fmt::format("row {} has no finite fitness", i));
    evaluations[i] = {static_cast<evolution::Status>(statuses[i]),
                      fitness[i],
                      std::move(repeat_fitness[i]),
                      std::move(repeat_loss[i]),
                      seconds[i],
                      parameters[i],
                      macs[i],
                      phenotypes[i],
                      workers[i],
                      std::move(reasons[i]),
                      evolution::recorded_time(finished_at[i]),
                      std::move(metrics[i])};
  }
  return evaluations;
}

std::vector<Individual> read_history(hid_t root, const genome::SearchSpace& space) {
  const h5::Group group = h5::open_group(root, "individuals");
  std::vector<Candidate> candidates = read_candidates(group, space);
  std::vector<Evaluation> evaluations = read_evaluations(group, candidates.size());
  std::vector<Individual> history;
  history.reserve(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    history.push_back({std::move(candidates[i]), std::move(evaluations[i])});
  }
  return history;
}

/// A parent was evaluated before its children were made.
void check_parents(const evolution::EngineState& state) {
  std::unordered_set<std::uint64_t> told;
  const auto check = [&](const Candidate& candidate) {
    if (!candidate.parent || told.contains(number(*candidate.parent))) return;
    throw h5::Error(fmt::format("candidate {} has the parent {}, which does not come before it",
                                number(candidate.id), number(*candidate.parent)));
  };
  for (const Individual& individual : state.history) {
    check(individual.candidate);
    told.insert(number(individual.candidate.id));
  }
  for (const Candidate& candidate : state.in_flight) check(candidate);
}

Snapshot decode_content(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  const h5::Session session;
  const h5::File file = h5::open_file(bytes, snapshot_kind.longest);
  check_format_attributes(file, path, snapshot_kind);
  Snapshot snapshot;
  snapshot.options = read_options(file);
  snapshot.owner = read_owner(file);
  snapshot.state.history = read_history(file, snapshot.options.space);
  const h5::Group in_flight = h5::open_group(file, "in_flight");
  snapshot.state.in_flight = read_candidates(in_flight, snapshot.options.space);
  snapshot.progress = read_progress(file);
  return snapshot;
}

}  // namespace

std::uint64_t incarnation_of(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  check_checksummed_header(bytes, path, snapshot_kind);
  try {
    const h5::Session session;
    const h5::File file = h5::open_file(bytes, snapshot_kind.longest);
    return read_owner(file).incarnation;
  } catch (const h5::Error& error) {
    throw core::CheckpointError(path, error.what());
  }
}

Snapshot decode_snapshot(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  check_checksummed_header(bytes, path, snapshot_kind);
  try {
    Snapshot snapshot = decode_content(bytes, path);
    check_parents(snapshot.state);
    // The engine knows which options and which states are possible.
    evolution::Engine(snapshot.options, snapshot.state);
    return snapshot;
  } catch (const NewerVersionError&) {
    throw;
  } catch (const h5::Error& error) {
    throw core::CheckpointError(path, error.what());
  } catch (const core::Error& error) {
    throw core::CheckpointError(path, error.what());
  }
}

}  // namespace hierevo::io
