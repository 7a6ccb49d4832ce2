#include "option_set.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>

#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "renamed_options.hpp"

namespace hierevo::app {

namespace po = boost::program_options;

namespace {

constexpr unsigned line_width = 100;

/// Of an option given more than once the last one counts, as people expect who add one to a line.
void keep_last_of_each(po::parsed_options& parsed, const std::set<std::string>& lists) {
  std::vector<po::option> kept;
  for (auto option = parsed.options.rbegin(); option != parsed.options.rend(); ++option) {
    const bool later = !lists.contains(option->string_key) &&
                       std::any_of(kept.begin(), kept.end(), [&](const po::option& other) {
                         return other.string_key == option->string_key;
                       });
    if (!later) kept.insert(kept.begin(), *option);
  }
  parsed.options = std::move(kept);
}

constexpr const char* record_name = "config.ini of the run";

std::vector<IniLine> read_record(const std::string& text) {
  std::vector<IniLine> lines = read_ini(text, record_name);
  for (IniLine& line : lines) line.name = new_name_of(line.name).value_or(line.name);
  return lines;
}

std::map<std::string, std::string> values_of(const std::vector<IniLine>& lines) {
  std::map<std::string, std::string> values;
  for (const IniLine& line : lines) values[line.name] = line.value;
  return values;
}

OptionPlace place_of(const std::string& name, const std::vector<IniLine>& lines) {
  OptionPlace place{.name = name};
  for (const IniLine& line : lines) place.lines[line.name] = line.number;
  return place;
}

/// What was meant to have options, and has lost them, would otherwise pass for the defaults.
void warn_of_no_options(const std::string& file) {
  if (comm::MpiSession::local_rank() != 0) return;
  core::log(core::LogLevel::warning, "{}",
            core::error_text(fmt::format("'{}' has no options in it", file),
                             "all that the command line does not give have their defaults",
                             "See --dump-config for what is in force."));
}

}  // namespace

std::string Facts::text() const {
  std::vector<std::string> parts;
  if (!choices.empty()) parts.push_back(fmt::format("{}", fmt::join(choices, ", ")));
  if (!unit.empty()) parts.push_back(unit);
  const bool any = !range || range->text() == core::at_least(0).text();
  if (!any) parts.push_back(range->text());
  if (!zero.empty()) parts.push_back("0: " + zero);
  return fmt::format("{}", fmt::join(parts, "; "));
}

OptionSet::OptionSet(std::string usage, std::string about)
    : usage_(std::move(usage)), about_(std::move(about)) {
  group("General");
  groups_.back().add_options()("help,h", po::bool_switch(&help_), "show this and exit")(
      "config", po::value<std::string>(&config_)->value_name("FILE.ini"),
      "take options from this file (NAME=VALUE lines); the command line takes precedence")(
      "dump-config", po::bool_switch(&dump_config_),
      "print all options in force, except per-run options, and exit")(
      "print-given", po::value<std::string>(&print_given_)->value_name("NAMES"),
      "print what the command line and the file give for these options (NAME,NAME), each value "
      "followed by a zero byte, and exit: for scripts")("man-page", po::bool_switch(&man_page_),
                                                        "print the manual page and exit")(
      "option-names", po::bool_switch(&option_names_),
      "print the names of all options and exit: for shells that complete them");
}

void OptionSet::group(const std::string& title) {
  groups_.emplace_back(title, line_width, line_width / 2);
  titles_.push_back(title);
}

void OptionSet::add_list(const std::string& name, std::vector<std::string>* target,
                         const std::string& help) {
  lists_.insert(name);
  groups_.back().add_options()(name.c_str(), po::value(target)->composing(), help.c_str());
}

po::options_description OptionSet::all() const {
  po::options_description all("", line_width, line_width / 2);
  for (const auto& group : groups_) all.add(group);
  return all;
}

void OptionSet::refuse_in(const OptionPlace& place, const po::error& error) const {
  const po::options_description known = all();
  std::map<std::string, std::string> takes;
  for (const auto& option : known.options()) takes[option->long_name()] = "";
  for (const Entry& option : options_) takes[option.name] = option.values;
  refuse(error, place, takes);
}

bool OptionSet::parse(const std::vector<std::string>& arguments) {
  const po::options_description known = all();
  constexpr int style =
      po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  try {
    po::parsed_options parsed = po::command_line_parser(arguments)
                                    .options(known)
                                    .positional(positional_)
                                    .style(style)
                                    .run();
    keep_last_of_each(parsed, lists_);
    take(parsed, {});
  } catch (const po::error& error) {
    refuse_in({}, error);
  }
  if (values_["help"].as<bool>()) {
    print_help();
    return false;
  }
  if (values_["man-page"].as<bool>()) {
    std::cout << man_page(manual());
    return false;
  }
  if (values_["option-names"].as<bool>()) {
    print_option_names();
    return false;
  }
  if (values_.count("config") > 0) read_config(known);
  read_environment(known);
  take_defaults_of_run(known);
  po::notify(values_);
  for (const Entry& option : options_) require_possible(option);
  for (const auto& complete : complete_) complete();
  if (dump_config_) {
    std::cout << explained();
    return false;
  }
  if (!print_given_.empty()) {
    std::cout << given_values(print_given_);
    return false;
  }
  return true;
}

std::string OptionSet::given_values(const std::string& names) const {
  std::map<std::string, std::string> values = {{"config", config_}};
  for (const Entry& option : options_) {
    values[option.name] = given(option.name) ? option.text() : "";
  }
  std::string text;
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, ',');) {
    const auto found = values.find(name);
    if (found == values.end())
      throw core::UsageError("--print-given is '" + names + "'",
                             fmt::format("there is no option '{}'", name), "See --help.");
    text += found->second + '\0';
  }
  return text;
}

