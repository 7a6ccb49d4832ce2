#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>

#include "hierevo/io/snapshot.hpp"

namespace hierevo::io {

/// Where locks do not hold, two starts of a search may write into one run directory for a while.
/// The later one counts; what the earlier one noted besides is kept in RUN/lost-TOKEN, its own
/// token, or still in snapshots and journals that were not pushed out yet. These are its results
/// that the search lacks.
struct LostResults {
  std::size_t taken_up = 0;  ///< that the search has now
  /// Results that contradict the search, as their number went to another candidate there, or follow
  /// on some that do; by file.
  std::map<std::filesystem::path, std::size_t> left;
};

/// Looks for such results in all files of the run directory, and gives `search` those that do not
/// contradict it. Changes no file. A file that cannot be read has none.
LostResults take_up_lost_results(const std::filesystem::path& run, Snapshot& search);

/// Writes RUN/lost-TOKEN/search.h5, by its own token, if it has results that the search in `run`
/// lacks. Says what became of it, for people: where they are, or that there are none. Throws
/// IoError.
std::string keep_lost_results(const std::filesystem::path& run, const Snapshot& own);

/// Moves a snapshot or journal that is about to be pushed out into RUN/lost-TOKEN, by the token of
/// the start that wrote it, if that was an earlier one than `search` and the file has results that
/// `search` lacks. Throws IoError.
void keep_if_lost(const std::filesystem::path& file, const std::filesystem::path& run,
                  const Snapshot& search);

/// Removes the folders RUN/lost-TOKEN of which `search`, which is saved, has every result.
void remove_found_results(const std::filesystem::path& run, const Snapshot& search);

/// Whether `name` is that of such a folder.
bool is_lost_folder(std::string_view name);

}  // namespace hierevo::io
