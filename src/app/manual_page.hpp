// Manual pages, in man's language.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hierevo::app {

struct ManualOption {
  std::string name;
  std::string value;     ///< what it takes, such as NUMBER; empty: nothing
  std::string standard;  ///< its default; empty: none
  std::string help;
};

struct ManualSection {
  std::string title;
  std::vector<ManualOption> options;
};

/// What a command's help says.
struct Manual {
  std::string command;  ///< "search"
  std::string usage;    ///< "hierevo search --run DIR [options]"
  std::string about;
  std::vector<ManualSection> sections;
  std::string epilogue;
};

/// The page hierevo-COMMAND(1).
std::string man_page(const Manual& manual);

/// The page hierevo(1). `commands`: each with what it does.
std::string overview_page(const std::vector<std::pair<std::string, std::string>>& commands);

}  // namespace hierevo::app
