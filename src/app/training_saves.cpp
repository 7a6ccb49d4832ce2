#include "training_saves.hpp"

#include <unistd.h>

#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
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

namespace {

/// Whether a killed process wrote only a part of the last line.
bool ends_within_a_line(const core::Descriptor& file) {
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  char last = '\n';
  return size > 0 && ::pread(file.get(), &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

void JsonLog::append(const std::string& line) {
  if (!file_) {
    file_ = core::open_to_append(path_);
    torn_ = ends_within_a_line(file_);
  }
  const std::string text = (torn_ ? "\n" : "") + line + '\n';
  torn_ = true;
  core::write_all(file_.get(), path_, std::as_bytes(std::span(text)));
  torn_ = false;
}

void JsonLog::write(const nlohmann::json& line) {
  try {
    append(line.dump());
  } catch (const core::IoError& error) {
    if (told_) return;
    told_ = true;
    core::log(core::LogLevel::warning, "{} The training continues without it.", error.what());
  }
}

}  // namespace hierevo::app
