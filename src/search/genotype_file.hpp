// A candidate's genotype as a file, for a program that evaluates it.
#pragma once

#include <filesystem>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

class GenotypeFile {
 public:
  /// RUN/inflight/ID.json, which belongs to the run and stays until its search removes it. Without
  /// a run (empty), or where the run takes no files, a temporary one, gone with this. Throws
  /// IoError where there is no place for that either.
  GenotypeFile(const evolution::Candidate& candidate, const std::filesystem::path& run);
  GenotypeFile(const GenotypeFile&) = delete;
  GenotypeFile& operator=(const GenotypeFile&) = delete;
  ~GenotypeFile();

  /// From the root: the program may go to another folder.
  const std::filesystem::path& path() const { return path_; }

 private:
  bool written_into(const std::filesystem::path& run, const evolution::Candidate& candidate);

  std::filesystem::path path_;
  bool temporary_ = false;
};

}  // namespace hierevo::search
