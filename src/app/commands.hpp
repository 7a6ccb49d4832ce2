// The subcommands of `hierevo`, a file each. They take the arguments behind their name and return
// the exit code. Those of other programs (search, evaluator, evaluate, train) are declared
// here too.
#pragma once

#include <string>
#include <vector>

namespace hierevo::app {

using Arguments = std::vector<std::string>;

int command_sample(const Arguments& arguments);
int command_inspect(const Arguments& arguments);
int command_status(const Arguments& arguments);
int command_verify(const Arguments& arguments);
int command_export(const Arguments& arguments);
int command_report(const Arguments& arguments);
int command_prepare(const Arguments& arguments);

int command_search(const Arguments& arguments);
int command_evaluator(const Arguments& arguments);
int command_evaluate(const Arguments& arguments);
int command_train(const Arguments& arguments);

}  // namespace hierevo::app
