#include "hierevo/evolution/pareto.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>
#include <ranges>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::evolution {

namespace {

using Values = std::span<const double>;

constexpr double infinite = std::numeric_limits<double>::infinity();

bool are_equal(Values a, Values b) {
  return std::ranges::equal(a, b);
}

/// The first of each set of equal points.
std::vector<std::size_t> distinct(std::span<const Values> front) {
  std::vector<std::size_t> order(front.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return std::ranges::lexicographical_compare(front[a], front[b]);
  });
  const auto repeated = std::ranges::unique(
      order, [&](std::size_t a, std::size_t b) { return are_equal(front[a], front[b]); });
  order.erase(repeated.begin(), repeated.end());
  std::ranges::sort(order);
  return order;
}

/// Adds what one objective contributes to the distances of `points`, which it sorts.
void add_distances(std::span<const Values> front, std::size_t objective,
                   std::vector<std::size_t> points, std::vector<double>& distances) {
  // By halves, since the difference of two numbers may be too large for one.
  const auto value = [&](std::size_t point) { return 0.5 * front[point][objective]; };
  std::ranges::stable_sort(points, {}, value);
  const double extent = value(points.back()) - value(points.front());
  if (!(extent > 0.0)) return;
  distances[points.front()] = infinite;
  distances[points.back()] = infinite;
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    distances[points[i]] += (value(points[i + 1]) - value(points[i - 1])) / extent;
  }
}

}  // namespace

bool dominates(Values a, Values b) {
  bool better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] < b[i]) return false;
    better = better || a[i] > b[i];
  }
  return better;
}

std::vector<double> crowding_distances(std::span<const Values> front) {
  if (front.size() <= 2) return std::vector<double>(front.size(), infinite);
  std::vector<double> distances(front.size(), 0.0);
  const std::vector<std::size_t> points = distinct(front);
  for (std::size_t objective = 0; objective < front.front().size(); ++objective) {
    add_distances(front, objective, points, distances);
  }
  return distances;
}

bool ParetoFronts::any_dominates(const std::vector<Point>& points, const Point& point) {
  return std::ranges::any_of(
      points, [&](const Point& other) { return dominates(other.values, point.values); });
}

/// The first front of which nothing dominates it: something in each front before does.
std::size_t ParetoFronts::front_for(const Point& point) const {
  const auto found = std::ranges::partition_point(
      fronts_, [&](const Front& front) { return any_dominates(front.points, point); });
  return static_cast<std::size_t>(found - fronts_.begin());
}

void ParetoFronts::add(IndividualId id, std::vector<double> values) {
  std::vector<Point> coming;
  coming.push_back({id, std::move(values)});
  std::size_t at = front_for(coming.front());
  for (; !coming.empty(); ++at) {
    if (at == fronts_.size()) {
      fronts_.push_back({std::move(coming)});
      return;
    }
    Front& front = fronts_[at];
    const auto pushed = std::ranges::partition(
        front.points, [&](const Point& point) { return !any_dominates(coming, point); });
    const bool all = pushed.begin() == front.points.begin();
    if (all) {  // and so all of the fronts behind, each by one
      fronts_.insert(fronts_.begin() + static_cast<std::ptrdiff_t>(at), Front{std::move(coming)});
      return;
    }
    std::vector<Point> pushed_ones(std::move_iterator(pushed.begin()),
                                   std::move_iterator(pushed.end()));
    front.points.erase(pushed.begin(), pushed.end());
    std::ranges::move(coming, std::back_inserter(front.points));
    front.groups.reset();
    coming = std::move(pushed_ones);
  }
}

void ParetoFronts::remove(IndividualId id) {
  const auto is_it = [id](const Point& point) { return point.id == id; };
  std::size_t at = 0;
  while (at < fronts_.size() && std::ranges::none_of(fronts_[at].points, is_it)) ++at;
  if (at == fronts_.size()) {
    throw core::InternalError(fmt::format("There is no point of individual {}", number(id)));
  }
  const auto here = std::ranges::find_if(fronts_[at].points, is_it);
  std::vector<Point> gone = {std::move(*here)};
  fronts_[at].points.erase(here);
  fronts_[at].groups.reset();
  for (; !gone.empty(); ++at) {
    std::vector<Point>& left = fronts_[at].points;
    if (left.empty()) {  // those behind move up together
      fronts_.erase(fronts_.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
    if (at + 1 == fronts_.size()) return;
    Front& behind = fronts_[at + 1];
    const auto rising = std::ranges::partition(behind.points, [&](const Point& point) {
      return !any_dominates(gone, point) || any_dominates(left, point);
    });
    gone.assign(rising.begin(), rising.end());
    if (gone.empty()) return;
    std::ranges::move(rising, std::back_inserter(left));
    behind.points.erase(rising.begin(), rising.end());
    fronts_[at].groups.reset();
    behind.groups.reset();
  }
}

const std::vector<std::vector<IndividualId>>& ParetoFronts::groups(std::size_t front) const {
  const auto& [points, known] = fronts_.at(front);
  if (known) return *known;
  std::vector<const Point*> by_number;
  for (const Point& point : points) by_number.push_back(&point);
  std::ranges::sort(by_number, {}, &Point::id);
  std::vector<Values> values;
  for (const Point* point : by_number) values.emplace_back(point->values);
  const std::vector<double> distances = crowding_distances(values);
  std::vector<std::size_t> order(distances.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return distances[i]; });
  auto& groups = known.emplace();
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || distances[order[i]] != distances[order[i - 1]]) groups.emplace_back();
    groups.back().push_back(by_number[order[i]]->id);
  }
  return groups;
}

}  // namespace hierevo::evolution