/// Those that no command has of its own say what is done at all, and where options are read from.
void OptionSet::require_allowed_in_file(const std::string& name, const OptionPlace& place) const {
  const auto is_it = [&name](const Entry& option) { return option.name == name; };
  if (std::any_of(options_.begin(), options_.end(), is_it)) return;
  throw core::UsageError(fmt::format("'{}' cannot be set{}", name, in_place(place, name)),
                         "it counts on the command line only",
                         fmt::format("Remove the line, and give --{} if you want it.", name));
}

void OptionSet::read_config(const po::options_description& known) {
  const auto file = values_["config"].as<std::string>();
  std::vector<IniLine> lines;
  try {
    lines = read_ini(core::read_text_file(file, core::longest_text_file, core::Readable::anything),
                     file);
  } catch (const core::IoError& error) {
    throw core::UsageError(error.what(), "", "Give an existing INI file to --config.");
  }
  if (lines.empty()) warn_of_no_options(file);
  const OptionPlace place = place_of(file, lines);
  try {
    po::parsed_options parsed(&known);
    for (const IniLine& line : lines) {
      const auto& others = passed_over_;
      const bool is_known = known.find_nothrow(line.name, /*approx=*/false) != nullptr;
      if (is_known) {
        require_allowed_in_file(line.name, place);
        parsed.options.emplace_back(line.name, std::vector<std::string>{line.value});
      } else if (std::find(others.begin(), others.end(), line.name) == others.end()) {
        throw po::unknown_option(line.name);
      }
    }
    take(parsed, place);
  } catch (const po::error& error) {
    refuse_in(place, error);
  }
}

void OptionSet::take(const po::parsed_options& parsed, const OptionPlace& place) {
  require_not_negative(parsed, place);
  po::store(parsed, values_);
  for (const auto& option : parsed.options) {
    places_.emplace(option.string_key, in_place(place, option.string_key));
  }
}

void OptionSet::require_possible(const Entry& option) const {
  const Facts& facts = option.facts;
  const auto place = places_.find(option.name);
  const auto refuse = [&](std::string_view value, std::string_view why,
                          std::string_view suggestion) {
    throw core::UsageError(fmt::format("--{} is {}{}", option.name, value,
                                       place == places_.end() ? "" : place->second),
                           why, suggestion);
  };
  const std::string value = option.text();
  const auto& choices = facts.choices;
  const bool chosen = std::find(choices.begin(), choices.end(), value) != choices.end();
  if (!choices.empty() && !chosen && value != option.standard) {
    refuse('\'' + value + '\'', "this option does not take that value",
           core::suggestion_for(value, choices));
  }
  if (!facts.range || facts.range->contains(option.number())) return;
  const std::string number = facts.unit.empty() ? "a number" : facts.unit;
  if (facts.zero.empty()) {
    refuse(value, facts.range->why, fmt::format("Give {} {}.", number, facts.range->text()));
  }
  core::NumberRange others = *facts.range;
  others.without_least = true;
  refuse(value, others.why,
         fmt::format("Give {} {}, or 0 for {}.", number, others.text(), facts.zero));
}

