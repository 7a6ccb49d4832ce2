// Snapshots of searches and of trainings as any bytes: their text blocks, with checksum and length.
// What follows a valid checksum is for the targets snapshot and training.
#include "hierevo/core/error.hpp"
#include "hierevo/io/snapshot.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "target.hpp"

namespace {

template <typename Read>
auto read_if_good(Read read, std::span<const std::byte> bytes) -> bool {
  try {
    read(bytes, "input");
    return true;
  } catch (const hierevo::core::CheckpointError&) {
    return false;
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hierevo;
  const auto bytes = fuzz::bytes_of(data, size);
  const bool search = read_if_good(io::decode_snapshot, bytes);
  const bool training = read_if_good(io::decode_training, bytes);
  fuzz::require(!(search && training), "a file is of one kind");
  return 0;
}
