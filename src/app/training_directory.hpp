// OUT, the folder of `hierevo train`: what of a training lasts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/genome/genotype.hpp"
#include "option_set.hpp"
#include "training_data.hpp"

namespace hierevo::app {

/// OUT/config.ini, genotype.json, data.json, result.json, and for each repeat K (from 1) repeat-K/
/// last.h5 with two earlier ones, best.h5, log.jsonl, progress.json and result.json. Several
/// trainings may work in it, each on other repeats; of the ranks of one only rank 0 does.
class TrainingDirectory {
 public:
  /// The individual with a genotype, where it is one of the run that genotypes are chosen from.
  using IdOf = std::function<std::optional<std::uint64_t>(const genome::Genotype& genotype)>;

  /// Throws UsageError when `path` has a training that began with another genotype, which `id_of`
  /// may name, or other options. Writes nothing.
  static void require_same(const std::filesystem::path& path, const OptionSet& options,
                           const genome::Genotype& genotype, const IdOf& id_of);
  /// Likewise with other data. Throws CheckpointError when its record of them cannot be used.
  static void require_same_data(const std::filesystem::path& path, const TrainingDataFacts& data);

  /// Creates the folder or resumes in it. Throws as the two above do, and CheckpointError when it
  /// holds other things.
  TrainingDirectory(std::filesystem::path path, const OptionSet& options,
                    const genome::Genotype& genotype, const TrainingDataFacts& data);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last(int repeat) const { return folder(repeat) / "last.h5"; }
  std::filesystem::path best(int repeat) const { return folder(repeat) / "best.h5"; }
  std::filesystem::path log(int repeat) const { return folder(repeat) / "log.jsonl"; }
  std::filesystem::path folder(int repeat) const;

  /// Makes this process the owner of a repeat while the claim lives. Throws InUseError when another
  /// one works on it.
  core::DirectoryClaim claim(int repeat) const;

  /// Of a repeat that has finished.
  std::optional<std::string> result(int repeat) const;
  void save_result(int repeat, const std::string& text) const;
  /// Of all repeats.
  void save_result(const std::string& text) const;
  /// How far a repeat is, for people and job scripts: nothing is read from it.
  void save_progress(int repeat, const std::string& text) const;

 private:
  core::DirectoryClaim claim_all() const;

  std::filesystem::path path_;
};

}  // namespace hierevo::app
