#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>

#include "hierevo/io/snapshot.hpp"

namespace hierevo::io {

/// Where locks fail, two starts of a search may write into one run directory for a while. The later
/// one counts; what else the earlier one recorded is kept in RUN/lost-TOKEN, by its own token, or
/// in snapshots and journals that have not been rotated out yet. Lost results are those that the
/// search lacks.
struct LostResults {
  std::size_t taken_up = 0;  ///< results that the search has now
  /// Results that contradict the search, as their number went to another candidate there, or follow
  /// from such results; by file.
  std::map<std::filesystem::path, std::size_t> left;
};

/// Looks for such results in all files of the run directory, and adds to `search` those that do not
/// contradict it. Changes no file. A file that cannot be read has none.
LostResults take_up_lost_results(const std::filesystem::path& run, Snapshot& search);

/// Writes RUN/lost-TOKEN/search.h5, by its own token, if it has results that the search in `run`
/// lacks. Returns a sentence for people: where they are, or that there are none. Throws IoError.
std::string keep_lost_results(const std::filesystem::path& run, const Snapshot& own);

/// Moves a snapshot or journal that is about to be rotated out into RUN/lost-TOKEN, by the token of
/// the start that wrote it, if that was an earlier one than `search` and the file has results that
/// `search` lacks. Throws IoError.
void keep_if_lost(const std::filesystem::path& file, const std::filesystem::path& run,
                  const Snapshot& search);

/// Removes the folders RUN/lost-TOKEN of which `search`, which is saved, has every result.
void remove_found_results(const std::filesystem::path& run, const Snapshot& search);

/// Whether `name` is the name of such a folder.
bool is_lost_folder(std::string_view name);

}  // namespace hierevo::io
