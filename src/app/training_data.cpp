#include "training_data.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <bit>
#include <optional>
#include <utility>

#include "data_source.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/io/image_shards.hpp"
#include "hierevo/nn/jpeg_batches.hpp"
#include "hierevo/nn/memory_batches.hpp"
#include "hierevo/nn/training.hpp"
#include "shard_files.hpp"

namespace hierevo::app {

namespace {

void require_test_set(std::int64_t images, const std::string& name) {
  if (images > 0) return;
  throw core::UsageError(fmt::format("The data set '{}' has no test set", name),
                         "the trained network is tested on it",
                         "Prepare it again from a folder with test/CLASS beside train/CLASS.");
}

class MemoryData final : public TrainingData {
 public:
  MemoryData(const TrainingDataOptions& options, const nn::TrainingOptions& training) {
    nn::Dataset dataset = read_dataset(options.data);
    require_test_set(dataset.test.size(), dataset.name);
    const std::uint64_t fingerprint =
        core::combine(fingerprint_of(dataset.train), fingerprint_of(dataset.test));
    take_part(std::move(dataset.train), options);
    test_ = std::move(dataset.test);
    nn::check(training, train_, test_);
    facts_ = {
        .data = {.input_channels = static_cast<int>(train_.channels()),
                 .classes = dataset.classes(),
                 .fingerprint = fingerprint,
                 .image_size = nn::side_of(train_),
                 .name = std::move(dataset.name),
                 .training_images = train_.size(),
                 .held_out_images = held_out_ ? held_out_->size() : 0},
        .trained_size = nn::trained_side(train_, training),
        .class_names = std::move(dataset.class_names),
        .test_images = test_.size(),
        .crops_are_whole = training.crop == train_.height() && training.crop == train_.width(),
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
  void take_part(nn::Images all, const TrainingDataOptions& options) {
    const nn::SplitIndices indices = nn::split_indices(
        all.size(), options.data.train_size, options.data.validation_size, options.split_seed);
    if (!indices.validation.empty()) held_out_ = nn::selected(all, indices.validation);
    const bool whole = static_cast<std::int64_t>(indices.train.size()) == all.size();
    train_ = whole ? std::move(all) : nn::selected(all, indices.train);
  }

  nn::Images train_;
  nn::Images test_;
  std::optional<nn::Images> held_out_;
};

class ShardData final : public TrainingData {
 public:
  ShardData(const TrainingDataOptions& options, const nn::TrainingOptions& training)
      : shards_(io::open_image_shards(options.data.prepared_path())),
        size_(training.crop),
        threads_(options.loader_threads),
        device_(options.device),
        test_(shards_.test) {
    require_test_set(test_.size(), shards_.source);
    nn::SplitIndices indices =
        nn::split_indices(static_cast<std::int64_t>(shards_.train.size()), options.data.train_size,
                          options.data.validation_size, options.split_seed);
    const bool holds_out = !indices.validation.empty();
    train_.emplace(shards_.train, std::move(indices.train));
    if (holds_out) held_out_.emplace(shards_.train, std::move(indices.validation));
    check(training);
    facts_ = {.data = {.input_channels = 3,
                       .classes = static_cast<int>(shards_.class_names.size()),
                       .fingerprint = fingerprint(),
                       .image_size = static_cast<int>(size_),
                       .name = shards_.source,
                       .training_images = train_->size(),
                       .held_out_images = held_out_ ? held_out_->size() : 0},
              .trained_size = static_cast<int>(size_),
              .class_names = shards_.class_names,
              .test_images = test_.size(),
              .normalisation = normalisation_of(shards_)};
  }

  std::unique_ptr<nn::TrainingBatches> training(const nn::TrainingOptions& options,
                                                std::uint64_t seed) const override {
    return nn::make_jpeg_training_batches(*train_, facts_.normalisation, options,
                                          facts_.data.classes, seed, threads_, device_);
  }
  std::unique_ptr<nn::TestBatches> test() const override { return tests_of(test_); }
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
      hash = core::combine(hash, part->size());
      for (std::size_t i = 0; i < part->size(); ++i) {
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

  std::unique_ptr<nn::TestBatches> tests_of(const nn::JpegFiles& files) const {
    return nn::make_jpeg_test_batches(files, facts_.normalisation, size_, threads_);
  }

  io::ImageShards shards_;
  std::int64_t size_;
  int threads_;
  c10::Device device_;
  std::optional<ShardFiles> train_;
  std::optional<ShardFiles> held_out_;
  ShardFiles test_;
};

}  // namespace

std::unique_ptr<TrainingData> make_training_data(const TrainingDataOptions& options,
                                                 const nn::TrainingOptions& training) {
  if (options.data.is_shards()) return std::make_unique<ShardData>(options, training);
  return std::make_unique<MemoryData>(options, training);
}

}  // namespace hierevo::app
