// What a rank sends its evaluator processes when they start.
#pragma once

#include <string>

namespace hierevo::app {

struct EvaluatorSetup {
  std::string run;       ///< the run directory
  std::string options;   ///< all in force, as INI lines
  std::string log_name;  ///< of the process, in its messages
  std::string device;    ///< the GPU that it is shown; empty: none
  int sharing = 1;       ///< evaluators on its device, itself included

  std::string text() const;
  /// Throws InternalError for a text that text() did not make.
  static EvaluatorSetup from_text(const std::string& text);
};

}  // namespace hierevo::app
