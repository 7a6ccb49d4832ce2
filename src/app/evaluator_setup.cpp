#include "evaluator_setup.hpp"

#include <cstdint>
#include <span>

#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::app {

std::string EvaluatorSetup::text() const {
  core::ByteWriter out;
  for (const std::string* part : {&run, &options, &log_name, &device}) out.text(*part);
  out.u32(static_cast<std::uint32_t>(sharing));
  const std::vector<std::byte> bytes = out.take();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

EvaluatorSetup EvaluatorSetup::from_text(const std::string& text) {
  core::ByteReader in(std::as_bytes(std::span(text)));
  EvaluatorSetup setup;
  for (std::string* part : {&setup.run, &setup.options, &setup.log_name, &setup.device}) {
    *part = in.text(text.size());
  }
  setup.sharing = static_cast<int>(in.u32());
  if (!in.ok() || !in.at_end() || setup.sharing < 1) {
    throw core::InternalError("The evaluator's setup cannot be read");
  }
  return setup;
}

}  // namespace hierevo::app
