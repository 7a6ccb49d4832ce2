// OUT, the folder of `hierevo train`: what of a training lasts.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "hierevo/core/file.hpp"
#include "hierevo/genome/genotype.hpp"
#include "option_set.hpp"

namespace hierevo::app {

/// OUT/config.ini, genotype.json, result.json, and for each repeat K (from 1) repeat-K/last.h5,
/// best.h5 and result.json. Locked while this lives.
class TrainingDirectory {
 public:
  /// Makes the folder or goes on with it. Throws UsageError when it began with another genotype or
  /// other options, when another process works in it, or when it holds other things.
  TrainingDirectory(std::filesystem::path path, const OptionSet& options,
                    const genome::Genotype& genotype);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last(int repeat) const { return folder(repeat) / "last.h5"; }
  std::filesystem::path best(int repeat) const { return folder(repeat) / "best.h5"; }

  /// Of a repeat that has finished.
  std::optional<std::string> result(int repeat) const;
  void save_result(int repeat, const std::string& text) const;
  /// Of all repeats.
  void save_result(const std::string& text) const;

 private:
  std::filesystem::path folder(int repeat) const;

  std::filesystem::path path_;
  core::FileLock lock_;
};

}  // namespace hierevo::app
