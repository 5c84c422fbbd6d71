# Sanitizers apply to everything in the build, hence directory-wide flags, and only at top level.
if(REEVE_SANITIZE STREQUAL "address")
    set(reeve_sanitize_flags -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(REEVE_SANITIZE STREQUAL "thread")
    set(reeve_sanitize_flags -fsanitize=thread)
elseif(NOT REEVE_SANITIZE STREQUAL "")
    message(FATAL_ERROR
        "REEVE_SANITIZE is \"${REEVE_SANITIZE}\"; known are \"\", \"address\" and \"thread\"")
endif()
if(REEVE_SANITIZE)
    add_compile_options(${reeve_sanitize_flags} -fno-omit-frame-pointer)
    add_link_options(${reeve_sanitize_flags})
endif()
