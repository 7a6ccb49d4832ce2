#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "h5.hpp"

namespace hierevo::io::h5 {

namespace {

/// Small enough for HDF5's chunk cache, large enough that the checksums cost little.
constexpr std::size_t chunk_bytes = std::size_t{1} << 18;
/// No product of two of these overflows, so one can be checked after the other.
constexpr hsize_t largest_extent = hsize_t{1} << 40;

std::vector<hsize_t> extents_of(std::span<const std::size_t> shape) {
  return {shape.begin(), shape.end()};
}

std::size_t values_in_a_row(std::span<const std::size_t> shape) {
  std::size_t count = 1;
  for (const std::size_t extent : shape.subspan(1)) count *= extent;
  return count;
}

/// Rows `first` and following of an array.
Space rows_of(std::span<const std::size_t> shape, std::size_t first, std::size_t count) {
  std::vector<hsize_t> extents = extents_of(shape);
  Space space(
      HIEREVO_H5(H5Screate_simple, static_cast<int>(extents.size()), extents.data(), nullptr));
  std::vector<hsize_t> start(extents.size(), 0);
  start[0] = first;
  extents[0] = count;
  HIEREVO_H5(H5Sselect_hyperslab, space, H5S_SELECT_SET, start.data(), nullptr, extents.data(),
             nullptr);
  return space;
}

/// `count` rows in memory, of the same rank as in the file: HDF5 copies these much faster.
Space rows_in_memory(std::span<const std::size_t> shape, std::size_t count) {
  std::vector<hsize_t> extents = extents_of(shape);
  extents[0] = count;
  return Space(
      HIEREVO_H5(H5Screate_simple, static_cast<int>(extents.size()), extents.data(), nullptr));
}

/// The shape of the whole array, whose values have `value_bytes` each and can all be counted.
std::vector<std::size_t> checked_shape(const Dataset& dataset, std::size_t dimensions,
                                       std::size_t value_bytes, const std::string& what) {
  std::vector<std::size_t> shape = shape_of(dataset, dimensions, what);
  std::size_t bytes = value_bytes;
  for (const std::size_t extent : shape) {
    if (extent == 0) throw Error(what + " is empty");
    if (extent > largest_extent || bytes > std::numeric_limits<std::size_t>::max() / extent) {
      throw Error(what + " is too large");
    }
    bytes *= extent;
  }
  admit(dataset, bytes, what);
  return shape;
}

/// How many rows to read at a time, so that each chunk is read once.
std::size_t rows_at_a_time(const Dataset& dataset, std::size_t dimensions, std::size_t rows) {
  const Properties creation(HIEREVO_H5(H5Dget_create_plist, dataset));
  if (H5Pget_layout(creation) != H5D_CHUNKED) return rows;
  std::vector<hsize_t> chunk(dimensions);
  HIEREVO_H5(H5Pget_chunk, creation, static_cast<int>(dimensions), chunk.data());
  return std::clamp<std::size_t>(chunk[0], 1, rows);
}

}  // namespace

template <typename T>
Dataset create_rows(hid_t group, const char* name, std::span<const std::size_t> shape) {
  std::vector<hsize_t> extents = extents_of(shape);
  const Space space(
      HIEREVO_H5(H5Screate_simple, static_cast<int>(extents.size()), extents.data(), nullptr));
  const Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
  HIEREVO_H5(H5Pset_obj_track_times, creation, false);
  extents[0] =
      std::clamp<hsize_t>(chunk_bytes / (values_in_a_row(shape) * sizeof(T)), 1, extents[0]);
  HIEREVO_H5(H5Pset_chunk, creation, static_cast<int>(extents.size()), extents.data());
  HIEREVO_H5(H5Pset_fletcher32, creation);
  return Dataset(HIEREVO_H5(H5Dcreate2, group, name, file_type<T>(), space, H5P_DEFAULT, creation,
                            H5P_DEFAULT));
}

template <typename T>
void write_rows(const Dataset& dataset, std::span<const std::size_t> shape, std::size_t first,
                std::span<const T> values) {
  const std::size_t count = values.size() / values_in_a_row(shape);
  HIEREVO_H5(H5Dwrite, dataset, memory_type<T>(), rows_in_memory(shape, count),
             rows_of(shape, first, count), H5P_DEFAULT, values.data());
}

void cut_rows(const Dataset& dataset, std::span<const std::size_t> shape, std::size_t rows) {
  std::vector<hsize_t> extents = extents_of(shape);
  extents[0] = rows;
  HIEREVO_H5(H5Dset_extent, dataset, extents.data());
}

template <typename T>
Array<T> read_rows(hid_t group, const char* name, std::size_t dimensions) {
  const std::string what = member_path(group, name);
  const Dataset dataset = open_numbers<T>(group, name);
  Array<T> rows;
  rows.shape = checked_shape(dataset, dimensions, sizeof(T), what);
  const std::size_t row = values_in_a_row(rows.shape);
  rows.values.resize(rows.shape[0] * row);
  const std::size_t step = rows_at_a_time(dataset, dimensions, rows.shape[0]);
  for (std::size_t first = 0; first < rows.shape[0]; first += step) {
    const std::size_t count = std::min(step, rows.shape[0] - first);
    try {
      HIEREVO_H5(H5Dread, dataset, memory_type<T>(), rows_in_memory(rows.shape, count),
                 rows_of(rows.shape, first, count), H5P_DEFAULT, &rows.values[first * row]);
    } catch (const Error& error) {
      throw Error(fmt::format("rows {} to {} of {} cannot be read: {}", first, first + count - 1,
                              what, error.what()));
    }
  }
  return rows;
}

#define HIEREVO_H5_ROWS_OF(T)                                                            \
  template Dataset create_rows<T>(hid_t, const char*, std::span<const std::size_t>);     \
  template void write_rows<T>(const Dataset&, std::span<const std::size_t>, std::size_t, \
                              std::span<const T>);                                       \
  template Array<T> read_rows<T>(hid_t, const char*, std::size_t)
HIEREVO_H5_ROWS_OF(std::uint8_t);
HIEREVO_H5_ROWS_OF(std::int64_t);
HIEREVO_H5_ROWS_OF(std::uint32_t);
HIEREVO_H5_ROWS_OF(std::uint64_t);
HIEREVO_H5_ROWS_OF(double);

}  // namespace hierevo::io::h5
