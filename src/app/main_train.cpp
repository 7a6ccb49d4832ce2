// `hierevo-train`: the program that `hierevo train` and `evaluate` become. Links Torch.
#include <string_view>

#include "commands.hpp"
#include "hierevo/core/memory.hpp"
#include "program.hpp"

int main(int argc, char** argv) {
  using namespace hierevo;
  app::catch_stop_signals();  // `hierevo` has held them
  core::keep_freed_memory();
  const std::string_view name = argc > 1 ? argv[1] : "";
  const auto command = name == "evaluate" ? app::command_evaluate : app::command_train;
  const bool named = name == "train" || name == "evaluate";
  return app::run_program([&] { return command(app::arguments_from(argc, argv, named ? 2 : 1)); });
}
