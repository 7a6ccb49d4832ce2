// Which ranks may take part in a search.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "hierevo/search/protocol.hpp"

namespace hierevo::search {

/// All must run the same version, with the same options and the same data, which are also those
/// that the run began with.
class Admission {
 public:
  /// Why somebody cannot take part, and what to do about it; empty when it can.
  struct Refusal {
    std::string why;
    std::string suggestion;
  };

  /// `fingerprint`: of rank 0's options. Throws CheckpointError where `run` has a record of its
  /// data that cannot be used.
  Admission(std::uint64_t fingerprint, const std::filesystem::path& run);

  Refusal reason_to_refuse(const Hello& hello) const;
  /// Where the run has no record, the data of the first rank that has some are what all must have.
  void greeted(int rank, const Hello& hello);
  /// When all have greeted: why the search cannot go on with them.
  Refusal reason_to_refuse_all() const;

  const std::optional<DataFacts>& data() const { return data_; }
  /// Whether they stand in the run's record.
  bool data_are_recorded() const { return recorded_; }

 private:
  std::uint64_t fingerprint_;
  std::optional<DataFacts> data_;
  bool recorded_ = false;
  bool anybody_ = false;    ///< has greeted
  bool were_read_ = false;  ///< the data, by some rank
  std::string owner_;       ///< whose data_ are, for people
  std::string suggestion_;  ///< for who has others
};

}  // namespace hierevo::search
