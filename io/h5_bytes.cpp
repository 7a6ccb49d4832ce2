#include <fmt/format.h>

#include "h5.hpp"

namespace hierevo::io::h5 {

Dataset create_bytes(hid_t group, const char* name, std::size_t size) {
  const hsize_t extent = size;
  const Space space(HIEREVO_H5(H5Screate_simple, 1, &extent, nullptr));
  const Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
  HIEREVO_H5(H5Pset_obj_track_times, creation, false);
  HIEREVO_H5(H5Pset_layout, creation, H5D_CONTIGUOUS);
  HIEREVO_H5(H5Pset_alloc_time, creation, H5D_ALLOC_TIME_EARLY);
  HIEREVO_H5(H5Pset_fill_time, creation, H5D_FILL_TIME_NEVER);  // the writer fills all of it
  return Dataset(HIEREVO_H5(H5Dcreate2, group, name, file_type<std::uint8_t>(), space, H5P_DEFAULT,
                            creation, H5P_DEFAULT));
}

void write_bytes(const Dataset& dataset, std::size_t first, std::span<const std::byte> bytes) {
  const Space space(HIEREVO_H5(H5Dget_space, dataset));
  const hsize_t start = first;
  const hsize_t count = bytes.size();
  HIEREVO_H5(H5Sselect_hyperslab, space, H5S_SELECT_SET, &start, nullptr, &count, nullptr);
  const Space memory(HIEREVO_H5(H5Screate_simple, 1, &count, nullptr));
  HIEREVO_H5(H5Dwrite, dataset, memory_type<std::uint8_t>(), memory, space, H5P_DEFAULT,
             bytes.data());
}

StoredBytes stored_bytes(hid_t group, const char* name) {
  const std::string what = member_path(group, name);
  const Dataset dataset = open_numbers<std::uint8_t>(group, name);
  const std::size_t size = shape_of(dataset, 1, what)[0];
  const Properties creation(HIEREVO_H5(H5Dget_create_plist, dataset));
  if (HIEREVO_H5(H5Pget_layout, creation) != H5D_CONTIGUOUS) {
    throw Error(what + " is not stored in one piece");
  }
  check_storage(dataset, size, what);
  const haddr_t offset = H5Dget_offset(dataset);
  const hsize_t file = file_bytes(dataset);
  if (offset == HADDR_UNDEF || offset > file || size > file - offset) {
    throw Error(fmt::format("{} reaches past the end of the file", what));
  }
  return {offset, size};
}

}  // namespace hierevo::io::h5
