# Finds what the modules stand on. hierevo-config.cmake finds the same for whoever embeds them.
set(CMAKE_THREAD_PREFER_PTHREAD TRUE)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options)

# Serial HDF5, also where a parallel one is installed beside it.
enable_language(C)
set(HDF5_PREFER_PARALLEL FALSE)
find_package(HDF5 1.10.7 REQUIRED COMPONENTS C)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)

if(HIEREVO_WITH_MPI)
  set(MPI_CXX_SKIP_MPICXX TRUE)
  find_package(MPI REQUIRED COMPONENTS C)
endif()

if(HIEREVO_WITH_TORCH)
  # Torch's own configuration warns about what it lacks and overwrites CMAKE_CXX_FLAGS; neither is ours to see.
  set(hierevo_saved_flags "${CMAKE_CXX_FLAGS}")
  # A Torch built with CUDA asks which GPUs CUDA code is for, and else tries to look for one on this
  # machine. There is no CUDA code here.
  if(NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
    set(ENV{TORCH_CUDA_ARCH_LIST} 8.0)
  endif()
  find_package(Torch 1.13 REQUIRED)
  set(CMAKE_CXX_FLAGS "${hierevo_saved_flags}")
  include(HierevoFmtFirst)
  hierevo_fmt_first(HIEREVO_FMT_FIRST ${PROJECT_BINARY_DIR}/fmt_first)
  if(HIEREVO_WITH_CUDA AND NOT TARGET torch_cuda)
    message(FATAL_ERROR "This LibTorch (${Torch_VERSION}, in ${Torch_DIR}) was built without CUDA, which "
      "HIEREVO_WITH_CUDA wants. Take one with CUDA (scripts/setup --cuda-torch, INSTALL.md), or "
      "-DHIEREVO_WITH_TORCH=OFF.")
  endif()
endif()

# Only headers are wanted for the tests, which stand in for the libraries themselves.
find_package(CUDAToolkit QUIET)
find_path(HIEREVO_NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV NCCL_HOME
  PATH_SUFFIXES include)
mark_as_advanced(HIEREVO_NCCL_INCLUDE_DIR HIEREVO_NCCL_LIBRARY)
if(HIEREVO_WITH_CUDA)
  find_package(CUDAToolkit REQUIRED)
  find_library(HIEREVO_NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} ENV NCCL_HOME
    PATH_SUFFIXES lib lib64)
  if(NOT HIEREVO_NCCL_INCLUDE_DIR OR NOT HIEREVO_NCCL_LIBRARY)
    message(FATAL_ERROR "HIEREVO_WITH_CUDA needs NCCL (nccl.h and libnccl). "
                        "Set NCCL_HOME to where it is installed.")
  endif()
endif()
