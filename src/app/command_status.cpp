#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "commands.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/search_progress.hpp"
#include "option_set.hpp"
#include "program.hpp"
#include "progress_line.hpp"
#include "saved_run.hpp"
#include "standard_output.hpp"

namespace hierevo::app {

namespace {

using evolution::Status;
using nlohmann::json;

/// Without those whose results have come since the progress was written.
json still_under_way(const std::vector<search::CandidateInFlight>& candidates,
                     const evolution::EngineState& state) {
  json still = json::array();
  for (const search::CandidateInFlight& one : candidates) {
    const bool in_flight = std::any_of(
        state.in_flight.begin(), state.in_flight.end(),
        [&one](const evolution::Candidate& candidate) { return candidate.id == one.id; });
    if (in_flight) still.push_back(one);
  }
  return still;
}

/// --max-consecutive-failures of the last start; 1 where that is not recorded, or not to be read.
std::size_t max_consecutive_failures(const std::filesystem::path& run) {
  try {
    const auto options = search::RunDirectory::configuration_of(run);
    return std::stoul(OptionSet::value_in(options.value_or(""), "max-consecutive-failures"));
  } catch (const std::exception&) {
    return 1;
  }
}

/// Why a search has stopped, as far as the run shows.
std::string reason_of_stop(const io::Snapshot& snapshot, const std::filesystem::path& run) {
  if (snapshot.progress.state == "running")
    return "it was killed, or could not save before it exited";
  std::size_t series = 0;
  const evolution::Evaluation* last = nullptr;
  for (const auto& individual : snapshot.state.history) {
    const evolution::Evaluation& evaluation = individual.evaluation;
    if (evaluation.status == Status::evaluated) series = 0;
    if (!evolution::is_failure(evaluation.status)) continue;
    ++series;
    last = &evaluation;
  }
  // Its workers' last results may have come after its end was decided.
  if (series == 0 || series < max_consecutive_failures(run)) {
    return "no rank was left to evaluate, or evaluations kept failing";
  }
  return fmt::format("{} consecutive evaluations failed; the last: {}", series,
                     last->reason.empty() ? name(last->status) : last->reason);
}

json status_of(const std::filesystem::path& run) {
  // The lock first: a search that ends in between is then shown as running once more, never a
  // running one as stopped.
  const bool running = search::RunDirectory::in_use(run);
  const io::Snapshot snapshot = read_run(run);
  io::RunProgress progress = snapshot.progress;
  json under_way = json::array();
  const auto now = running ? search::read_progress(run) : std::nullopt;
  if (now && now->run.elapsed_seconds > progress.elapsed_seconds) {
    progress.elapsed_seconds = now->run.elapsed_seconds;
    progress.busy_seconds = now->run.busy_seconds;
    progress.worker_seconds = now->run.worker_seconds;
    progress.workers = now->run.workers;
  }
  if (now) under_way = still_under_way(now->candidates, snapshot.state);
  std::size_t failed = 0;
  std::size_t reused = 0;
  json failures = json::object();
  for (const auto& individual : snapshot.state.history) {
    const Status status = individual.evaluation.status;
    reused += status == Status::reused ? 1 : 0;
    if (!evolution::is_failure(status)) continue;
    ++failed;
    const std::string reason(name(status));
    failures[reason] = failures.value(reason, 0) + 1;
  }
  // A search that was killed left "running" behind.
  std::string state = progress.state;
  if (!running && state == "running") state = "stopped";
  if (running) state = "running";
  json status = {
      {"run", run.string()},
      {"state", state},
      {"reason", state == "stopped" ? json(reason_of_stop(snapshot, run)) : json()},
      {"evaluations",
       {{"done", snapshot.state.history.size()},
        {"failed", failed},
        {"reused", reused},
        {"in_flight", snapshot.state.in_flight.size()},
        {"target", snapshot.options.evaluations}}},
      {"failures", failures},
      {"best", json()},
      {"workers", running ? progress.workers : 0},
      {"utilisation",
       progress.worker_seconds > 0.0 ? progress.busy_seconds / progress.worker_seconds : 0.0},
      {"elapsed_seconds", progress.elapsed_seconds},
      {"saved_at", progress.unix_seconds}};
  status["under_way"] = under_way;
  const evolution::Engine engine(snapshot.options, snapshot.state);
  if (const auto* best = engine.best()) {
    status["best"] = {{"id", number(best->candidate.id)},
                      {"fitness", best->evaluation.fitness},
                      {"parameters", best->evaluation.parameters}};
  }
  return status;
}

/// "12 on rank 3, repeat 1, step 200 of 5000, loss 1.234"
std::string under_way_text(const json& one) {
  std::string text =
      fmt::format("{} on rank {}", one["id"].get<std::uint64_t>(), one["rank"].get<int>());
  if (one["steps"].get<std::int64_t>() > 0) {
    text += fmt::format(", repeat {}, step {} of {}, loss {:.3f}", one["repeat"].get<int>() + 1,
                        one["step"].get<std::int64_t>(), one["steps"].get<std::int64_t>(),
                        one["loss"].get<double>());
  }
  return text;
}

void print_for_people(const json& status) {
  const json& counts = status["evaluations"];
  const json& reason = status["reason"];
  print_line("{}: {}{}", status["run"].get<std::string>(), status["state"].get<std::string>(),
             reason.is_null() ? "" : fmt::format(" ({})", reason.get<std::string>()));
  print_line("  done         {}, {} failed, {} reused, {} {}",
             search::evaluations_text(counts["done"].get<std::size_t>(),
                                      counts["target"].get<std::size_t>()),
             counts["failed"].get<std::size_t>(), counts["reused"].get<std::size_t>(),
             counts["in_flight"].get<std::size_t>(),
             status["state"] == "running" ? "in flight" : "to resume");
  for (const auto& [failure, count] : status["failures"].items()) {
    print_line("  failure      {}: {}", failure, count.get<int>());
  }
  if (!status["best"].is_null()) {
    print_line("  best         {:.4f}, individual {}, {} parameters",
               status["best"]["fitness"].get<double>(), status["best"]["id"].get<std::uint64_t>(),
               status["best"]["parameters"].get<std::int64_t>());
  }
  print_line("  workers      {} now, busy {:.0f} % of the time", status["workers"].get<int>(),
             100.0 * status["utilisation"].get<double>());
  for (const json& one : status["under_way"]) {
    print_line("  in flight    {}", under_way_text(one));
  }
  print_line("  searched     {}", core::duration_text(status["elapsed_seconds"].get<double>()));
}

}  // namespace

int command_status(const Arguments& arguments) {
  std::string run;
  bool as_json = false;
  bool watch = false;
  OptionSet options("usage: hierevo status --run DIR [--json] [--watch]",
                    "Shows how a search is doing, from any machine that sees the run directory.");
  options.group("Status");
  options.add("run", &run, "the run directory");
  options.add("json", &as_json, "as JSON");
  options.add("watch", &watch, "again every two seconds, until the search ends");
  if (!options.parse(arguments)) return 0;
  if (run.empty()) throw core::UsageError("No run is given", "", "Give --run DIR.");

  catch_stop_signals();
  while (true) {
    const json status = status_of(run);
    if (as_json) {
      std::cout << status.dump(watch ? -1 : 2, ' ', false, json::error_handler_t::replace) << '\n';
    } else {
      print_for_people(status);
    }
    flush_output();
    if (!watch || status["state"] != "running" || stop_signal_came()) return 0;
    std::this_thread::sleep_for(std::chrono::seconds(2));
  }
}

}  // namespace hierevo::app
