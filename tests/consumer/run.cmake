# Installs hierevo into a scratch prefix, builds the consumer project against it and runs its search.
#   cmake -DBUILD=… -DSOURCE=… -DSCRATCH=… -DGENERATOR=… -DCXX=… "-DMPIRUN=mpirun … -n 3" -P run.cmake

# run(COMMAND…): a failing command fails the test, with its output.
macro(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result STREQUAL "0")
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}\n${output}\nended with ${result}")
  endif()
endmacro()

separate_arguments(MPIRUN UNIX_COMMAND "${MPIRUN}")
file(REMOVE_RECURSE ${SCRATCH})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${SCRATCH}/build -G ${GENERATOR}
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix)
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
run(${MPIRUN} ${SCRATCH}/build/consumer ${SCRATCH}/run)
message(STATUS "${output}")

# What was not built is refused with a reason.
file(WRITE ${SCRATCH}/refused/CMakeLists.txt
  "cmake_minimum_required(VERSION 3.25)\nproject(refused LANGUAGES CXX)\n"
  "find_package(hierevo REQUIRED COMPONENTS core telepathy)\n")
execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SCRATCH}/refused -B ${SCRATCH}/refused/build -G ${GENERATOR}
    -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix
  RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE output)
string(REGEX REPLACE "[ \n]+" " " output "${output}")
if(result STREQUAL "0" OR NOT output MATCHES "built without the component 'telepathy'")
  message(FATAL_ERROR "An unknown component should be refused with a reason:\n${output}")
endif()
