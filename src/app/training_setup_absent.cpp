// Stands in for training_setup.cpp in a build without Torch.
#include "hierevo/core/error.hpp"
#include "training_setup.hpp"

namespace hierevo::app {

struct TrainingSetup::Data {};

TrainingSetup::TrainingSetup(const DataOptions&, const TrainOptions&, nn::Repeats, std::uint64_t) {
  throw core::UsageError("This hierevo cannot train", "it was built without Torch",
                         "Use --evaluator synthetic or command, or build with HIEREVO_WITH_TORCH.");
}
TrainingSetup::~TrainingSetup() = default;

bool TrainingSetup::available() {
  return false;
}

search::DataFacts TrainingSetup::facts() const {
  return {};
}

void TrainingSetup::check_memory(const genome::Plan&) const {}

bool TrainingSetup::on_gpu() const {
  return false;
}

std::int64_t TrainingSetup::evaluator_memory(int) const {
  return 0;
}

void TrainingSetup::limit_memory(int) const {}

std::unique_ptr<search::Evaluator> TrainingSetup::make_evaluator(const genome::ModelSpec&,
                                                                 Checkpoints) const {
  return nullptr;
}

}  // namespace hierevo::app
