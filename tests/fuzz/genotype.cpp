// Genotypes as JSON.
#include <optional>
#include <string>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/codec.hpp"
#include "target.hpp"

namespace {

std::optional<hierevo::genome::Genotype> read(std::string_view text) {
  try {
    return hierevo::genome::genotype_from_json(text, "input");
  } catch (const hierevo::core::UsageError&) {
    return std::nullopt;
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hierevo::fuzz::require;
  const auto genotype = read(hierevo::fuzz::text_of(data, size));
  if (!genotype) return 0;
  const std::string text = hierevo::genome::json_text(*genotype);
  const auto again = read(text);
  require(again.has_value(), "a genotype that was written is read");
  require(*again == *genotype, "a genotype is read as it was written");
  require(hierevo::genome::json_text(*again) == text, "a genotype has one text");
  return 0;
}
