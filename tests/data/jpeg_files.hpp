// Makes JPEG files, right and wrong ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
// It needs the above.
#include <jpeglib.h>

#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

namespace hierevo::test {

enum class JpegCoding { baseline, progressive };

/// The bytes of a JPEG file of `pixels`, [H, W, channels]; 1 channel is grey, 3 are red, green and
/// blue, 4 cmyk as Adobe's programs store them. `configure` changes what libjpeg would do.
inline std::vector<std::uint8_t> jpeg_bytes_as(
    unsigned height, unsigned width, int channels, std::vector<std::uint8_t> pixels,
    const std::function<void(jpeg_compress_struct&)>& configure) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);  // ends the test when libjpeg fails
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_height = height;
  info.image_width = width;
  info.input_components = channels;
  info.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  configure(info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < height) {
    JSAMPROW row =
        &pixels.at(std::size_t{info.next_scanline} * width * static_cast<std::size_t>(channels));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::vector<std::uint8_t> file(memory, memory + size);
  std::free(memory);
  return file;
}

inline std::vector<std::uint8_t> jpeg_bytes(unsigned height, unsigned width, int channels,
                                            std::vector<std::uint8_t> pixels, int quality = 100,
                                            JpegCoding coding = JpegCoding::baseline) {
  return jpeg_bytes_as(height, width, channels, std::move(pixels), [&](auto& info) {
    jpeg_set_quality(&info, quality, TRUE);
    if (coding == JpegCoding::progressive) jpeg_simple_progression(&info);
  });
}

/// A progressive colour file of `scans` scans, up to 190: each has one frequency of one colour.
inline std::vector<std::uint8_t> jpeg_of_scans(unsigned height, unsigned width,
                                               std::vector<std::uint8_t> pixels, int scans) {
  std::vector<jpeg_scan_info> script = {{3, {0, 1, 2, 0}, 0, 0, 0, 0}};
  for (int i = 0; i + 1 < scans; ++i) {
    script.push_back({1, {i % 3, 0, 0, 0}, 1 + i / 3, 1 + i / 3, 0, 0});
  }
  return jpeg_bytes_as(height, width, 3, std::move(pixels), [&](auto& info) {
    info.scan_info = script.data();
    info.num_scans = scans;
  });
}

/// A smooth colour image, a different one for each `seed`.
inline std::vector<std::uint8_t> smooth_pixels(unsigned height, unsigned width, unsigned seed) {
  std::vector<std::uint8_t> pixels;
  for (unsigned y = 0; y < height; ++y) {
    for (unsigned x = 0; x < width; ++x) {
      pixels.push_back(static_cast<std::uint8_t>(y * 200 / height + seed % 50));
      pixels.push_back(static_cast<std::uint8_t>(x * 200 / width));
      pixels.push_back(static_cast<std::uint8_t>(seed * 37 % 256));
    }
  }
  return pixels;
}

/// The same, with fine structure of 16 levels on top.
inline std::vector<std::uint8_t> rough_pixels(unsigned height, unsigned width, unsigned seed) {
  std::vector<std::uint8_t> pixels = smooth_pixels(height, width, seed);
  std::uint32_t noise = seed + 1;
  for (auto& value : pixels) {
    noise = noise * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(value / 255.0 * 239.0 + (noise >> 28));
  }
  return pixels;
}

}  // namespace hierevo::test
