# Sanitizers apply to everything in the build, hence directory-wide flags, and only at top level.
# UndefinedBehaviorSanitizer checks the library and not what uses it (src/CMakeLists.txt): with it,
# coroutines compile twice as long.
set(reeve_library_sanitize_flags)
if(REEVE_SANITIZE MATCHES "^address(,undefined)?$")
    set(reeve_sanitize_flags -fsanitize=address -fno-sanitize-recover=all)
    if(REEVE_SANITIZE MATCHES "undefined")
        set(reeve_library_sanitize_flags -fsanitize=undefined)
        add_link_options(-fsanitize=undefined)
    endif()
elseif(REEVE_SANITIZE STREQUAL "thread")
    set(reeve_sanitize_flags -fsanitize=thread)
elseif(NOT REEVE_SANITIZE STREQUAL "")
    message(FATAL_ERROR
        "REEVE_SANITIZE is \"${REEVE_SANITIZE}\"; known are \"\", \"address\", "
        "\"address,undefined\" and \"thread\"")
endif()
if(REEVE_SANITIZE)
    add_compile_options(${reeve_sanitize_flags} -fno-omit-frame-pointer)
    add_link_options(${reeve_sanitize_flags})
endif()
