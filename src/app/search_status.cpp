#include "search_status.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "front.hpp"
#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/owner.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/report/run_charts.hpp"
#include "hierevo/search/rank_record.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/search_progress.hpp"
#include "recorded_search.hpp"
#include "saved_run.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using core::counted_text;
using core::duration_text;
using evolution::Individual;
using evolution::Status;
using nlohmann::json;

/// Why a search has stopped, as far as the run shows.
std::string reason_of_stop(const io::Snapshot& snapshot, const fs::path& run) {
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
  if (series == 0 ||
      series < recorded_number<std::size_t>(run, "max-consecutive-failures").value_or(1)) {
    return "no rank was left to evaluate, or evaluations kept failing";
  }
  return fmt::format("{} consecutive evaluations failed; the last: {}", series,
                     last->reason.empty() ? name(last->status) : last->reason);
}

/// The best fitness so far, after equal numbers of evaluations.
json trend_of(const std::vector<Individual>& history) {
  constexpr std::size_t most = 40;
  const std::vector<double> best = report::best_so_far(history);
  const std::size_t points = std::min(most, best.size());
  json trend = json::array();
  for (std::size_t i = 1; i <= points; ++i) trend.push_back(best[i * best.size() / points - 1]);
  return trend;
}

/// By the pace of the latest results; null where nothing can be said.
json remaining_seconds(const io::Snapshot& snapshot, double elapsed) {
  const auto& history = snapshot.state.history;
  if (history.size() >= snapshot.options.evaluations) return json();
  constexpr std::size_t most = 200;
  const std::size_t latest = std::min(most, history.size() / 2);
  if (latest == 0) return json();
  const auto since = history[history.size() - latest - 1].evaluation.finished_at;
  if (!since || *since >= elapsed) return json();
  return (elapsed - *since) / static_cast<double>(latest) *
         static_cast<double>(snapshot.options.evaluations - history.size());
}

json failures_of(const std::vector<Individual>& history) {
  json failures = json::object();
  for (const Individual& one : history) {
    const Status status = one.evaluation.status;
    if (!evolution::is_failure(status)) continue;
    const std::string kind(name(status));
    failures[kind] = failures.value(kind, 0) + 1;
  }
  return failures;
}

std::string last_reason(const std::vector<Individual>& history) {
  for (auto one = history.rbegin(); one != history.rend(); ++one) {
    if (!evolution::is_failure(one->evaluation.status)) continue;
    return one->evaluation.reason.empty() ? std::string(name(one->evaluation.status))
                                          : one->evaluation.reason;
  }
  return "";
}

/// Without those whose results have come since the progress was written.
json still_in_flight(const std::vector<search::CandidateInFlight>& candidates,
                     const evolution::EngineState& state) {
  std::unordered_set<evolution::IndividualId> in_flight;
  for (const evolution::Candidate& one : state.in_flight) in_flight.insert(one.id);
  json still = json::array();
  for (const search::CandidateInFlight& one : candidates) {
    if (in_flight.contains(one.id)) still.push_back(one);
  }
  return still;
}

/// Bytes that users may still write where the run is; null where that cannot be known.
json free_bytes(const fs::path& run) {
  struct statvfs disk {};
  if (::statvfs(run.c_str(), &disk) != 0) return json();
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

double median_seconds(const std::vector<Individual>& history) {
  std::vector<double> seconds;
  for (const Individual& one : history) {
    if (one.evaluation.status == Status::evaluated) seconds.push_back(one.evaluation.seconds);
  }
  if (seconds.empty()) return 0.0;
  const auto middle = seconds.begin() + std::ssize(seconds) / 2;
  std::ranges::nth_element(seconds, middle);
  return *middle;
}

/// Everything that is wrong, a sentence each.
json problems_of(const json& status, const std::vector<Individual>& history, const fs::path& run) {
  json problems = json::array();
  const auto failed = status["evaluations"]["failed"].get<std::size_t>();
  if (failed > 0) {
    problems.push_back(fmt::format("{} failed; the last: {}", counted_text(failed, "evaluation"),
                                   last_reason(history)));
  }
  const bool any = std::ranges::any_of(
      history, [](const Individual& one) { return has_fitness(one.evaluation.status); });
  if (failed == 0 && !history.empty() && !any) {
    const evolution::Evaluation& last = history.back().evaluation;
    problems.push_back(fmt::format("no candidate was evaluated; the last: {}",
                                   last.reason.empty() ? name(last.status) : last.reason));
  }
  if (status["state"] != "running") return problems;
  std::map<std::string, std::size_t> ranks;
  for (const json& rank : status["ranks"]) {
    const auto state = rank["state"].get<std::string>();
    if (state != "working" && state != "starting") ++ranks[state];
  }
  for (const auto& [state, count] : ranks) {
    problems.push_back(fmt::format("{} {}", counted_text(count, "rank"), state));
  }
  const double usual = median_seconds(history);
  constexpr std::size_t enough = 10;
  constexpr double much = 5.0;
  constexpr double seconds_worth_a_word = 60.0;
  if (history.size() >= enough) {
    for (const json& one : status["candidates"]) {
      const auto seconds = one["seconds"].get<double>();
      if (seconds < std::max(much * usual, seconds_worth_a_word)) continue;
      problems.push_back(fmt::format("candidate {} on rank {} has taken {}, where {} is usual",
                                     one["id"].get<std::uint64_t>(), one["rank"].get<int>(),
                                     duration_text(seconds), duration_text(usual)));
    }
  }
  constexpr std::uint64_t little = std::uint64_t{1} << 28;
  const json& free = status["free_bytes"];
  if (free.is_number() && free.get<std::uint64_t>() < little) {
    problems.push_back(
        fmt::format("the disk has only {} MB left", free.get<std::uint64_t>() >> 20));
  }
  constexpr std::chrono::seconds silent(60);
  std::error_code none;
  const auto written = fs::last_write_time(run / "progress.json", none);
  if (!none) {
    const std::chrono::duration<double> age = fs::file_time_type::clock::now() - written;
    if (age > silent) {
      problems.push_back(
          fmt::format("rank 0 has reported nothing for {}", duration_text(age.count())));
    }
  }
  return problems;
}

}  // namespace

