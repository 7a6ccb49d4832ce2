// `hierevo`, the program that users call: answers at once itself, without Torch and MPI, or becomes
// the program that does the work.
#include <fmt/format.h>

#include <array>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/version.hpp"
#include "manual_page.hpp"
#include "program.hpp"

namespace {

using namespace hierevo;

struct Subcommand {
  std::string_view name;
  std::string_view about;
  int (*run)(const app::Arguments&);  ///< null where another program does it
  std::string_view program;           ///< that program
};

constexpr std::array subcommands = {
    Subcommand{"search", "find a cell by evolution; alone, or under mpirun or srun", nullptr,
               "hierevo-search"},
    Subcommand{"train", "train a found or given cell and test it", nullptr, "hierevo-train"},
    Subcommand{"evaluate", "one fitness evaluation, as a worker does it", nullptr, "hierevo-train"},
    Subcommand{"prepare", "pack a data set into one file, or JPEG images into a folder of shards",
               app::command_prepare, ""},
    Subcommand{"sample", "random genotypes as JSON lines", app::command_sample, ""},
    Subcommand{"inspect", "structure, cost and phenotype of a genotype", app::command_inspect, ""},
    Subcommand{"status", "how a search or a final training is doing, and what is wrong",
               app::command_status, ""},
    Subcommand{"report", "a page about searches: charts, the best cells, failures",
               app::command_report, ""},
    Subcommand{"export", "a cell or a trained network as PyTorch, ONNX, JSON or a drawing",
               app::command_export, ""},
    Subcommand{"verify", "replays a search and checks everything it left", app::command_verify, ""},
};

void print_help() {
  std::cout
      << "usage: hierevo COMMAND [options]\n\n"
         "Finds convolutional cells by asynchronous evolution over hierarchical genotypes.\n\n";
  for (const auto& command : subcommands) {
    std::cout << fmt::format("  {:<10}{}\n", command.name, command.about);
  }
  std::cout
      << "\n"
         "`hierevo COMMAND --help` explains a command, `hierevo --version` this build.\n"
         "\n"
         "A first search on two evaluating ranks:\n"
         "  mpirun -n 3 hierevo search --run my-run --population 20 --evaluations 100 \\\n"
         "    --channels 8 --steps 100 --batch 64 --repeats 1\n"
         "The same command resumes an interrupted search.\n"
         "\n"
         "Exit codes: 0 finished, 2 wrong usage or input, 3 run directory or output cannot be\n"
         "used, 4 stopped after failures or out of memory, 5 another process is using the folder,\n"
         "75 saved: run the same command again.\n";
}

int run(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return argc > 1 ? 0 : static_cast<int>(core::ExitCode::usage);
  }
  if (name == "--man-page") {
    std::vector<std::pair<std::string, std::string>> commands;
    for (const auto& command : subcommands) commands.emplace_back(command.name, command.about);
    std::cout << app::overview_page(commands);
    return 0;
  }
  if (name == "--version") {
    std::cout << core::build_facts();
    return 0;
  }
  std::vector<std::string> known;
  for (const auto& command : subcommands) {
    if (command.name == name && command.run == nullptr) {
      app::become(command.program, app::arguments_from(argc, argv, 1));
    }
    if (command.name == name) return command.run(app::arguments_from(argc, argv, 2));
    known.emplace_back(command.name);
  }
  throw core::UsageError(fmt::format("There is no command '{}'", name), "",
                         core::suggestion_for(name, known) + " See `hierevo --help`.");
}

}  // namespace

int main(int argc, char** argv) {
  return app::run_program([&] { return run(argc, argv); });
}
