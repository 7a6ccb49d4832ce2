// Networks in training, in files that are complete and valid HDF5, but say other things than
// hierevo wrote.
#include "h5_edits.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "io/sample_training.hpp"
#include "target.hpp"

using namespace hierevo;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto original = io::encode_training(io::test::sample_training());
  const auto file = fuzz::with_edits(original, io::training_kind, fuzz::bytes_of(data, size));
  if (!file) return 0;
  try {
    const auto training = io::decode_training(*file, "input");
    const auto written = io::encode_training(training);
    const auto again = io::decode_training(written, "saved again");
    fuzz::require(again.genotype == training.genotype, "a genotype is kept");
    fuzz::require(io::encode_training(again) == written, "a training is the same when saved");
  } catch (const core::CheckpointError& refusal) {
    fuzz::require(refusal.path() == "input", "what was read is read again");
  }
  return 0;
}
