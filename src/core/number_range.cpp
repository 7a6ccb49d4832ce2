#include "hierevo/core/number_range.hpp"

#include <fmt/format.h>

#include <cmath>

#include "hierevo/core/error.hpp"

namespace hierevo::core {

namespace {

std::string number_text(double value) {
  return value == 1e9 ? "1e9" : fmt::format("{}", value);
}

}  // namespace

bool NumberRange::contains(double value) const {
  return std::isfinite(value) && (without_least ? value > least : value >= least) &&
         (without_most ? value < most : value <= most);
}

std::string NumberRange::text() const {
  std::string text = fmt::format("{} {}", without_least ? "above" : "from", number_text(least));
  if (std::isinf(most)) return without_least ? text : text + " up";
  if (without_least) {
    text += without_most ? " and below" : " and up to";
  } else {
    text += without_most ? " to below" : " to";
  }
  return fmt::format("{} {}", text, number_text(most));
}

void require_in(const NumberRange& range, std::string_view field, double value) {
  if (range.contains(value)) return;
  throw FieldError(field, fmt::format("is {}", value), range.why,
                   fmt::format("Give a number {}.", range.text()));
}

}  // namespace hierevo::core
