include(CMakePackageConfigHelpers)

set(reeve_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/reeve")
install(TARGETS reeve reeve_testing
    EXPORT reeve-targets
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT reeve-targets NAMESPACE reeve:: DESTINATION "${reeve_config_dir}")
if(reeve_has_etcd)
    # Targets of its own: who does not ask for the component needs no gRPC.
    install(TARGETS reeve_etcd
        EXPORT reeve-etcd-targets
        FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT reeve-etcd-targets NAMESPACE reeve:: DESTINATION "${reeve_config_dir}")
endif()

if(BUILD_SHARED_LIBS)
    set(BUILD_SHARED_LIBS_01 1)
else()
    set(BUILD_SHARED_LIBS_01 0)
endif()
configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/reeve-config.cmake.in"
    "${PROJECT_BINARY_DIR}/reeve-config.cmake"
    INSTALL_DESTINATION "${reeve_config_dir}")
write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/reeve-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/reeve-config.cmake"
    "${PROJECT_BINARY_DIR}/reeve-config-version.cmake"
    DESTINATION "${reeve_config_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
