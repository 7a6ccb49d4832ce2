#include "hierevo/search/under_way.hpp"

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

namespace hierevo::search {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

fs::path file_in(const fs::path& run) {
  return run / "progress.json";
}

fs::path new_file_in(const fs::path& run) {
  return run / "progress.json.tmp";
}

UnderWay from_json(const json& one) {
  UnderWay candidate;
  candidate.id = evolution::IndividualId{one.at("id").get<std::uint64_t>()};
  candidate.rank = one.at("rank").get<int>();
  candidate.at.repeat = one.at("repeat").get<int>();
  candidate.at.step = one.at("step").get<std::int64_t>();
  candidate.at.steps = one.at("steps").get<std::int64_t>();
  // JSON has no number for a loss that is not finite.
  candidate.at.loss = one.at("loss").is_null() ? std::numeric_limits<double>::quiet_NaN()
                                               : one.at("loss").get<double>();
  return candidate;
}

}  // namespace

void to_json(json& to, const UnderWay& candidate) {
  to = {{"id", number(candidate.id)},    {"rank", candidate.rank},
        {"repeat", candidate.at.repeat}, {"step", candidate.at.step},
        {"steps", candidate.at.steps},   {"loss", candidate.at.loss}};
}

void write_under_way(const fs::path& run, std::span<const UnderWay> candidates) {
  std::ofstream file(new_file_in(run));
  file << json(candidates).dump(1) << '\n';
  file.close();
  std::error_code ignored;
  if (file) fs::rename(new_file_in(run), file_in(run), ignored);
}

void remove_under_way(const fs::path& run) {
  std::error_code ignored;
  fs::remove(new_file_in(run), ignored);
  fs::remove(file_in(run), ignored);
}

std::vector<UnderWay> read_under_way(const fs::path& run) {
  std::vector<UnderWay> candidates;
  std::ifstream file(file_in(run));
  if (!file) return candidates;
  try {
    for (const json& one : json::parse(file)) candidates.push_back(from_json(one));
  } catch (const json::exception&) {
    candidates.clear();
  }
  return candidates;
}

}  // namespace hierevo::search
