# LibTorch: what find_package(Torch) gives (the target `torch`, TORCH_LIBRARIES, TORCH_INCLUDE_DIRS,
# TORCH_INSTALL_PREFIX). Of a CUDA build, as PyPI's torch for Linux is, the CPU part alone is linked:
# its own configuration stops without CUDA's toolkit, and programs that load its libraries start
# slowly. model/device.cpp loads the CUDA part when it is asked for.
find_file(RELATA_TORCH_CONFIG TorchConfig.cmake
  HINTS "${Torch_DIR}" ENV Torch_DIR PATH_SUFFIXES Torch share/cmake/Torch)
mark_as_advanced(RELATA_TORCH_CONFIG)
set(torch_is_cpu_part FALSE)
if(RELATA_TORCH_CONFIG)
  get_filename_component(torch_root "${RELATA_TORCH_CONFIG}/../../../.." ABSOLUTE)
  if(EXISTS "${torch_root}/lib/libtorch_cuda.so")
    set(torch_is_cpu_part TRUE)
  endif()
endif()

if(NOT torch_is_cpu_part)
  find_package(Torch 2.6 REQUIRED)
elseif(NOT TARGET torch)
  include("${torch_root}/share/cmake/Torch/TorchConfigVersion.cmake")
  if(PACKAGE_VERSION VERSION_LESS 2.6)
    message(FATAL_ERROR "${torch_root}: LibTorch ${PACKAGE_VERSION}, 2.6 or later is needed")
  endif()
  message(STATUS "Found Torch: ${torch_root} (${PACKAGE_VERSION}, its CPU part)")
  set(TORCH_INSTALL_PREFIX "${torch_root}")
  set(TORCH_INCLUDE_DIRS
    "${torch_root}/include" "${torch_root}/include/torch/csrc/api/include")
  foreach(library torch_cpu c10)
    add_library(${library} SHARED IMPORTED)
    set_target_properties(${library} PROPERTIES
      IMPORTED_LOCATION "${torch_root}/lib/lib${library}.so")
  endforeach()
  add_library(torch INTERFACE IMPORTED)
  target_include_directories(torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  # Kernels register themselves when torch_cpu is loaded, whether or not a symbol of it is used. It
  # names CUDA's runtime libraries, which it finds itself when it is loaded.
  target_link_libraries(torch INTERFACE
    "-Wl,--no-as-needed,$<TARGET_FILE:torch_cpu>,--as-needed" torch_cpu c10)
  target_link_options(torch INTERFACE -Wl,--allow-shlib-undefined)
  set(TORCH_LIBRARIES torch)
  set(Torch_FOUND TRUE)
endif()
