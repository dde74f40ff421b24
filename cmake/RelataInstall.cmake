# `cmake --install`: the libraries with their headers, and a package for find_package(relata); the
# programs' own install rules are in apps. The layers that link LibTorch form an export set of
# their own, so that a consumer of the others needs no LibTorch.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(RELATA_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/relata")

get_property(layers GLOBAL PROPERTY RELATA_LAYERS)
install(TARGETS ${layers} EXPORT relataTargets)
install(EXPORT relataTargets NAMESPACE relata:: DESTINATION "${RELATA_PACKAGE_DIR}")

get_property(torch_layers GLOBAL PROPERTY RELATA_TORCH_LAYERS)
if(torch_layers)
  install(TARGETS ${torch_layers} EXPORT relataTorchTargets)
  install(EXPORT relataTorchTargets NAMESPACE relata:: DESTINATION "${RELATA_PACKAGE_DIR}")
endif()

install(DIRECTORY include/relata TYPE INCLUDE)
install(FILES LICENSE TYPE DOC)
configure_package_config_file(cmake/relataConfig.cmake.in relataConfig.cmake
  INSTALL_DESTINATION "${RELATA_PACKAGE_DIR}")
write_basic_package_version_file(relataConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/relataConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/relataConfigVersion.cmake"
  cmake/FindHttplib.cmake
  cmake/FindSentencePiece.cmake
  cmake/FindStemmer.cmake
  cmake/RelataTorch.cmake
  DESTINATION "${RELATA_PACKAGE_DIR}")
