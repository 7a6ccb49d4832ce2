// The events of a search that a file of a run directory has: candidates made, results received.
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

/// A result that was received.
struct Told {
  evolution::IndividualId id;
  std::uint32_t candidate;  ///< checksum_of() it
  evolution::Evaluation evaluation;
};
/// A candidate that was made, or a result.
using Event = std::variant<evolution::Candidate, Told>;

/// A file's events of a search, in order, and the start that wrote it.
struct Events {
  core::OwnerMark owner;
  std::optional<JournalHeader> follows;  ///< of a journal: its header; a snapshot has all events
  std::vector<Event> events;
};

/// Each candidate is where it was made: when as many evaluations were known as it says.
Events events_of(const Snapshot& snapshot);

/// By its name; otherwise it is a snapshot.
bool is_journal(const std::filesystem::path& file);

/// The bytes of a snapshot or a journal. Throws IoError and CheckpointError.
std::vector<std::byte> read_run_file(const std::filesystem::path& file);

/// The incarnation of the start that wrote it; 0 where none is recorded, or it cannot be read.
std::uint64_t incarnation_in(const std::filesystem::path& file);

/// Of a snapshot or a journal; nothing where it cannot be read or belongs to another search.
std::optional<Events> events_in(const std::filesystem::path& file,
                                const evolution::EngineOptions& options);

}  // namespace hierevo::io
