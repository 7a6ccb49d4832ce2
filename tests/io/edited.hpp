// Files that are whole and good HDF5, but say other things than hierevo wrote.
#pragma once

#include <functional>
#include <vector>

#include "h5.hpp"
#include "text_block.hpp"

namespace hierevo::io::test {

/// `file`, of this kind, after `edit`, with a good checksum.
inline std::vector<std::byte> edited(std::vector<std::byte> file, const FileKind& kind,
                                     const std::function<void(hid_t file)>& edit) {
  const h5::Session session;
  const h5::Properties access(HIEREVO_H5(H5Pcreate, H5P_FILE_ACCESS));
  HIEREVO_H5(H5Pset_fapl_core, access, 1 << 16, false);
  HIEREVO_H5(H5Pset_file_image, access, file.data(), file.size());
  const h5::File opened(HIEREVO_H5(H5Fopen, "edited", H5F_ACC_RDWR, access));
  edit(opened);
  return with_text_block(h5::image(opened), kind);
}

inline void remove_object(hid_t file, const char* path) {
  HIEREVO_H5(H5Ldelete, file, path, H5P_DEFAULT);
}

}  // namespace hierevo::io::test
