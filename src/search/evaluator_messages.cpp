#include "evaluator_messages.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "evaluator_outcome.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/codec.hpp"

namespace hierevo::search {

using evolution::IndividualId;
using nlohmann::json;

namespace from_evaluator {

namespace {

/// A member of a message that is not as it must be.
struct Wrong {
  std::string problem;
};

/// 0 if it is left out.
std::int64_t count_in(const json& message, const char* name, std::int64_t most) {
  const auto found = message.find(name);
  if (found == message.end()) return 0;
  const bool counts = found->is_number_integer() && *found >= 0 && *found <= most;
  if (!counts) throw Wrong{fmt::format(R"("{}" is not a whole number from 0 to {})", name, most)};
  return found->get<std::int64_t>();
}

IndividualId id_in(const json& message) {
  const auto found = message.find("id");
  const bool is_id = found != message.end() && found->is_number_integer() && *found > 0;
  if (!is_id) throw Wrong{R"(it has no "id" of a candidate)"};
  return IndividualId{found->get<std::uint64_t>()};
}

/// The "memory_parts" that an outcome answers, if it says so.
std::optional<int> parts_in(const json& message) {
  if (!message.contains("memory_parts")) return std::nullopt;
  return static_cast<int>(count_in(message, "memory_parts", most_memory_parts));
}

/// Without it, an empty text.
std::string text_in(const json& message, const char* name) {
  const auto found = message.find(name);
  if (found == message.end()) return {};
  if (!found->is_string()) throw Wrong{fmt::format(R"("{}" is not a text)", name)};
  return found->get<std::string>();
}

Hello read_hello(const json& message) {
  if (message.value("protocol", json()) != evaluator_protocol) {
    throw Wrong{fmt::format(R"(its "protocol" is {}, and this hierevo speaks {})",
                            message.value("protocol", json()).dump(), evaluator_protocol)};
  }
  Hello hello{.name = text_in(message, "name"), .version = text_in(message, "version")};
  const auto fields = message.find("fields");
  if (fields == message.end()) return hello;
  if (!fields->is_array()) throw Wrong{R"("fields" is not a list)"};
  hello.genotype = false;
  for (const json& one : *fields) {
    if (one == "genotype") {
      hello.genotype = true;
    } else if (one == "cell") {
      hello.cell = true;
    } else {
      throw Wrong{R"("fields" may have "genotype" and "cell")"};
    }
  }
  return hello;
}

Progress read_progress(const json& message) {
  constexpr auto most_steps = std::numeric_limits<std::int64_t>::max();
  Progress progress{id_in(message), {}};
  EvaluationProgress& at = progress.at;
  at.repeat = static_cast<int>(count_in(message, "repeat", evolution::most_repeats));
  at.step = count_in(message, "step", most_steps);
  at.steps = count_in(message, "steps", most_steps);
  if (const auto loss = message.find("loss"); loss != message.end()) {
    if (!loss->is_number() && !loss->is_null()) throw Wrong{R"("loss" is not a number)"};
    at.loss = loss->is_null() ? std::numeric_limits<double>::quiet_NaN() : loss->get<double>();
  }
  if (const auto found = message.find("earlier_seconds"); found != message.end()) {
    const double seconds = found->is_number() ? found->get<double>() : -1.0;
    if (!std::isfinite(seconds) || seconds < 0.0) {
      throw Wrong{R"("earlier_seconds" is not a number of seconds)"};
    }
    at.earlier_seconds = seconds;
  }
  return progress;
}

Message read_object(const json& message) {
  if (!message.contains("type") && message.contains("fitness")) {
    throw Wrong{"this is what a program that is started for each candidate writes"};
  }
  const std::string type = text_in(message, "type");
  if (type == "progress") return read_progress(message);
  if (type == "result") return Outcome{id_in(message), parts_in(message), read_result(message)};
  if (type == "failure") return Outcome{id_in(message), parts_in(message), read_failure(message)};
  if (type == "stopped") return Stopped{id_in(message)};
  if (type == "hello") return read_hello(message);
  throw Wrong{R"(its "type" is not one that a program sends)"};
}

}  // namespace

Message read(std::string_view line) {
  const std::string_view shown = line.substr(0, 200);
  const json message = parse_python_json(line);
  if (!message.is_object()) return Breach{fmt::format("'{}' is not a JSON object", shown)};
  try {
    return read_object(message);
  } catch (const Wrong& wrong) {
    return Breach{fmt::format("'{}': {}", shown, wrong.problem)};
  }
}

}  // namespace from_evaluator

namespace to_evaluator {

namespace {

json cell_json(const genome::Genotype& genotype) {
  const genome::CellGraph cell = genome::assemble(genotype, genome::NodePaths::omitted);
  json nodes = json::array();
  for (const genome::CellNode& node : cell.nodes) {
    nodes.push_back({{"kind", name(node.kind)}, {"operands", node.operands}});
  }
  return {{"output", cell.output}, {"nodes", std::move(nodes)}};
}

}  // namespace

std::string hello() {
  return fmt::format("{{\"type\":\"hello\",\"protocol\":{},\"version\":\"{}\"}}\n",
                     evaluator_protocol, core::version());
}

std::string candidate(const Work& work, const std::filesystem::path& folder,
                      const from_evaluator::Hello& asked) {
  const auto& candidate = work.candidate;
  std::string line =
      fmt::format(R"({{"type":"candidate","id":{},"seed":{},"memory_parts":{},"folder":{})",
                  number(candidate.id), candidate.seed, work.memory_parts,
                  folder.empty() ? "null" : json(folder.string()).dump());
  if (asked.genotype) line += ",\"genotype\":" + genome::json_text(candidate.genotype);
  if (asked.cell) line += ",\"cell\":" + cell_json(candidate.genotype).dump();
  return line + "}\n";
}

std::string stop(IndividualId id) {
  return fmt::format("{{\"type\":\"stop\",\"id\":{}}}\n", number(id));
}

std::string shutdown() {
  return "{\"type\":\"shutdown\"}\n";
}

}  // namespace to_evaluator

}  // namespace hierevo::search
