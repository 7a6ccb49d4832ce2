// The evaluator process of a search: gets its orders from the rank that started it.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>

#include "commands.hpp"
#include "evaluator_setup.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/process/supervisor.hpp"
#include "hierevo/search/evaluation_server.hpp"
#include "option_set.hpp"
#include "search_evaluators.hpp"
#include "search_options.hpp"

namespace hierevo::app {

namespace {

const std::terminate_handler end_in_general = std::get_terminate();

/// For an exception that nobody caught, perhaps in a thread of a library.
[[noreturn]] void end_for_want_of_memory() {
  try {
    if (const auto uncaught = std::current_exception()) std::rethrow_exception(uncaught);
  } catch (const std::exception& error) {
    if (core::is_out_of_memory(error)) ::_exit(process::out_of_memory_exit_code);
  } catch (...) {
    end_in_general();
  }
  end_in_general();
  std::abort();
}

}  // namespace

int command_evaluator(const Arguments&) {
  std::set_terminate(end_for_want_of_memory);
  search::EvaluationServer server;
  const auto text = server.setup();
  if (!text) return 0;
  const EvaluatorSetup setup = EvaluatorSetup::from_text(*text);
  core::configure_log(core::LogLevel::info, setup.log_name);
  SearchCommandOptions command;
  std::optional<SearchEvaluators> evaluators;
  std::unique_ptr<search::Evaluator> evaluator;
  std::int64_t memory = 0;
  try {
    OptionSet options("", "");
    command.add_to(options);
    options.pass_over_environment();
    options.inherit("run", options.recorded_names(),
                    [&](const std::string&) { return setup.options; });
    options.parse({"--run", setup.run});
    evaluators.emplace(command, options.lasting());
    memory = evaluators->evaluator_memory(setup.sharing);
    evaluators->limit_memory(setup.sharing);
    evaluator = evaluators->make();
  } catch (const std::exception& error) {
    server.ready(std::nullopt,
                 core::is_out_of_memory(error)
                     ? "Not enough memory to start an evaluator. Raise --address-space-limit, or "
                       "start fewer evaluators."
                     : core::failure_of(error).text);
    return 0;
  }
  // CUDA may find none for a while, as when MPS recovers from a fault: this process is started
  // again.
  if (!setup.device.empty()) evaluators->require_gpu(setup.device);
  server.ready(evaluators->data(), "", memory);
  try {
    server.serve(*evaluator);
  } catch (const search::EvaluatorLost& lost) {
    core::log(core::LogLevel::error, "{}", lost.what());
    return static_cast<int>(core::ExitCode::failures);
  } catch (const std::exception& error) {
    if (!core::is_out_of_memory(error)) throw;
    return process::out_of_memory_exit_code;
  }
  return 0;
}

}  // namespace hierevo::app