/// Boost reads -1 as the largest unsigned number.
void OptionSet::require_not_negative(const po::parsed_options& parsed,
                                     const OptionPlace& place) const {
  for (const auto& given : parsed.options) {
    if (given.value.empty() || given.value.front().find('-') == std::string::npos) continue;
    for (const Entry& option : options_) {
      if (option.name != given.string_key || !option.never_negative) continue;
      throw core::UsageError(fmt::format("--{} is {}{}", option.name, given.value.front(),
                                         in_place(place, option.name)),
                             "it cannot be negative", "Give a whole number from 0 up.");
    }
  }
}

void OptionSet::inherit(std::string run, std::vector<std::string> names,
                        std::function<std::string(const std::string& run)> recorded_of) {
  run_option_ = std::move(run);
  inheriting_ = std::move(names);
  recorded_of_ = std::move(recorded_of);
}

void OptionSet::default_from_environment(const std::string& name, const std::string& variable) {
  variables_[name] = variable;
}

void OptionSet::read_environment(const po::options_description& known) {
  for (const auto& [name, variable] : variables_) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0' || given(name)) continue;
    po::parsed_options parsed(&known);
    parsed.options.emplace_back(name, std::vector<std::string>{value});
    try {
      take(parsed, {.name = variable});
    } catch (const po::error& error) {
      refuse_in({.name = variable}, error);
    }
    from_environment_.insert(name);
  }
}

void OptionSet::take_defaults_of_run(const po::options_description& known) {
  if (inheriting_.empty() || !given(run_option_)) return;
  po::parsed_options recorded(&known);
  const std::vector<IniLine> lines =
      read_record(recorded_of_(values_[run_option_].as<std::string>()));
  for (const auto& [name, value] : values_of(lines)) {
    const bool wanted =
        std::find(inheriting_.begin(), inheriting_.end(), name) != inheriting_.end();
    if (!wanted || given(name) || from_environment_.count(name) > 0) continue;
    recorded.options.emplace_back(name, std::vector<std::string>{value});
    inherited_.insert(name);
  }
  const OptionPlace place = place_of(record_name, lines);
  try {
    take(recorded, place);
  } catch (const po::error& error) {
    refuse_in(place, error);
  }
}

void OptionSet::print_help() const {
  std::cout << usage_ << "\n\n" << about_ << "\n";
  // The general options come last: a reader looks for those of the command.
  for (std::size_t i = 1; i < groups_.size(); ++i) std::cout << "\n" << groups_[i];
  std::cout << "\n" << groups_.front();
  if (!epilogue_.empty()) std::cout << "\n" << epilogue_;
}

Manual OptionSet::manual() const {
  constexpr std::string_view before_usage = "usage: ";
  constexpr std::string_view program = "hierevo ";
  Manual manual{.command = "",
                .usage = usage_.substr(before_usage.size()),
                .about = about_,
                .sections = {},
                .epilogue = epilogue_};
  manual.command = manual.usage.substr(program.size());
  manual.command.erase(manual.command.find(' '));
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    ManualSection section{titles_[i], {}};
    for (const auto& option : groups_[i].options()) {
      ManualOption entry{option->long_name(), "", "", option->description()};
      const auto found = std::find_if(options_.begin(), options_.end(), [&entry](const Entry& one) {
        return one.name == entry.name;
      });
      if (found != options_.end()) {
        entry.value = found->number ? "NUMBER" : "TEXT";
        if (found->values == values_of<bool>()) entry.value = "true|false";
        entry.standard = found->standard;
      } else if (option->semantic()->max_tokens() > 0) {
        entry.value = "TEXT";
      }
      section.options.push_back(std::move(entry));
    }
    // The general options come last, as in the help.
    manual.sections.push_back(std::move(section));
  }
  std::rotate(manual.sections.begin(), manual.sections.begin() + 1, manual.sections.end());
  std::erase_if(manual.sections, [](const ManualSection& one) { return one.options.empty(); });
  return manual;
}

void OptionSet::print_option_names() const {
  for (const ManualSection& section : manual().sections) {
    for (const ManualOption& option : section.options) {
      std::string values = option.value == "TEXT" ? "file" : "";
      if (option.value == "true|false") values = "true false";
      for (const Entry& entry : options_) {
        if (entry.name != option.name || entry.facts.choices.empty()) continue;
        values = fmt::format("{}", fmt::join(entry.facts.choices, " "));
        const auto& choices = entry.facts.choices;
        const bool listed =
            std::find(choices.begin(), choices.end(), entry.standard) != choices.end();
        if (!listed) values += " " + entry.standard;
      }
      std::cout << "--" << option.name << ' ' << values << '\n';
    }
  }
}

