#include "hierevo/comm/agreement.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

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
  if (text.size() <= longest_text) return text;
  std::size_t end = longest_text;
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

std::string text_of(const std::vector<std::string>& problems) {
  std::string text;
  for (const auto& [what, ranks] : by_text(problems)) {
    if (!text.empty()) text += '\n';
    text += ranks.size() == problems.size() ? what : fmt::format("{}: {}", name_ranks(ranks), what);
  }
  return text;
}

/// What keeps a rank from continuing; nothing with the code `finished`.
core::Failure failure_in(const std::function<void()>& work) {
  try {
    work();
    return {"", core::ExitCode::finished};
  } catch (const std::exception& exception) {
    return core::failure_of(exception);
  }
}

void require_none(Collectives& group, const core::Failure& own) {
  const auto codes = gather(group, static_cast<std::int64_t>(own.code), ElementType::int64);
  const auto first = std::find_if(codes.begin(), codes.end(), [](auto code) { return code != 0; });
  if (first == codes.end()) return;
  throw AgreedError(text_of(gather_texts(group, own.text)), static_cast<core::ExitCode>(*first));
}

}  // namespace

std::vector<std::string> gather_texts(Collectives& group, std::string_view text) {
  const std::string own(beginning_of(text));
  const auto lengths = gather(group, static_cast<std::int64_t>(own.size()), ElementType::int64);
  const auto longest = static_cast<std::size_t>(*std::max_element(lengths.begin(), lengths.end()));
  std::string padded = own;
  padded.resize(longest);
  std::string all(longest * lengths.size(), '\0');
  group
      .all_gather({padded.data(), longest, ElementType::uint8},
                  {all.data(), all.size(), ElementType::uint8})
      .wait();
  std::vector<std::string> texts;
  for (std::size_t rank = 0; rank < lengths.size(); ++rank) {
    texts.push_back(all.substr(rank * longest, static_cast<std::size_t>(lengths[rank])));
  }
  return texts;
}

void all_or_throw(Collectives& group, const std::function<void()>& work) {
  require_none(group, failure_in(work));
}

std::string compute_on_root(Collectives& group, const std::function<std::string()>& make) {
  std::string text;
  core::Failure problem{"", core::ExitCode::finished};
  if (group.rank() == 0) problem = failure_in([&] { text = make(); });
  // Of rank 0 alone, so that nobody need be named.
  std::int64_t head[] = {static_cast<std::int64_t>(problem.code),
                         static_cast<std::int64_t>(text.size() + problem.text.size())};
  group.broadcast({head, 2, ElementType::int64}, 0).wait();
  std::string told = text + problem.text;
  told.resize(static_cast<std::size_t>(head[1]));
  group.broadcast({told.data(), told.size(), ElementType::uint8}, 0).wait();
  if (head[0] != 0) throw AgreedError(told, static_cast<core::ExitCode>(head[0]));
  return told;
}

void run_on_root(Collectives& group, const std::function<void()>& work) {
  compute_on_root(group, [&work] {
    work();
    return std::string();
  });
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
  throw AgreedError(
      core::UsageError(fmt::format("{} {} other {} than rank 0", name_ranks(different),
                                   different.size() == 1 ? "has" : "have", what),
                       "all ranks work on the same thing",
                       "Start all ranks with the same program, command line and files."));
}

}  // namespace hierevo::comm
