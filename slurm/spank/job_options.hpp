// The values of the options --hierevo-… of sbatch, salloc and srun.
#pragma once

#include <string>
#include <string_view>

namespace hierevo::spank {

/// What to copy, and the name of the copy.
struct StageRequest {
  std::string source;  ///< an absolute path
  std::string name;    ///< of one file or folder: no '/', no control character, no '.' at its start
};

/// Reads "SRC[:NAME]". NAME is by default the last part of SRC. Throws UsageError; looks at no
/// disk.
StageRequest parse_stage(std::string_view text);

/// Reads "1" to "64". Throws UsageError.
int parse_evaluators(std::string_view text);

/// Reads "shared" or "own". Throws UsageError.
std::string parse_devices(std::string_view text);

}  // namespace hierevo::spank
