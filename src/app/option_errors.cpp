#include "option_errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "renamed_options.hpp"

namespace hierevo::app {

namespace po = boost::program_options;

namespace {

/// Boost puts names and values in the place of %value% and the like until none is left: for ever
/// where the value itself has that. Here no value has a '%'.
class WithoutPercents : public po::error_with_option_name {
 public:
  explicit WithoutPercents(const po::error_with_option_name& original)
      : po::error_with_option_name(original) {
    for (auto& [name, text] : m_substitutions)
      std::replace(text.begin(), text.end(), '%', stand_in);
  }

  std::string text() const { return with_percents(what()); }
  /// What Boost calls "value".
  std::string part(const std::string& name) const {
    const auto found = m_substitutions.find(name);
    return found == m_substitutions.end() ? "" : with_percents(found->second);
  }

 private:
  static std::string with_percents(std::string text) {
    std::replace(text.begin(), text.end(), stand_in, '%');
    return text;
  }

  static constexpr char stand_in = '\x1a';
};

template <typename E>
bool is(const po::error& error) {
  return dynamic_cast<const E*>(&error) != nullptr;
}

[[noreturn]] void refuse_unknown(const std::string& name, const OptionPlace& place,
                                 const std::map<std::string, std::string>& takes) {
  const char* dashes = place.name.empty() ? "--" : "";
  if (const auto renamed = new_name_of(name)) {
    throw core::UsageError(
        fmt::format("There is no option '{}{}'{}", dashes, name, in_place(place, name)),
        "it was renamed", fmt::format("Use '{}{}'.", dashes, *renamed));
  }
  std::vector<std::string> known;
  for (const auto& [option, values] : takes) known.push_back(option);
  const auto meant = core::closest_match(name, known);
  throw core::UsageError(
      fmt::format("There is no option '{}{}'{}", dashes, name, in_place(place, name)), "",
      meant ? fmt::format("Did you mean '{}{}'?", dashes, *meant) : "See --help for all options.");
}

/// Of those that name no option.
[[noreturn]] void refuse_whole(const po::error& error) {
  if (is<po::too_many_positional_options_error>(error)) {
    throw core::UsageError("A value on the command line belongs to no option",
                           "each follows the name of its option, as in --run DIR",
                           "Quote values that have spaces in them; see --help.");
  }
  throw core::UsageError("The command line cannot be read", error.what(), "See --help.");
}

bool lacks_its_value(const po::error& error) {
  const auto* syntax = dynamic_cast<const po::invalid_syntax*>(&error);
  return syntax != nullptr && (syntax->kind() == po::invalid_syntax::missing_parameter ||
                               syntax->kind() == po::invalid_syntax::empty_adjacent_parameter);
}

}  // namespace

std::string in_place(const OptionPlace& place, const std::string& name) {
  if (place.name.empty()) return "";
  const auto line = place.lines.find(name);
  if (line == place.lines.end()) return fmt::format(" in '{}'", place.name);
  return fmt::format(" in '{}', line {}", place.name, line->second);
}

void refuse(const po::error& error, const OptionPlace& place,
            const std::map<std::string, std::string>& takes) {
  const auto* named = dynamic_cast<const po::error_with_option_name*>(&error);
  if (named == nullptr) refuse_whole(error);
  const WithoutPercents parts(*named);
  std::string name = named->get_option_name();
  name.erase(0, name.find_first_not_of('-'));
  name.erase(std::min(name.find('='), name.size()));  // Boost has --name=value of an unknown one
  const std::string in = in_place(place, name);
  if (is<po::unknown_option>(error)) refuse_unknown(name, place, takes);
  if (is<po::invalid_option_value>(error) || is<po::invalid_bool_value>(error)) {
    const auto found = takes.find(name);
    const bool anything = found == takes.end() || found->second.empty();
    throw core::UsageError(fmt::format("--{} is '{}'{}", name, parts.part("value"), in),
                           "this option does not take that value",
                           anything ? "See --help." : fmt::format("Give {}.", found->second));
  }
  if (is<po::multiple_occurrences>(error)) {
    throw core::UsageError(fmt::format("--{} is given more than once{}", name, in),
                           "only one value can count", "Take out the others.");
  }
  if (lacks_its_value(error)) {
    throw core::UsageError(fmt::format("--{} has no value", name), "this option takes one",
                           "Give it after the name; see --help.");
  }
  throw core::UsageError(fmt::format("--{}{} cannot be used", name, in), parts.text(),
                         "See --help.");
}

void refuse_field(const core::FieldError& error) {
  static const std::map<std::string, std::string> others = {{"first_number", "labels-from"},
                                                            {"learning_rate", "lr"},
                                                            {"learning_rate_drops", "lr-drops"},
                                                            {"learning_rate_factor", "lr-factor"}};
  const auto other = others.find(error.field());
  std::string option = other == others.end() ? error.field() : other->second;
  std::replace(option.begin(), option.end(), '_', '-');
  const std::string rest = std::string(error.what()).substr(error.field().size());
  throw core::UsageError(fmt::format("--{}{}", option, rest));
}

}  // namespace hierevo::app
