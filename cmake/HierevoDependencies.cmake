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

if(HIEREVO_WITH_MPI)
  set(MPI_CXX_SKIP_MPICXX TRUE)
  find_package(MPI REQUIRED COMPONENTS C)
endif()

if(HIEREVO_WITH_TORCH)
  find_package(ZLIB REQUIRED)
  find_package(JPEG REQUIRED)
  # Torch's own configuration warns about what it lacks and overwrites CMAKE_CXX_FLAGS; neither is ours to see.
  set(hierevo_saved_flags "${CMAKE_CXX_FLAGS}")
  # A Torch built with CUDA asks which GPUs CUDA code is for, and else tries to look for one on this
  # machine. There is no CUDA code here.
  if(NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
    set(ENV{TORCH_CUDA_ARCH_LIST} 8.0)
  endif()
  find_package(Torch 1.13 REQUIRED)
  set(CMAKE_CXX_FLAGS "${hierevo_saved_flags}")
endif()
