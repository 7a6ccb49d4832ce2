#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <thread>

#include "crop_decoder.hpp"
#include "hierevo/core/parallel_for.hpp"
#include "hierevo/nn/image_folder.hpp"
#include "image_crop.hpp"
#include "jpeg.hpp"

namespace hierevo::nn {

namespace {

at::Tensor whole(std::span<const std::byte> file) {
  DecodedImage decoded = decode_jpeg(file);
  return at::from_blob(decoded.pixels.data(), {decoded.height, decoded.width, 3}, at::kByte)
      .permute({2, 0, 1})
      .clone(at::MemoryFormat::Contiguous);
}

/// No more is decoded and scaled than becomes of it.
at::Tensor middle(std::span<const std::byte> file, std::int64_t size) {
  const PictureSize picture = check_jpeg(file);
  at::Tensor pixels = at::empty({size, size, 3}, at::kByte);
  CropDecoder().decode(file, picture, centre_crop(picture, size, size), size,
                       {pixels.data_ptr<std::uint8_t>(), static_cast<std::size_t>(pixels.numel())});
  return pixels.permute({2, 0, 1}).contiguous();
}

}  // namespace

ReadImage read_image(const std::filesystem::path& path, std::int64_t size) {
  const ImageBytes file = read_image_bytes(path);
  if (!file.problem.empty()) return {{}, file.problem};
  try {
    return {size == 0 ? whole(file.bytes) : middle(file.bytes, size), ""};
  } catch (const BadJpeg& bad) {
    return {{}, problem_of(bad)};
  }
}

std::vector<ReadImage> read_images(std::span<const LabelledFile> files, std::int64_t size,
                                   int threads) {
  std::vector<ReadImage> images(files.size());
  const auto caller = std::this_thread::get_id();
  core::parallel_for(files.size(), threads, [&](std::size_t i) {
    // Of this thread's own operations.
    if (std::this_thread::get_id() != caller) at::set_num_threads(1);
    images[i] = read_image(files[i].path, size);
  });
  return images;
}

}  // namespace hierevo::nn
