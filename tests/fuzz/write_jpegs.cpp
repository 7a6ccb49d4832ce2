// write_jpegs FOLDER: makes the first inputs of the target `jpeg`, one for each kind of coding.
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/jpeg_files.hpp"

namespace {

using namespace hierevo::test;
using Pixels = std::vector<std::uint8_t>;

/// [H, W, channels].
Pixels pixels_of(unsigned height, unsigned width, unsigned channels) {
  Pixels pixels = rough_pixels(height, width * channels, 1);
  pixels.resize(std::size_t{height} * width * channels);
  return pixels;
}

struct Corpus {
  std::filesystem::path folder;

  void add(const std::string& name, const Pixels& file) const {
    std::ofstream out(folder / name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(file.data()), std::ssize(file));
    if (!out.flush()) throw std::runtime_error("A file of the corpus cannot be written");
  }
};

void write(const Corpus& corpus) {
  const auto coded = [](unsigned height, unsigned width, auto configure) {
    return jpeg_bytes_as(height, width, 3, pixels_of(height, width, 3), configure);
  };
  corpus.add("plain", coded(40, 56, [](auto&) {}));
  corpus.add("pixel", coded(1, 1, [](auto&) {}));
  corpus.add("narrow", coded(70, 3, [](auto&) {}));
  corpus.add("full_colour", coded(24, 32, [](auto& info) { info.comp_info[0].v_samp_factor = 1; }));
  corpus.add("restarts", coded(33, 47, [](auto& info) { info.restart_interval = 2; }));
  corpus.add("arithmetic", coded(32, 32, [](auto& info) { info.arith_code = TRUE; }));
  corpus.add("progressive", coded(40, 56, [](auto& info) { jpeg_simple_progression(&info); }));
  corpus.add("red_green_blue",
             coded(16, 16, [](auto& info) { jpeg_set_colorspace(&info, JCS_RGB); }));
  corpus.add("grey", jpeg_bytes(30, 30, 1, pixels_of(30, 30, 1), 80));
  corpus.add("cmyk", jpeg_bytes(20, 20, 4, pixels_of(20, 20, 4), 80));
  corpus.add("hundred_scans", jpeg_of_scans(16, 16, pixels_of(16, 16, 3), 100));
  corpus.add("too_many_scans", jpeg_of_scans(16, 16, pixels_of(16, 16, 3), 130));
  Pixels cut = coded(40, 56, [](auto& info) { jpeg_simple_progression(&info); });
  cut.resize(cut.size() / 2);
  corpus.add("cut", cut);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("One argument is needed, a folder");
  const Corpus corpus{std::filesystem::path(argv[1]) / "jpeg"};
  std::filesystem::create_directories(corpus.folder);
  write(corpus);
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
