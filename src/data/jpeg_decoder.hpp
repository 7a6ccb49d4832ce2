#pragma once

// Each of these needs those before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <array>
#include <csetjmp>
#include <cstdint>
#include <span>
#include <string>

namespace hierevo::data {

/// libjpeg's decompressor of one image in memory. It reports failure by calling a function that
/// must not return, and exceptions may not cross its C frames: so each step sets a jump, has no
/// objects with destructors while libjpeg runs, and returns whether it succeeded. After a failure
/// only offset() and message() may be called.
///
/// A file may have many scans of its image, each of few bytes and as slow to decode as a whole
/// image: files with more scans than anybody needs are refused.
class JpegDecoder {
 public:
  /// What rows are made of. CMYK is not converted here.
  enum class Rows : std::uint8_t {
    rgb,     ///< 3 bytes a pixel, or 4 cmyk
    padded,  ///< 4 bytes a pixel: red, green, blue and one to be ignored, or 4 cmyk
  };

  explicit JpegDecoder(std::span<const std::byte> file);
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }

  bool read_header();
  /// Decodes at `eighths`/8 of the size: 1, 2, 4 or 8.
  bool start(Rows rows, unsigned eighths);
  /// Decodes no more than these columns need; rows then have these columns, aligned to blocks: more
  /// on the left. Before the first row.
  bool keep_columns(JDIMENSION& first, JDIMENSION& count);
  bool skip_rows(JDIMENSION count);
  bool read_row(std::uint8_t* row);
  /// After the last row: checks the end of the file.
  bool finish();

  // Of the whole image, from the header on.
  std::int64_t height() const { return info_.image_height; }
  std::int64_t width() const { return info_.image_width; }
  bool is_cmyk() const;
  /// Adobe's programs store how much light an ink lets through, others how much ink there is.
  bool cmyk_is_inverted() const { return info_.saw_Adobe_marker != FALSE; }

  // As decoded, from start() on.
  JDIMENSION rows() const { return info_.output_height; }
  JDIMENSION columns() const { return info_.output_width; }
  std::size_t bytes_a_pixel() const { return static_cast<std::size_t>(info_.output_components); }

  /// How far libjpeg came in the file. At its end libjpeg reads an end mark of its own.
  std::size_t offset() const;
  std::string message() const { return message_.data(); }

 private:
  static void give_up(j_common_ptr info);
  static void judge(j_common_ptr info, int level);
  static void watch_scans(j_common_ptr info);

  std::span<const std::byte> file_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  std::array<char, JMSG_LENGTH_MAX> message_{};
};

}  // namespace hierevo::data
