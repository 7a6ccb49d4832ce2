#include "new_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/temporary_path.hpp"

namespace hierevo::io {

/// Several processes, even on several hosts, may make the same file.
NewFile::NewFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(core::temporary_path(path_)) {}

NewFile::~NewFile() {
  const h5::Session session;
  file_.reset();
  std::error_code gone;  // it is gone once it has its name
  std::filesystem::remove(temporary_, gone);
}

const h5::File& NewFile::made() {
  // HDF5 looks the new file up by its name, which a faster process may just have removed, as
  // publish() says.
  constexpr int most_attempts = 100;
  for (int attempt = 1; !file_; ++attempt) {
    try {
      file_.emplace(h5::create_file_at(temporary_.string()));
    } catch (const h5::Error&) {
      if (attempt == most_attempts || core::path_exists(temporary_)) throw;
    }
  }
  return *file_;
}

void NewFile::refuse(const h5::Error& error) const {
  // HDF5 has no single message for it: each place has its own.
  const std::string_view why = error.what();
  for (const std::string_view sign : {"unable to allocate", "memory allocation failed"}) {
    if (why.find(sign) != std::string_view::npos) throw std::bad_alloc();
  }
  throw core::IoError(path_, "write", error.what(), "Check free space and permissions there.");
}

bool NewFile::publish() {
  write([this](const h5::File& file) {
    HIEREVO_H5(H5Fflush, file, H5F_SCOPE_LOCAL);
    file_.reset();  // write() throws if this fails
  });
  try {
    core::publish_file(temporary_, path_);
    return true;
  } catch (const core::IoError& error) {
    // A faster process may have removed the temporary file as one that a killed process left.
    const bool refused = error.system_error() == ENOENT || error.system_error() == EEXIST;
    // A link to nothing has the name too, and is no file.
    if (refused && core::path_exists(path_)) return false;
    throw;
  }
}

}  // namespace hierevo::io
