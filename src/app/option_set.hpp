// The options of one command: from the command line, then an INI file, then defaults.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/program_options.hpp>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/number_range.hpp"
#include "ini_text.hpp"
#include "manual_page.hpp"
#include "option_errors.hpp"

namespace hierevo::app {

/// How an option's value stands in an INI file.
template <typename T>
std::string option_text(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else {
    return fmt::format("{}", value);
  }
}

/// What may be given for an option, for errors.
template <typename T>
std::string values_of() {
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_integral_v<T>) {
    return fmt::format("a whole number of up to {} digits", std::numeric_limits<T>::digits10);
  } else {
    return std::is_floating_point_v<T> ? "a number" : "";
  }
}

/// What may change of an option when a run or a training is resumed.
enum class Change {
  never,           ///< results could not be compared
  between_starts,  ///< how results are obtained, not what is computed
  between_ranks,   ///< likewise; each rank may have its own, too
};

/// What is known of an option besides its name, default and help. Parsing, help and records all
/// read it here.
struct Facts {
  std::optional<core::NumberRange> range{};
  std::string unit{};                  ///< of a number: "seconds"
  std::string zero{};                  ///< what 0 stands for, where it is no number as others are
  std::vector<std::string> choices{};  ///< that there are besides the default, where not any text
  bool recorded = true;                ///< in RUN/config.ini; otherwise a per-run option
  Change change = Change::never;
  /// Earlier versions did not have it, and did what its default does: lasting() is as theirs then.
  bool added_later = false;

  /// "seconds; from 1 to 64; 0: no limit", for help.
  std::string text() const;
};

/// For a folder that has results, and no record of the options that they were obtained with.
core::UsageError options_lost(const std::string& folder, const std::string& folder_option);

/// Options are added in groups with their targets; a target's value is the default. What counts is
/// the command line, or else the INI file, the environment, the run that is inherited from, the
/// default. Errors are UsageErrors; an unknown option names the nearest known one.
class OptionSet {
 public:
  /// `usage` is the first line of the help, `about` a sentence or two behind it.
  OptionSet(std::string usage, std::string about);

  void group(const std::string& title);
  template <typename T>
  void add(const std::string& name, T* target, const std::string& help, const Facts& facts = {}) {
    auto* value =
        boost::program_options::value<T>(target)->default_value(*target, option_text(*target));
    if constexpr (std::is_same_v<T, bool>) value->implicit_value(true, "true");
    Entry entry{name, facts, option_text(*target), [target] { return option_text(*target); },
                {},   {},    values_of<T>()};
    if constexpr (std::is_arithmetic_v<T>) {
      entry.number = [target] { return static_cast<double>(*target); };
      entry.never_negative = std::is_unsigned_v<T> && !std::is_same_v<T, bool>;
    }
    options_.push_back(std::move(entry));
    const std::string known = facts.text();
    groups_.back().add_options()(name.c_str(), value,
                                 (known.empty() ? help : help + " (" + known + ")").c_str());
  }
  /// An option that may be given several times, which is not recorded and stands in no file.
  void add_list(const std::string& name, std::vector<std::string>* target, const std::string& help);
  /// An option whose value may also stand alone on the command line.
  template <typename T>
  void add_positional(const std::string& name, T* target, const std::string& help) {
    add(name, target, help);
    positional_.add(name.c_str(), 1);
  }
  /// When option `run` is given, those of the options `names` that are given nowhere else take the
  /// values that `recorded_of` (the text of an INI file) has for them.
  void inherit(std::string run, std::vector<std::string> names,
               std::function<std::string(const std::string& run)> recorded_of);
  /// The default of option `name` is the value of an environment variable, unless that is empty.
  /// It is not recorded: a later start may not have that place, which may be a job's own.
  void default_from_environment(const std::string& name, const std::string& variable);
  /// For a process that gets all options in force from another, where the environment counts.
  void pass_over_environment() { variables_.clear(); }
  /// Options of another command, which a file of --config may have too: it serves both.
  void pass_over(std::vector<std::string> names) { passed_over_ = std::move(names); }
  /// What the value of option `name` means, which --dump-config says in a comment before it;
  /// empty: the value says so itself.
  void explain(const std::string& name, std::function<std::string()> meaning) {
    meanings_[name] = std::move(meaning);
  }
  /// Called when the targets are filled, before they are recorded, to complete what was given.
  void when_read(std::function<void()> complete) { complete_.push_back(std::move(complete)); }
  /// Examples behind the options in the help.
  void epilogue(std::string text) { epilogue_ = std::move(text); }

