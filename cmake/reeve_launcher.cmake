# ccache, if it is there and nobody has chosen a launcher (cache variable or environment).
if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(REEVE_CCACHE ccache)
    mark_as_advanced(REEVE_CCACHE)
    if(REEVE_CCACHE)
        set(CMAKE_CXX_COMPILER_LAUNCHER "${REEVE_CCACHE}")
    endif()
endif()
