// Which ranks may take part in a search.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hierevo/search/protocol.hpp"

namespace hierevo::search {

/// All must run the same version, with the same options and the same data.
class Admission {
 public:
  /// Why somebody cannot take part, and what to do about it; empty when it can.
  struct Refusal {
    std::string why;
    std::string suggestion;
  };

  /// `fingerprint`: of rank 0's options.
  explicit Admission(std::uint64_t fingerprint) : fingerprint_(fingerprint) {}

  Refusal reason_to_refuse(const Hello& hello) const;
  /// The data of the first rank that has some are what all must have.
  void greeted(int rank, const Hello& hello);
  const std::optional<DataFacts>& data() const { return data_; }

 private:
  std::uint64_t fingerprint_;
  std::optional<DataFacts> data_;
  std::optional<int> data_from_;  ///< the rank that told first
};

}  // namespace hierevo::search
