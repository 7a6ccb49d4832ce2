#include "hierevo/comm/agreement.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::comm {

namespace {

template <typename Number>
std::vector<Number> gather(Collectives& group, Number own, ElementType type) {
  std::vector<Number> all(static_cast<std::size_t>(group.size()));
  group.all_gather({&own, 1, type}, {all.data(), all.size(), type}).wait();
  return all;
}

/// The beginning of `text`, without a torn UTF-8 character at its end.
std::string_view beginning_of(std::string_view text) {
  if (text.size() <= longest_problem) return text;
  std::size_t end = longest_problem;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

std::string name_ranks(const std::vector<int>& ranks) {
  return fmt::format("{} {}", ranks.size() == 1 ? "Rank" : "Ranks", fmt::join(ranks, ", "));
}

/// Each text once, with the ranks that say it, in the order of their first ranks.
std::vector<std::pair<std::string, std::vector<int>>> by_text(
    const std::vector<std::string>& problems) {
  std::vector<std::pair<std::string, std::vector<int>>> found;
  for (std::size_t rank = 0; rank < problems.size(); ++rank) {
    if (problems[rank].empty()) continue;
    auto same = std::find_if(found.begin(), found.end(),
                             [&](const auto& entry) { return entry.first == problems[rank]; });
    if (same == found.end()) same = found.insert(found.end(), {problems[rank], {}});
    same->second.push_back(static_cast<int>(rank));
  }
  return found;
}

}  // namespace

std::vector<std::string> gather_problems(Collectives& group, std::string_view problem) {
  const std::string own(beginning_of(problem));
  const auto lengths = gather(group, static_cast<std::int64_t>(own.size()), ElementType::int64);
  const auto longest = static_cast<std::size_t>(*std::max_element(lengths.begin(), lengths.end()));
  std::string padded = own;
  padded.resize(longest);
  std::string all(longest * lengths.size(), '\0');
  group
      .all_gather({padded.data(), longest, ElementType::uint8},
                  {all.data(), all.size(), ElementType::uint8})
      .wait();
  std::vector<std::string> problems;
  for (std::size_t rank = 0; rank < lengths.size(); ++rank) {
    problems.push_back(all.substr(rank * longest, static_cast<std::size_t>(lengths[rank])));
  }
  return problems;
}

void require_no_problem(Collectives& group, std::string_view problem) {
  const auto problems = by_text(gather_problems(group, problem));
  if (problems.empty()) return;
  std::string text;
  for (const auto& [what, ranks] : problems) {
    if (!text.empty()) text += '\n';
    const bool of_all = ranks.size() == static_cast<std::size_t>(group.size());
    text += of_all ? what : fmt::format("{}: {}", name_ranks(ranks), what);
  }
  throw core::UsageError(text);
}

void require_equal(Collectives& group, std::uint64_t hash, std::string_view what) {
  std::int64_t own = 0;
  std::memcpy(&own, &hash, sizeof own);
  const auto hashes = gather(group, own, ElementType::int64);
  std::vector<int> different;
  for (std::size_t rank = 1; rank < hashes.size(); ++rank) {
    if (hashes[rank] != hashes[0]) different.push_back(static_cast<int>(rank));
  }
  if (different.empty()) return;
  throw core::UsageError(fmt::format("{} {} not the same {} as rank 0", name_ranks(different),
                                     different.size() == 1 ? "has" : "have", what),
                         "all ranks work on the same thing",
                         "Start all ranks with the same program, command line and files.");
}

}  // namespace hierevo::comm
