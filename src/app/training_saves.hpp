// The files that a training writes while it goes on: its weights, by a thread, and its log.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <nlohmann/json_fwd.hpp>

namespace hierevo::app {

/// Writes one thing at a time in a thread of its own, so that a training need not wait for the
/// disk. Belongs to one thread. What cannot be written is told in the log.
class BackgroundWriter {
 public:
  BackgroundWriter() = default;
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;
  /// Waits for what is being written.
  ~BackgroundWriter();

  bool is_busy() const;
  /// Starts `write`, after what is being written. The training goes on whatever it throws.
  void start(std::function<void()> write);
  /// Waits for what is being written. Throws nothing, as the same can be written once more.
  void wait();

 private:
  std::future<void> writing_;
};

/// A JSON object a line, at the end of a file. When a line cannot be written that is told once, and
/// the training goes on.
class JsonLog {
 public:
  /// Makes the file, or goes on with it behind the last whole line.
  explicit JsonLog(std::filesystem::path path);
  void write(const nlohmann::json& line);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
  bool told_ = false;
};

}  // namespace hierevo::app
