// What lies in RUN/inflight, by its name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

inline constexpr const char* in_flight_folder = "inflight";

struct InFlightFile {
  enum class Kind : std::uint8_t {
    half_trained,   ///< ID.h5
    genotype,       ///< ID.json
    folder,         ///< ID.d, of a foreign program that evaluates
    cut_off_write,  ///< one of these with .HOST.PID.RANDOM.tmp behind: what is left of writing it
    stranger,
  };
  Kind kind = Kind::stranger;
  evolution::IndividualId id{};  ///< of the candidate whose file it is; 0 for a stranger
};

InFlightFile in_flight_file(std::string_view name);

/// ID.d, from the root.
std::string candidate_folder(const std::filesystem::path& run, evolution::IndividualId id);

std::filesystem::path in_flight_path(const std::filesystem::path& run, evolution::IndividualId id,
                                     InFlightFile::Kind kind);

}  // namespace hierevo::search
