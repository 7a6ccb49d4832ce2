# Finds the libraries that the modules build on. hierevo-config.cmake finds the same for embedding programs.
include(CheckCXXSourceCompiles)
include(CMakePushCheckState)
set(CMAKE_THREAD_PREFER_PTHREAD TRUE)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options)

# Serial HDF5, even if a parallel one is installed beside it.
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
  # Torch's own configuration warns about missing parts and overwrites CMAKE_CXX_FLAGS: suppress both.
  set(hierevo_saved_flags "${CMAKE_CXX_FLAGS}")
  # A Torch built with CUDA requires a list of GPUs to compile CUDA code for, or looks for a GPU on this
  # machine. hierevo has no CUDA code.
  if(NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
    set(ENV{TORCH_CUDA_ARCH_LIST} 8.0)
  endif()
  find_package(Torch 1.13 REQUIRED)
  set(CMAKE_CXX_FLAGS "${hierevo_saved_flags}")
  include(HierevoFmtFirst)
  hierevo_fmt_first(HIEREVO_FMT_FIRST ${PROJECT_BINARY_DIR}/fmt_first)
  if(HIEREVO_WITH_CUDA AND NOT TARGET torch_cuda)
    message(FATAL_ERROR "This LibTorch (${Torch_VERSION}, in ${Torch_DIR}) was built without CUDA, which "
      "HIEREVO_WITH_CUDA requires. Use one with CUDA (scripts/setup --cuda-torch, INSTALL.md), or "
      "-DHIEREVO_WITH_TORCH=OFF.")
  endif()
endif()

# Only headers are needed for the tests, which have test doubles of the libraries themselves.
find_package(CUDAToolkit QUIET)
find_path(HIEREVO_NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV NCCL_HOME
  PATH_SUFFIXES include)
mark_as_advanced(HIEREVO_NCCL_INCLUDE_DIR HIEREVO_NCCL_LIBRARY)
if(HIEREVO_WITH_CUDA)
  find_package(CUDAToolkit REQUIRED)
  find_library(HIEREVO_NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} ENV NCCL_HOME
    PATH_SUFFIXES lib lib64)
  if(NOT HIEREVO_NCCL_INCLUDE_DIR OR NOT HIEREVO_NCCL_LIBRARY)
    message(FATAL_ERROR "HIEREVO_WITH_CUDA requires NCCL (nccl.h and libnccl). "
                        "Set NCCL_HOME to where it is installed.")
  endif()
endif()

# What reports are drawn with. Of Graphviz's plugins two are linked: no other is looked for at run time.
find_path(HIEREVO_GRAPHVIZ_INCLUDE_DIR graphviz/gvc.h)
foreach(library gvc cgraph gvplugin_core gvplugin_dot_layout)
  find_library(HIEREVO_${library}_LIBRARY ${library} PATH_SUFFIXES graphviz)
  mark_as_advanced(HIEREVO_${library}_LIBRARY)
  list(APPEND hierevo_graphviz_libraries ${HIEREVO_${library}_LIBRARY})
endforeach()
mark_as_advanced(HIEREVO_GRAPHVIZ_INCLUDE_DIR)
set(hierevo_has_graphviz OFF)
if(HIEREVO_GRAPHVIZ_INCLUDE_DIR AND NOT hierevo_graphviz_libraries MATCHES NOTFOUND)
  set(hierevo_has_graphviz ON)
endif()
if(HIEREVO_WITH_GRAPHVIZ STREQUAL AUTO)
  set(HIEREVO_WITH_GRAPHVIZ ${hierevo_has_graphviz})
endif()
if(HIEREVO_WITH_GRAPHVIZ)
  if(NOT hierevo_has_graphviz)
    message(FATAL_ERROR "HIEREVO_WITH_GRAPHVIZ requires Graphviz's libraries and its plugins core and "
      "dot_layout (Debian: libgraphviz-dev). Point CMAKE_PREFIX_PATH to them, or use "
      "-DHIEREVO_WITH_GRAPHVIZ=OFF.")
  endif()
  set(HIEREVO_GRAPHVIZ_LIBRARIES ${hierevo_graphviz_libraries})
endif()

find_file(HIEREVO_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js
  /usr/share/nodejs/chart.js/dist DOC "Chart.js 3, which charts in reports are drawn with")
mark_as_advanced(HIEREVO_CHART_JS)

# The messages of ONNX alone: the rest of its library knows all operators, and takes long to load.
find_path(HIEREVO_ONNX_INCLUDE_DIR onnx/onnx_pb.h)
find_library(HIEREVO_ONNX_PROTO_LIBRARY onnx_proto)
mark_as_advanced(HIEREVO_ONNX_INCLUDE_DIR HIEREVO_ONNX_PROTO_LIBRARY)
# The Protobuf that ONNX was built with, which a torch's own copy of the headers may not hide.
find_path(Protobuf_INCLUDE_DIR google/protobuf/message.h PATHS ${HIEREVO_ONNX_INCLUDE_DIR} NO_DEFAULT_PATH)
find_package(Protobuf QUIET)
set(hierevo_has_onnx OFF)
if(HIEREVO_ONNX_INCLUDE_DIR AND HIEREVO_ONNX_PROTO_LIBRARY AND Protobuf_FOUND)
  string(MD5 hierevo_onnx "${HIEREVO_ONNX_INCLUDE_DIR};${Protobuf_INCLUDE_DIRS};${Protobuf_LIBRARIES}")
  set(hierevo_onnx HIEREVO_ONNX_COMPILES_${hierevo_onnx})  # found anew with other libraries
  cmake_push_check_state(RESET)
  set(CMAKE_REQUIRED_INCLUDES ${HIEREVO_ONNX_INCLUDE_DIR} ${Protobuf_INCLUDE_DIRS})
  set(CMAKE_REQUIRED_DEFINITIONS -DONNX_ML=1 -DONNX_NAMESPACE=onnx)
  set(CMAKE_REQUIRED_LIBRARIES ${HIEREVO_ONNX_PROTO_LIBRARY} ${Protobuf_LIBRARIES})
  check_cxx_source_compiles("#include <onnx/onnx_pb.h>
    int main() { onnx::ModelProto model; model.set_producer_name(\"hierevo\"); }" ${hierevo_onnx})
  cmake_pop_check_state()
  set(hierevo_has_onnx ${${hierevo_onnx}})
endif()
if(HIEREVO_WITH_ONNX STREQUAL AUTO)
  set(HIEREVO_WITH_ONNX ${hierevo_has_onnx})
endif()
if(HIEREVO_WITH_ONNX AND NOT hierevo_has_onnx)
  message(FATAL_ERROR "HIEREVO_WITH_ONNX requires ONNX's library of messages and the Protobuf it was "
    "built with (Debian: libonnx-dev). Point CMAKE_PREFIX_PATH to them, or use -DHIEREVO_WITH_ONNX=OFF.")
endif()
