#include "jpeg.hpp"

#include <fmt/format.h>

// Each of these needs those before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>
#include <array>
#include <csetjmp>
#include <span>
#include <string>

#include "data_file.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

namespace fs = std::filesystem;

/// No photograph comes near; a small hostile file must not fill the memory.
constexpr std::int64_t most_pixels = std::int64_t{1} << 27;

/// libjpeg's decompressor of one image. It reports failure by calling a function that must not
/// return, and exceptions may not cross its C frames: so each step sets a jump, has no objects with
/// destructors while libjpeg runs, and says by its result whether all went well.
class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> file) : file_(file) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = give_up;
    errors_.emit_message = judge;
    errors_.output_message = [](j_common_ptr) {};
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info_); }

  bool read_header() {
    if (setjmp(jump_) != 0) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
    jpeg_read_header(&info_, TRUE);
    const bool inks = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = inks ? JCS_CMYK : JCS_RGB;
    return true;
  }
  bool start() {
    if (setjmp(jump_) != 0) return false;
    jpeg_start_decompress(&info_);
    return true;
  }
  /// `pixels` has room for height() × width() × channels().
  bool read_rows(std::uint8_t* pixels) {
    if (setjmp(jump_) != 0) return false;
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = pixels + std::size_t{info_.output_scanline} * info_.output_width * channels();
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  std::int64_t height() const { return info_.image_height; }
  std::int64_t width() const { return info_.image_width; }
  std::size_t channels() const { return info_.out_color_space == JCS_CMYK ? 4 : 3; }
  /// Adobe's programs store how much light an ink leaves, others how much of it there is.
  bool inks_are_inverted() const { return info_.saw_Adobe_marker != FALSE; }

  /// How far libjpeg came in the file. At its end it reads an end mark of its own making.
  std::size_t offset() const {
    const std::size_t left = info_.src == nullptr ? file_.size() : info_.src->bytes_in_buffer;
    const auto* next = info_.src == nullptr ? nullptr : info_.src->next_input_byte;
    const auto* begin = reinterpret_cast<const unsigned char*>(file_.data());
    const bool inside = next != nullptr && next + left == begin + file_.size();
    return inside ? file_.size() - left : file_.size();
  }
  std::string message() const { return message_.data(); }

 private:
  static void give_up(j_common_ptr info) {
    auto* self = static_cast<Decoder*>(info->client_data);
    self->errors_.format_message(info, self->message_.data());
    std::longjmp(self->jump_, 1);
  }
  /// Warnings (level -1) are about damage, after which pixels are made up. Only these are not.
  static void judge(j_common_ptr info, int level) {
    if (level >= 0) return;
    const int code = info->err->msg_code;
    const bool harmless =
        code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;
    if (!harmless) give_up(info);
  }

  std::span<const std::byte> file_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf jump_{};
  std::array<char, JMSG_LENGTH_MAX> message_{};
};

[[noreturn]] void refuse(const fs::path& path, std::size_t offset, std::string_view why) {
  throw core::UsageError(fmt::format("Cannot use '{}'", path.string()),
                         fmt::format("at byte {}: {}", offset, why),
                         "Fetch or convert the image again, or take it out.");
}

/// Four inks a pixel to three colours.
std::vector<std::uint8_t> rgb_of_cmyk(const std::vector<std::uint8_t>& inks, bool inverted) {
  std::vector<std::uint8_t> pixels(inks.size() / 4 * 3);
  const int flip = inverted ? 0 : 255;
  for (std::size_t i = 0; i < inks.size() / 4; ++i) {
    const int black = inks[4 * i + 3] ^ flip;
    for (std::size_t c = 0; c < 3; ++c) {
      pixels[3 * i + c] = static_cast<std::uint8_t>(((inks[4 * i + c] ^ flip) * black + 127) / 255);
    }
  }
  return pixels;
}

}  // namespace

DecodedImage read_jpeg(const fs::path& path) {
  const std::vector<std::byte> file = read_data_file(path);
  if (file.empty()) refuse(path, 0, "the file is empty");
  Decoder decoder(file);
  const auto require = [&](bool went_well) {
    if (!went_well) refuse(path, decoder.offset(), decoder.message());
  };
  require(decoder.read_header());
  if (decoder.height() * decoder.width() > most_pixels) {
    refuse(
        path, decoder.offset(),
        fmt::format("{}×{} pixels, more than {}", decoder.height(), decoder.width(), most_pixels));
  }
  require(decoder.start());
  DecodedImage image{decoder.height(), decoder.width(), {}};
  image.pixels.resize(static_cast<std::size_t>(image.height * image.width) * decoder.channels());
  require(decoder.read_rows(image.pixels.data()));
  if (decoder.channels() == 4)
    image.pixels = rgb_of_cmyk(image.pixels, decoder.inks_are_inverted());
  return image;
}

}  // namespace hierevo::nn