json search_status(const fs::path& run) {
  // The lock first: a search that ends in between is then shown as running once more, never a
  // running one as stopped.
  const bool running = search::RunDirectory::in_use(run);
  const io::Snapshot snapshot = read_run(run);
  const auto& history = snapshot.state.history;
  io::RunProgress progress = snapshot.progress;
  json candidates = json::array();
  const auto now = running ? search::read_progress(run) : std::nullopt;
  if (now && now->run.elapsed_seconds > progress.elapsed_seconds) {
    progress.elapsed_seconds = now->run.elapsed_seconds;
    progress.busy_seconds = now->run.busy_seconds;
    progress.worker_seconds = now->run.worker_seconds;
    progress.workers = now->run.workers;
  }
  if (now) candidates = still_in_flight(now->candidates, snapshot.state);
  if (!history.empty()) {
    // The journal is newer than both.
    const double latest = history.back().evaluation.finished_at.value_or(0.0);
    progress.elapsed_seconds = std::max(progress.elapsed_seconds, latest);
  }
  const json failures = failures_of(history);
  std::size_t failed = 0;
  for (const auto& [kind, count] : failures.items()) failed += count.get<std::size_t>();
  const auto with = [&history](Status status) {
    return std::ranges::count(history, status,
                              [](const Individual& one) { return one.evaluation.status; });
  };
  const std::string state = core::present_state(progress.state, running);
  const auto owner = core::owner_of(run);
  const auto ranks = search::read_ranks(run);
  json status = {{"run", run.string()},
                 {"state", state},
                 {"reason", state == "stopped" ? json(reason_of_stop(snapshot, run)) : json()},
                 {"owner", owner ? json(owner->text()) : json()},
                 {"evaluations",
                  {{"done", history.size()},
                   {"failed", failed},
                   {"reused", with(Status::reused)},
                   {"invalid", with(Status::invalid)},
                   {"over_budget", with(Status::over_budget)},
                   {"in_flight", snapshot.state.in_flight.size()},
                   {"target", snapshot.options.evaluations}}},
                 {"failures", failures},
                 {"best", json()},
                 {"best_so_far", trend_of(history)},
                 {"workers", running ? progress.workers : 0},
                 {"utilisation", progress.utilisation()},
                 {"elapsed_seconds", progress.elapsed_seconds},
                 {"remaining_seconds", remaining_seconds(snapshot, progress.elapsed_seconds)},
                 {"saved_at", progress.unix_seconds},
                 {"candidates", candidates},
                 {"ranks", ranks ? json(ranks->ranks) : json::array()},
                 {"log", ranks && !ranks->log.empty() ? json(ranks->log) : json()},
                 {"free_bytes", free_bytes(run)}};
  if (const Individual* best = evolution::best_of(history)) {
    status["best"] = {{"id", number(best->candidate.id)},
                      {"fitness", best->evaluation.fitness},
                      {"parameters", best->evaluation.parameters}};
  }
  const auto& objectives = snapshot.options.objectives;
  const auto front = pareto_front(history, objectives);
  constexpr std::size_t most_shown = 100;
  status["objectives"] = text_of(objectives);
  status["front_size"] = front.size();
  status["front"] = json::array();
  for (const Individual* one : spread_over(front, most_shown)) {
    status["front"].push_back(front_member(*one, objectives));
  }
  status["problems"] = problems_of(status, history, run);
  return status;
}

}  // namespace hierevo::app
