#include "jpeg_decoder.hpp"

// It needs the above.
#include <jerror.h>

#include <cstdio>

namespace hierevo::data {

namespace {

/// Usual progressive files have 10, and the most elaborate ones a few times that.
constexpr int most_scans = 100;

}  // namespace

JpegDecoder::JpegDecoder(std::span<const std::byte> file) : file_(file) {
  info_.err = jpeg_std_error(&errors_);
  info_.client_data = this;
  errors_.error_exit = give_up;
  errors_.emit_message = judge;
  errors_.output_message = [](j_common_ptr) {};
  progress_.progress_monitor = watch_scans;
}

bool JpegDecoder::is_cmyk() const {
  return info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
}

bool JpegDecoder::read_header() {
  if (setjmp(jump_) != 0) return false;
  jpeg_create_decompress(&info_);
  info_.progress = &progress_;
  jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
  jpeg_read_header(&info_, TRUE);
  return true;
}

bool JpegDecoder::start(Rows rows, unsigned eighths) {
  if (setjmp(jump_) != 0) return false;
  info_.out_color_space = is_cmyk() ? JCS_CMYK : rows == Rows::rgb ? JCS_RGB : JCS_EXT_RGBX;
  info_.scale_num = eighths;
  info_.scale_denom = 8;
  jpeg_start_decompress(&info_);
  return true;
}

bool JpegDecoder::keep_columns(JDIMENSION& first, JDIMENSION& count) {
  if (setjmp(jump_) != 0) return false;
  jpeg_crop_scanline(&info_, &first, &count);
  return true;
}

bool JpegDecoder::skip_rows(JDIMENSION count) {
  if (setjmp(jump_) != 0) return false;
  if (count > 0) jpeg_skip_scanlines(&info_, count);
  return true;
}

bool JpegDecoder::read_row(std::uint8_t* row) {
  if (setjmp(jump_) != 0) return false;
  JSAMPROW rows = row;
  jpeg_read_scanlines(&info_, &rows, 1);
  return true;
}

bool JpegDecoder::finish() {
  if (setjmp(jump_) != 0) return false;
  jpeg_finish_decompress(&info_);
  return true;
}

std::size_t JpegDecoder::offset() const {
  const std::size_t left = info_.src == nullptr ? file_.size() : info_.src->bytes_in_buffer;
  const auto* next = info_.src == nullptr ? nullptr : info_.src->next_input_byte;
  const auto* begin = reinterpret_cast<const unsigned char*>(file_.data());
  const bool inside = next != nullptr && next + left == begin + file_.size();
  return inside ? file_.size() - left : file_.size();
}

void JpegDecoder::give_up(j_common_ptr info) {
  auto* self = static_cast<JpegDecoder*>(info->client_data);
  self->errors_.format_message(info, self->message_.data());
  std::longjmp(self->jump_, 1);
}

/// libjpeg calls it for every row of blocks that it reads or makes.
void JpegDecoder::watch_scans(j_common_ptr info) {
  auto* self = static_cast<JpegDecoder*>(info->client_data);
  if (self->info_.input_scan_number <= most_scans) return;
  std::snprintf(self->message_.data(), self->message_.size(),
                "more than %d scans, each as slow to decode as a whole image", most_scans);
  std::longjmp(self->jump_, 1);
}

/// Warnings (level -1) are about damage, after which pixels are made up, except for these.
void JpegDecoder::judge(j_common_ptr info, int level) {
  if (level >= 0) return;
  const int code = info->err->msg_code;
  const bool harmless =
      code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;
  if (!harmless) give_up(info);
}

}  // namespace hierevo::data