  /// Fills the targets. Prints the help and returns false when --help is there; prints all options
  /// in force and returns false when --dump-config is, and what is given for some of them when
  /// --print-given is.
  bool parse(const std::vector<std::string>& arguments);

  /// The value of option `name` in `recorded`, the text of an INI file; empty when it is not there.
  static std::string value_in(const std::string& recorded, const std::string& name);
  /// Names of the options of the record.
  std::vector<std::string> recorded_names() const;
  /// All options that can be recorded, with their values, as an INI file.
  std::string in_force() const;
  /// Likewise those that all ranks must agree in.
  std::string common() const;
  /// All, with what they mean as comments.
  std::string explained() const;
  /// Those that can be recorded and have other values than their defaults.
  std::vector<std::pair<std::string, std::string>> changed() const;
  /// Those of them that never change when a run is resumed.
  std::vector<std::pair<std::string, std::string>> changed_lasting() const;
  /// The same for the record: without what the environment gave.
  std::string record() const;
  /// What of the record never changes.
  std::string lasting() const;
  /// Throws UsageError when an option that never changes differs from that in `recorded`, the
  /// options that what is in `where` began with.
  void require_same(const std::string& recorded, const std::string& where,
                    const std::string& folder_option) const;
  /// Whether the command line or the INI file gave the option; neither inheriting nor the
  /// environment is giving.
  bool given(const std::string& name) const;

 private:
  struct Entry {
    std::string name;
    Facts facts;
    std::string standard;  ///< its default
    std::function<std::string()> text;
    std::function<double()> number;  ///< none where it is a text
    bool never_negative = false;
    std::string values;  ///< that may be given

    std::string line() const { return ini_line(name, text()); }
  };

  boost::program_options::options_description all() const;
  void print_help() const;
  Manual manual() const;
  /// A line for each option: its name, and what may be given for it: values, "file", or nothing.
  void print_option_names() const;
  /// What is given for the options of the list, each ended by a zero byte: no value has one, so
  /// that scripts can take any name of a file.
  std::string given_values(const std::string& names) const;
  /// Those of the record for which `wanted` holds, as an INI file.
  std::string lines_of(const std::function<bool(const Entry& option)>& wanted) const;
  std::vector<std::pair<std::string, std::string>> changed_where(
      const std::function<bool(const Entry& option)>& wanted) const;
  /// A complaint for each option that never changes whose value differs from that in `recorded`.
  std::vector<std::string> differences(const std::string& recorded) const;
  [[noreturn]] void refuse_in(const OptionPlace& place,
                              const boost::program_options::error& error) const;
  /// Takes those that no place before gave.
  void take(const boost::program_options::parsed_options& parsed, const OptionPlace& place);
  void require_not_negative(const boost::program_options::parsed_options& parsed,
                            const OptionPlace& place) const;
  void require_allowed_in_file(const std::string& name, const OptionPlace& place) const;
  void require_possible(const Entry& option) const;
  void read_config(const boost::program_options::options_description& known);
  void read_environment(const boost::program_options::options_description& known);
  void take_defaults_of_run(const boost::program_options::options_description& known);

  std::string usage_;
  std::string about_;
  std::string epilogue_;
  std::string config_;
  bool dump_config_ = false;
  std::string print_given_;
  bool help_ = false;
  bool man_page_ = false;
  bool option_names_ = false;
  std::string run_option_;
  std::vector<std::string> inheriting_;
  std::function<std::string(const std::string& run)> recorded_of_;
  std::set<std::string> inherited_;
  std::map<std::string, std::string> variables_;  ///< of the environment, by option
  std::set<std::string> from_environment_;
  std::map<std::string, std::string> places_;  ///< " in 'x.ini', line 3", by option
  std::vector<std::string> passed_over_;
  std::vector<std::function<void()>> complete_;
  std::vector<boost::program_options::options_description> groups_;
  std::vector<std::string> titles_;  ///< of the groups
  std::vector<Entry> options_;
  std::set<std::string> lists_;
  std::map<std::string, std::function<std::string()>> meanings_;
  boost::program_options::positional_options_description positional_;
  boost::program_options::variables_map values_;
};

}  // namespace hierevo::app
