#include "in_flight_file.hpp"
#include "hierevo/core/numbers.hpp"

#include <fmt/format.h>

namespace hierevo::search {

namespace {

constexpr std::string_view half_trained_ending = ".h5";
constexpr std::string_view genotype_ending = ".json";
constexpr std::string_view folder_ending = ".d";

InFlightFile::Kind kind_of(std::string_view ending) {
  using Kind = InFlightFile::Kind;
  if (ending == half_trained_ending) return Kind::half_trained;
  if (ending == genotype_ending) return Kind::genotype;
  if (ending == folder_ending) return Kind::folder;
  const bool ours = ending.starts_with(".h5.") || ending.starts_with(".json.");
  return ours && ending.ends_with(".tmp") ? Kind::cut_off_write : Kind::stranger;
}

}  // namespace

InFlightFile in_flight_file(std::string_view name) {
  const auto id = core::take_number<std::uint64_t>(name);
  if (!id || *id == 0) return {};
  const InFlightFile::Kind kind = kind_of(name);
  if (kind == InFlightFile::Kind::stranger) return {};
  return {kind, evolution::IndividualId{*id}};
}

std::string candidate_folder(const std::filesystem::path& run, evolution::IndividualId id) {
  return std::filesystem::absolute(in_flight_path(run, id, InFlightFile::Kind::folder)).string();
}

std::filesystem::path in_flight_path(const std::filesystem::path& run, evolution::IndividualId id,
                                     InFlightFile::Kind kind) {
  using Kind = InFlightFile::Kind;
  const auto ending = kind == Kind::genotype ? genotype_ending
                      : kind == Kind::folder ? folder_ending
                                             : half_trained_ending;
  return run / in_flight_folder / fmt::format("{}{}", number(id), ending);
}

}  // namespace hierevo::search