std::string OptionSet::value_in(const std::string& recorded, const std::string& name) {
  const auto values = values_of(read_record(recorded));
  const auto found = values.find(name);
  return found == values.end() ? "" : found->second;
}

std::vector<std::string> OptionSet::recorded_names() const {
  std::vector<std::string> names;
  for (const Entry& option : options_) {
    if (option.facts.recorded) names.push_back(option.name);
  }
  return names;
}

std::string OptionSet::lines_of(const std::function<bool(const Entry& option)>& wanted) const {
  std::string text;
  for (const Entry& option : options_) {
    if (option.facts.recorded && wanted(option)) text += option.line();
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> OptionSet::changed() const {
  return changed_where([](const Entry&) { return true; });
}

std::vector<std::pair<std::string, std::string>> OptionSet::changed_lasting() const {
  return changed_where([](const Entry& option) { return option.facts.change == Change::never; });
}

std::vector<std::pair<std::string, std::string>> OptionSet::changed_where(
    const std::function<bool(const Entry& option)>& wanted) const {
  std::vector<std::pair<std::string, std::string>> changed;
  for (const Entry& option : options_) {
    const std::string value = option.text();
    if (option.facts.recorded && value != option.standard && wanted(option)) {
      changed.emplace_back(option.name, value);
    }
  }
  return changed;
}

std::string OptionSet::in_force() const {
  return lines_of([](const Entry&) { return true; });
}

std::string OptionSet::common() const {
  return lines_of([](const Entry& option) { return option.facts.change != Change::between_ranks; });
}

std::string OptionSet::record() const {
  return lines_of([this](const Entry& option) { return !from_environment_.contains(option.name); });
}

std::string OptionSet::lasting() const {
  return lines_of([this](const Entry& option) {
    const bool as_before = option.facts.added_later && option.text() == option.standard;
    return option.facts.change == Change::never && !from_environment_.contains(option.name) &&
           !as_before;
  });
}

std::string OptionSet::explained() const {
  std::string text;
  for (const Entry& option : options_) {
    if (!option.facts.recorded) continue;
    const auto meaning = meanings_.find(option.name);
    const std::string comment = meaning == meanings_.end() ? "" : meaning->second();
    if (!comment.empty()) text += fmt::format("# {}\n", comment);
    text += option.line();
  }
  return text;
}

std::vector<std::string> OptionSet::differences(const std::string& recorded) const {
  const auto then = values_of(read_record(recorded));
  std::vector<std::string> found;
  for (const Entry& option : options_) {
    if (!option.facts.recorded || option.facts.change != Change::never) continue;
    const auto entry = then.find(option.name);
    const std::string now = option.text();
    if (entry != then.end() && entry->second != now) {
      found.push_back(fmt::format("--{} was {} and is {} now", option.name, entry->second, now));
    }
    // An earlier version did not have the option, and did what its default does.
    const bool has_record = entry != then.end() || variables_.contains(option.name);
    if (!has_record && given(option.name) && now != option.standard) {
      found.push_back(fmt::format("--{} was not recorded and is {} now", option.name, now));
    }
  }
  return found;
}

void OptionSet::require_same(const std::string& recorded, const std::string& where,
                             const std::string& folder_option) const {
  if (read_record(recorded).empty()) throw options_lost(where, folder_option);
  const auto changed = differences(recorded);
  if (changed.empty()) return;
  throw core::UsageError(
      fmt::format("'{}' was begun with other options", where),
      fmt::format("{}", fmt::join(changed, ", ")),
      fmt::format("Results could not be compared: use the same options again, or another {}.",
                  folder_option));
}

core::UsageError options_lost(const std::string& folder, const std::string& folder_option) {
  return core::UsageError(
      fmt::format("'{}/config.ini' is missing or empty", folder),
      "what was begun there cannot be resumed without the options that it began with",
      fmt::format("Restore the file from a backup, or use another {}.", folder_option));
}

bool OptionSet::given(const std::string& name) const {
  return values_.count(name) > 0 && !values_[name].defaulted() && inherited_.count(name) == 0 &&
         from_environment_.count(name) == 0;
}

}  // namespace hierevo::app
