#include "search_status.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "hierevo/core/owner.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/search/rank_record.hpp"
#include "hierevo/search/run_directory.hpp"
#include "hierevo/search/search_progress.hpp"
#include "option_set.hpp"
#include "saved_run.hpp"
#include "terminal.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using core::counted_text;
using core::duration_text;
using core::grouped_text;
using evolution::Individual;
using evolution::Status;
using nlohmann::json;

/// --max-consecutive-failures of the last start; 1 where that is not recorded, or not to be read.
std::size_t max_consecutive_failures(const fs::path& run) {
  try {
    const auto options = search::RunDirectory::configuration_of(run);
    return std::stoul(OptionSet::value_in(options.value_or(""), "max-consecutive-failures"));
  } catch (const std::exception&) {
    return 1;
  }
}

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
  if (series == 0 || series < max_consecutive_failures(run)) {
    return "no rank was left to evaluate, or evaluations kept failing";
  }
  return fmt::format("{} consecutive evaluations failed; the last: {}", series,
                     last->reason.empty() ? name(last->status) : last->reason);
}

/// The best fitness so far, after equal numbers of evaluations.
json trend_of(const std::vector<Individual>& history) {
  constexpr std::size_t most = 40;
  json trend = json::array();
  const std::size_t points = std::min(most, history.size());
  double best = 0.0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (!evolution::is_failure(history[i].evaluation.status)) {
      best = std::max(best, history[i].evaluation.fitness);
    }
    if ((i + 1) * points / history.size() > trend.size()) trend.push_back(best);
  }
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

