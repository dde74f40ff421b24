# Every outside library, found once. Debian 12's packages are the reference versions.
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
if(NOT RELATA_FUZZ)  # clang has none by default, and no fuzz target needs it
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()
find_package(Threads REQUIRED)

find_package(SentencePiece REQUIRED)

if(RELATA_TORCH)
  find_package(CLI11 REQUIRED)
  find_package(CURL REQUIRED)
  include(RelataTorch)
endif()
if(RELATA_TESTS)
  find_package(GTest REQUIRED)
endif()
if(RELATA_BENCH)
  find_package(benchmark REQUIRED)
endif()
