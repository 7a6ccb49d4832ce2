#include "hierevo/core/owner.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <random>
#include <system_error>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/host_name.hpp"
#include "hierevo/core/numbers.hpp"
#include "hierevo/core/temporary_path.hpp"

namespace hierevo::core {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view owner_prefix = "owner-";
constexpr std::size_t longest_owner = 4096;

/// The number in a file's name; nothing for other files.
std::optional<std::uint64_t> incarnation_in(std::string_view name) {
  if (!name.starts_with(owner_prefix)) return std::nullopt;
  const auto number = parse_number<std::uint64_t>(name.substr(owner_prefix.size()));
  if (!number || *number == 0 || *number > highest_incarnation) return std::nullopt;
  return number;
}

/// Of all files of ownership in a folder.
std::vector<std::uint64_t> incarnations_in(const fs::path& folder) {
  std::vector<std::uint64_t> found;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (const auto number = incarnation_in(entry->path().filename().string())) {
      found.push_back(*number);
    }
  }
  if (error) throw IoError(folder, "look into", error.value());
  return found;
}

fs::path owner_path(const fs::path& folder, std::uint64_t incarnation) {
  return folder / fmt::format("{}{}", owner_prefix, incarnation);
}

/// The value of the line `name = value`, without what could disturb a terminal or a line.
std::string field(std::string_view text, std::string_view name) {
  const std::string begin = fmt::format("{} = ", name);
  std::size_t at = text.starts_with(begin) ? 0 : text.find("\n" + begin);
  if (at == std::string_view::npos) return {};
  at = text.find(begin, at) + begin.size();
  std::string value(text.substr(at, text.find('\n', at) - at));
  std::erase_if(value, [](char c) { return c <= ' ' || c > '~' || c == '\''; });
  return value;
}

std::uint64_t random_token() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::string owner_text(const OwnerMark& mark) {
  const char* job = std::getenv("SLURM_JOB_ID");
  return fmt::format(
      "token = {}\nincarnation = {}\nhost = {}\npid = {}\njob = {}\nstarted = "
      "{:%Y-%m-%dT%H:%M:%SZ}\n",
      token_text(mark), mark.incarnation, host_name(), ::getpid(), job == nullptr ? "" : job,
      fmt::gmtime(std::time(nullptr)));
}

}  // namespace

std::string token_text(const OwnerMark& mark) {
  return fmt::format("{:016x}", mark.token);
}

std::string Owner::text() const {
  std::string text = pid.empty() ? "an unknown process" : fmt::format("process {}", pid);
  if (!host.empty()) text += fmt::format(" on {}", host);
  if (!job.empty()) text += fmt::format(", Slurm job {}", job);
  if (!started.empty()) text += fmt::format(", since {}", started);
  return text;
}

bool is_owner_file(std::string_view name) {
  return incarnation_in(name).has_value();
}

std::optional<Owner> owner_of(const fs::path& folder) {
  Owner owner;
  try {
    owner.mark.incarnation = newest_incarnation(folder);
    if (owner.mark.incarnation == 0) return std::nullopt;
    const std::string text =
        read_text_file(owner_path(folder, owner.mark.incarnation), longest_owner);
    owner.mark.token = parse_number<std::uint64_t>(field(text, "token"), 16).value_or(0);
    owner.host = field(text, "host");
    owner.pid = field(text, "pid");
    owner.job = field(text, "job");
    owner.started = field(text, "started");
  } catch (const IoError&) {
    if (owner.mark.incarnation == 0) return std::nullopt;
  }
  return owner;
}

std::uint64_t newest_incarnation(const fs::path& folder) {
  const auto found = incarnations_in(folder);
  return found.empty() ? 0 : *std::max_element(found.begin(), found.end());
}

OwnerMark become_owner(const fs::path& folder, std::uint64_t above) {
  OwnerMark mark{0, random_token()};
  const fs::path temporary = temporary_path(folder / "owner");
  for (bool published = false; !published;) {
    mark.incarnation = std::max(above, newest_incarnation(folder)) + 1;
    try {
      replace_file(temporary, std::string_view(owner_text(mark)));
      publish_file(temporary, owner_path(folder, mark.incarnation));
      // A number may be free again because a later owner has removed its file: that one counts.
      published = newest_incarnation(folder) == mark.incarnation;
      std::error_code ignored;
      if (!published) fs::remove(owner_path(folder, mark.incarnation), ignored);
    } catch (const IoError& error) {
      std::error_code ignored;
      fs::remove(temporary, ignored);
      // Another process has just taken the number, or cleaned up as the owner that it has become.
      if (error.system_error() != EEXIST && error.system_error() != ENOENT) throw;
    }
  }
  for (const std::uint64_t earlier : incarnations_in(folder)) {
    std::error_code ignored;
    if (earlier < mark.incarnation) fs::remove(owner_path(folder, earlier), ignored);
  }
  return mark;
}

}  // namespace hierevo::core
