#include "search_screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "hierevo/core/quantity_text.hpp"
#include "hierevo/evolution/objectives.hpp"
#include "hierevo/search/search_progress.hpp"
#include "terminal.hpp"

namespace hierevo::app {

namespace {

using core::counted_text;
using core::duration_text;
using core::grouped_text;
using nlohmann::json;

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

/// Empty where no clock goes so far.
std::string clock_text(double seconds_from_now) {
  constexpr double century = 100.0 * 365.0 * 86400.0;
  if (!(seconds_from_now >= 0.0 && seconds_from_now < century)) return "";
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

  std::vector<std::string> lines(std::size_t most_rank_lines) {
    add_head();
    add_progress();
    add_time();
    add_best();
    add_front();
    add_workers();
    add_ranks(most_rank_lines);
    add_problems();
    if (status_["log"].is_string()) add_plain("log", status_["log"].get<std::string>());
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
    const auto append = [&](const char* member, const char* word) {
      const auto count = counts[member].get<std::int64_t>();
      if (count > 0) text += fmt::format(", {} {}", grouped_text(count), word);
    };
    append("failed", "failed");
    append("reused", "reused");
    append("invalid", "invalid");
    append("over_budget", "over budget");
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
      const std::string clock = clock_text(remaining.get<double>());
      if (status_["state"] == "running" && !clock.empty())
        text += fmt::format(" (until {})", clock);
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

  /// The ends of the front; with one objective it is the best alone.
  void add_front() {
    const auto objectives = evolution::objectives_of(status_["objectives"].get<std::string>());
    const json& front = status_["front"];
    if (objectives.size() < 2 || front.empty()) return;
    const auto text = [&](const json& member) {
      std::string values;
      for (const auto& objective : objectives) {
        values +=
            fmt::format("{} {}, ", objective.name,
                        value_text(objective, member["values"][objective.name].get<double>()));
      }
      return values + fmt::format("individual {}", member["id"].get<std::uint64_t>());
    };
    add_plain("front", counted_text(status_["front_size"].get<std::size_t>(), "individual") +
                           ", the first: " + text(front.front()));
    if (front.size() > 1) add_plain("", "the last: " + text(front.back()));
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

  /// Where a rank is, and what it does, or why it does nothing.
  std::string rank_text(const json& rank, bool busy, bool others_began) const {
    std::string place = rank["host"].get<std::string>();
    if (const auto devices = rank["place"].get<std::string>(); !devices.empty()) {
      place += ", " + devices;
    }
    const std::string text = toned(place, Tone::plain) + ": ";
    const auto state = rank["state"].get<std::string>();
    const auto reason = rank["reason"].get<std::string>();
    if (state != "working") {
      return text +
             toned(state + (reason.empty() ? "" : " (" + reason + ")"), tone_of_state(state));
    }
    if (busy) return text;
    return text + toned(others_began ? "a new candidate, or idle" : "idle", Tone::faint);
  }

  void add_ranks(std::size_t most_lines) {
    if (status_["state"] != "running") return;
    std::map<int, std::vector<std::string>> candidates;
    for (const json& one : status_["candidates"]) {
      candidates[one["rank"].get<int>()].push_back(candidate_text(one));
    }
    std::vector<const json*> ranks;
    for (const json& rank : status_["ranks"]) ranks.push_back(&rank);
    std::ranges::stable_sort(ranks, {},
                             [](const json* rank) { return (*rank)["state"] == "working"; });
    // What began since rank 0 last reported who does what.
    const bool others_began =
        status_["evaluations"]["in_flight"].get<std::size_t>() > status_["candidates"].size();
    const std::size_t end = lines_.size() + most_lines;
    std::size_t shown = 0;
    for (; shown < ranks.size() && lines_.size() < end; ++shown) {
      const json& rank = *ranks[shown];
      const int number = rank["rank"].get<int>();
      auto its = candidates[number];
      if (rank["state"] != "working") its.clear();
      std::string text = rank_text(rank, !its.empty(), others_began);
      if (!its.empty()) text += toned(its.front(), Tone::plain);
      add(fmt::format("rank {}", number), text);
      for (std::size_t k = 1; k < its.size() && lines_.size() < end; ++k) add_plain("", its[k]);
    }
    if (shown < ranks.size()) {
      add_plain("", fmt::format("and {} more (--json has all)",
                                counted_text(ranks.size() - shown, "rank")));
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

std::vector<std::string> search_screen(const json& status, std::size_t most_lines, bool colours) {
  return Screen(status, colours).lines(most_lines);
}

}  // namespace hierevo::app
