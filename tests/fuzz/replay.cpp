// replay CORPUS COUNT LAST: runs a target, without libFuzzer, on every file of its corpus and on
// COUNT inputs made from them, always the same ones. The present input is in the file LAST, for a
// debugger or a fuzzer.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "target.hpp"

namespace {

using hierevo::core::RandomStream;
using Bytes = std::vector<std::byte>;

constexpr std::size_t longest_input = 1 << 16;

std::vector<Bytes> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> inputs;
  for (const auto& path : paths) inputs.push_back(hierevo::core::read_file(path));
  return inputs;
}

std::byte any_byte(RandomStream& random) {
  constexpr std::uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  if (random.below(2) == 0) return std::byte{edges[random.below(std::size(edges))]};
  return static_cast<std::byte>(random.below(256));
}

std::ptrdiff_t place_in(const Bytes& input, RandomStream& random) {
  return static_cast<std::ptrdiff_t>(random.below(input.size() + 1));
}

/// One change: a bit, a byte, bytes removed, inserted, or copied from `other`.
void change(Bytes& input, const Bytes& other, RandomStream& random) {
  const auto at = input.begin() + place_in(input, random);
  const auto length = static_cast<std::ptrdiff_t>(1 + random.below(8));
  switch (random.below(5)) {
    case 0:
      if (at != input.end()) *at ^= std::byte{1} << static_cast<int>(random.below(8));
      return;
    case 1:
      if (at != input.end()) *at = any_byte(random);
      return;
    case 2:
      input.erase(at, at + std::min(length, input.end() - at));
      return;
    case 3:
      input.insert(at, static_cast<std::size_t>(length), any_byte(random));
      return;
    default: {
      const auto from = other.begin() + place_in(other, random);
      input.insert(at, from, from + std::min(length * 8, other.end() - from));
    }
  }
}

Bytes changed(const std::vector<Bytes>& corpus, RandomStream& random) {
  Bytes input = corpus[random.below(corpus.size())];
  const Bytes& other = corpus[random.below(corpus.size())];
  for (std::uint64_t left = 1 + random.below(4); left > 0; --left) change(input, other, random);
  if (input.size() > longest_input) input.resize(longest_input);
  return input;
}

void run(const Bytes& input, const std::filesystem::path& last) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(input.data());
  hierevo::fuzz::write_file(last, hierevo::fuzz::text_of(data, input.size()));
  LLVMFuzzerTestOneInput(data, input.size());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw hierevo::core::UsageError("replay CORPUS COUNT LAST is the usage");
  const auto corpus = read_corpus(argv[1]);
  if (corpus.empty()) throw hierevo::core::UsageError("The corpus is empty");
  for (const Bytes& input : corpus) run(input, argv[3]);
  RandomStream random(1);
  const int count = std::atoi(argv[2]);
  for (int i = 0; i < count; ++i) run(changed(corpus, random), argv[3]);
  std::filesystem::remove(argv[3]);
  std::cout << corpus.size() << " files and " << count << " inputs made of them\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  if (argc == 4) std::cerr << "The input is in " << argv[3] << '\n';
  return 1;
}
