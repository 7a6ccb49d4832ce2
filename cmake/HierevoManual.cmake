# Run with cmake -P: has the programs write their manual pages, and bash what it completes.
#   PROGRAM  hierevo
#   OUT      folder of the pages and of the file hierevo for bash
#   TEMPLATE hierevo.bash.in
#   WITH_TORCH  whether there is hierevo-train
# Commands of programs that are not built are left out: of train and evaluate, without LibTorch.
set(PROGRAM ${CMAKE_COMMAND} -E env --unset=HIEREVO_TORCH ${PROGRAM})
execute_process(COMMAND ${PROGRAM} --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\n  [a-z]+  " lines "${help}")
file(MAKE_DIRECTORY ${OUT})
execute_process(COMMAND ${PROGRAM} --man-page OUTPUT_FILE ${OUT}/hierevo.1 COMMAND_ERROR_IS_FATAL ANY)
set(HIEREVO_COMMANDS "")
set(HIEREVO_OPTIONS "")
foreach(line ${lines})
  string(STRIP "${line}" command)
  if(command MATCHES "^(train|evaluate)$" AND NOT WITH_TORCH)
    continue()
  endif()
  execute_process(COMMAND ${PROGRAM} ${command} --man-page OUTPUT_VARIABLE page COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE ${OUT}/hierevo-${command}.1 "${page}")
  execute_process(COMMAND ${PROGRAM} ${command} --option-names OUTPUT_VARIABLE names COMMAND_ERROR_IS_FATAL ANY)
  string(APPEND HIEREVO_COMMANDS "${command} ")
  string(APPEND HIEREVO_OPTIONS "    ${command})\n      cat <<'END'\n${names}END\n      ;;\n")
endforeach()
configure_file(${TEMPLATE} ${OUT}/hierevo @ONLY)
