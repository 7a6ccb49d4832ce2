// `hierevo-search`: the program that `hierevo search` becomes. Links MPI, and Torch for training.
#include "commands.hpp"
#include "program.hpp"

int main(int argc, char** argv) {
  using namespace hierevo;
  return app::guarded([&] { return app::command_search(app::arguments_from(argc, argv, 2)); });
}
