#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hierevo/report/chart.hpp"
#include "hierevo/report/run_data.hpp"

namespace hierevo::report {

/// A page about one or more searches, and the numbers behind its charts.
struct Report {
  std::string html;  ///< of one file, which needs no other and no network
  std::vector<Chart> charts;
  /// As CSV files by their names: one for each chart, and one with all individuals of each run.
  std::vector<std::pair<std::string, std::string>> csv() const;

  std::vector<std::pair<std::string, std::string>> individuals;  ///< CSV files, too
};

/// `runs` has at least one.
Report make_report(const std::vector<RunData>& runs);

/// How a page begins, by which one is told from other files.
extern const std::string_view page_beginning;

/// How every version of a CSV file begins, of which `text` is one: titles of axes may change while
/// a search runs.
std::string_view csv_beginning(std::string_view text);

}  // namespace hierevo::report
