#include "hierevo/core/log.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>

#include "hierevo/core/standard_error.hpp"

namespace hierevo::core {

namespace {

struct Log {
  std::atomic<LogLevel> threshold = LogLevel::info;
  std::mutex mutex;
  std::string name = "hierevo";
};

Log& settings() {
  // Never destroyed: at the exit threads that nobody waits for may still log.
  static Log& instance = *new Log;
  return instance;
}

std::string_view name_of(LogLevel level) {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names.at(static_cast<std::size_t>(level));
}

std::string local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

}  // namespace

void log(LogLevel level, std::string_view line) {
  Log& now = settings();
  if (level < now.threshold) return;
  std::string name;
  {
    const std::scoped_lock lock(now.mutex);
    name = now.name;
  }
  write_line("{} {} {}: {}", local_time(), name, name_of(level), line);
}

void configure_log(LogLevel level, std::string_view name) {
  Log& now = settings();
  now.threshold = level;
  const std::scoped_lock lock(now.mutex);
  now.name = name;
}

}  // namespace hierevo::core
