#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace hierevo::report {

/// How the numbers of a series are drawn.
enum class Marks : std::uint8_t {
  points,
  line,
  steps,  ///< a line that keeps a value until the next
  band,   ///< an area from y to top
};

/// Numbers that are drawn alike. All lists that are not empty have the length of x.
struct Series {
  std::string label;
  Marks marks = Marks::points;
  std::vector<double> x{};
  std::vector<double> y{};
  std::vector<double> top{};                ///< of a band
  std::vector<std::uint64_t> individual{};  ///< whose they are, where they are one's
};

/// An axis of a chart.
struct Axis {
  std::string title;
  bool logarithmic = false;
  bool from_zero = false;  ///< begins at 0, not near the least value
};

/// A chart of a report, and the numbers behind it.
struct Chart {
  std::string id;  ///< of letters, digits and '-': the name of its CSV file
  std::string title;
  std::string summary;  ///< what it shows, in words
  Axis x;
  Axis y;
  std::vector<Series> series;

  /// Whether it has no points.
  bool empty() const;
};

/// As the page's script reads it. Values that are not finite, or that no axis has room for, become
/// null.
nlohmann::json to_json(const Chart& chart);

/// A line for each point: series, x, y and, where there are any, top and individual. RFC 4180, with
/// newlines alone.
std::string to_csv(const Chart& chart);

/// A field of a CSV file: printable, in quotes where it needs them.
std::string csv_field(const std::string& plain);

}  // namespace hierevo::report
