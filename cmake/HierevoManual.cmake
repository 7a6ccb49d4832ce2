# Run with cmake -P: has the programs write their manual pages, and bash what it completes.
#   PROGRAM  hierevo
#   OUT      folder of the pages and of the file hierevo for bash
#   TEMPLATE hierevo.bash.in
# Commands whose program is not there are left out.
execute_process(COMMAND ${PROGRAM} --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\n  [a-z]+  " lines "${help}")
file(MAKE_DIRECTORY ${OUT})
execute_process(COMMAND ${PROGRAM} --man-page OUTPUT_FILE ${OUT}/hierevo.1 COMMAND_ERROR_IS_FATAL ANY)
set(HIEREVO_COMMANDS "")
set(HIEREVO_OPTIONS "")
foreach(line ${lines})
  string(STRIP "${line}" command)
  execute_process(COMMAND ${PROGRAM} ${command} --man-page OUTPUT_VARIABLE page RESULT_VARIABLE failed ERROR_QUIET)
  if(failed)
    continue()
  endif()
  file(WRITE ${OUT}/hierevo-${command}.1 "${page}")
  execute_process(COMMAND ${PROGRAM} ${command} --option-names OUTPUT_VARIABLE names COMMAND_ERROR_IS_FATAL ANY)
  string(APPEND HIEREVO_COMMANDS "${command} ")
  string(APPEND HIEREVO_OPTIONS "    ${command})\n      cat <<'END'\n${names}END\n      ;;\n")
endforeach()
configure_file(${TEMPLATE} ${OUT}/hierevo @ONLY)
