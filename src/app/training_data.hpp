// What `hierevo train` learns from and is tested on, in memory or in shards of JPEG files.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hierevo/nn/batches/batches.hpp"
#include "hierevo/nn/batches/image_tensors.hpp"
#include "hierevo/nn/training_options.hpp"
#include "hierevo/search/data_facts.hpp"
#include "training_options.hpp"

namespace hierevo::app {

struct TrainingDataFacts {
  /// Its fingerprint is that of the images to train on and of those to test on. Held out are those
  /// that choose the best weights. Of JPEG files the image size is that of the crops.
  search::DataFacts data;
  int trained_size = 0;  ///< of what is trained on: side of a square of as many pixels
  std::vector<std::string> class_names;
  std::int64_t test_images = 0;
  bool crops_are_whole = false;  ///< --crop is the size of all images
  nn::PixelNormalisation normalisation;
};

class TrainingData {
 public:
  virtual ~TrainingData() = default;
  const TrainingDataFacts& facts() const { return facts_; }

  /// What is returned keeps references to the data and the options.
  virtual std::unique_ptr<nn::TrainingBatches> training(const nn::TrainingOptions& options,
                                                        std::uint64_t seed) const = 0;
  virtual std::unique_ptr<nn::TestBatches> test() const = 0;
  /// Where facts() has some.
  virtual std::unique_ptr<nn::TestBatches> held_out() const = 0;

 protected:
  TrainingDataFacts facts_;
};

struct TrainingDataOptions {
  DataOptions data;
  std::uint64_t split_seed = 0;
  int loader_threads = 1;  ///< that decode JPEG
  c10::Device device;      ///< that batches are made on
};

/// Reads, or opens, the data and checks that `training` fits them. Throws UsageError.
std::unique_ptr<TrainingData> make_training_data(const TrainingDataOptions& options,
                                                 const nn::TrainingOptions& training);

}  // namespace hierevo::app
