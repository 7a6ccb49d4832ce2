#include "data_source.hpp"

#include <ATen/ATen.h>

#include <memory>
#include <utility>

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

nn::Dataset read_dataset(const DataOptions& options) {
  if (!options.is_pack()) return nn::load_dataset(options.dataset, options.data_dir);
  io::DataPack pack = io::read_data_pack(options.pack_path());
  return {.name = std::move(pack.info.source),
          .class_names = std::move(pack.info.class_names),
          .train = to_images(std::move(pack.train), pack.info.image),
          .test = to_images(std::move(pack.test), pack.info.image)};
}

}  // namespace hierevo::app
