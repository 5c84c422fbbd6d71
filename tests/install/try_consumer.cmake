# Configures, builds and runs consumer/ in a fresh directory; WAY is find_package, after installing
# reeve to a temporary prefix, or add_subdirectory.
cmake_minimum_required(VERSION 3.25)

function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
    if(NOT code EQUAL 0)
        list(JOIN ARGN " " command)
        message(FATAL_ERROR "exit code ${code}: ${command}\n${out}")
    endif()
    set(output "${out}" PARENT_SCOPE)
endfunction()

set(work "${WORK_DIR}/${WAY}")
file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")

if(WAY STREQUAL "find_package")
    run("${CMAKE_COMMAND}" --install "${BINARY_DIR}" --prefix "${work}/installed")
    set(how "-DCMAKE_PREFIX_PATH=${work}/installed")
else()
    # As fast as it can be compiled: what the library does is other tests' business.
    set(how
        "-DREEVE_SOURCE_DIR=${SOURCE_DIR}"
        "-DREEVE_WITH_SQLITE=${WITH_SQLITE}"
        "-DREEVE_WITH_ETCD=${WITH_ETCD}"
        "-DCMAKE_UNITY_BUILD=ON"
        "-DREEVE_WARNINGS_AS_ERRORS=${WARNINGS_AS_ERRORS}"
        "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O0 -UNDEBUG")
endif()
if(CXX_COMPILER_LAUNCHER)
    list(APPEND how "-DCMAKE_CXX_COMPILER_LAUNCHER=${CXX_COMPILER_LAUNCHER}")
endif()

run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}/tests/install/consumer" -B "${work}/build"
    -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}" "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}"
    "-DCONSUMER_WAY=${WAY}" "-DCONSUMER_ETCD=${WITH_ETCD}" ${how})
if(WAY STREQUAL "add_subdirectory")
    # A host gets the library and nothing that is built only for reeve's own developers.
    run("${CMAKE_COMMAND}" --build "${work}/build" --target help)
    if(output MATCHES "(test_core|test_tidy|linedb|reeve_benchmarks)")
        message(FATAL_ERROR "a host's build contains tests, examples or benchmarks:\n${output}")
    endif()
endif()
run("${CMAKE_COMMAND}" --build "${work}/build")
run("${work}/build/consumer_tests")
run("${work}/build/consumer")
message(STATUS "${output}")
if(WITH_ETCD)
    run("${work}/build/consumer_etcd")
endif()
file(REMOVE_RECURSE "${work}")
