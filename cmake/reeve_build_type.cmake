# A build type for those who gave none: nobody should measure an unoptimised library by accident.
get_property(reeve_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT reeve_multi_config AND NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()
