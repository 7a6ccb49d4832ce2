# The one way to register a test. GoogleTest runs under CTest; every test has labels and a time limit.
#
#   hierevo_add_test(genome_mutation SOURCES mutation_test.cpp LIBRARIES hierevo::genome)
#   hierevo_add_test(search_protocol SOURCES … RANKS 1 2 4)     one test per rank count, under mpirun
#
# SOURCES    files of the test program
# LIBRARIES  libraries besides GoogleTest and the test support
# RANKS      numbers of MPI ranks; each test is then called NAME.ranks_N and succeeds only if all ranks do
# LABELS     CTest labels besides the module's name (the part of NAME before the first underscore)
# TIMEOUT    seconds (default 120)
# ENV        environment entries NAME=VALUE
# WAITS      see hierevo_register_test
find_package(GTest REQUIRED)

# All test programs use its precompiled header: they are compiled with the same flags, plus definitions.
add_executable(hierevo_test_precompiled ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
target_link_libraries(hierevo_test_precompiled PRIVATE GTest::gtest GTest::gmock
  hierevo_build_flags)
target_precompile_headers(hierevo_test_precompiled PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
# Tests run briefly: optimising them would take longer than it saves.
set(HIEREVO_TEST_OPTIONS -O0)
target_compile_options(hierevo_test_precompiled PRIVATE ${HIEREVO_TEST_OPTIONS})

add_library(hierevo_test_main STATIC ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
target_link_libraries(hierevo_test_main PUBLIC GTest::gtest GTest::gmock
  PRIVATE hierevo_build_flags)
# For tests of failing file calls: its functions take precedence over the system's in a program that links it.
add_library(hierevo_failing_files OBJECT ${PROJECT_SOURCE_DIR}/tests/support/failing_files.cpp)
target_include_directories(hierevo_failing_files PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(hierevo_failing_files PRIVATE hierevo_build_flags PUBLIC ${CMAKE_DL_LIBS})
# For tests of power cuts, likewise.
add_library(hierevo_recorded_files OBJECT ${PROJECT_SOURCE_DIR}/tests/support/recorded_files.cpp)
target_include_directories(hierevo_recorded_files PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(hierevo_recorded_files
  PRIVATE hierevo_build_flags PUBLIC hierevo::core ${CMAKE_DL_LIBS})
if(HIEREVO_WITH_MPI)
  add_library(hierevo_test_mpi_main STATIC ${PROJECT_SOURCE_DIR}/tests/support/mpi_main.cpp)
  target_link_libraries(hierevo_test_mpi_main PUBLIC GTest::gtest GTest::gmock hierevo::comm
    PRIVATE MPI::MPI_C hierevo_build_flags)
endif()

# More ranks than cores are fine in tests; running as root must be allowed for Open MPI.
set(HIEREVO_MPIRUN_ARGUMENTS --oversubscribe --bind-to none CACHE STRING
  "Arguments of mpirun in tests (a list)")
# mpirun with its arguments except the number of ranks, as one string with spaces, for scripts. Empty
# without MPI.
set(HIEREVO_MPIRUN_LINE "")
if(HIEREVO_WITH_MPI)
  string(JOIN " " HIEREVO_MPIRUN_LINE
    ${MPIEXEC_EXECUTABLE} ${HIEREVO_MPIRUN_ARGUMENTS} ${MPIEXEC_NUMPROC_FLAG})
endif()
set(HIEREVO_TEST_ENVIRONMENT
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMP_NUM_THREADS=1
  LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0
  TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp:halt_on_error=1)

# Test programs that use MPI get full stacks from the address sanitizer, for lsan.supp to match; the project's
# own programs see to it themselves (src/app/mpi_leaks.cpp).
set(HIEREVO_MPI_TEST_ENVIRONMENT ASAN_OPTIONS=fast_unwind_on_malloc=0)

function(hierevo_add_test name)
  cmake_parse_arguments(arg "WAITS" "TIMEOUT" "SOURCES;LIBRARIES;RANKS;LABELS;ENV" ${ARGN})
  set(waits "")
  if(arg_WAITS)
    set(waits WAITS)
  endif()
  if(arg_RANKS AND NOT HIEREVO_WITH_MPI)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  string(REGEX MATCH "^[^_]+" module ${name})
  set(target test_${name})
  add_executable(${target} ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE HIEREVO_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(arg_RANKS)
    target_link_libraries(${target} PRIVATE hierevo_test_mpi_main)
  else()
    target_link_libraries(${target} PRIVATE hierevo_test_main)
  endif()
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES} hierevo_build_flags)
  target_compile_options(${target} PRIVATE ${HIEREVO_TEST_OPTIONS})
  if(NOT module STREQUAL "nn")  # nn's tests have one with Torch's headers
    target_precompile_headers(${target} REUSE_FROM hierevo_test_precompiled)
  endif()

  if(arg_RANKS)
    foreach(ranks ${arg_RANKS})
      hierevo_register_test(${name}.ranks_${ranks}
        COMMAND ${MPIEXEC_EXECUTABLE} ${HIEREVO_MPIRUN_ARGUMENTS} ${MPIEXEC_NUMPROC_FLAG} ${ranks}
                $<TARGET_FILE:${target}>
        LABELS ${module} mpi ${arg_LABELS} TIMEOUT ${arg_TIMEOUT} CORES ${ranks} ${waits} ENV ${arg_ENV})
    endforeach()
  else()
    hierevo_register_test(${name} COMMAND $<TARGET_FILE:${target}>
      LABELS ${module} ${arg_LABELS} TIMEOUT ${arg_TIMEOUT} ENV ${arg_ENV} ${waits})
  endif()
endfunction()

# A test that runs any command: scripts, the installed package, the layering check. WAITS: the test waits most
# of its time; two such tests share a core. CORES: how many it keeps busy (default 1).
function(hierevo_register_test name)
  cmake_parse_arguments(arg "WAITS" "TIMEOUT;CORES" "COMMAND;LABELS;ENV" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  # `ctest --parallel` has two slots for each core (scripts/test).
  set(slots 2)
  if(arg_WAITS)
    set(slots 1)
  elseif(arg_CORES)
    math(EXPR slots "2 * ${arg_CORES}")
  endif()
  if("mpi" IN_LIST arg_LABELS AND NOT "app" IN_LIST arg_LABELS)
    list(PREPEND arg_ENV ${HIEREVO_MPI_TEST_ENVIRONMENT})
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES
    LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} PROCESSORS ${slots}
    COST ${arg_TIMEOUT}  # long tests first: at the end nothing could run beside them
    SKIP_RETURN_CODE 77
    ENVIRONMENT "${HIEREVO_TEST_ENVIRONMENT};${arg_ENV}")
endfunction()
