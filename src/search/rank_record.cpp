#include "hierevo/search/rank_record.hpp"

#include <nlohmann/json.hpp>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/search/whole_number.hpp"
#include "shown_file.hpp"

namespace hierevo::search {

using nlohmann::json;

namespace {

constexpr const char* file_name = "ranks.json";

RankFacts rank_facts_from(const json& one) {
  return {.rank = whole_number<int>(one, "rank"),
          .host = one.at("host").get<std::string>(),
          .place = one.at("place").get<std::string>(),
          .evaluators = whole_number<std::size_t>(one, "evaluators"),
          .state = one.at("state").get<std::string>(),
          .reason = one.at("reason").get<std::string>()};
}

}  // namespace

void to_json(json& to, const RankFacts& rank) {
  to = {{"rank", rank.rank},   {"host", rank.host},
        {"place", rank.place}, {"evaluators", rank.evaluators},
        {"state", rank.state}, {"reason", rank.reason}};
}

void write_ranks(const std::filesystem::path& run, const RankRecord& record) {
  show_file(run / file_name, {{"began", record.began},
                              {"program", record.program},
                              {"log", record.log},
                              {"ranks", record.ranks}});
}

std::optional<RankRecord> read_ranks(const std::filesystem::path& run) {
  try {
    const json contents = json::parse(core::read_text_file(run / file_name));
    RankRecord record{.began = whole_number<std::int64_t>(contents, "began"),
                      .program = contents.at("program").get<std::string>(),
                      .log = contents.value("log", ""),
                      .ranks = {}};
    for (const json& one : contents.at("ranks")) record.ranks.push_back(rank_facts_from(one));
    return record;
  } catch (const core::Error&) {
    return std::nullopt;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace hierevo::search
