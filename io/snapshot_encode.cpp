#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "checksummed_header.hpp"
#include "format_attributes.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/genome/primitive.hpp"
#include "hierevo/io/snapshot.hpp"
#include "snapshot_metrics.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace {

using evolution::Candidate;
using evolution::Evaluation;
using evolution::Individual;
using genome::SearchSpace;

/// get(item) of every item.
template <typename T, typename Item, typename Get>
std::vector<T> column(const std::vector<Item>& items, Get get) {
  std::vector<T> values;
  values.reserve(items.size());
  for (const Item& item : items) values.push_back(get(item));
  return values;
}

void describe(const h5::Dataset& dataset, std::string_view text) {
  h5::write_text_attribute(dataset, "description", text);
}

template <typename T>
void write_column(hid_t group, const char* name, const std::vector<T>& values,
                  std::string_view description) {
  describe(h5::write_vector<T>(group, name, values), description);
}

void write_options(hid_t root, const evolution::EngineOptions& options) {
  h5::write_text_attribute(root, "space", options.space.name());
  h5::write_text_attribute(root, "algorithm", evolution::name(options.algorithm));
  h5::write_attribute<std::uint64_t>(root, "population", options.population);
  h5::write_attribute<std::uint64_t>(root, "evaluations", options.evaluations);
  h5::write_attribute<double>(root, "tournament", options.tournament);
  h5::write_attribute<std::uint64_t>(root, "seed", options.seed);
  h5::write_attribute<std::int32_t>(root, "start_mutations", options.start_mutations);
  if (evolution::is_fitness_alone(options.objectives)) return;
  h5::write_text_attribute(root, "objectives", text_of(options.objectives));
}

void write_owner(hid_t root, const core::OwnerMark& owner) {
  if (owner.incarnation == 0) return;
  h5::write_attribute<std::uint64_t>(root, "incarnation", owner.incarnation);
  h5::write_attribute<std::uint64_t>(root, "owner", owner.token);
}

/// Describes how the genes of a row are laid out.
void describe_genotypes(const h5::Dataset& dataset, const SearchSpace& space) {
  h5::Matrix<std::int32_t> levels;
  levels.columns = 2;
  for (int level = 2; level <= space.top_level(); ++level) {
    ++levels.rows;
    levels.values.push_back(space.level(level).motifs);
    levels.values.push_back(space.level(level).nodes);
  }
  h5::write_matrix_attribute(dataset, "levels", levels);
  h5::write_texts_attribute(dataset, "primitives", genome::primitive_names);
  describe(dataset,
           "a gene an edge, level by level from 2 up, motif by motif, edges 1-2, 1-3, 2-3, 1-4, …; "
           "0 is no edge, k is motif k of the level below, on level 2 primitive k, both from 1; "
           "'levels' has motifs and nodes of each level from 2 up");
}

void write_candidates(hid_t group, const std::vector<const Candidate*>& candidates,
                      const SearchSpace& space) {
  using Item = const Candidate*;
  write_column(group, "id", column<std::uint64_t>(candidates, [](Item c) { return number(c->id); }),
               "number of the candidate, from 1 in the order of their making");
  write_column(
      group, "parent",
      column<std::uint64_t>(candidates, [](Item c) { return c->parent ? number(*c->parent) : 0; }),
      "id of the individual it was mutated from, 0 for a random genotype");
  write_column(group, "seed", column<std::uint64_t>(candidates, [](Item c) { return c->seed; }),
               "all randomness of the evaluation comes from it");
  const bool kept = std::any_of(candidates.begin(), candidates.end(),
                                [](Item c) { return c->known.has_value(); });
  if (kept) {
    write_column(
        group, "known",
        column<std::uint64_t>(candidates,
                              [](Item c) { return c->known.value_or(evolution::known_not_kept); }),
        "evaluations that were known when it was made; 2^64-1 where that was not kept");
  }
  h5::Matrix<std::uint8_t> genotypes{candidates.size(), space.genes(), {}};
  genotypes.values.reserve(genotypes.rows * genotypes.columns);
  for (const Candidate* candidate : candidates) {
    const auto genes = candidate->genotype.genes();
    if (genes.size() != space.genes()) {
      throw core::InternalError("A candidate of another search space than the snapshot's");
    }
    genotypes.values.insert(genotypes.values.end(), genes.begin(), genes.end());
  }
  describe_genotypes(h5::write_matrix(group, "genotype", genotypes), space);
}

/// One value per repeat of each individual, as a table and the number of valid values in each row.
/// (A repeat that diverged may have the value NaN, so NaN cannot mark the end.)
void write_repeats(hid_t group, const char* name, const char* count_name,
                   const std::vector<Individual>& history, std::vector<double> Evaluation::*member,
                   std::string_view description) {
  const auto counts = column<std::uint32_t>(history, [&](const Individual& individual) {
    return static_cast<std::uint32_t>((individual.evaluation.*member).size());
  });
  const std::size_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  h5::Matrix<double> table{history.size(), most, {}};
  table.values.assign(history.size() * most, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < history.size(); ++i) {
    const std::vector<double>& values = history[i].evaluation.*member;
    std::copy(values.begin(), values.end(),
              table.values.begin() + static_cast<std::ptrdiff_t>(i * most));
  }
  const h5::Dataset dataset = h5::write_matrix(group, name, table);
  describe(dataset, description);
  h5::write_text_attribute(dataset, "padding", "NaN behind the runs that there were");
  write_column(group, count_name, counts, "how many runs the row has, the rest is padding");
}

