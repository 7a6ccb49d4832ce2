#include "snapshot_metrics.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "hierevo/core/printable.hpp"
#include "hierevo/evolution/codec.hpp"

namespace hierevo::io {

namespace {

using evolution::Individual;
using evolution::Metrics;

// Evaluators are free to give each individual other names, so one row per value: a table of
// individuals by names could be as large as their product.
struct Table {
  std::vector<std::string> names;
  std::vector<std::uint64_t> individual;
  std::vector<std::uint32_t> name;
  std::vector<double> value;
};

Table table_of(const std::vector<Individual>& history) {
  std::map<std::string_view, std::uint32_t> number_of;
  for (const Individual& one : history) {
    for (const auto& [name, value] : one.evaluation.metrics) number_of.emplace(name, 0);
  }
  Table table;
  for (auto& [name, number] : number_of) {
    number = static_cast<std::uint32_t>(table.names.size());
    table.names.emplace_back(name);
  }
  for (std::size_t i = 0; i < history.size(); ++i) {
    for (const auto& [name, value] : history[i].evaluation.metrics) {
      table.individual.push_back(i);
      table.name.push_back(number_of.at(name));
      table.value.push_back(value);
    }
  }
  return table;
}

void describe_column(const h5::Dataset& dataset, std::string_view text) {
  h5::write_text_attribute(dataset, "description", text);
}

Table read_table(hid_t group) {
  Table table;
  table.names = h5::read_strings(group, "names", h5::any_number);
  table.individual = h5::read_vector<std::uint64_t>(group, "individual");
  const std::size_t rows = table.individual.size();
  table.name = h5::read_vector<std::uint32_t>(group, "name", rows);
  table.value = h5::read_vector<double>(group, "value", rows);
  return table;
}

}  // namespace

void write_metrics(hid_t group, const std::vector<Individual>& history) {
  const Table table = table_of(history);
  if (table.names.empty()) return;
  const h5::Group metrics = h5::create_group(group, "metrics");
  h5::write_text_attribute(metrics, "description",
                           "what else evaluators have measured, one value a row");
  describe_column(h5::write_strings(metrics, "names", table.names), "all names that occur, sorted");
  describe_column(h5::write_vector<std::uint64_t>(metrics, "individual", table.individual),
                  "row of the individual in the datasets of 'individuals', from 0");
  describe_column(h5::write_vector<std::uint32_t>(metrics, "name", table.name),
                  "row of the metric's name in 'names', from 0");
  describe_column(h5::write_vector<double>(metrics, "value", table.value), "the metric");
}

std::vector<Metrics> read_metrics(hid_t group, std::size_t rows) {
  std::vector<Metrics> result(rows);
  if (!h5::has_member(group, "metrics")) return result;
  const Table table = read_table(h5::open_group(group, "metrics"));
  for (std::size_t i = 0; i < table.value.size(); ++i) {
    if (table.individual[i] >= rows || table.name[i] >= table.names.size()) {
      throw h5::Error(
          fmt::format("metric {} is of an individual or a name that does not exist", i));
    }
    const std::string& name = table.names[table.name[i]];
    const auto of = table.individual[i];
    if (!result[of].emplace(name, table.value[i]).second) {
      throw h5::Error(fmt::format("row {} has the metric '{}' twice", of, core::printable(name)));
    }
  }
  for (std::size_t row = 0; row < rows; ++row) {
    if (const auto problem = evolution::problem_with(result[row]); !problem.empty()) {
      throw h5::Error(fmt::format("row {} has {}", row, problem));
    }
  }
  return result;
}

}  // namespace hierevo::io
