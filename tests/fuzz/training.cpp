// Networks in training, in files that are whole and good HDF5, but say other things than hierevo
// wrote.
#include "h5_edits.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;

io::TrainingSnapshot sample() {
  const io::StoredTensor weight{"stem.0.weight", {2, 1, 3, 1}, {1, 2, 3, 4, 5, 6}};
  return {.genotype =
              genome::Genotype(genome::SearchSpace({{2, 3}, {1, 3}}), {6, 0, 6, 1, 2, 3, 1, 0, 1}),
          .model = {genome::ModelKind::cifar_large, 24, 2, 1, 7},
          .pixel_mean = {72.5F},
          .pixel_scale = {0.0125F},
          .options = "steps=100\nlr=0.1\n",
          .seed = 3,
          .seconds = 12.5,
          .top1 = 0.75,
          .best_step = 40,
          .repeat_accuracy = {0.5, 0.625},
          .repeat_loss = {0.25, 1.5},
          .losses = {2.5, 1.25, 0.1},
          .weights = {weight, {"classifier.bias", {2}, {0.5F, 0.25F}}},
          .momentum = {weight},
          .average = {}};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto original = io::encode_training(sample());
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
