// How files are written that HDF5 itself writes to disk.
#pragma once

#include <filesystem>
#include <optional>

#include "h5.hpp"

namespace hierevo::io {

/// A file in the making: until publish() there is only a temporary file beside it, which the
/// destructor removes. Throws IoError when it cannot be written. Belongs to one thread.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  /// All objects of the file must be closed before this and before publish().
  ~NewFile();

  const std::filesystem::path& path() const { return path_; }

  /// Calls write(file) in an HDF5 session, whose errors become the user's. The first call makes the
  /// temporary file.
  template <typename Write>
  void write(Write&& write) {
    try {
      const h5::Session session;
      write(made());
      h5::throw_if_a_close_failed();
    } catch (const h5::Error& error) {
      refuse(error);
    }
  }

  /// Syncs the file and gives it its name. False where a file of that name exists: it stays, and
  /// this one will be removed.
  bool publish();

 private:
  const h5::File& made();
  [[noreturn]] void refuse(const h5::Error& error) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::optional<h5::File> file_;
};

}  // namespace hierevo::io
