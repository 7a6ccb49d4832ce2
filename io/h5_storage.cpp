#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>

#include "h5.hpp"
#include "hierevo/core/memory.hpp"

namespace hierevo::io::h5 {

namespace {

// Deflate's own limit is 1032.
constexpr hsize_t largest_expansion = 1100;
constexpr hsize_t largest_chunk_bytes = hsize_t{1} << 28;

using Extents = std::array<hsize_t, H5S_MAX_RANK>;

/// Bytes of values. Sessions ensure that only one thread at a time is here.
struct Values {
  hsize_t left = 0;   ///< may still be read
  hsize_t taken = 0;  ///< of the same file, before
};

Values& values() {
  static Values of_file;
  return of_file;
}

/// Throws std::bad_alloc, too: a file larger than memory may be sound, and the system would grant
/// the memory but kill the process once it is used.
void take_values(hsize_t bytes, const std::string& what) {
  static const auto memory = static_cast<hsize_t>(core::usable_memory());
  auto& [left, taken] = values();
  if (bytes > left) {
    throw Error(fmt::format("{} has {} bytes of values, but only {} more of this file are read",
                            what, bytes, left));
  }
  if (bytes > memory - std::min(memory, taken)) throw std::bad_alloc();
  left -= bytes;
  taken += bytes;
}

/// The shape of the chunks that an array of this shape is stored in.
Extents chunk_of(const Properties& creation) {
  Extents chunk{};
  HIEREVO_H5(H5Pget_chunk, creation, H5S_MAX_RANK, chunk.data());
  return chunk;
}

/// Bytes of the values in a chunk.
hsize_t checked_chunk_size(const Dataset& dataset, std::span<const hsize_t> chunk,
                           const std::string& what) {
  const Type type(HIEREVO_H5(H5Dget_type, dataset));
  // HDF5 allocates a whole chunk, however little is read of it.
  const hsize_t most = std::min(largest_chunk_bytes, values().left);
  hsize_t bytes = H5Tget_size(type);
  for (std::size_t i = 0; i < chunk.size() && bytes <= most; ++i) {
    bytes = chunk[i] > most ? chunk[i] : bytes * chunk[i];
  }
  if (bytes > most) throw Error(what + " has chunks that are too large");
  return bytes;
}

/// Each chunk takes time, even one that is not there. Callers have checked that the product of
/// `shape` does not overflow.
void check_chunk_count(std::span<const std::size_t> shape, std::span<const hsize_t> chunk,
                       hsize_t stored, const std::string& what) {
  hsize_t count = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    count *= shape[i] / chunk[i] + (shape[i] % chunk[i] > 0 ? 1 : 0);
  }
  if (count > stored) {
    throw Error(fmt::format("{} has {} chunks but only {} stored bytes", what, count, stored));
  }
}

}  // namespace

hsize_t file_bytes(hid_t object) {
  const File file(HIEREVO_H5(H5Iget_file_id, object));
  hsize_t bytes = 0;
  HIEREVO_H5(H5Fget_filesize, file, &bytes);
  return bytes;
}

void require_distinct(hid_t group, std::span<const std::string> names) {
  hsize_t left = file_bytes(group);
  for (const std::string& name : names) {
    const hsize_t bytes = H5Dget_storage_size(open_dataset(group, name.c_str()));
    if (bytes > left) {
      throw Error(fmt::format("{} has more values than the file has bytes", path_of(group)));
    }
    left -= bytes;
  }
}

Dataset open_dataset(hid_t group, const char* name) {
  require_member(group, name);
  return Dataset(HIEREVO_H5(H5Dopen2, group, name, H5P_DEFAULT));
}

std::vector<std::size_t> shape_of(const Dataset& dataset, const std::string& what) {
  const Space space(HIEREVO_H5(H5Dget_space, dataset));
  const H5S_class_t kind = H5Sget_simple_extent_type(space);
  if (kind != H5S_SIMPLE && kind != H5S_SCALAR) {
    throw Error(what + " has a wrong number of dimensions (it has no values)");
  }
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  const int rank = HIEREVO_H5(H5Sget_simple_extent_dims, space, extents.data(), nullptr);
  return {extents.begin(), extents.begin() + rank};
}

std::vector<std::size_t> shape_of(const Dataset& dataset, std::size_t dimensions,
                                  const std::string& what) {
  std::vector<std::size_t> shape = shape_of(dataset, what);
  if (shape.size() == dimensions) return shape;
  throw Error(fmt::format("{} has a wrong number of dimensions (not {})", what, dimensions));
}

void limit_values(hsize_t bytes) {
  values() = {.left = bytes};
}

void check_storage(const Dataset& dataset, hsize_t value_bytes, const std::string& what) {
  const Properties creation(HIEREVO_H5(H5Dget_create_plist, dataset));
  const H5D_layout_t layout = HIEREVO_H5(H5Pget_layout, creation);
  if (layout == H5D_VIRTUAL || HIEREVO_H5(H5Pget_external_count, creation) > 0) {
    throw Error(what + " lies in other files");
  }
  const bool chunked = layout == H5D_CHUNKED;
  const std::vector<std::size_t> shape = shape_of(dataset, what);
  const Extents extents = chunked ? chunk_of(creation) : Extents{};
  const auto chunk = std::span<const hsize_t>(extents).first(shape.size());
  const hsize_t chunk_bytes = chunked ? checked_chunk_size(dataset, chunk, what) : 0;
  const hsize_t stored = std::min(H5Dget_storage_size(dataset), file_bytes(dataset));
  const bool filtered = HIEREVO_H5(H5Pget_nfilters, creation) > 0;
  if (value_bytes > stored * (filtered ? largest_expansion : 1)) {
    throw Error(fmt::format("{} has a shape of {} bytes but only {} stored ones", what, value_bytes,
                            stored));
  }
  if (!chunked) return;
  check_chunk_count(shape, chunk, stored, what);
  if (filtered) check_packed_chunks(dataset, shape, chunk, chunk_bytes, what);
}

void admit(const Dataset& dataset, hsize_t value_bytes, const std::string& what) {
  check_storage(dataset, value_bytes, what);
  take_values(value_bytes, what);
}

void admit_texts(const Dataset& dataset, std::size_t count, hsize_t stored_size,
                 const std::string& what) {
  if (count > file_bytes(dataset)) {
    throw Error(fmt::format("{} has {} texts, more than the file has bytes", what, count));
  }
  check_storage(dataset, count * stored_size, what);
  take_values(count * (stored_size + sizeof(std::string)), what);
}

}  // namespace hierevo::io::h5
