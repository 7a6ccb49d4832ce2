#include "hierevo/search/data_facts.hpp"

#include <fmt/format.h>

namespace hierevo::search {

bool same_data(const DataFacts& one, const DataFacts& other) {
  DataFacts renamed = one;
  renamed.name = other.name;
  return renamed == other;
}

std::string description(const DataFacts& data) {
  std::string text = data.name.empty() ? "data" : fmt::format("'{}'", data.name);
  text += fmt::format(" ({} images of {}×{} to train on", data.training_images, data.image_size,
                      data.image_size);
  if (data.held_out_images > 0) text += fmt::format(" and {} to validate on", data.held_out_images);
  return text + fmt::format(", {} classes, fingerprint {})", data.classes,
                            fingerprint_text(data.fingerprint));
}

std::string fingerprint_text(std::uint64_t fingerprint) {
  return fmt::format("{:016x}", fingerprint);
}

}  // namespace hierevo::search
