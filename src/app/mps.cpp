#include "mps.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::app {

std::filesystem::path mps_folder() {
  const char* given = std::getenv("CUDA_MPS_PIPE_DIRECTORY");
  return given != nullptr && *given != '\0' ? given : "/tmp/nvidia-mps";
}

bool mps_runs(const std::filesystem::path& folder) {
  const std::string path = folder / "control";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;  // CUDA could not connect either
  std::ranges::copy(path, address.sun_path);
  // Of a kind that the daemon does not serve, so that it sees nothing of this; still the system
  // looks for a process behind the socket first, and whether this user may connect to it.
  const core::Descriptor question(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!question) return false;
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(question.get(), where, sizeof address) == 0 || errno == EPROTOTYPE;
}

}  // namespace hierevo::app
