# relata_precompiled(NAME HEADERS ...): a target whose precompiled headers others reuse.
function(relata_precompiled name)
  file(WRITE "${CMAKE_BINARY_DIR}/pch/${name}.cpp.in" "")
  configure_file("${CMAKE_BINARY_DIR}/pch/${name}.cpp.in" "${CMAKE_BINARY_DIR}/pch/${name}.cpp"
    COPYONLY)
  add_library(${name} STATIC "${CMAKE_BINARY_DIR}/pch/${name}.cpp")
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_precompile_headers(${name} PUBLIC ${ARGN})
endfunction()

# What most files outside of LibTorch's layers would spend their time on.
relata_precompiled(relata_pch <fmt/format.h> <nlohmann/json.hpp> <algorithm> <map> <memory>
  <optional> <string> <vector>)
target_link_libraries(relata_pch PUBLIC relata_settings fmt::fmt nlohmann_json::nlohmann_json)

# relata_reuse_headers(TARGET): for targets with position-independent code and without LibTorch.
function(relata_reuse_headers target)
  target_precompile_headers(${target} REUSE_FROM relata_pch)
  # GCC 12 does not take libstdc++ out of a precompiled header for a system's, and reports what it
  # merely cannot rule out.
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-stringop-overflow>)
endfunction()

# relata_layer(NAME [TORCH|PLAIN] DEPENDS ...): the library relata_NAME (alias relata::NAME) from
# src/NAME/, sub-folders included, whose private headers are named from src/NAME. TORCH layers compile
# against LibTorch; all but PLAIN ones, which have compiler options of their own, reuse precompiled
# headers. Where only a part of a layer needs LibTorch, that part lies in src/NAME/torch and is a
# library of its own (relata_torch_part).
function(relata_layer name)
  cmake_parse_arguments(LAYER "TORCH;PLAIN" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/src/${name}/torch/")
  if(NOT sources)
    add_library(relata_${name} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(relata_${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(relata_${name} PRIVATE $<BUILD_INTERFACE:relata_settings>)
    target_include_directories(relata_${name} PRIVATE "${CMAKE_SOURCE_DIR}/src/${name}")
  endif()
  add_library(relata::${name} ALIAS relata_${name})
  set_target_properties(relata_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(relata_${name} ${scope} cxx_std_20)
  target_include_directories(relata_${name} ${scope}
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_link_libraries(relata_${name} ${scope} ${LAYER_DEPENDS})
  if(LAYER_TORCH)
    target_link_libraries(relata_${name} ${scope} relata_torch)
    set_property(GLOBAL APPEND PROPERTY RELATA_TORCH_LAYERS relata_${name})
    target_precompile_headers(relata_${name} REUSE_FROM relata_torch_pch)
  else()
    set_property(GLOBAL APPEND PROPERTY RELATA_LAYERS relata_${name})
    if(NOT LAYER_PLAIN)
      relata_reuse_headers(relata_${name})
    endif()
  endif()
endfunction()

# relata_torch_part(NAME DEPENDS ...): the library relata_NAME_torch (alias relata::NAME_torch) from
# src/NAME/torch. Programs without LibTorch link relata::NAME alone.
function(relata_torch_part name)
  cmake_parse_arguments(PART "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/torch/*.cpp")
  set(target relata_${name}_torch)
  add_library(${target} STATIC ${sources})
  add_library(relata::${name}_torch ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name}_torch)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:relata_settings>
    PUBLIC relata_${name} ${PART_DEPENDS} relata_torch)
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/src/${name}")
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_precompile_headers(${target} REUSE_FROM relata_torch_pch)
  set_property(GLOBAL APPEND PROPERTY RELATA_TORCH_LAYERS ${target})
endfunction()

if(RELATA_TORCH)
  # LibTorch's headers as system headers, so that our warnings stay ours.
  add_library(relata_torch INTERFACE)
  target_include_directories(relata_torch SYSTEM INTERFACE
    "$<BUILD_INTERFACE:${TORCH_INCLUDE_DIRS}>")
  # In an installed package, the `torch` target that the consumer's own find_package(Torch) made.
  target_link_libraries(relata_torch INTERFACE
    "$<BUILD_INTERFACE:${TORCH_LIBRARIES}>" $<INSTALL_INTERFACE:torch>
    # at::parallel_for is inline: without OpenMP in our own code it runs on one thread.
    OpenMP::OpenMP_CXX)
  # libc10 and libsentencepiece both define FLAGS_minloglevel: an int there, a larger object here, which
  # would overwrite what lies behind the int and have LibTorch abort where it should throw. Whose
  # library is loaded first has its memory used by both; the larger one must be.
  target_link_options(relata_torch INTERFACE
    "LINKER:--push-state,--no-as-needed,${SENTENCEPIECE_LIBRARY},--pop-state")
  if(RELATA_SANITIZE STREQUAL "thread")
    target_compile_options(relata_torch INTERFACE -Wno-tsan)  # LibTorch's headers have fences
  endif()
  # LibTorch brings the headers of another fmt than the installed library, found before ours.
  target_compile_definitions(relata_torch INTERFACE FMT_HEADER_ONLY=1)
  set_property(GLOBAL APPEND PROPERTY RELATA_TORCH_LAYERS relata_torch)

  # Not torch/torch.h: its modules and data loaders would be instantiated in every file, which takes
  # twice as long as all that is used here.
  relata_precompiled(relata_torch_pch <ATen/ATen.h> <ATen/core/grad_mode.h>)
  target_compile_options(relata_torch_pch PRIVATE -Wall -Wextra -Werror -Wno-unused-parameter)
  target_link_libraries(relata_torch_pch PUBLIC relata_torch)
endif()
