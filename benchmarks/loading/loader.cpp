// loader FOLDER SIZE PIXELS: hierevo's side of loading.py. For each number on standard input it
// makes a random part of every picture in FOLDER and prints a line of JSON: the parts, the CPU time
// that the loader took, and the time to decode the same files completely. The pixels of the first
// ones go to the file PIXELS.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "hierevo/core/file.hpp"
#include "jpeg.hpp"
#include "jpeg_decoder.hpp"
#include "jpeg_loader.hpp"

namespace {

using namespace hierevo;
namespace fs = std::filesystem;

constexpr std::int64_t most_checked = 16;

/// CPU seconds of all threads of this process.
double processor_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The files of a folder, in memory: the disk is not measured.
class FolderFiles : public data::JpegFiles {
 public:
  explicit FolderFiles(const fs::path& folder) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) paths_.push_back(entry.path());
    }
    std::sort(paths_.begin(), paths_.end());
    for (const auto& path : paths_) {
      files_.push_back(core::read_file(path, std::size_t{1} << 29));
      sizes_.push_back(data::check_jpeg(files_.back()));
    }
  }
  std::int64_t size() const override { return std::ssize(files_); }
  std::int64_t label(std::int64_t) const override { return 0; }
  data::ImageSize image_size(std::int64_t index) const override { return sizes_.at(at(index)); }
  std::string name(std::int64_t index) const override { return paths_.at(at(index)).string(); }
  void read(std::int64_t index, std::vector<std::byte>& file) const override {
    file = files_.at(at(index));
  }
  std::span<const std::vector<std::byte>> files() const { return files_; }

 private:
  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }
  std::vector<fs::path> paths_;
  std::vector<std::vector<std::byte>> files_;
  std::vector<data::ImageSize> sizes_;
};

/// The limit: libjpeg-turbo decodes all pixels of all files, and nothing is done with them.
void decode_whole(const FolderFiles& files) {
  std::vector<std::uint8_t> row;
  for (const auto& file : files.files()) {
    data::JpegDecoder decoder(file);
    data::read_header(decoder, file);
    data::require(decoder.start(data::JpegDecoder::Rows::rgb, 8), decoder);
    row.resize(decoder.columns() * decoder.bytes_a_pixel());
    for (JDIMENSION y = 0; y < decoder.rows(); ++y) {
      data::require(decoder.read_row(row.data()), decoder);
    }
  }
}

std::vector<data::JpegTask> tasks_of(const FolderFiles& files, std::int64_t size,
                                     std::int64_t round) {
  std::vector<data::JpegTask> tasks;
  for (std::int64_t i = 0; i < files.size(); ++i) {
    const core::RandomStream random(static_cast<std::uint64_t>(round),
                                    static_cast<std::uint64_t>(i), "a benchmark");
    tasks.push_back({i, data::draw_image_crop(files.image_size(i), size, true, random)});
  }
  return tasks;
}

std::string parts_text(const std::vector<data::JpegTask>& tasks) {
  std::vector<std::string> parts;
  for (const auto& [index, crop] : tasks) {
    parts.push_back(fmt::format("[{}, {}, {}, {}, {}]", crop.rows.first, crop.columns.first,
                                crop.rows.count, crop.columns.count, crop.flipped ? 1 : 0));
  }
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

void measure(const FolderFiles& files, data::JpegLoader& loader, std::int64_t size,
             std::int64_t round, const fs::path& pixels) {
  double start = processor_time();
  const data::DecodedBatch batch = loader.at({round, {0, files.size()}}, {});
  const double loading = processor_time() - start;
  start = processor_time();
  decode_whole(files);
  const double decoding = processor_time() - start;
  std::ofstream out(pixels, std::ios::binary);
  out.write(reinterpret_cast<const char*>(batch.pixels.get()),
            std::min(files.size(), most_checked) * size * size * 3);
  out.close();
  std::cout << fmt::format(R"({{"seconds": {}, "decoding": {}, "parts": {}}})", loading, decoding,
                           parts_text(tasks_of(files, size, round)))
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::cerr << "usage: loader FOLDER SIZE PIXELS\n";
    return 2;
  }
  const FolderFiles files(argv[1]);
  const std::int64_t size = std::stoll(argv[2]);
  data::JpegLoader loader(files, size, 1, [&](const data::JpegRequest& request) {
    return tasks_of(files, size, request.step);
  });
  for (std::int64_t round = 0; std::cin >> round;) measure(files, loader, size, round, argv[3]);
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
