#include "training_data.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <bit>
#include <optional>
#include <utility>

#include "data_source.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/data/split_indices.hpp"
#include "hierevo/io/image_shards.hpp"
#include "hierevo/nn/batches/jpeg_batches.hpp"
#include "hierevo/nn/batches/memory_batches.hpp"
#include "hierevo/nn/training/training_checks.hpp"

namespace hierevo::app {

namespace {

void require_test_set(std::int64_t images, const std::string& name) {
  if (images > 0) return;
  throw core::UsageError(fmt::format("The data set '{}' has no test set", name),
                         "the trained network is evaluated on it",
                         "Prepare it again from a folder with test/CLASS beside train/CLASS.");
}

class MemoryData final : public TrainingData {
 public:
  MemoryData(const TrainingDataOptions& options, const nn::TrainingOptions& training) {
    data::Dataset dataset = read_dataset(options.data);
    require_test_set(dataset.test.size(), dataset.name);
    const std::uint64_t fingerprint =
        core::combine(data::fingerprint_of(dataset.train), data::fingerprint_of(dataset.test));
    take_part(nn::to_tensors(std::move(dataset.train)), options);
    test_ = nn::to_tensors(std::move(dataset.test));
    nn::check(training, train_, test_);
    facts_ = {
        .data = {.input_channels = static_cast<int>(train_.channels()),
                 .classes = dataset.classes(),
                 .fingerprint = fingerprint,
                 .image_size = data::side_of(train_.image_size()),
                 .name = std::move(dataset.name),
                 .training_images = train_.size(),
                 .held_out_images = held_out_ ? held_out_->size() : 0},
        .trained_size = nn::trained_side(train_, training),
        .class_names = std::move(dataset.class_names),
        .test_images = test_.size(),
        .crops_are_whole = train_.image_size() == data::ImageSize{training.crop, training.crop},
        .normalisation = nn::normalisation_of(train_)};
    train_ = nn::on_device(train_, options.device);
    test_ = nn::on_device(test_, options.device);
    if (held_out_) held_out_ = nn::on_device(*held_out_, options.device);
  }

  std::unique_ptr<nn::TrainingBatches> training(const nn::TrainingOptions& options,
                                                std::uint64_t seed) const override {
    return nn::make_training_batches(train_, facts_.normalisation, options, facts_.data.classes,
                                     seed);
  }
  std::unique_ptr<nn::TestBatches> test() const override {
    return nn::make_test_batches(test_, facts_.normalisation);
  }
  std::unique_ptr<nn::TestBatches> held_out() const override {
    return nn::make_test_batches(*held_out_, facts_.normalisation);
  }

 private:
  void take_part(nn::ImageTensors all, const TrainingDataOptions& options) {
    const data::SplitIndices indices = data::split_indices(
        all.size(), options.data.train_size, options.data.validation_size, options.split_seed);
    if (!indices.validation.empty()) held_out_ = nn::selected(all, indices.validation);
    const bool whole = static_cast<std::int64_t>(indices.train.size()) == all.size();
    train_ = whole ? std::move(all) : nn::selected(all, indices.train);
  }

  nn::ImageTensors train_;
  nn::ImageTensors test_;
  std::optional<nn::ImageTensors> held_out_;
};

class ShardData final : public TrainingData {
 public:
  ShardData(const TrainingDataOptions& options, const nn::TrainingOptions& training)
      : shards_(io::open_image_shards(options.data.prepared_path())),
        size_(training.crop),
        threads_(options.loader_threads),
        device_(options.device) {
    require_test_set(shards_.test.size(), shards_.source);
    data::SplitIndices indices =
        data::split_indices(shards_.train.size(), options.data.train_size,
                            options.data.validation_size, options.split_seed);
    const bool holds_out = !indices.validation.empty();
    train_.emplace(shards_.train, std::move(indices.train));
    if (holds_out) held_out_.emplace(shards_.train, std::move(indices.validation));
    check(training);
    facts_.data = {.input_channels = 3,
                   .classes = static_cast<int>(shards_.class_names.size()),
                   .fingerprint = fingerprint(),
                   .image_size = static_cast<int>(size_),
                   .name = shards_.source,
                   .training_images = train_->size(),
                   .held_out_images = held_out_ ? held_out_->size() : 0};
    facts_.trained_size = static_cast<int>(size_);
    facts_.class_names = shards_.class_names;
    facts_.test_images = shards_.test.size();
    facts_.normalisation = nn::make_normalisation(shards_.pixel_mean, shards_.pixel_deviation);
  }

  std::unique_ptr<nn::TrainingBatches> training(const nn::TrainingOptions& options,
                                                std::uint64_t seed) const override {
    return nn::make_jpeg_training_batches(*train_, facts_.normalisation, options,
                                          facts_.data.classes, seed, threads_, device_);
  }
  std::unique_ptr<nn::TestBatches> test() const override { return tests_of(shards_.test); }
  std::unique_ptr<nn::TestBatches> held_out() const override { return tests_of(*held_out_); }

 private:
  void check(const nn::TrainingOptions& training) const {
    if (training.crop == 0) {
      throw core::UsageError("--crop is 0, which takes whole images",
                             fmt::format("those of '{}' differ in size", shards_.source),
                             "Give the side of the crops, 299 as in the paper.");
    }
    nn::check_batch(training, train_->size());
  }

  /// Of every image's file and label, and of how pixels are normalised.
  std::uint64_t fingerprint() const {
    std::uint64_t hash = 0;
    for (const io::ShardedImages* part : {&shards_.train, &shards_.test}) {
      hash = core::combine(hash, static_cast<std::uint64_t>(part->size()));
      for (std::int64_t i = 0; i < part->size(); ++i) {
        const auto& entry = part->entry(i);
        hash = core::combine(hash, std::uint64_t{entry.crc32c} << 32 | entry.length);
        hash = core::combine(hash, static_cast<std::uint64_t>(entry.label));
      }
    }
    for (const auto& statistics : {shards_.pixel_mean, shards_.pixel_deviation}) {
      for (const double value : statistics) {
        hash = core::combine(hash, std::bit_cast<std::uint64_t>(value));
      }
    }
    return hash;
  }

  std::unique_ptr<nn::TestBatches> tests_of(const data::JpegFiles& files) const {
    return nn::make_jpeg_test_batches(files, facts_.normalisation, size_, threads_, device_);
  }

  io::ImageShards shards_;
  std::int64_t size_;
  int threads_;
  c10::Device device_;
  std::optional<data::JpegSubset> train_;
  std::optional<data::JpegSubset> held_out_;
};

}  // namespace

std::unique_ptr<TrainingData> make_training_data(const TrainingDataOptions& options,
                                                 const nn::TrainingOptions& training) {
  if (options.data.is_shards()) return std::make_unique<ShardData>(options, training);
  return std::make_unique<MemoryData>(options, training);
}

}  // namespace hierevo::app
