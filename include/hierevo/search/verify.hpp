#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/io/snapshot.hpp"

namespace hierevo::search {

/// Something in a run that cannot be, or that disagrees with the rest of it.
struct Problem {
  std::filesystem::path file;
  std::optional<evolution::IndividualId> candidate;
  std::string text;

  /// One line with file, candidate and text.
  std::string line() const;
};

/// What is known of a run besides its files.
struct VerifyOptions {
  /// Of the run's options. Input channels and classes, which the data gave, are found out from what
  /// is recorded. Without, costs are only compared between equal phenotypes.
  std::optional<genome::ModelSpec> model{};
  /// What the run's options say of the search itself, which its snapshots have too.
  std::optional<evolution::EngineOptions> engine{};
  bool trains = false;           ///< its evaluators learn from data, of which it keeps a record
  std::filesystem::path pack{};  ///< the data pack it trains on; empty when there is none
};

/// What was found in a run, and how many candidates it has of each kind.
struct Verification {
  std::vector<Problem> problems;
  std::vector<std::string> notes;  ///< what was not checked, and what is no problem but odd
  std::size_t evaluated = 0;
  std::size_t reused = 0;
  std::size_t failed = 0;
  std::size_t others = 0;  ///< invalid or over a bound
  std::size_t in_flight = 0;
  std::size_t files = 0;  ///< that were read whole

  /// Number of candidates of all kinds.
  std::size_t candidates() const { return evaluated + reused + failed + others + in_flight; }
};

/// Replays a search, and reports what does not follow from its options and from what came before:
/// numbers, seeds, genotypes, choices of parents, fitness, phenotypes, costs, sums. Problems that
/// are found have no file. Survives any state.
Verification verify_search(const io::Snapshot& search, const VerifyOptions& options);

/// The same of the run in a folder, and of every file in it: snapshots, journals, half-trained
/// candidates, weights of final trainings, the record of its data, and the data pack. Needs no lock
/// and changes nothing; where a search runs, what can be read at this moment is verified. Nothing
/// when there is no run.
std::optional<Verification> verify_run(const std::filesystem::path& run,
                                       const VerifyOptions& options);

}  // namespace hierevo::search