json ranks_of(const fs::path& run) {
  const auto record = search::read_ranks(run);
  return record ? json(record->ranks) : json::array();
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

/// "repeat 1, step 200 of 5000, loss 1.234, 42 s"
std::string candidate_text(const json& one) {
  std::string text = fmt::format("candidate {}", one["id"].get<std::uint64_t>());
  if (one["steps"].get<std::int64_t>() > 0) {
    text += fmt::format(", repeat {}, step {} of {}", one["repeat"].get<int>() + 1,
                        grouped_text(one["step"].get<std::int64_t>()),
                        grouped_text(one["steps"].get<std::int64_t>()));
    if (one["loss"].is_number()) text += fmt::format(", loss {:.3f}", one["loss"].get<double>());
  }
  return text + ", for " + duration_text(one["seconds"].get<double>());
}

std::string clock_text(double seconds_from_now) {
  const std::time_t then = std::time(nullptr) + static_cast<std::time_t>(seconds_from_now);
  std::tm parts{};
  if (::localtime_r(&then, &parts) == nullptr) return "";
  std::array<char, 32> text{};
  constexpr double day = 86400.0;
  std::strftime(text.data(), text.size(), seconds_from_now < day ? "%H:%M" : "%Y-%m-%d %H:%M",
                &parts);
  return text.data();
}

Tone tone_of_state(const std::string& state) {
  if (state == "running" || state == "finished" || state == "working") return Tone::good;
  return state == "stopped" || state == "dead" || state == "broken" ? Tone::bad : Tone::warning;
}

class Screen {
 public:
  Screen(const json& status, bool colours) : status_(status), colours_(colours) {}

  std::vector<std::string> lines(std::size_t most_ranks) {
    add_head();
    add_progress();
    add_time();
    add_best();
    add_workers();
    add_ranks(most_ranks);
    add_problems();
    return std::move(lines_);
  }

 private:
  std::string toned(std::string_view text, Tone tone) const {
    return app::toned(text, tone, colours_);
  }
  void add(std::string_view label, const std::string& shown) {
    lines_.push_back("  " + toned(fmt::format("{:<11}", label), Tone::faint) + " " + shown);
  }
  void add_plain(std::string_view label, const std::string& text) {
    add(label, toned(text, Tone::plain));
  }

  void add_head() {
    const auto state = status_["state"].get<std::string>();
    std::string rest;
    if (!status_["reason"].is_null())
      rest += fmt::format(" ({})", status_["reason"].get<std::string>());
    if (state == "running" && !status_["owner"].is_null()) {
      rest += fmt::format(" ({})", status_["owner"].get<std::string>());
    }
    lines_.push_back(toned(status_["run"].get<std::string>(), Tone::strong) + ": " +
                     toned(state, tone_of_state(state)) + toned(rest, Tone::plain));
  }

  void add_progress() {
    const json& counts = status_["evaluations"];
    const auto done = counts["done"].get<std::size_t>();
    const auto target = counts["target"].get<std::size_t>();
    const double share =
        target > done ? static_cast<double>(done) / static_cast<double>(target) : 1.0;
    std::string text = fmt::format("{} {} ({:.1f} %)", bar(share, 20),
                                   search::evaluations_text(done, target), 100.0 * share);
    const auto append = [&](const char* what) {
      const auto count = counts[what].get<std::size_t>();
      if (count > 0)
        text += fmt::format(", {} {}", grouped_text(static_cast<std::int64_t>(count)), what);
    };
    append("failed");
    append("reused");
    if (const auto count = counts["in_flight"].get<std::size_t>(); count > 0) {
      text +=
          fmt::format(", {} {}", count, status_["state"] == "running" ? "in flight" : "to resume");
    }
    add_plain("done", text);
  }

  void add_time() {
    std::string text = duration_text(status_["elapsed_seconds"].get<double>()) + " searched";
    const json& remaining = status_["remaining_seconds"];
    if (remaining.is_number()) {
      text += fmt::format(", about {} left", duration_text(remaining.get<double>()));
      if (status_["state"] == "running") {
        text += fmt::format(" (until {})", clock_text(remaining.get<double>()));
      }
    }
    add_plain("time", text);
  }

  void add_best() {
    const json& best = status_["best"];
    if (best.is_null()) return;
    add_plain("best", fmt::format("{:.4f}, individual {}, {} parameters",
                                  best["fitness"].get<double>(), best["id"].get<std::uint64_t>(),
                                  grouped_text(best["parameters"].get<std::int64_t>())));
    const auto trend = status_["best_so_far"].get<std::vector<double>>();
    if (trend.size() < 2) return;
    add("so far",
        block_line(trend) +
            toned(fmt::format("  {:.4f} to {:.4f}", trend.front(), trend.back()), Tone::plain));
  }

  void add_workers() {
    const double busy = 100.0 * status_["utilisation"].get<double>();
    if (status_["state"] == "running") {
      add_plain("evaluators", fmt::format("{} now, busy {:.0f} % of the time",
                                          status_["workers"].get<int>(), busy));
    } else if (busy > 0.0) {
      add_plain("evaluators", fmt::format("were busy {:.0f} % of the time", busy));
    }
  }

  void add_ranks(std::size_t most) {
    if (status_["state"] != "running") return;
    std::map<int, std::vector<const json*>> candidates;
    for (const json& one : status_["candidates"])
      candidates[one["rank"].get<int>()].push_back(&one);
    std::vector<const json*> ranks;
    for (const json& rank : status_["ranks"]) ranks.push_back(&rank);
    std::ranges::stable_sort(ranks, {},
                             [](const json* rank) { return (*rank)["state"] == "working"; });
    for (std::size_t i = 0; i < ranks.size() && i < most; ++i) {
      const json& rank = *ranks[i];
      const int number = rank["rank"].get<int>();
      const auto state = rank["state"].get<std::string>();
      std::string text = rank["host"].get<std::string>();
      if (const auto place = rank["place"].get<std::string>(); !place.empty()) text += ", " + place;
      std::string shown = toned(text, Tone::plain) + ": ";
      const auto reason = rank["reason"].get<std::string>();
      if (state != "working") {
        shown += toned(state + (reason.empty() ? "" : " (" + reason + ")"), tone_of_state(state));
      } else if (!candidates.contains(number)) {
        shown += toned("idle, or between two candidates", Tone::faint);
      }
      const auto& its = candidates[number];
      if (state == "working" && !its.empty())
        shown += toned(candidate_text(*its.front()), Tone::plain);
      add(fmt::format("rank {}", number), shown);
      for (std::size_t k = 1; k < its.size(); ++k) add_plain("", candidate_text(*its[k]));
    }
    if (ranks.size() > most) {
      add_plain("", fmt::format("and {} more (--json has all)",
                                counted_text(ranks.size() - most, "rank")));
    }
  }

  void add_problems() {
    const json& problems = status_["problems"];
    if (problems.empty()) {
      add_plain("problems", "none");
      return;
    }
    constexpr std::size_t most = 6;
    for (std::size_t i = 0; i < problems.size() && i < most; ++i) {
      add(i == 0 ? "problems" : "", toned(problems[i].get<std::string>(), Tone::warning));
    }
    if (problems.size() > most) add_plain("", fmt::format("and {} more", problems.size() - most));
  }

  const json& status_;
  bool colours_;
  std::vector<std::string> lines_;
};

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
  const auto reused = std::ranges::count_if(
      history, [](const Individual& one) { return one.evaluation.status == Status::reused; });
  // A search that was killed left "running" behind.
  std::string state = progress.state;
  if (!running && state == "running") state = "stopped";
  if (running) state = "running";
  const auto owner = core::owner_of(run);
  json status = {
      {"run", run.string()},
      {"state", state},
      {"reason", state == "stopped" ? json(reason_of_stop(snapshot, run)) : json()},
      {"owner", owner ? json(owner->text()) : json()},
      {"evaluations",
       {{"done", history.size()},
        {"failed", failed},
        {"reused", reused},
        {"in_flight", snapshot.state.in_flight.size()},
        {"target", snapshot.options.evaluations}}},
      {"failures", failures},
      {"best", json()},
      {"best_so_far", trend_of(history)},
      {"workers", running ? progress.workers : 0},
      {"utilisation",
       progress.worker_seconds > 0.0 ? progress.busy_seconds / progress.worker_seconds : 0.0},
      {"elapsed_seconds", progress.elapsed_seconds},
      {"remaining_seconds", remaining_seconds(snapshot, progress.elapsed_seconds)},
      {"saved_at", progress.unix_seconds},
      {"candidates", candidates},
      {"ranks", ranks_of(run)},
      {"free_bytes", free_bytes(run)}};
  if (const Individual* best = evolution::best_of(history)) {
    status["best"] = {{"id", number(best->candidate.id)},
                      {"fitness", best->evaluation.fitness},
                      {"parameters", best->evaluation.parameters}};
  }
  status["problems"] = problems_of(status, history, run);
  return status;
}

std::vector<std::string> search_screen(const json& status, std::size_t most_ranks, bool colours) {
  return Screen(status, colours).lines(most_ranks);
}

}  // namespace hierevo::app
