#include "shared_libraries.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <vector>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/process/start_program.hpp"

namespace hierevo::app {
namespace {

namespace fs = std::filesystem;

bool has_torch(const fs::path& program) {
  return !core::torch_version().empty() && program.filename() != "hierevo-search";
}

/// What a program prints to standard output and error, at most so much, until it ends or its time
/// is up; nothing if it cannot be started. It is killed then, with what it has started.
std::string output_of(std::vector<std::string> command, const std::vector<std::string>& more = {}) {
  constexpr std::size_t most = std::size_t{1} << 18;
  constexpr std::chrono::seconds time_limit(60);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw core::IoError("pipe", "make", errno);
  const core::Descriptor read_end(ends[0]);
  core::Descriptor write_end(ends[1]);
  process::Program program;
  program.command = std::move(command);
  program.environment = process::environment_with(more);
  program.descriptors = {process::no_descriptor, write_end.get(), write_end.get()};
  const process::ProgramStart start = process::start_program(program);
  write_end.reset();
  if (start.error != 0) return "";
  const auto end = std::chrono::steady_clock::now() + time_limit;
  std::string output;
  std::array<char, 4096> piece{};
  while (output.size() < most) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd readable{.fd = read_end.get(), .events = POLLIN, .revents = 0};
    const int ready = left.count() > 0 ? ::poll(&readable, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t size = ::read(read_end.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    output.append(piece.data(), static_cast<std::size_t>(size));
  }
  ::kill(-start.pid, SIGKILL);  // its group: nothing of it is waited for
  ::waitpid(start.pid, nullptr, 0);
  return output;
}

/// "2.11" of "2.11.0+cu130": within it the interface of LibTorch is the same.
std::string release(const std::string& version) {
  return version.substr(0, version.find('.', version.find('.') + 1));
}

std::string needed_torch() {
  return fmt::format("LibTorch {}, or to a Python that can import torch {}", core::torch_version(),
                     core::torch_version());
}

[[noreturn]] void refuse_torch(const std::string& named, const std::string& reason) {
  throw core::UsageError(fmt::format("HIEREVO_TORCH is '{}'", named), reason,
                         fmt::format("Set it to the folder of {}.", needed_torch()));
}

bool is_torch_library(const fs::path& file) {
  return file.filename().string().starts_with("libtorch_cpu.so");
}

std::optional<fs::path> torch_library_in(const fs::path& folder) {
  std::error_code none;
  for (const fs::path& place : {folder / "lib", folder, folder / "torch" / "lib"}) {
    for (const auto& entry : fs::directory_iterator(place, none)) {
      if (is_torch_library(entry.path())) return entry.path();
    }
  }
  return std::nullopt;
}

/// The folder of the torch that this Python would import; it is not imported, which takes seconds.
fs::path torch_of_python(const std::string& python) {
  constexpr const char* code =
      "import sys; sys.path = [folder for folder in sys.path if folder]; "  // not this folder
      "import importlib.util as u; s = u.find_spec('torch'); "
      "print('torch:' + s.submodule_search_locations[0] if s else '')";
  std::vector<std::string> command = {python, "-c", code};
  if (python.find('/') == std::string::npos) command.insert(command.begin(), "/usr/bin/env");
  std::istringstream lines(output_of(std::move(command)));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("torch:")) return line.substr(6);
  }
  refuse_torch(python, "that is no folder, and no Python that can import torch");
}

/// PyPI's torch and the LibTorch of its makers say which version they are; Debian's only in the
/// library's name, which the loader compares.
std::string version_of_torch(const fs::path& folder) {
  std::istringstream python(
      core::path_exists(folder / "version.py") ? core::read_text_file(folder / "version.py") : "");
  for (std::string line; std::getline(python, line);) {
    if (!line.starts_with("__version__")) continue;
    const auto begin = line.find('\'');
    if (begin != std::string::npos) return line.substr(begin + 1, line.rfind('\'') - begin - 1);
  }
  if (!core::path_exists(folder / "build-version")) return "";
  const std::string text = core::read_text_file(folder / "build-version");
  return text.substr(0, text.find('\n'));
}

/// The folder with the libraries of the torch that HIEREVO_TORCH names.
fs::path named_torch(const std::string& named) {
  std::error_code none;
  const bool is_folder = fs::is_directory(named, none);
  const fs::path folder = is_folder ? fs::path(named) : torch_of_python(named);
  const auto library = torch_library_in(folder);
  if (!library)
    refuse_torch(named, fmt::format("there is no libtorch_cpu.so in '{}'", folder.string()));
  const std::string version = version_of_torch(library->parent_path().parent_path());
  if (!version.empty() && release(version) != release(core::torch_version())) {
    refuse_torch(named, fmt::format("that is LibTorch {}, but hierevo was built with {}", version,
                                    core::torch_version()));
  }
  fs::path place =
      fs::canonical(*library).parent_path();  // Debian's torch for Python has only links
  if (place.string().find_first_of(":;$") != std::string::npos) {
    refuse_torch(named, fmt::format("LD_LIBRARY_PATH cannot name '{}', because of : ; or $",
                                    place.string()));
  }
  return place;
}

/// Names of libraries, and of versions of them, that the loader does not find.
std::vector<std::string> missing_libraries(const fs::path& program) {
  std::istringstream lines(output_of({program.string()}, {"LD_TRACE_LOADED_OBJECTS=1"}));
  std::vector<std::string> missing;
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(" \t");
    std::string name;
    if (line.ends_with("=> not found")) name = line.substr(first, line.find(' ', first) - first);
    const auto version = line.find("version `");
    if (version != std::string::npos && line.find("not found") != std::string::npos) {
      name = line.substr(version + 9, line.find('\'', version) - version - 9);
    }
    constexpr std::string_view loader = "error while loading shared libraries: ";
    if (const auto said = line.find(loader); said != std::string::npos) {
      name = line.substr(said + loader.size());  // such as "…: file too short"
    }
    if (!name.empty() && std::ranges::find(missing, name) == missing.end()) missing.push_back(name);
  }
  return missing;
}

bool any_begins(const std::vector<std::string>& names, std::string_view with) {
  return std::ranges::any_of(names, [&](const auto& name) { return name.starts_with(with); });
}

std::string way_to_libraries(const std::vector<std::string>& missing) {
  std::string ways;
  if (any_begins(missing, "libtorch") || any_begins(missing, "libc10")) {
    ways += fmt::format(" Set HIEREVO_TORCH to the folder of {}.", needed_torch());
  }
  if (any_begins(missing, "libmpi")) {
    ways += " Load the MPI that hierevo was built with, such as by `module load openmpi`.";
  }
  if (ways.empty()) ways = " Load the modules that hierevo was built with.";
  return ways.substr(1);
}

}  // namespace

void provide_libraries(const fs::path& program) {
  const char* named = std::getenv("HIEREVO_TORCH");
  if (named != nullptr && *named != '\0' && has_torch(program)) {
    std::string folders = named_torch(named).string();
    const char* others = std::getenv("LD_LIBRARY_PATH");
    if (others != nullptr && *others != '\0') folders.append(":").append(others);
    ::setenv("LD_LIBRARY_PATH", folders.c_str(), 1);
  }
  const auto missing = missing_libraries(program);
  if (missing.empty()) return;
  throw core::UsageError(
      fmt::format("Cannot start '{}'", program.string()),
      fmt::format("these shared libraries are not found: {}", fmt::join(missing, ", ")),
      way_to_libraries(missing));
}

}  // namespace hierevo::app
