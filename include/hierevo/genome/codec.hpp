#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "hierevo/core/file.hpp"
#include "hierevo/genome/genotype.hpp"

namespace hierevo::genome {

/// The JSON form "hierevo.genotype", version 1 (io/FORMAT.md).
nlohmann::json to_json(const Genotype& genotype);
/// The same as text in one line.
std::string json_text(const Genotype& genotype);

/// `source` is what the text came from, for error messages. Throws UsageError that says what is
/// wrong and where.
Genotype genotype_from_json(std::string_view text, std::string_view source);

/// The genotype in a JSON file. Throws as genotype_from_json(), also when the file cannot be read.
Genotype read_genotype(const std::filesystem::path& path,
                       core::Readable readable = core::Readable::file);

}  // namespace hierevo::genome
