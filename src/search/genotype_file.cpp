#include "genotype_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "hierevo/core/descriptor.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/genome/codec.hpp"
#include "in_flight_file.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;

namespace {

std::string text_of(const evolution::Candidate& candidate) {
  return genome::json_text(candidate.genotype) + "\n";
}

fs::path write_temporary(const std::string& text) {
  std::error_code no_folder;
  const fs::path folder = fs::temp_directory_path(no_folder);
  if (no_folder) {
    const char* named = std::getenv("TMPDIR");
    throw core::IoError(named == nullptr ? "/tmp" : named, "write into", no_folder.value(),
                        "Set TMPDIR to a folder for temporary files.");
  }
  std::string name = (folder / "hierevo-genotype-XXXXXX").string();
  const core::Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) throw core::IoError(name, "make", errno);
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    const int error = written < 0 ? errno : ENOSPC;
    ::unlink(name.c_str());
    throw core::IoError(name, "write", error);
  }
  return name;
}

}  // namespace

GenotypeFile::GenotypeFile(const evolution::Candidate& candidate, const fs::path& run) {
  if (!run.empty() && written_into(run, candidate)) return;
  path_ = write_temporary(text_of(candidate));
  temporary_ = true;
}

bool GenotypeFile::written_into(const fs::path& run, const evolution::Candidate& candidate) {
  path_ = fs::absolute(in_flight_path(run, candidate.id, InFlightFile::Kind::genotype));
  std::error_code is_there;
  fs::create_directory(path_.parent_path(), is_there);
  try {
    // A rank that was considered lost, and the one that was given its candidate, may both write it.
    core::replace_file(path_, text_of(candidate), core::Writers::several);
    return true;
  } catch (const core::IoError& error) {
    core::log(core::LogLevel::warning, "{} Candidate {} has a temporary file instead.",
              error.what(), number(candidate.id));
    return false;
  }
}

GenotypeFile::~GenotypeFile() {
  if (temporary_) ::unlink(path_.c_str());
}

}  // namespace hierevo::search
