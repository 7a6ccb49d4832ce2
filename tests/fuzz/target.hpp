// What every fuzz target is made of. A target reads any bytes with one reader of the project: it
// must refuse them with the error that the reader promises, or what it read must have the
// properties that the target checks. libFuzzer (preset `fuzz`) and replay.cpp (all presets) run it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hierevo::fuzz {

/// Not one of the project's errors, so that it is not taken for a refusal.
struct BrokenProperty : std::logic_error {
  using std::logic_error::logic_error;
};

inline void require(bool holds, const char* property) {
  if (!holds) throw BrokenProperty(property);
}

/// Of a file or a folder.
inline void require_named(const std::exception& refusal, const std::filesystem::path& path) {
  require(std::string_view(refusal.what()).find(path.string()) != std::string_view::npos,
          "a refusal names the file");
}

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Creates the file anew: some file systems wait for the disk when an existing one is truncated.
inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace hierevo::fuzz
