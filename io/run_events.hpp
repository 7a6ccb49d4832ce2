// The events of a search that a file of a run directory has: candidates made, results that came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <variant>
#include <vector>

#include "hierevo/core/owner.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/io/snapshot.hpp"
#include "journal_format.hpp"

namespace hierevo::io {

/// A result that came.
struct Told {
  evolution::IndividualId id;
  std::uint32_t candidate;  ///< checksum_of() it
  evolution::Evaluation evaluation;
};
/// A candidate that was made, or a result.
using Event = std::variant<evolution::Candidate, Told>;

/// What one file has of a search, in order, and which start wrote it.
struct Events {
  core::OwnerMark owner;
  std::optional<JournalHeader> follows;  ///< of a journal: on what; a snapshot begins at the start
  std::vector<Event> events;
};

/// Each candidate stands where it was made: when so many evaluations were known as it says.
Events events_of(const Snapshot& snapshot);

/// As the name says: else it is a snapshot.
bool is_journal(const std::filesystem::path& file);

/// The bytes of a snapshot or a journal. Throws IoError and CheckpointError.
std::vector<std::byte> read_run_file(const std::filesystem::path& file);

/// The incarnation of the start that wrote it; 0 where none is recorded, or it cannot be read.
std::uint64_t incarnation_in(const std::filesystem::path& file);

/// Of a snapshot or a journal; nothing where it cannot be read or is of another
/// search.
std::optional<Events> events_in(const std::filesystem::path& file,
                                const evolution::EngineOptions& options);

}  // namespace hierevo::io
