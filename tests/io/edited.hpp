// Files that are complete and valid HDF5, but say other things than hierevo wrote.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <vector>

#include "checksummed_header.hpp"
#include "h5.hpp"

namespace hierevo::io::test {

/// `file`, of this kind, after `edit`, with a valid checksum.
inline std::vector<std::byte> edited(std::vector<std::byte> file, const FileKind& kind,
                                     const std::function<void(hid_t file)>& edit) {
  const h5::Session session;
  const h5::Properties access(HIEREVO_H5(H5Pcreate, H5P_FILE_ACCESS));
  HIEREVO_H5(H5Pset_fapl_core, access, 1 << 16, false);
  HIEREVO_H5(H5Pset_file_image, access, file.data(), file.size());
  const h5::File opened(HIEREVO_H5(H5Fopen, "edited", H5F_ACC_RDWR, access));
  edit(opened);
  return with_checksummed_header(h5::image(opened), kind);
}

inline void remove_object(hid_t file, const char* path) {
  HIEREVO_H5(H5Ldelete, file, path, H5P_DEFAULT);
}

/// The dataset with other rows: `values` in this shape.
template <typename T>
void replace_rows(hid_t file, const char* path, std::vector<std::size_t> shape,
                  const std::vector<T>& values) {
  remove_object(file, path);
  h5::write_rows<T>(h5::create_rows<T>(file, path, shape), shape, 0, values);
}

/// The dataset with zeros (or empty variable texts) in one dimension, deflated, in chunks of
/// `chunk` rows; only the first `written` are stored.
inline void replace_by_packed_zeros(hid_t file, const char* path, hid_t type, hsize_t rows,
                                    hsize_t chunk, hsize_t written) {
  remove_object(file, path);
  const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
  HIEREVO_H5(H5Pset_chunk, creation, 1, &chunk);
  HIEREVO_H5(H5Pset_deflate, creation, 9);
  const h5::Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, nullptr));
  const h5::Dataset dataset(
      HIEREVO_H5(H5Dcreate2, file, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  const h5::Space memory(HIEREVO_H5(H5Screate_simple, 1, &written, nullptr));
  const hsize_t first = 0;
  HIEREVO_H5(H5Sselect_hyperslab, space, H5S_SELECT_SET, &first, nullptr, &written, nullptr);
  const std::vector<char> zeros(written * H5Tget_size(type));
  HIEREVO_H5(H5Dwrite, dataset, type, memory, space, H5P_DEFAULT, zeros.data());
}

/// A new file, without a sync, which is slow.
inline void write_anew(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::filesystem::remove(path);
  std::ofstream file(path, std::ios::binary);
  file.exceptions(std::ios::failbit | std::ios::badbit);
  file.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

}  // namespace hierevo::io::test
