// Walking folders by descriptors and in order, never through a symbolic link.
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::spank {

/// Deeper nesting of folders is refused: each has a descriptor while it is walked.
constexpr int deepest = 100;

struct FolderCloser {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using FolderReader = std::unique_ptr<DIR, FolderCloser>;

/// The exception for errno, with the path made fit for a log.
core::IoError failed(const std::filesystem::path& path, std::string_view operation);

/// To be called if what is copied has disappeared or changed its type. Throws UsageError.
[[noreturn]] void refuse_change(const std::filesystem::path& path);

/// Why a tree is walked. To copy it: whatever disappears meanwhile, and whatever is neither file,
/// folder nor link, is an error. To count what running programs have there: both count for nothing.
enum class Purpose { copy, count };

/// Reads an open folder from its beginning; the descriptor stays open. Throws IoError.
FolderReader read_folder(int folder, const std::filesystem::path& path);
/// The next name except "." and ".."; nullptr at the end. Throws IoError.
const char* next_name(DIR* folder, const std::filesystem::path& path);

/// An entry of a folder.
struct Entry {
  std::string name;
  struct stat status;
  bool is_file() const { return S_ISREG(status.st_mode); }
  bool is_folder() const { return S_ISDIR(status.st_mode); }
  bool is_link() const { return S_ISLNK(status.st_mode); }
};

/// All files, folders and links in a folder, sorted. Throws IoError, and UsageError depending on
/// the purpose.
std::vector<Entry> entries_of(int folder, const std::filesystem::path& path,
                              Purpose purpose = Purpose::copy);

/// Opens a file or folder for reading, without waiting for a pipe. Throws IoError; UsageError if it
/// has disappeared or become something else, such as a link or a pipe.
core::Descriptor open_entry(int folder, const Entry& entry, const std::filesystem::path& path);

/// Opens the file or folder that `path` leads to for reading, following links. Throws IoError;
/// UsageError if it is neither.
core::Descriptor open_tree(const std::filesystem::path& path);

struct stat status_of(int descriptor, const std::filesystem::path& path);

struct TreeSize {
  std::uint64_t files = 0;    ///< including links
  std::uint64_t folders = 0;  ///< including the tree itself
  std::uint64_t bytes = 0;
  std::uint64_t on_disk = 0;  ///< bytes in whole blocks, as a copy takes
};

/// The size of an open file or folder with all its contents. Throws like entries_of().
TreeSize measure_tree(int tree, const std::filesystem::path& path, Purpose purpose = Purpose::copy);

}  // namespace hierevo::spank
