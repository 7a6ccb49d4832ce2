// Compares crops with Torch's, as torchvision makes them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "crop_decoder.hpp"
#include "data/jpeg_files.hpp"

namespace hierevo::data {
namespace {

at::Tensor cropped_by_torch(const DecodedImage& image, const ImageCrop& crop, std::int64_t size) {
  const at::Tensor whole =
      at::tensor(at::ArrayRef<std::uint8_t>(image.pixels), at::TensorOptions(at::kFloat))
          .view({1, image.size.height, image.size.width, 3})
          .permute({0, 3, 1, 2});
  const at::Tensor part = whole.narrow(2, crop.rows.first, crop.rows.count)
                              .narrow(3, crop.columns.first, crop.columns.count)
                              .contiguous();
  at::Tensor scaled = at::_upsample_bilinear2d_aa(part, {crop.rows.scaled, crop.columns.scaled},
                                                  /*align_corners=*/false)
                          .narrow(2, crop.rows.skipped, size)
                          .narrow(3, crop.columns.skipped, size);
  if (crop.flipped) scaled = scaled.flip(3);
  return scaled.squeeze(0).permute({1, 2, 0});
}

TEST(TorchResampling, IsTheSame) {
  const ImageSize picture{203, 320};
  const auto values =
      hierevo::test::jpeg_bytes(203, 320, 3, hierevo::test::rough_pixels(203, 320, 1), 95);
  const std::span file(reinterpret_cast<const std::byte*>(values.data()), values.size());
  const DecodedImage image = decode_jpeg(file);
  CropDecoder decoder;
  for (const std::int64_t size : {40, 110, 299}) {
    std::vector<ImageCrop> crops = {center_crop(picture, usual_short_side(size), size)};
    for (std::uint64_t i = 0; i < 10; ++i) {
      crops.push_back(draw_image_crop(picture, size, true, core::RandomStream(1, i, "a test")));
    }
    for (const ImageCrop& crop : crops) {
      const bool decoded_smaller = crop.rows.count >= 4 * crop.rows.scaled;
      if (decoded_smaller) continue;
      std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size * size * 3));
      decoder.decode(file, picture, crop, size, pixels);
      const at::Tensor own =
          at::from_blob(pixels.data(), {size, size, 3}, at::kByte).to(at::kFloat);
      const at::Tensor difference = (own - cropped_by_torch(image, crop, size)).abs();
      EXPECT_LE(difference.max().item<float>(), 0.51F);
    }
  }
}

}  // namespace
}  // namespace hierevo::data
