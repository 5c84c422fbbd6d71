# reeve_glob(<out> <pattern>...): files below the project that match, without those that need
# SQLite when it is configured out.
function(reeve_glob out)
    set(patterns)
    foreach(pattern IN LISTS ARGN)
        list(APPEND patterns "${PROJECT_SOURCE_DIR}/${pattern}")
    endforeach()
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${patterns})
    if(NOT REEVE_WITH_SQLITE)
        string(REPLACE "." "\\." root "${PROJECT_SOURCE_DIR}")
        list(FILTER files EXCLUDE REGEX "^${root}/.*sqlite[^/]*(/.*)?$")
    endif()
    set(${out} ${files} PARENT_SCOPE)
endfunction()

# reeve_glob_here(<out> <directory>): the C++ sources directly in one directory, same filter.
function(reeve_glob_here out directory)
    file(GLOB files CONFIGURE_DEPENDS "${directory}/*.cpp")
    if(NOT REEVE_WITH_SQLITE)
        list(FILTER files EXCLUDE REGEX "sqlite[^/]*$")
    endif()
    set(${out} ${files} PARENT_SCOPE)
endfunction()

# reeve_require_sources(<list> <stem>): an empty list gets one empty source file.
function(reeve_require_sources list stem)
    if(NOT ${list})
        set(file "${CMAKE_CURRENT_BINARY_DIR}/${stem}_empty.cpp")
        file(CONFIGURE OUTPUT "${file}" CONTENT "")
        set(${list} "${file}" PARENT_SCOPE)
    endif()
endfunction()

# reeve_add_program(<name> <source>...): a program of this project that links everything of reeve.
function(reeve_add_program name)
    add_executable(${name} ${ARGN})
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
    target_link_libraries(${name} PRIVATE
        reeve::reeve reeve::testing
        $<BUILD_INTERFACE:reeve_warnings>
        fmt::fmt nlohmann_json::nlohmann_json simdjson::simdjson Threads::Threads)
    if(REEVE_WITH_SQLITE)
        target_link_libraries(${name} PRIVATE SQLite::SQLite3)
    endif()
endfunction()
