// Folders as they are walked here: by descriptors and in order, never through a symbolic link.
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

/// Folders in folders deeper than this are refused: each has a descriptor while it is walked.
constexpr int deepest = 100;

struct FolderCloser {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using FolderReader = std::unique_ptr<DIR, FolderCloser>;

/// To be thrown: errno, with the path fit for a log.
core::IoError failed(const std::filesystem::path& path, std::string_view operation);

/// To be called when what is copied has gone, or is not what it was. Throws UsageError.
[[noreturn]] void refuse_change(const std::filesystem::path& path);

/// What a tree is looked at for. To copy it: what goes meanwhile, and what is neither file, folder
/// nor link, is an error. To count what running programs have there: both count for nothing.
enum class Purpose { copy, count };

/// Reads an open folder from its beginning; the descriptor stays open. Throws IoError.
FolderReader read_folder(int folder, const std::filesystem::path& path);
/// The next name but "." and ".."; nullptr at the end. Throws IoError.
const char* next_name(DIR* folder, const std::filesystem::path& path);

/// What lies in a folder.
struct Entry {
  std::string name;
  struct stat status;
  bool is_file() const { return S_ISREG(status.st_mode); }
  bool is_folder() const { return S_ISDIR(status.st_mode); }
  bool is_link() const { return S_ISLNK(status.st_mode); }
};

/// All files, folders and links in a folder, sorted. Throws IoError, and UsageError as the purpose
/// has it.
std::vector<Entry> entries_of(int folder, const std::filesystem::path& path,
                              Purpose purpose = Purpose::copy);

/// Opens a file or folder for reading. Throws IoError; UsageError when it has gone or become
/// something else, such as a link or a pipe, which is not waited for.
core::Descriptor open_entry(int folder, const Entry& entry, const std::filesystem::path& path);

/// Opens what `path` leads to for reading, a file or a folder, links followed. Throws IoError;
/// UsageError when it is neither.
core::Descriptor open_tree(const std::filesystem::path& path);

struct stat status_of(int descriptor, const std::filesystem::path& path);

struct TreeSize {
  std::uint64_t files = 0;    ///< with links
  std::uint64_t folders = 0;  ///< the tree's own too
  std::uint64_t bytes = 0;
  std::uint64_t on_disk = 0;  ///< bytes in whole blocks, as a copy takes
};

/// The size of an open file or folder with all in it. Throws as entries_of().
TreeSize measure_tree(int tree, const std::filesystem::path& path, Purpose purpose = Purpose::copy);

}  // namespace hierevo::spank
