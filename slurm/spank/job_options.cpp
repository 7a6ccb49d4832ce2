#include "job_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/numbers.hpp"
#include "text.hpp"

namespace hierevo::spank {

namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why, std::string_view suggestion) {
  throw core::UsageError(fmt::format("--hierevo-stage is '{}'", shown(text)), why, suggestion);
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string_view last_part(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

StageRequest parse_stage(std::string_view text) {
  if (has_control_characters(text))
    refuse(text, "it has line breaks or other control characters", "Give a path without them.");
  const auto colon = text.rfind(':');
  const std::string_view source = text.substr(0, colon);
  const std::string_view name =
      colon == text.npos ? last_part(source) : text.substr(std::min(text.size(), colon + 1));
  if (!source.starts_with('/'))
    refuse(text, "the nodes do not know your current folder",
           "Give an absolute path, as in --hierevo-stage=/data/cifar10.");
  if (source.size() >= PATH_MAX)
    refuse(text, fmt::format("a path has less than {} characters", PATH_MAX), "");
  if (name.empty() || name.front() == '.')
    refuse(text, "the copy's name would be empty, or begin with a '.'",
           "Give one after a colon: SRC:NAME.");
  if (name.find('/') != name.npos)
    refuse(text, "the copy's name, after the last colon, has a '/'",
           "Give the name of one file or folder: SRC:NAME.");
  if (name.size() > NAME_MAX)
    refuse(text, fmt::format("a name has at most {} characters", NAME_MAX),
           "Give another after a colon: SRC:NAME.");
  return {std::string(source), std::string(name)};
}

int parse_evaluators(std::string_view text) {
  const auto number = core::parse_number<int>(text);
  if (number && *number >= 1 && *number <= 64) return *number;
  throw core::UsageError(fmt::format("--hierevo-evaluators-per-gpu is '{}'", shown(text)),
                         "an evaluator needs a good part of a GPU", "Give 1 to 64.");
}

std::string parse_devices(std::string_view text) {
  const std::vector<std::string> known = {"shared", "own"};
  if (std::find(known.begin(), known.end(), text) != known.end()) return std::string(text);
  throw core::unknown_name("value of --hierevo-devices", shown(text), known);
}

}  // namespace hierevo::spank
