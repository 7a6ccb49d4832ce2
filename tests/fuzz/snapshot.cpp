// Snapshots of a search that are complete and valid HDF5, but say other things than hierevo wrote.
#include "hierevo/io/snapshot.hpp"

#include "h5_edits.hpp"
#include "hierevo/core/error.hpp"
#include "io/samples.hpp"
#include "kept.hpp"
#include "target.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hierevo;
  static const auto original = io::encode_snapshot(io::test::golden_snapshot());
  const auto file = fuzz::with_edits(original, io::snapshot_kind, fuzz::bytes_of(data, size));
  if (!file) return 0;
  try {
    fuzz::require_kept(io::decode_snapshot(*file, "input"));
  } catch (const core::CheckpointError& refusal) {
    fuzz::require(refusal.path() == "input", "what was read is read again");
  }
  return 0;
}
