// What evaluates the candidates of a search, as its options say.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "hierevo/search/data_facts.hpp"
#include "hierevo/search/evaluator.hpp"
#include "search_options.hpp"
#include "training_setup.hpp"

namespace hierevo::app {

class SearchEvaluators {
 public:
  /// Reads the data where the evaluator trains. `lasting`: the options, as INI lines, that
  /// half-trained candidates depend on. Keeps a reference to `command`. Throws UsageError when the
  /// data or the program cannot be used.
  SearchEvaluators(const SearchCommandOptions& command, std::string lasting);

  /// Nothing where no data were read.
  std::optional<search::DataFacts> data() const;
  /// Bytes that each evaluator has for a training where `sharing` of them share its GPU; 0 where it
  /// does not train, or on the CPU. Throws UsageError where that is nothing.
  std::int64_t evaluator_memory(int sharing) const;
  /// Throws UsageError where candidates are trained, on the CPU since CUDA finds no GPU, though
  /// `device` was shown.
  void require_gpu(const std::string& device) const;
  /// Keeps this process, with one evaluator, to its share of the GPU from now on.
  void limit_memory(int sharing) const;
  /// One more evaluator, for one thread; they share the data.
  std::unique_ptr<search::Evaluator> make() const;

 private:
  const SearchCommandOptions& command_;
  std::string lasting_;
  std::optional<TrainingSetup> training_;
};

}  // namespace hierevo::app
