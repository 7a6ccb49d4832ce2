// What the main() of every program does around a command.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::app {

/// Runs `command` and returns its exit code; errors become a message on standard error, which says
/// that it is of `who` ("rank 3") where that is not empty, and the exit code of their kind.
int guarded(const std::function<int()>& command, std::string_view who = {});

/// What main() does: runs `command` like guarded(), and then looks whether all it printed could be
/// written, else that is an error too; its own exit code goes first. A file that may not become as
/// large as it would (`ulimit -f`) is an error, as a full disk is, and not the end of the process.
int run_program(const std::function<int()>& command);

/// Of a program that lies beside this one.
std::filesystem::path sibling_program(std::string_view name);
bool this_program_is(std::string_view name);
/// Replaces this process by a program that lies beside it. Throws UsageError when it cannot.
[[noreturn]] void become(std::string_view program, const std::vector<std::string>& arguments);

std::vector<std::string> arguments_from(int argc, char** argv, int first);

/// Writing to a pipe without a reader, or to a terminal that is gone, no longer ends the process:
/// what is written there is lost. For commands whose work is worth more than what they print.
void outlive_readers();
/// From now on SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1 and SIGUSR2 only set a flag; a second
/// SIGINT ends the process at once. SIGINT and SIGHUP that this process was started to ignore, as
/// in the background of a script or by nohup, stay ignored.
void catch_stop_signals();
bool stop_signal_came();

}  // namespace hierevo::app
