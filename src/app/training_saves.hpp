// How the files of a training are written while it runs.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::app {

/// Writes one thing at a time in a thread of its own, so that a training need not wait for the
/// disk. What cannot be written is logged, once until it can be again, and the training
/// continues. Belongs to one thread.
class BackgroundWriter {
 public:
  BackgroundWriter() = default;
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;
  /// Waits for what is being written.
  ~BackgroundWriter();

  bool is_busy() const;
  /// Starts `write`, after what is being written.
  void start(std::function<void()> write);
  /// Waits for what is being written.
  void wait();

 private:
  std::future<void> writing_;
  bool failing_ = false;
};

/// A JSON object a line, at the end of a file. When a line cannot be written that is told once, and
/// later ones are tried again.
class JsonLog {
 public:
  /// Creates the file, or continues it after the last whole line.
  explicit JsonLog(std::filesystem::path path) : path_(std::move(path)) {}
  void write(const nlohmann::json& line);

 private:
  void append(const std::string& line);

  std::filesystem::path path_;
  core::Descriptor file_;
  bool torn_ = false;  ///< the file may end within a line
  bool told_ = false;
};

}  // namespace hierevo::app
