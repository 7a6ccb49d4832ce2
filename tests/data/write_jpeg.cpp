// write_jpeg FILE HEIGHT WIDTH SEED: makes an image for the tests of the programs.
#include <fstream>
#include <iostream>
#include <string>

#include "data/jpeg_files.hpp"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: write_jpeg FILE HEIGHT WIDTH SEED\n";
    return 1;
  }
  const auto number = [&](int i) { return static_cast<unsigned>(std::stoul(argv[i])); };
  const auto pixels = hierevo::test::smooth_pixels(number(2), number(3), number(4));
  const auto bytes = hierevo::test::jpeg_bytes(number(2), number(3), 3, pixels);
  std::ofstream file(argv[1], std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  return file.flush() ? 0 : 1;
}
