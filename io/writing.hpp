// How files are written that HDF5 writes on disk itself.
#pragma once

#include <fmt/format.h>

#include <filesystem>

#include "h5.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::io {

/// What HDF5 says about writing `path` becomes the user's error.
template <typename Write>
void writing(const std::filesystem::path& path, Write&& write) {
  try {
    const h5::Session session;
    write();
  } catch (const h5::Error& error) {
    throw core::UsageError(fmt::format("Cannot write '{}'", path.string()), error.what(),
                           "Is there room, and may you write there?");
  }
}

}  // namespace hierevo::io
