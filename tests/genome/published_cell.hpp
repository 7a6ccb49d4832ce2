// The cell of Appendix A of the paper: the fixture with known parameter counts.
#pragma once

#include "hierevo/core/file.hpp"
#include "hierevo/genome/codec.hpp"

namespace hierevo::genome {

inline Genotype published_cell() {
  const char* const path = HIEREVO_SOURCE_DIR "/genotypes/published.json";
  return genotype_from_json(core::read_text_file(path), path);
}

}  // namespace hierevo::genome
