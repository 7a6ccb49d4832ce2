# What makes mistakes in memory harder to use, for the plugin, which runs as root, and for programs that
# read what others wrote: checked stack frames and calls of the C library, addresses that differ at each
# start, and tables of functions that nothing can write to. Sanitizers have checks of their own.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

function(hierevo_harden target)
  if(HIEREVO_SANITIZERS)
    return()
  endif()
  target_compile_options(${target} INTERFACE -fstack-protector-strong)
  # Calls are checked only in optimised code. Some compilers define it themselves.
  target_compile_options(${target} INTERFACE
    "$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
  target_link_options(${target} INTERFACE LINKER:-z,relro LINKER:-z,now)
endfunction()
