#include "checksummed_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "hierevo/core/hash.hpp"
#include "hierevo/core/version.hpp"

namespace hierevo::io {

namespace {

using Block = std::array<std::byte, block_size>;

std::string first_words(const FileKind& kind) {
  return fmt::format("hierevo {} ", kind.word);
}

Block checksummed_header_for(std::span<const std::byte> content, const FileKind& kind) {
  const std::string text = fmt::format("{}{}\nbytes {}\ncrc32c {:08x}\n", first_words(kind),
                                       block_version, content.size(), core::crc32c(content));
  Block block{};
  std::memcpy(block.data(), text.data(), text.size());
  return block;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What a text block says about its file, as far as it can be read.
struct Announced {
  int found = 0;  ///< how many of the two there are
  int version = 0;
  std::uint64_t bytes = 0;
};

Announced announced_in(const std::string& text, const FileKind& kind) {
  Announced announced;
  const std::string begin = first_words(kind);
  if (text.starts_with(begin)) {
    announced.found = std::sscanf(text.c_str() + begin.size(), "%9d\nbytes %19" SCNu64 "\n",
                                  &announced.version, &announced.bytes);
  }
  return announced;
}

/// Says what is wrong with a file of `size` bytes that is not as its text block says. `beginning`
/// has the block; `expected` is the one that the bytes after it should have, if they are known.
[[noreturn]] void refuse(std::span<const std::byte> beginning, std::size_t size,
                         std::span<const std::byte> expected, const std::filesystem::path& path,
                         const FileKind& kind) {
  const std::string text = text_of(beginning.first(std::min(beginning.size(), block_size)));
  if (!text.starts_with(first_words(kind))) {
    throw core::CheckpointError(path, fmt::format("it is not a hierevo {}", kind.word),
                                fmt::format("it does not begin with 'hierevo {}'", kind.word));
  }
  const auto [found, version, bytes] = announced_in(text, kind);
  // All is right except the version: then the version is damaged.
  const std::string rest = text.substr(std::min(text.size(), text.find('\n')));
  const bool only_version_differs = !expected.empty() && text_of(expected).ends_with(rest);
  if (found >= 1 && version > block_version && !only_version_differs) {
    throw NewerVersionError(path, "", static_cast<std::uint64_t>(version),
                            static_cast<std::uint64_t>(block_version));
  }
  if (size < block_size || (found >= 2 && bytes != size - block_size)) {
    throw core::CheckpointError(
        path, "it is torn",
        fmt::format("{} bytes are there, {} were written", size,
                    found >= 2 ? std::to_string(bytes + block_size) : "more"));
  }
  throw core::CheckpointError(path, "it is damaged",
                              "its bytes do not have the checksum that was written with them");
}

std::string newer_problem(std::string_view writer) {
  if (writer.empty()) return "it was written by a newer hierevo";
  return fmt::format("it was written by hierevo {}", writer);
}

}  // namespace

NewerVersionError::NewerVersionError(const std::filesystem::path& path, std::string_view writer,
                                     std::uint64_t found_version, std::uint64_t known_version)
    : core::CheckpointError(
          path, newer_problem(writer),
          fmt::format("its format has version {}; this is hierevo {}, which reads up to {}",
                      found_version, core::version(), known_version),
          writer.empty() ? std::string("Use the version that wrote it.")
                         : fmt::format("Use hierevo {} or newer.", writer)) {}

std::vector<std::byte> with_checksummed_header(std::span<const std::byte> content,
                                               const FileKind& kind) {
  std::vector<std::byte> file(block_size + content.size());
  const Block block = checksummed_header_for(content, kind);
  std::copy(block.begin(), block.end(), file.begin());
  std::copy(content.begin(), content.end(), file.begin() + block_size);
  return file;
}

void check_checksummed_header(std::span<const std::byte> file, const std::filesystem::path& path,
                              const FileKind& kind) {
  if (file.size() < block_size) refuse(file, file.size(), {}, path, kind);
  const Block expected = checksummed_header_for(file.subspan(block_size), kind);
  if (!std::equal(expected.begin(), expected.end(), file.begin())) {
    refuse(file, file.size(), expected, path, kind);
  }
}

std::vector<std::byte> read_block_file(const std::filesystem::path& path, const FileKind& kind) {
  return core::read_file(
      path, kind.longest, [&](std::span<const std::byte> so_far, std::size_t size) {
        const std::string text = text_of(so_far.first(std::min(so_far.size(), block_size)));
        const Announced announced = announced_in(text, kind);
        const bool all_there = announced.found == 2 && announced.bytes + block_size == size;
        if (!all_there) refuse(so_far, size, {}, path, kind);
        return core::ReadOn::yes;
      });
}

void replace_block_file(const std::filesystem::path& path, const FileKind& kind,
                        std::span<const std::byte> file, core::Writers writers) {
  if (file.size() > kind.longest) throw core::IoError(path, "write", EFBIG);
  core::replace_file(path, file, writers);
}

std::array<std::string_view, evolution::status_count> status_names() {
  std::array<std::string_view, evolution::status_count> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = evolution::name(static_cast<evolution::Status>(i));
  }
  return names;
}

}  // namespace hierevo::io
