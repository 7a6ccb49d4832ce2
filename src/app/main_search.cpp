// `hierevo-search`: the program that `hierevo search` becomes. Links MPI, and Torch for training.
#include <string_view>

#include "commands.hpp"
#include "program.hpp"

int main(int argc, char** argv) {
  using namespace hierevo;
  const int first = argc > 1 && argv[1] == std::string_view("search") ? 2 : 1;
  return app::guarded([&] { return app::command_search(app::arguments_from(argc, argv, first)); });
}
