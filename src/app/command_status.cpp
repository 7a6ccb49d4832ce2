#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/search/run_directory.hpp"
#include "option_set.hpp"
#include "program.hpp"
#include "saved_run.hpp"
#include "search_screen.hpp"
#include "search_status.hpp"
#include "standard_output.hpp"
#include "terminal.hpp"
#include "training_status.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A search or a training at one moment.
struct Look {
  json status;
  std::vector<std::string> screen;
};

Look look_at(const fs::path& folder, bool colours) {
  require_folder(folder);
  if (!fs::exists(search::RunDirectory::snapshot_path(folder)) && is_training(folder)) {
    json status = training_status(folder);
    return {status, training_screen(status, colours)};
  }
  json status = search_status(folder);
  // The other lines, and as many problems as are shown.
  constexpr int other_lines = 15;
  constexpr int usual_lines = 35;
  const int lines = terminal_lines() > 0 ? terminal_lines() : usual_lines;
  const auto rank_lines = static_cast<std::size_t>(std::max(3, lines - other_lines));
  return {status, search_screen(status, rank_lines, colours)};
}

/// Redraws a screen where the last one was.
class Redrawn {
 public:
  void show(const std::vector<std::string>& lines) {
    // From the top left; what is left of longer lines and of lines below is cleared.
    // Lines do not wrap meanwhile: each takes one.
    std::cout << (first_ ? "\x1b[2J\x1b[H\x1b[?7l" : "\x1b[H\x1b[?7l");
    for (const std::string& line : lines) std::cout << line << "\x1b[K\n";
    std::cout << "\x1b[J\x1b[?7h";
    first_ = false;
  }

 private:
  bool first_ = true;
};

}  // namespace

int command_status(const Arguments& arguments) {
  std::string run;
  bool as_json = false;
  bool watch = false;
  OptionSet options(
      "usage: hierevo status --run DIR [--json] [--watch]",
      "Shows how a search or a final training is doing: how far it is and when it will be done,\n"
      "the best so far, what is wrong, where its ranks are and what each does. From any machine\n"
      "that sees the folder.");
  options.group("Status");
  options.add("run", &run, "the run directory, or the folder of a training");
  options.add("json", &as_json, "as JSON");
  options.add("watch", &watch,
              "again every two seconds, in the same place of a terminal, until it ends");
  if (!options.parse(arguments)) return 0;
  if (run.empty()) throw core::UsageError("No run is given", "", "Give --run DIR.");

  catch_stop_signals();
  Redrawn redrawn;
  while (true) {
    const Look look = look_at(run, shows_colours());
    if (as_json) {
      std::cout << look.status.dump(watch ? -1 : 2, ' ', /*ensure_ascii=*/true,
                                    json::error_handler_t::replace)
                << '\n';
    } else if (watch && terminal_lines() > 0) {
      redrawn.show(look.screen);
    } else {
      for (const std::string& line : look.screen) std::cout << line << '\n';
    }
    flush_output();
    if (!watch || look.status["state"] != "running" || stop_signal_came()) return 0;
    ::poll(nullptr, 0, 2000);  // a signal ends it
  }
}

}  // namespace hierevo::app
