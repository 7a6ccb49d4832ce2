// Which ranks may take part in a search.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "hierevo/search/search.hpp"
#include "protocol.hpp"

namespace hierevo::search {

/// All must run the same version, with the same options and the same data, which are also those
/// that the run began with.
class Admission {
 public:
  /// For a search over `ranks` ranks. Throws CheckpointError where its run directory has a record
  /// of its data that cannot be used.
  Admission(const SearchOptions& options, int ranks);

  /// Why `rank` cannot take part in a search that has `begun`; empty when it can. Where it keeps
  /// the search from beginning, that is a UsageError. Where the run has no record, the data of the
  /// first rank that has some are what all must have.
  std::string admit(int rank, const Hello& hello, bool begun);
  /// When all have greeted: throws UsageError where the search cannot begin with them. Logs where
  /// each rank of several is.
  void admit_all() const;

  const std::optional<DataFacts>& data() const { return data_; }
  /// The least that any rank has for a training; 0: none knows.
  std::int64_t evaluator_memory() const { return evaluator_memory_; }
  /// Whether they stand in the run's record.
  bool data_are_recorded() const { return recorded_; }

 private:
  struct Refusal {
    std::string why;  ///< empty: it can take part
    std::string suggestion;
  };
  Refusal reason_to_refuse(const Hello& hello) const;

  const SearchOptions& options_;
  int ranks_;
  std::optional<DataFacts> data_;
  std::int64_t evaluator_memory_ = 0;
  bool recorded_ = false;
  bool were_read_ = false;             ///< the data, by some rank
  std::map<int, std::string> places_;  ///< of the ranks that said Hello, for people
  std::string owner_;                  ///< whose data_ are, for people
  std::string suggestion_;             ///< for who has others
};

}  // namespace hierevo::search
