// HDF5 unpacks a whole chunk before it checks how large the result is.
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>

#include "h5.hpp"

namespace hierevo::io::h5 {

namespace {

/// The place of deflate among the filters of a dataset, if it is one. Other filters take memory as
/// their parameters say, which come from the file.
std::optional<unsigned> place_of_deflate(const Dataset& dataset, const std::string& what) {
  const Properties creation(HIEREVO_H5(H5Dget_create_plist, dataset));
  const auto filters = static_cast<unsigned>(HIEREVO_H5(H5Pget_nfilters, creation));
  std::optional<unsigned> place;
  for (unsigned i = 0; i < filters; ++i) {
    std::size_t parameters = 0;
    const H5Z_filter_t filter =
        HIEREVO_H5(H5Pget_filter2, creation, i, nullptr, &parameters, nullptr, 0, nullptr, nullptr);
    // Deflate comes after shuffle, which does no good to data that are already compressed.
    const bool known = filter == H5Z_FILTER_FLETCHER32 ||
                       (!place && (filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_DEFLATE));
    if (!known) throw Error(what + " is compressed in a way that is not supported");
    if (filter == H5Z_FILTER_DEFLATE) place = i;
  }
  return place;
}

/// Whether a deflated stream becomes longer than `most` bytes. One that is damaged is HDF5's to
/// refuse.
bool unpacks_to_more(std::span<const std::byte> packed, hsize_t most) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw Error("there is no memory to unpack it");
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::array<Bytef, 1 << 15> unpacked;
  hsize_t size = 0;
  int state = Z_OK;
  while (state == Z_OK && size <= most) {
    stream.next_out = unpacked.data();
    stream.avail_out = static_cast<uInt>(unpacked.size());
    state = inflate(&stream, Z_SYNC_FLUSH);
    size += unpacked.size() - stream.avail_out;
  }
  inflateEnd(&stream);
  return size > most;
}

/// The next chunk's first value, row by row; false after the last.
bool advance(std::vector<hsize_t>& at, std::span<const std::size_t> shape,
             std::span<const hsize_t> chunk) {
  for (std::size_t i = shape.size(); i-- > 0;) {
    at[i] += chunk[i];
    if (at[i] < shape[i]) return true;
    at[i] = 0;
  }
  return false;
}

}  // namespace

void check_packed_chunks(const Dataset& dataset, std::span<const std::size_t> shape,
                         std::span<const hsize_t> chunk, hsize_t chunk_bytes,
                         const std::string& what) {
  const auto deflate = place_of_deflate(dataset, what);
  const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  if (!deflate || empty) return;
  const hsize_t file = file_bytes(dataset);
  constexpr hsize_t checksum_bytes = 4;
  std::vector<std::byte> packed;
  std::vector<hsize_t> at(shape.size(), 0);
  do {
    unsigned left_out = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t size = 0;
    HIEREVO_H5(H5Dget_chunk_info_by_coord, dataset, at.data(), &left_out, &address, &size);
    if (address == HADDR_UNDEF || (left_out >> *deflate & 1U) != 0) continue;
    if (size > file) throw Error(what + " has a chunk larger than the file");
    packed.resize(size);
    std::uint32_t mask = 0;
    HIEREVO_H5(H5Dread_chunk, dataset, H5P_DEFAULT, at.data(), &mask, packed.data());
    if (unpacks_to_more(packed, chunk_bytes + checksum_bytes)) {
      throw Error(what + " has a chunk that unpacks to more than its values");
    }
  } while (advance(at, shape, chunk));
}

}  // namespace hierevo::io::h5
