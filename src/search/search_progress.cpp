#include "hierevo/search/search_progress.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/search/whole_number.hpp"
#include "shown_file.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

fs::path file_in(const fs::path& run) {
  return run / "progress.json";
}

CandidateInFlight from_json(const json& one) {
  CandidateInFlight candidate;
  candidate.id = evolution::IndividualId{whole_number<std::uint64_t>(one, "id")};
  candidate.rank = whole_number<int>(one, "rank");
  candidate.at.repeat = whole_number<int>(one, "repeat");
  candidate.at.step = whole_number<std::int64_t>(one, "step");
  candidate.at.steps = whole_number<std::int64_t>(one, "steps");
  // JSON has no number for a loss that is not finite.
  candidate.at.loss = one.at("loss").is_null() ? std::numeric_limits<double>::quiet_NaN()
                                               : one.at("loss").get<double>();
  candidate.seconds = one.value("seconds", 0.0);
  return candidate;
}

}  // namespace

void to_json(json& to, const CandidateInFlight& candidate) {
  to = {{"id", number(candidate.id)},    {"rank", candidate.rank},
        {"repeat", candidate.at.repeat}, {"step", candidate.at.step},
        {"steps", candidate.at.steps},   {"loss", candidate.at.loss},
        {"seconds", candidate.seconds}};
}

void write_progress(const fs::path& run, const SearchProgress& progress) {
  show_file(file_in(run), {{"elapsed_seconds", progress.run.elapsed_seconds},
                           {"busy_seconds", progress.run.busy_seconds},
                           {"worker_seconds", progress.run.worker_seconds},
                           {"workers", progress.run.workers},
                           {"candidates", progress.candidates}});
}

void remove_progress(const fs::path& run) {
  remove_shown_file(file_in(run));
}

std::optional<SearchProgress> read_progress(const fs::path& run) {
  try {
    const json contents = json::parse(core::read_text_file(file_in(run)));
    SearchProgress progress;
    progress.run.elapsed_seconds = contents.at("elapsed_seconds").get<double>();
    progress.run.busy_seconds = contents.at("busy_seconds").get<double>();
    progress.run.worker_seconds = contents.at("worker_seconds").get<double>();
    progress.run.workers = whole_number<int>(contents, "workers");
    for (const json& one : contents.at("candidates")) progress.candidates.push_back(from_json(one));
    return progress;
  } catch (const core::Error&) {
    return std::nullopt;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

bool is_shown_as_running(const fs::path& run) {
  std::error_code error;
  const auto written = fs::last_write_time(file_in(run), error);
  return !error && fs::file_time_type::clock::now() - written < std::chrono::seconds(30);
}

std::string evaluations_text(std::size_t done, std::size_t target) {
  return done <= target ? fmt::format("{} of {} evaluations", done, target)
                        : fmt::format("{} evaluations, {} were asked for", done, target);
}

}  // namespace hierevo::search
