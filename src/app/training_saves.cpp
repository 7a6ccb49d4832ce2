#include "training_saves.hpp"

#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "hierevo/core/error.hpp"
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
    failing_ = false;
  } catch (const core::OwnershipLost&) {
    // The training is going to see it too, and stops.
  } catch (const std::exception& error) {
    if (!failing_) {
      core::log(core::LogLevel::warning, "{} The save will be retried; the training continues.",
                core::failure_of(error).text);
    }
    failing_ = true;
  }
}

JsonLog::JsonLog(std::filesystem::path path) : path_(std::move(path)) {
  std::ifstream before(path_, std::ios::binary | std::ios::ate);
  if (before && before.tellg() > 0) {
    before.seekg(-1, std::ios::end);
    torn_ = before.get() != '\n';
  }
  file_.open(path_, std::ios::app);
}

void JsonLog::write(const nlohmann::json& line) {
  if (!file_.is_open()) file_.open(path_, std::ios::app);
  file_.clear();
  if (torn_) file_ << '\n';
  file_ << line.dump() << '\n' << std::flush;
  torn_ = !file_;
  if (!torn_ || told_) return;
  told_ = true;
  core::log(core::LogLevel::warning, "Cannot write to '{}'. The training continues without it.",
            path_.string());
}

}  // namespace hierevo::app
