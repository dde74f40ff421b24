# Imported target Stemmer::stemmer: Snowball's stemmers. Debian's package has no CMake
# configuration. Installed beside relataConfig.cmake, which needs the same target.
find_path(STEMMER_INCLUDE libstemmer.h)
find_library(STEMMER_LIBRARY stemmer)
mark_as_advanced(STEMMER_INCLUDE STEMMER_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Stemmer REQUIRED_VARS STEMMER_LIBRARY STEMMER_INCLUDE)

if(Stemmer_FOUND AND NOT TARGET Stemmer::stemmer)
  add_library(Stemmer::stemmer INTERFACE IMPORTED)
  set_target_properties(Stemmer::stemmer PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${STEMMER_INCLUDE}"
    INTERFACE_LINK_LIBRARIES "${STEMMER_LIBRARY}")
endif()
