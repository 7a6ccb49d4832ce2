// INI files: as --config of `hierevo search`, and as the record of a run, from which options come.
// An accepted file's record says the same, and is the record of itself.
#include <iostream>
#include <sstream>
#include <string>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "ini_text.hpp"
#include "search_options.hpp"
#include "support/scratch_folder.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;
using fuzz::require;

/// The options of a search after parsing, or the error.
struct Parsed {
  app::SearchCommandOptions command;
  app::OptionSet options{"hierevo search", "Searches."};
  bool goes_on = false;

  Parsed() { command.add_to(options); }
};

/// --dump-config, in a file too, prints, and a file without options causes a warning.
class Quiet {
 public:
  Quiet() : usual_(std::cout.rdbuf(nothing_.rdbuf())) {
    core::configure_log(core::LogLevel::error, "fuzz");
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  ~Quiet() { std::cout.rdbuf(usual_); }

 private:
  std::ostringstream nothing_;
  std::streambuf* usual_;
};

/// False when the text is refused.
bool parse_as_config(const std::string& text, Parsed& into) {
  static const test::ScratchFolder folder;
  static const std::string path = (folder.path() / "config.ini").string();
  fuzz::write_file(path, text);
  try {
    into.goes_on = into.options.parse({"--config", path});
    return true;
  } catch (const core::UsageError&) {
    return false;
  }
}

void check_use(const app::SearchCommandOptions& command) {
  try {
    command.search();
  } catch (const core::UsageError&) {
  }
}

void check_config(const std::string& text) {
  Parsed first;
  if (!parse_as_config(text, first)) return;
  check_use(first.command);
  const std::string record = first.options.record();
  Parsed second;
  require(parse_as_config(record, second), "a record is accepted");
  require(second.options.record() == record, "a record is the record of itself");
  second.options.require_same(record, "input", "--run");
  const auto names = first.options.recorded_names();
  const std::string& name = names[text.size() % names.size()];
  const std::string line = app::ini_line(name, app::OptionSet::value_in(record, name));
  require(record.find(line) != std::string::npos, "a record's values are read");
}

/// Any text can be a value, but for a zero byte, which no command line has.
void check_as_value(const std::string& text) {
  if (text.find('\0') != std::string::npos) return;
  const auto lines = app::read_ini(app::ini_line("name", text), "its line");
  require(lines.size() == 1 && lines[0].value == text, "a value is read as it was written");
}

void check_inherited(const std::string& text) {
  Parsed heir;
  heir.options.inherit("run", heir.options.recorded_names(),
                       [&](const std::string&) { return text; });
  try {
    heir.options.parse({"--run", "RUN"});
  } catch (const core::UsageError&) {
    return;
  }
  Parsed same;
  require(parse_as_config(heir.options.record(), same), "what was inherited is accepted");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Quiet quiet;
  const std::string text(fuzz::text_of(data, size));
  check_as_value(text);
  check_config(text);
  check_inherited(text);
  return 0;
}
