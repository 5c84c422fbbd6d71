# reeve::etcd, the store on etcd: built when gRPC and Protobuf are there, or demanded, or left out.
# Sets reeve_has_etcd.
set(REEVE_WITH_ETCD "AUTO" CACHE STRING
    "The etcd store reeve::etcd: AUTO (if gRPC is found), ON (gRPC must be there) or OFF")
set_property(CACHE REEVE_WITH_ETCD PROPERTY STRINGS AUTO ON OFF)

set(reeve_has_etcd OFF)
if(REEVE_WITH_ETCD STREQUAL "AUTO" OR REEVE_WITH_ETCD)
    # gRPC's own configuration asks for several packages, and is not always quiet about it.
    find_package(Protobuf MODULE QUIET)
    if(Protobuf_FOUND AND TARGET protobuf::protoc)
        find_package(gRPC CONFIG QUIET)
    endif()
    if(TARGET gRPC::grpc++ AND TARGET protobuf::protoc)
        set(reeve_has_etcd ON)
        message(STATUS "reeve: with the etcd store (gRPC ${gRPC_VERSION})")
    elseif(REEVE_WITH_ETCD STREQUAL "AUTO")
        message(STATUS "reeve: without the etcd store (gRPC or Protobuf was not found)")
    else()
        message(FATAL_ERROR "REEVE_WITH_ETCD is ${REEVE_WITH_ETCD}, but gRPC or Protobuf was not "
            "found (Debian: libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc)")
    endif()
else()
    message(STATUS "reeve: without the etcd store (REEVE_WITH_ETCD is ${REEVE_WITH_ETCD})")
endif()
