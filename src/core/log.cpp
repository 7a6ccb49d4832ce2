#include "hierevo/core/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <string>

#include "hierevo/core/standard_error.hpp"

namespace hierevo::core {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

class StandardErrorSink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_line(std::string_view(line.data(), line.size()));
  }
  void flush_() override {}
};

std::shared_ptr<spdlog::logger> make_logger(LogLevel level, std::string_view name) {
  auto logger =
      std::make_shared<spdlog::logger>(std::string(name), std::make_shared<StandardErrorSink>());
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%d %H:%M:%S %n %l: %v", spdlog::pattern_time_type::local, /*eol=*/""));
  logger->set_level(to_spdlog(level));
  return logger;
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = make_logger(LogLevel::info, "hierevo");
  return instance;
}

}  // namespace

void log(LogLevel level, std::string_view line) {
  logger()->log(to_spdlog(level), line);
}

void configure_log(LogLevel level, std::string_view name) {
  logger() = make_logger(level, name);
}

}  // namespace hierevo::core
