// Where the programs beside this one find their shared libraries: LibTorch above all, which neither
// the installed programs nor the tar file of cmake/HierevoPackages.cmake bring along.
#pragma once

#include <filesystem>

namespace hierevo::app {

/// To be called before this process starts or becomes `program`: looks for all its shared
/// libraries, as the system will. Throws UsageError when some are missing.
///
/// For a program with LibTorch the variable HIEREVO_TORCH may say where that is: the folder of a
/// LibTorch, or a Python that can import torch. Then its folder is put first in this process's
/// LD_LIBRARY_PATH. Throws UsageError when there is none, or one of another version than hierevo
/// was built with. Belongs to the main thread, before others begin.
void provide_libraries(const std::filesystem::path& program);

}  // namespace hierevo::app
