# Makes memory errors harder to exploit, for the plugin, which runs as root, and for programs that read
# files of others: checked stack frames and calls of the C library, addresses that differ at each start,
# and read-only function tables. Sanitizers have checks of their own.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

function(hierevo_harden target)
  if(HIEREVO_SANITIZERS)
    return()
  endif()
  target_compile_options(${target} INTERFACE -fstack-protector-strong)
  # Calls are checked only in optimised code. Some compilers define the macro themselves.
  target_compile_options(${target} INTERFACE
    "$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
  target_link_options(${target} INTERFACE LINKER:-z,relro LINKER:-z,now)
endfunction()
