// The bytes of a journal (FORMAT.md): its first line, and records that are chained by checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "checksummed_header.hpp"
#include "hierevo/core/bytes.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/io/snapshot.hpp"

namespace hierevo::io {

inline constexpr std::uint64_t journal_version = 5;
/// As for a snapshot: where none can be written, a journal has all of a search.
inline constexpr std::size_t longest_journal = snapshot_kind.longest;
inline constexpr std::string_view journal_first_line = "hierevo journal 5\n";
/// Of journals whose evaluations have no metrics.
inline constexpr std::string_view journal_first_line_4 = "hierevo journal 4\n";
/// Of journals whose evaluations have no times, either.
inline constexpr std::string_view journal_first_line_3 = "hierevo journal 3\n";
/// Of journals whose header has no owner and no digest, either.
inline constexpr std::string_view journal_first_line_2 = "hierevo journal 2\n";

enum class RecordKind : std::uint8_t { asked = 1, told = 2, begun = 3 };

/// The first record: whose journal it is, and where it begins.
struct JournalHeader {
  std::uint64_t run = 0;    ///< run_identity()
  std::uint64_t asked = 0;  ///< candidates that its snapshot knows, evaluated ones included
  std::uint64_t told = 0;   ///< evaluations that its snapshot knows
  core::OwnerMark owner;    ///< the start of the search that writes it
  std::optional<std::uint64_t> digest;  ///< of what the snapshot knows; none in version 2

  static JournalHeader of(const Snapshot& follows);
};

/// Equal for equal beginnings of a search: its first `told` evaluations, and those of the first
/// `asked` candidates that have none of these.
std::uint64_t digest_of(std::span<const evolution::Individual> history,
                        std::span<const evolution::Candidate> in_flight, std::uint64_t asked,
                        std::uint64_t told);

/// Equal for all starts of a run: of the options that may not change between them.
std::uint64_t run_identity(const evolution::EngineOptions& options);

/// Checksum of its bytes; of an evaluation's without metrics as earlier versions had it.
std::uint32_t checksum_of(const evolution::Candidate& candidate);
std::uint32_t checksum_of(const evolution::Evaluation& evaluation);

/// As a record of kind `told` has it: with its metrics, and its time, which is no part of what was
/// computed and so of no checksum above.
void write_told(core::ByteWriter& out, const evolution::Evaluation& evaluation);
/// Of all versions; nothing for invalid bytes.
std::optional<evolution::Evaluation> read_told(core::ByteReader& in);

void write(core::ByteWriter& out, const JournalHeader& header);
/// After the kind; nothing for invalid bytes.
std::optional<JournalHeader> read_header(core::ByteReader& in);

/// Writes records one after another.
class RecordWriter {
 public:
  /// Appends a record to `to`. `body` begins with its kind.
  void append(std::vector<std::byte>& to, std::span<const std::byte> body);

 private:
  std::uint32_t checksum_ = 0;  ///< of the record before
};

/// Whole records of a journal, one after another.
class Records {
 public:
  /// A journal's records from one on; `checksum` is that of the one before.
  explicit Records(std::span<const std::byte> rest, std::uint32_t checksum = 0)
      : rest_(rest), checksum_(checksum) {}

  /// The next body. Nothing at the end, before an incomplete record, and before a damaged one or
  /// one that was not written after the one before.
  std::optional<std::span<const std::byte>> next();

  bool is_damaged() const { return damaged_; }
  std::size_t left() const { return rest_.size(); }
  std::uint32_t checksum() const { return checksum_; }

 private:
  std::optional<std::span<const std::byte>> damaged();

  std::span<const std::byte> rest_;
  std::uint32_t checksum_;  ///< of the record before
  bool damaged_ = false;
};

/// The header of a journal; nothing where there is none that can be read.
std::optional<JournalHeader> header_of_journal(std::span<const std::byte> bytes,
                                               const std::filesystem::path& path);

/// A journal's bytes up to a little after a damaged record: a file that is no journal is not read
/// whole, however long it is. Throws IoError.
std::vector<std::byte> read_journal(const std::filesystem::path& path);

/// What follows the first line.
struct JournalContent {
  std::span<const std::byte> records;
  bool damaged = false;  ///< the first line is; records then surely are a journal's
};

/// Empty for a file that a crash left before its first line was written. Throws CheckpointError for
/// a journal of another version.
JournalContent content_of_journal(std::span<const std::byte> bytes,
                                  const std::filesystem::path& path);

}  // namespace hierevo::io
