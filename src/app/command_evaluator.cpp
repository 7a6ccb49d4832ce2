// The evaluator process of a search: gets its orders from the rank that started it.
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.hpp"
#include "evaluator_setup.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/search/process_evaluators.hpp"
#include "option_set.hpp"
#include "search_evaluators.hpp"
#include "search_options.hpp"

namespace hierevo::app {

int command_evaluator(const Arguments&) {
  search::EvaluationServer server;
  const auto text = server.setup();
  if (!text) return 0;
  const EvaluatorSetup setup = EvaluatorSetup::from_text(*text);
  core::configure_log(core::LogLevel::info, setup.log_name);
  SearchCommandOptions command;
  std::optional<SearchEvaluators> evaluators;
  std::unique_ptr<search::Evaluator> evaluator;
  try {
    OptionSet options("", "");
    command.add_to(options);
    options.inherit("run", options.recorded_names(),
                    [&](const std::string&) { return setup.options; });
    options.parse({"--run", setup.run});
    evaluators.emplace(command, options.record(options_that_may_change()));
    evaluator = evaluators->make();
  } catch (const std::exception& error) {
    server.ready(std::nullopt, error.what());
    return 0;
  }
  server.ready(evaluators->data(), "");
  server.serve(*evaluator);
  return 0;
}

}  // namespace hierevo::app