void write_numbers(hid_t group, const std::vector<Individual>& history) {
  using Item = const Individual&;
  const auto names = status_names();
  const auto statuses = column<std::uint8_t>(
      history, [](Item i) { return static_cast<std::uint8_t>(i.evaluation.status); });
  describe(h5::write_enums(group, "status", statuses, names), "how the evaluation ended");
  write_column(group, "fitness",
               column<double>(history, [](Item i) { return i.evaluation.fitness; }),
               "mean validation accuracy in [0, 1]; 0 when not trained");
  write_column(group, "seconds",
               column<double>(history, [](Item i) { return i.evaluation.seconds; }),
               "wall time of the evaluation");
  write_column(group, "parameters",
               column<std::int64_t>(history, [](Item i) { return i.evaluation.parameters; }),
               "trainable numbers of the network that gave the fitness");
  write_column(group, "macs",
               column<std::int64_t>(history, [](Item i) { return i.evaluation.macs; }),
               "multiply-accumulates of its forward pass for one image");
  write_column(group, "phenotype",
               column<std::uint64_t>(history, [](Item i) { return i.evaluation.phenotype; }),
               "hash of the cell: equal cells have equal hashes; 0 for an invalid cell");
  write_column(group, "worker",
               column<std::int32_t>(history, [](Item i) { return i.evaluation.worker; }),
               "rank that evaluated; 0 when none did");
  write_column(
      group, "finished_at",
      column<double>(
          history,
          [](Item i) { return i.evaluation.finished_at.value_or(evolution::time_not_recorded); }),
      "seconds of searching, over all starts, when the result was recorded; NaN where it "
      "was not kept");
}

void write_individuals(hid_t root, const Snapshot& snapshot) {
  const std::vector<Individual>& history = snapshot.state.history;
  const h5::Group group = h5::create_group(root, "individuals");
  h5::write_text_attribute(group, "description", "evaluated candidates in the order of arrival");
  write_candidates(group,
                   column<const Candidate*>(history, [](const auto& i) { return &i.candidate; }),
                   snapshot.options.space);
  write_numbers(group, history);
  write_repeats(group, "repeat_fitness", "repeat_fitness_count", history,
                &Evaluation::repeat_fitness, "accuracy of each independent run");
  write_repeats(group, "repeat_loss", "repeat_loss_count", history, &Evaluation::repeat_loss,
                "training loss at the end of each run");
  const auto reasons = column<std::string>(
      history, [](const Individual& i) { return stored_reason(i.evaluation.reason); });
  describe(h5::write_strings(group, "reason", reasons),
           "why it failed or is over budget, else empty");
  write_metrics(group, history);
}

void write_in_flight(hid_t root, const Snapshot& snapshot) {
  const h5::Group group = h5::create_group(root, "in_flight");
  h5::write_text_attribute(group, "description", "candidates that were being evaluated");
  write_candidates(
      group,
      column<const Candidate*>(snapshot.state.in_flight, [](const Candidate& c) { return &c; }),
      snapshot.options.space);
}

void write_progress(hid_t root, const RunProgress& progress) {
  const h5::Group group = h5::create_group(root, "progress");
  h5::write_text_attribute(group, "state", to_utf8(progress.state));
  h5::write_attribute<std::int64_t>(group, "unix_seconds", progress.unix_seconds);
  h5::write_attribute<double>(group, "elapsed_seconds", progress.elapsed_seconds);
  h5::write_attribute<double>(group, "busy_seconds", progress.busy_seconds);
  h5::write_attribute<double>(group, "worker_seconds", progress.worker_seconds);
  h5::write_attribute<std::int32_t>(group, "workers", progress.workers);
}

std::vector<std::byte> encode_content(const Snapshot& snapshot) {
  const h5::Session session;
  const h5::File file = h5::create_file();
  // The paper's search is what earlier programs can resume, too.
  const bool earlier = evolution::is_fitness_alone(snapshot.options.objectives);
  write_format_attributes(file, snapshot_kind, earlier ? 1 : snapshot_kind.version);
  write_options(file, snapshot.options);
  write_owner(file, snapshot.owner);
  write_individuals(file, snapshot);
  write_in_flight(file, snapshot);
  write_progress(file, snapshot.progress);
  return h5::image(file);
}

}  // namespace

std::vector<std::byte> encode_snapshot(const Snapshot& snapshot) {
  try {
    return with_checksummed_header(encode_content(snapshot), snapshot_kind);
  } catch (const h5::Error& error) {
    throw core::InternalError(core::error_text("A snapshot cannot be encoded", error.what()));
  }
}

}  // namespace hierevo::io
