# reeve_warnings: linked privately by reeve's own targets; a host never sees these flags.
add_library(reeve_warnings INTERFACE)
target_compile_options(reeve_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    # False alarm of gcc 12 on the frames of coroutines, from -O2 on.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
    $<$<BOOL:${CMAKE_UNITY_BUILD}>:-Wno-subobject-linkage>
    $<$<BOOL:${REEVE_WARNINGS_AS_ERRORS}>:-Werror>)
