#include "hierevo/core/temporary_path.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "hierevo/core/error.hpp"
#include "hierevo/core/host_name.hpp"

namespace hierevo::core {

std::filesystem::path temporary_path(const std::filesystem::path& path) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) {
    throw IoError(path, "find a random name beside", errno);
  }
  return fmt::format("{}.{}.{}.{:016x}.tmp", path.string(), host_name(), ::getpid(), random);
}

bool is_temporary_path(const std::filesystem::path& path) {
  constexpr std::size_t digits = 16;
  const std::string name = path.stem().string();
  const std::size_t dot = name.rfind('.');
  return path.extension() == ".tmp" && dot != std::string::npos &&
         name.size() - dot - 1 == digits &&
         name.find_first_not_of("0123456789abcdef", dot + 1) == std::string::npos;
}

}  // namespace hierevo::core
