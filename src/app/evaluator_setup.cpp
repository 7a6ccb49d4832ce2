#include "evaluator_setup.hpp"

#include <nlohmann/json.hpp>

#include "hierevo/core/error.hpp"

namespace hierevo::app {

namespace {

using nlohmann::json;

/// A path may have any bytes, JSON only UTF-8.
json::binary_t bytes_of(const std::string& text) {
  return json::binary_t(std::vector<std::uint8_t>(text.begin(), text.end()));
}

std::string text_of(const json& value) {
  const auto& bytes = value.get_binary();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string EvaluatorSetup::text() const {
  const std::vector<std::uint8_t> bytes = json::to_cbor(json{
      {"run", bytes_of(run)}, {"options", bytes_of(options)}, {"log_name", bytes_of(log_name)}});
  return {bytes.begin(), bytes.end()};
}

EvaluatorSetup EvaluatorSetup::from_text(const std::string& text) {
  try {
    const json values = json::from_cbor(text);
    return {text_of(values.at("run")), text_of(values.at("options")),
            text_of(values.at("log_name"))};
  } catch (const json::exception& error) {
    throw core::InternalError(std::string("The evaluator's setup cannot be read: ") + error.what());
  }
}

}  // namespace hierevo::app
