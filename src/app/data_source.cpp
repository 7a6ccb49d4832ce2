#include "data_source.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/io/data_pack.hpp"

namespace hierevo::app {

namespace {

/// A tensor that takes over the values: data sets may fill half the memory.
template <typename T>
at::Tensor tensor_of(std::vector<T> values, at::IntArrayRef shape) {
  auto owner = std::make_shared<std::vector<T>>(std::move(values));
  return at::from_blob(
      owner->data(), shape, [owner](void*) {}, at::CppTypeToScalarType<T>::value);
}

nn::Images to_images(io::PackedImages packed, const io::ImageShape& shape) {
  const auto count = static_cast<std::int64_t>(packed.labels.size());
  return {tensor_of(std::move(packed.pixels), {count, static_cast<std::int64_t>(shape.channels),
                                               static_cast<std::int64_t>(shape.height),
                                               static_cast<std::int64_t>(shape.width)}),
          tensor_of(std::move(packed.labels), {count})};
}

}  // namespace

std::uint64_t fingerprint_of(const nn::Images& images) {
  const at::Tensor pixels = images.pixels.contiguous();
  const at::Tensor labels = images.labels.contiguous();
  const auto size = [](std::int64_t extent) { return static_cast<std::size_t>(extent); };
  return io::fingerprint_of({size(images.channels()), size(images.height()), size(images.width())},
                            {pixels.data_ptr<std::uint8_t>(), size(pixels.numel())},
                            {labels.data_ptr<std::int64_t>(), size(labels.numel())});
}

nn::Dataset read_dataset(const DataOptions& options) {
  if (!options.is_prepared()) {
    return naming_options([&] { return nn::load_dataset(options.dataset, options.data_dir); });
  }
  if (options.is_shards()) {
    throw core::UsageError(
        fmt::format("'{}' is a folder of JPEG shards", options.prepared_path().string()),
        "only hierevo train decodes images while it trains; here all are kept in memory",
        "Make a pack of small images: hierevo prepare FOLDER --out FILE.h5 --size 64.");
  }
  const std::filesystem::path path = options.prepared_path();
  std::error_code unreachable;
  if (std::filesystem::is_directory(path, unreachable)) {
    throw core::UsageError(fmt::format("--dataset is '{}', a folder", path.string()),
                           "it has no index.h5, which hierevo prepare writes at its end",
                           "Run hierevo prepare (again), or name the FILE.h5 that it made.");
  }
  io::DataPack pack = io::read_data_pack(path);
  return {.name = std::move(pack.info.source),
          .class_names = std::move(pack.info.class_names),
          .train = to_images(std::move(pack.train), pack.info.image),
          .test = to_images(std::move(pack.test), pack.info.image)};
}

}  // namespace hierevo::app
