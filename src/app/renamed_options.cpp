#include "renamed_options.hpp"

#include <algorithm>
#include <array>

namespace hierevo::app {

namespace {

struct Renamed {
  std::string_view old_name;
  std::string_view new_name;
};

constexpr std::array renamed_options = {
    Renamed{"average", "ema-decay"},
    Renamed{"evaluation-checkpoint", "checkpoint-every"},
    Renamed{"failures-in-series", "max-consecutive-failures"},
    Renamed{"lr-batch", "lr-reference-batch"},
    Renamed{"max-memory", "max-training-memory"},
    Renamed{"memory-limit", "address-space-limit"},
    Renamed{"repeat", "only-repeat"},
    Renamed{"sync-norms", "sync-batchnorm"},
};

}  // namespace

std::optional<std::string_view> new_name_of(std::string_view old_name) {
  const auto* found =
      std::find_if(renamed_options.begin(), renamed_options.end(),
                   [&](const Renamed& option) { return option.old_name == old_name; });
  if (found == renamed_options.end()) return std::nullopt;
  return found->new_name;
}

std::string with_new_names(std::string_view record) {
  std::string text;
  while (!record.empty()) {
    const std::string_view line = record.substr(0, record.find('\n'));
    const std::string_view name = line.substr(0, line.find('='));
    text += new_name_of(name).value_or(name);
    text += line.substr(name.size());
    record.remove_prefix(line.size());
    if (record.empty()) break;
    text += '\n';
    record.remove_prefix(1);
  }
  return text;
}

}  // namespace hierevo::app
