// Prints what is known of a search, in lines `shown|kept ID CHECKSUM`: results that the search has,
// and results that any file of its run directory has.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <variant>

#include "hierevo/io/journal.hpp"
#include "journal_format.hpp"
#include "run_events.hpp"

namespace {

void print(const char* kind, hierevo::evolution::IndividualId id, std::uint32_t checksum) {
  std::printf("%s %llu %08x\n", kind, static_cast<unsigned long long>(number(id)), checksum);
}

void print_results(const std::filesystem::path& run) {
  using namespace hierevo;
  const auto search = io::load_search(run / "search.h5", run / "journal");
  if (!search) return;
  for (const auto& [candidate, evaluation] : search->snapshot.state.history) {
    print("shown", candidate.id, io::checksum_of(candidate));
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(run)) {
    const auto events = io::events_in(entry.path(), search->snapshot.options);
    if (!events) continue;
    for (const io::Event& event : events->events) {
      if (const auto* told = std::get_if<io::Told>(&event))
        print("kept", told->id, told->candidate);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    print_results(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
