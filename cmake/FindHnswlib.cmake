# Imported target Hnswlib::hnswlib: graphs of neighbours, headers only. Debian's package has no CMake
# configuration. Installed beside relataConfig.cmake, which needs the same target.
find_path(HNSWLIB_INCLUDE hnswlib/hnswlib.h)
mark_as_advanced(HNSWLIB_INCLUDE)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Hnswlib REQUIRED_VARS HNSWLIB_INCLUDE)

if(Hnswlib_FOUND AND NOT TARGET Hnswlib::hnswlib)
  add_library(Hnswlib::hnswlib INTERFACE IMPORTED)
  set_target_properties(Hnswlib::hnswlib PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${HNSWLIB_INCLUDE}")
endif()
