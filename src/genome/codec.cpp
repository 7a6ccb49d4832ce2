#include "hierevo/genome/codec.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/genome/primitive.hpp"

namespace hierevo::genome {

using nlohmann::json;

namespace {

constexpr std::string_view format_name = "hierevo.genotype";
constexpr int format_version = 1;
constexpr std::size_t longest_text = std::size_t{1} << 20;

json edge_to_json(int level, Gene gene) {
  if (gene == no_edge) return "none";
  if (level > 2) return static_cast<int>(gene);
  return name(static_cast<Primitive>(gene - 1));
}

/// Reads a genotype; every complaint names the source and the place in it.
class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  Genotype read(const json& document) const {
    check_header(document);
    const json& levels = member(document, "levels", json::value_t::array, "");
    std::vector<LevelShape> shapes;
    for (std::size_t i = 0; i < levels.size(); ++i) shapes.push_back(read_shape(levels, i));
    const SearchSpace space = make_space(shapes);
    std::vector<Gene> genes;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      for (std::size_t m = 0; m < levels[i]["motifs"].size(); ++m) {
        append_motif(space, static_cast<int>(i) + 2, m, levels[i]["motifs"][m], genes);
      }
    }
    return {space, std::move(genes)};
  }

  [[noreturn]] void refuse(std::string_view where, std::string_view problem,
                           std::string_view suggestion = "See io/FORMAT.md.") const {
    throw core::UsageError(
        fmt::format("{} is not a genotype", source_),
        where.empty() ? std::string(problem) : fmt::format("{}: {}", where, problem), suggestion);
  }

 private:
  void check_header(const json& document) const {
    if (!document.is_object()) refuse("", "it is not a JSON object");
    if (member(document, "format", json::value_t::string, "") != format_name) {
      refuse("format", fmt::format("it must be \"{}\"", format_name));
    }
    const std::uint64_t version = count(document, "version", "");
    if (version != format_version) {
      refuse("version", fmt::format("{} is not known here", version),
             "Read it with the version of hierevo that wrote it.");
    }
  }

  const json& member(const json& object, const char* key, json::value_t type,
                     std::string_view where) const {
    const auto found = object.find(key);
    if (found == object.end()) refuse(where, fmt::format("member \"{}\" is missing", key));
    if (found->type() != type) {
      refuse(where, fmt::format("\"{}\" must be of type {}", key, json(type).type_name()));
    }
    return *found;
  }

  /// JSON has one kind of numbers: some programs write 1 as 1.0.
  static std::optional<std::uint64_t> whole_number(const json& value) {
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    if (!value.is_number_float()) return std::nullopt;
    constexpr double most = 1 << 30;
    const auto number = value.get<double>();
    if (!(number >= 0.0 && number <= most) || number != std::floor(number)) return std::nullopt;
    return static_cast<std::uint64_t>(number);
  }

  std::uint64_t count(const json& object, const char* key, std::string_view where) const {
    const auto found = object.find(key);
    if (found == object.end()) refuse(where, fmt::format("member \"{}\" is missing", key));
    const auto number = whole_number(*found);
    if (number) return *number;
    refuse(where, fmt::format("\"{}\" must be a whole number from 0 up", key));
  }

  LevelShape read_shape(const json& levels, std::size_t index) const {
    const std::string where = fmt::format("level {}", index + 2);
    const json& level = levels[index];
    if (!level.is_object()) refuse(where, "it is not an object");
    if (count(level, "level", where) != index + 2) {
      refuse(where, "levels must be numbered from 2 up, in order");
    }
    const std::uint64_t nodes = count(level, "nodes", where);
    const json& motifs = member(level, "motifs", json::value_t::array, where);
    if (nodes > SearchSpace::most_nodes || motifs.size() > SearchSpace::most_motifs) {
      refuse(where, fmt::format("more than {} nodes or {} motifs", SearchSpace::most_nodes,
                                SearchSpace::most_motifs));
    }
    return {static_cast<int>(motifs.size()), static_cast<int>(nodes)};
  }

  SearchSpace make_space(const std::vector<LevelShape>& shapes) const {
    try {
      return SearchSpace(shapes);
    } catch (const core::UsageError& error) {
      refuse("levels", error.what());
    }
  }

  void append_motif(const SearchSpace& space, int level, std::size_t motif, const json& edges,
                    std::vector<Gene>& genes) const {
    const std::string where = fmt::format("level {}, motif {}", level, motif + 1);
    const auto expected = static_cast<std::size_t>(space.level(level).edges());
    if (!edges.is_array() || edges.size() != expected) {
      refuse(where,
             fmt::format("{} nodes have {} edges, in a list", space.level(level).nodes, expected));
    }
    for (std::size_t e = 0; e < edges.size(); ++e) {
      genes.push_back(read_edge(space, level, edges[e], fmt::format("{}, edge {}", where, e + 1)));
    }
  }

  Gene read_edge(const SearchSpace& space, int level, const json& edge,
                 const std::string& where) const {
    if (edge == "none") return no_edge;
    if (level == 2) return read_primitive(edge, where);
    const int most = space.operations_below(level);
    const auto motif = whole_number(edge);
    if (!motif || *motif < 1 || *motif > static_cast<std::uint64_t>(most)) {
      refuse(where,
             fmt::format("{} is neither \"none\" nor a motif from 1 to {}", edge.dump(), most));
    }
    return static_cast<Gene>(*motif);
  }

  Gene read_primitive(const json& edge, const std::string& where) const {
    const std::string text = edge.is_string() ? edge.get<std::string>() : edge.dump();
    if (const auto primitive = primitive_named(text)) {
      return static_cast<Gene>(static_cast<int>(*primitive) + 1);
    }
    std::vector<std::string> known(primitive_names.begin(), primitive_names.end());
    known.emplace_back("none");
    refuse(where, fmt::format("'{}' is not a primitive", text), core::suggestion_for(text, known));
  }

  std::string_view source_;
};

}  // namespace

json to_json(const Genotype& genotype) {
  const SearchSpace& space = genotype.space();
  json levels = json::array();
  for (int level = 2; level <= space.top_level(); ++level) {
    json motifs = json::array();
    for (int motif = 0; motif < space.level(level).motifs; ++motif) {
      json edges = json::array();
      for (const Gene gene : genotype.motif(level, motif)) {
        edges.push_back(edge_to_json(level, gene));
      }
      motifs.push_back(std::move(edges));
    }
    levels.push_back(
        {{"level", level}, {"nodes", space.level(level).nodes}, {"motifs", std::move(motifs)}});
  }
  return {{"format", format_name}, {"version", format_version}, {"levels", std::move(levels)}};
}

std::string json_text(const Genotype& genotype) {
  return to_json(genotype).dump();
}

Genotype genotype_from_json(std::string_view text, std::string_view source) {
  const Reader reader(source);
  // Deep nesting would exhaust the stack of a recursive destructor; a genotype nests five deep.
  const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= 8; };
  const json document = json::parse(text, shallow, /*allow_exceptions=*/false);
  if (document.is_discarded()) reader.refuse("", "it is not JSON");
  return reader.read(document);
}

Genotype read_genotype(const std::filesystem::path& path, core::Readable readable) {
  try {
    return genotype_from_json(core::read_text_file(path, longest_text, readable),
                              fmt::format("'{}'", path.string()));
  } catch (const core::IoError& error) {
    throw core::UsageError(error.what(), "",
                           "Give a genotype file, for example from `hierevo sample`.");
  }
}

}  // namespace hierevo::genome
