#include "training_options.hpp"

#include <algorithm>
#include <charconv>

#include "hierevo/core/error.hpp"

namespace hierevo::app {

void DataOptions::add_to(OptionSet& options) {
  options.group("Data");
  options.add("dataset", &dataset,
              "fashion-mnist, mnist, cifar10, cifar100, idx (any other like mnist), or a pack that "
              "hierevo prepare made, FILE.h5");
  options.add("data-dir", &data_dir,
              "folder of the data set's files; empty: where Debian's package puts fashion-mnist");
  options.add("train-size", &train_size, "images to train on; 0: all that do not validate");
}

void DataOptions::add_validation_to(OptionSet& options) {
  options.add("validation-size", &validation_size, "images of the training set that validate");
}

void TrainOptions::add_to(OptionSet& options) {
  options.group("Training");
  options.add("steps", &numbers.steps, "steps of one training");
  options.add("batch", &numbers.batch, "images a step");
  options.add("crop", &numbers.crop, "height and width of random training crops; 0: whole images");
  options.add("flip", &numbers.flip, "mirror half of the training images");
  options.add("lr", &numbers.learning_rate, "learning rate at the start");
  options.add("lr-drops", &drops, "shares of the steps after which the rate drops");
  options.add("lr-factor", &numbers.learning_rate_factor, "factor at each drop");
  options.add("momentum", &numbers.momentum, "momentum of the gradient descent");
  options.add("weight-decay", &numbers.weight_decay, "L2 penalty on all weights");
  options.add("evaluation-batch", &numbers.evaluation_batch, "images at a time in validation",
              OptionSet::Record::no);
  options.add("threads", &threads, "CPU threads of an evaluation");
}

nn::TrainingOptions TrainOptions::training() const {
  nn::TrainingOptions training = numbers;
  training.learning_rate_drops.clear();
  std::string_view rest = drops;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    double share = 0.0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), share);
    if (error != std::errc() || end != item.data() + item.size()) {
      throw core::UsageError(fmt::format("--lr-drops is '{}'", drops),
                             "it must be numbers between commas",
                             "For example --lr-drops 0.8,0.9.");
    }
    training.learning_rate_drops.push_back(share);
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
  }
  nn::check(training);
  return training;
}

}  // namespace hierevo::app
