// rank_points: reads sets of points from standard input, each as two numbers, of points and of
// objectives, and its values point by point; more is better. Prints the front of each point, from
// 0, and its crowding distance there, a line for each.
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <map>
#include <span>
#include <vector>

#include "hierevo/evolution/pareto.hpp"

namespace {

using namespace hierevo::evolution;
using Points = std::vector<std::vector<double>>;

struct Place {
  std::size_t front = 0;
  double distance = 0.0;
};

std::vector<Place> places_of(const Points& points) {
  ParetoFronts fronts;
  for (std::size_t i = 0; i < points.size(); ++i) fronts.add(IndividualId{i}, points[i]);
  std::vector<Place> places(points.size());
  for (std::size_t front = 0; front < fronts.count(); ++front) {
    std::map<std::uint64_t, std::span<const double>> members;
    for (const auto& group : fronts.groups(front)) {
      for (const IndividualId id : group) members[number(id)] = points[number(id)];
    }
    std::vector<std::span<const double>> values;
    for (const auto& [id, member] : members) values.push_back(member);
    const std::vector<double> distances = crowding_distances(values);
    auto distance = distances.begin();
    for (const auto& [id, member] : members) places[id] = {front, *distance++};
  }
  return places;
}

}  // namespace

int main() {
  std::size_t count = 0;
  std::size_t objectives = 0;
  std::cout << std::setprecision(17);
  while (std::cin >> count >> objectives) {
    Points points(count, std::vector<double>(objectives));
    for (auto& point : points) {
      for (double& value : point) std::cin >> value;
    }
    if (!std::cin) return 1;
    for (const auto& [front, distance] : places_of(points)) {
      std::cout << front << ' ' << distance << '\n';
    }
  }
}
