#include "training_saves.hpp"

#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "hierevo/core/log.hpp"

namespace hierevo::app {

BackgroundWriter::~BackgroundWriter() {
  wait();
}

bool BackgroundWriter::is_busy() const {
  return writing_.valid() &&
         writing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

void BackgroundWriter::start(std::function<void()> write) {
  wait();
  writing_ = std::async(std::launch::async, std::move(write));
}

void BackgroundWriter::wait() {
  if (!writing_.valid()) return;
  try {
    writing_.get();
  } catch (const std::exception& error) {
    core::log(core::LogLevel::warning, "{} The training goes on, and saves again later.",
              error.what());
  }
}

JsonLog::JsonLog(std::filesystem::path path) : path_(std::move(path)) {
  bool torn = false;
  {
    std::ifstream before(path_, std::ios::binary | std::ios::ate);
    if (before && before.tellg() > 0) {
      before.seekg(-1, std::ios::end);
      torn = before.get() != '\n';
    }
  }
  file_.open(path_, std::ios::app);
  if (torn) file_ << '\n';
}

void JsonLog::write(const nlohmann::json& line) {
  file_ << line.dump() << '\n' << std::flush;
  if (file_ || told_) return;
  told_ = true;
  core::log(core::LogLevel::warning, "Cannot write '{}'. The training goes on without its log.",
            path_.string());
}

}  // namespace hierevo::app
