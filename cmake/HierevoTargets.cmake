# One way to build a module and one way to build a program.

# Compile flags of every target of the project.
add_library(hierevo_build_flags INTERFACE)
target_compile_features(hierevo_build_flags INTERFACE cxx_std_20)
target_compile_options(hierevo_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
  $<$<BOOL:${HIEREVO_WARNINGS_AS_ERRORS}>:-Werror>)
# In a unity build sources are included: GCC treats them as headers, and one sees the internals of another.
target_compile_options(hierevo_build_flags INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wno-subobject-linkage;-Wno-shadow>)
# Keeps mpi.h from including MPI's C++ bindings, long removed from the standard.
target_compile_definitions(hierevo_build_flags INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
if(HIEREVO_BUILD_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "HIEREVO_BUILD_FUZZERS requires clang (libFuzzer is part of it). "
                        "Use the preset fuzz, or add -DCMAKE_CXX_COMPILER=clang++.")
  endif()
  set(HIEREVO_SANITIZERS fuzzer-no-link,address,undefined)  # tests/fuzz links libFuzzer itself
endif()
if(HIEREVO_SANITIZERS)
  target_compile_options(hierevo_build_flags INTERFACE
    -fsanitize=${HIEREVO_SANITIZERS} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(hierevo_build_flags INTERFACE -fsanitize=${HIEREVO_SANITIZERS})
endif()

include(HierevoHardening)
hierevo_harden(hierevo_build_flags)

# Installed programs find hierevo's own shared libraries beside them, and other libraries where they were
# at build time.
include(GNUInstallDirs)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

# For all users, whatever the umask of the one who builds or installs.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
  GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# hierevo_add_module(core SOURCES a.cpp … PUBLIC lib … PRIVATE lib …)
# makes the library hierevo_core, known as hierevo::core here and in the installed package.
function(hierevo_add_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target hierevo_${name})
  add_library(${target} ${arg_SOURCES})
  add_library(hierevo::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME hierevo_${name}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC}
    PRIVATE ${arg_PRIVATE} $<BUILD_INTERFACE:hierevo_build_flags>)
  set_property(GLOBAL APPEND PROPERTY HIEREVO_MODULES ${name})
endfunction()

# hierevo_optimise_with_sanitizers(hierevo_genome)
# Sanitizer builds are not optimised, except where optimising takes less time than it saves in the tests.
function(hierevo_optimise_with_sanitizers target)
  if(HIEREVO_SANITIZERS)
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

# hierevo_add_program(hierevo SOURCES a.cpp … LIBRARIES lib …)
function(hierevo_add_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  # A program loads only the libraries that it uses.
  target_link_options(${name} PRIVATE LINKER:--as-needed)
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} hierevo_build_flags)
  install(TARGETS ${name} RUNTIME_DEPENDENCY_SET hierevo-libraries
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
endfunction()
