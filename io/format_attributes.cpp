#include "format_attributes.hpp"

#include <fmt/format.h>

#include <string>

#include "hierevo/core/version.hpp"

namespace hierevo::io {

void write_format_attributes(hid_t root, const FileKind& kind, std::uint32_t version) {
  h5::write_text_attribute(root, "format", kind.format);
  h5::write_attribute<std::uint32_t>(root, "version", version);
  h5::write_text_attribute(root, "program", core::version());
}

void check_format_attributes(hid_t root, const std::filesystem::path& path, const FileKind& kind) {
  const std::string format = h5::read_text_attribute(root, "format");
  if (format != kind.format) {
    throw h5::Error(fmt::format("its format is '{}' instead of '{}'", format, kind.format));
  }
  const auto version = h5::read_attribute<std::uint32_t>(root, "version");
  if (version > kind.version) {
    throw NewerVersionError(path, h5::read_text_attribute(root, "program"), version, kind.version);
  }
  if (version == 0) throw h5::Error("its format has version 0, which does not exist");
}

}  // namespace hierevo::io
