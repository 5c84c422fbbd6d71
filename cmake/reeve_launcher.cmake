# ccache, if it is there and nobody has chosen a launcher (cache variable or environment). Paths
# below the checkout are hashed relative to it, so that a clone elsewhere finds what this one built.
if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(REEVE_CCACHE ccache)
    mark_as_advanced(REEVE_CCACHE)
    if(REEVE_CCACHE)
        set(CMAKE_CXX_COMPILER_LAUNCHER
            "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${CMAKE_SOURCE_DIR};CCACHE_NOHASHDIR=1;${REEVE_CCACHE}")
    endif()
endif()
