// `hierevo-search`, which `hierevo search` becomes: a rank of a search. Links no Torch.
// `hierevo-evaluator`, of the same source: trains candidates for a rank that has started it, or in
// the rank itself with --isolation none. Links Torch.
#include <string_view>

#include "commands.hpp"
#include "hierevo/core/memory.hpp"
#include "program.hpp"
#include "training_setup.hpp"

int main(int argc, char** argv) {
  using namespace hierevo;
  if (app::TrainingSetup::available()) core::keep_freed_memory();
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "evaluator") {
    return app::run_program(
        [&] { return app::command_evaluator(app::arguments_from(argc, argv, 2)); });
  }
  const int first = name == "search" ? 2 : 1;
  return app::run_program(
      [&] { return app::command_search(app::arguments_from(argc, argv, first)); });
}
