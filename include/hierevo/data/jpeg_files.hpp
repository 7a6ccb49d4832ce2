#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hierevo/data/images.hpp"

namespace hierevo::data {

/// Labelled JPEG files, wherever they are. Its members are called from several threads at once.
class JpegFiles {
 public:
  virtual ~JpegFiles() = default;

  /// Number of files; indices are below it.
  virtual std::int64_t size() const = 0;
  /// The class of an image, from 0.
  virtual std::int64_t label(std::int64_t index) const = 0;
  /// Height and width of an image, without decoding it.
  virtual ImageSize image_size(std::int64_t index) const = 0;
  /// For messages.
  virtual std::string name(std::int64_t index) const = 0;
  /// Replaces what `file` holds by the whole file. Throws IoError.
  virtual void read(std::int64_t index, std::vector<std::byte>& file) const = 0;
};

/// A selection of other JPEG files, to which it keeps a reference.
class JpegSubset final : public JpegFiles {
 public:
  /// The files with the indices `chosen`, each below the size of `files`, in this order.
  JpegSubset(const JpegFiles& files, std::vector<std::int64_t> chosen)
      : files_(files), chosen_(std::move(chosen)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(chosen_.size()); }
  std::int64_t label(std::int64_t index) const override { return files_.label(at(index)); }
  ImageSize image_size(std::int64_t index) const override { return files_.image_size(at(index)); }
  std::string name(std::int64_t index) const override { return files_.name(at(index)); }
  void read(std::int64_t index, std::vector<std::byte>& file) const override {
    files_.read(at(index), file);
  }

 private:
  std::int64_t at(std::int64_t index) const { return chosen_[static_cast<std::size_t>(index)]; }

  const JpegFiles& files_;
  std::vector<std::int64_t> chosen_;
};

/// What a check of a JPEG file found.
struct JpegInfo {
  ImageSize size;
  std::string problem;  ///< "at byte 12: …" when it is not complete and sound; empty otherwise
};

/// Checks the whole file, which takes less time than decoding it. Grey and CMYK files are sound.
JpegInfo inspect_jpeg(std::span<const std::byte> file);

/// The middle square of a sound file, scaled to `size`×`size`: [size, size, 3]. Throws
/// InternalError when it is not sound.
std::vector<std::uint8_t> decode_center_crop(std::span<const std::byte> file, std::int64_t size);

}  // namespace hierevo::data
