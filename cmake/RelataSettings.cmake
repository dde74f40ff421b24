# Language, warnings, sanitizers, and the tools that make builds quick when they are present.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(RELATA_CCACHE ccache)
if(RELATA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The checkout's folder must not be part of the cache key, nor the time of the precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${RELATA_CCACHE})
endif()
find_program(RELATA_MOLD mold)
if(RELATA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(relata_settings INTERFACE)
# GCC 12 reports -Wrestrict inside std::string concatenation where there is nothing (PR 105329).
target_compile_options(relata_settings INTERFACE -Wall -Wextra -Wno-unused-parameter
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(NOT RELATA_FUZZ)  # clang, which warns of other things, only builds the fuzz targets
  target_compile_options(relata_settings INTERFACE -Werror)
endif()
if(RELATA_SANITIZE)
  add_compile_options(-fsanitize=${RELATA_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${RELATA_SANITIZE})
  # GCC's manual: with sanitizers this warning reports variables that are initialised.
  target_compile_options(relata_settings INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

# For what takes no time to run and much to compile: command lines, with all of CLI11 in headers,
# and tests.
set(relata_quick_to_compile $<$<CONFIG:Release>:-O1>)
