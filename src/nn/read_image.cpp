#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "data_file.hpp"
#include "hierevo/core/in_threads.hpp"
#include "hierevo/nn/image_folder.hpp"
#include "jpeg.hpp"

namespace hierevo::nn {

namespace {

/// `side` scaled as the short side is to `size`.
std::int64_t scaled(std::int64_t side, std::int64_t short_side, std::int64_t size) {
  const double factor = static_cast<double>(size) / static_cast<double>(short_side);
  return std::max<std::int64_t>(size, std::llround(static_cast<double>(side) * factor));
}

/// Scales the short side of [3, H, W] to `size` and takes the middle.
at::Tensor resized(const at::Tensor& pixels, std::int64_t size) {
  const std::int64_t short_side = std::min(pixels.size(1), pixels.size(2));
  const std::int64_t height = scaled(pixels.size(1), short_side, size);
  const std::int64_t width = scaled(pixels.size(2), short_side, size);
  at::Tensor image = pixels;
  if (short_side != size) {
    // Each new pixel is a mean over all old ones that it covers, or small images would flicker.
    image = at::_upsample_bilinear2d_aa(pixels.unsqueeze(0).to(at::kFloat), {height, width},
                                        /*align_corners=*/false)
                .squeeze(0)
                .round()
                .clamp(0, 255)
                .to(at::kByte);
  }
  return image.narrow(1, (height - size) / 2, size).narrow(2, (width - size) / 2, size);
}

}  // namespace

ReadImage read_image(const std::filesystem::path& path, std::int64_t size) {
  const std::vector<std::byte> file = read_data_file(path);
  try {
    DecodedImage decoded = decode_jpeg(file);
    const at::Tensor rows =
        at::from_blob(decoded.pixels.data(), {decoded.height, decoded.width, 3}, at::kByte);
    const at::Tensor pixels = rows.permute({2, 0, 1}).contiguous();
    return {size == 0 ? pixels : resized(pixels, size).contiguous(), ""};
  } catch (const BadJpeg& bad) {
    return {{}, problem_of(bad)};
  }
}

std::vector<ReadImage> read_images(std::span<const LabelledFile> files, std::int64_t size,
                                   int threads) {
  std::vector<ReadImage> images(files.size());
  const auto caller = std::this_thread::get_id();
  core::in_threads(files.size(), threads, [&](std::size_t i) {
    // Of this thread's own operations.
    if (std::this_thread::get_id() != caller) at::set_num_threads(1);
    images[i] = read_image(files[i].path, size);
  });
  return images;
}

}  // namespace hierevo::nn
