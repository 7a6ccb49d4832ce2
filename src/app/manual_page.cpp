#include "manual_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "hierevo/core/version.hpp"

namespace hierevo::app {

namespace {

/// Text of a line: man takes some characters for its own.
std::string escaped(std::string_view text) {
  std::string shown;
  for (const char letter : text) {
    if (letter == '\\') {
      shown += "\\e";
    } else if (letter == '-') {
      shown += "\\-";
    } else {
      shown += letter;
    }
  }
  if (shown.starts_with('.') || shown.starts_with('\'')) shown.insert(0, "\\&");
  return shown;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char letter) {
    return static_cast<char>(std::toupper(letter));
  });
  return text;
}

/// Lines as they are.
std::string listing(std::string_view text) {
  std::string lines = ".nf\n";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines += escaped(text.substr(0, end)) + '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines + ".fi\n";
}

/// Filled, except for blocks of indented lines, such as lists.
std::string paragraphs(std::string_view text) {
  std::string page;
  bool as_it_is = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with(' ') != as_it_is) {
      as_it_is = !as_it_is;
      page += as_it_is ? ".nf\n" : ".fi\n";
    }
    page += escaped(line) + '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return as_it_is ? page + ".fi\n" : page;
}

std::string option_text(const ManualOption& option) {
  std::string text = fmt::format(".TP\n\\fB\\-\\-{}\\fR", escaped(option.name));
  if (!option.value.empty()) text += fmt::format(" \\fI{}\\fR", escaped(option.value));
  if (!option.standard.empty()) text += fmt::format(" (default: {})", escaped(option.standard));
  return text + '\n' + escaped(option.help) + '\n';
}

constexpr std::string_view exit_codes =
    "0 finished, 2 wrong usage or input, 3 files or folders cannot be used, 4 stopped after "
    "failures "
    "or out of memory, 5 another process is using the folder, 75 saved: run the same command "
    "again.";

}  // namespace

std::string man_page(const Manual& manual) {
  const std::string name = "hierevo-" + manual.command;
  std::string first = manual.about.substr(0, manual.about.find_first_of(".:"));
  std::ranges::replace(first, '\n', ' ');
  std::string page =
      fmt::format(".TH {} 1 \"\" \"hierevo {}\" \"hierevo\"\n", upper(name), core::version());
  page += fmt::format(".SH NAME\n{} \\- {}\n", escaped(name), escaped(first));
  page += ".SH SYNOPSIS\n" + listing(manual.usage);
  page += ".SH DESCRIPTION\n" + paragraphs(manual.about);
  page += ".SH OPTIONS\n";
  for (const ManualSection& section : manual.sections) {
    page += fmt::format(".SS {}\n", escaped(section.title));
    for (const ManualOption& option : section.options) page += option_text(option);
  }
  if (!manual.epilogue.empty()) page += ".SH NOTES\n" + listing(manual.epilogue);
  page += fmt::format(".SH EXIT STATUS\n{}\n", escaped(exit_codes));
  return page + ".SH SEE ALSO\n.BR hierevo (1)\n";
}

std::string overview_page(const std::vector<std::pair<std::string, std::string>>& commands) {
  std::string page =
      fmt::format(".TH HIEREVO 1 \"\" \"hierevo {}\" \"hierevo\"\n", core::version());
  page +=
      ".SH NAME\nhierevo \\- finds convolutional cells by asynchronous evolution\n"
      ".SH SYNOPSIS\n.B hierevo\n.I COMMAND\n[options]\n"
      ".SH DESCRIPTION\nFinds convolutional cells by asynchronous evolution over hierarchical "
      "genotypes, on one machine or on the nodes of a cluster, and trains the found one.\n"
      ".SH COMMANDS\n";
  for (const auto& [name, about] : commands) {
    page += fmt::format(".TP\n.BR hierevo\\-{} (1)\n{}\n", name, escaped(about));
  }
  page += fmt::format(".SH EXIT STATUS\n{}\n", escaped(exit_codes));
  return page;
}

}  // namespace hierevo::app
