// Journals as any bytes.
#include "run_folder.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hierevo;
  static const fuzz::RunFolder folder;
  fuzz::write_file(folder.journal(), fuzz::text_of(data, size));
  folder.check();
  return 0;
}
