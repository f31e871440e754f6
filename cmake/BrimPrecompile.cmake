# brim_precompile(TARGET library|test): with BRIM_PRECOMPILE, the libraries' headers that every file
# needs are compiled once for all targets. Not for release, which so proves that each file includes
# what it uses, and has clang-tidy go by the same command lines.
option(BRIM_PRECOMPILE "Compile the common library headers once" OFF)

function(brim_precompile target kind)
  if(NOT BRIM_PRECOMPILE)
    return()
  endif()
  set(headers <algorithm> <chrono> <filesystem> <map> <optional> <string> <vector>
      <fmt/format.h> <nlohmann/json.hpp> <tl/expected.hpp>)
  set(link fmt::fmt tl::expected nlohmann_json::nlohmann_json)
  if(kind STREQUAL test)
    list(APPEND headers <gmock/gmock.h> <gtest/gtest.h>)
    list(APPEND link GTest::gmock brim_test_settings)
  endif()
  set(shared brim_${kind}_headers)
  if(NOT TARGET ${shared})
    set(source "${CMAKE_BINARY_DIR}/generated/${shared}.cpp")
    file(CONFIGURE OUTPUT "${source}" CONTENT "")
    add_library(${shared} OBJECT "${source}")
    target_link_libraries(${shared} PRIVATE brim_settings ${link})
    target_precompile_headers(${shared} PRIVATE ${headers})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${shared})
endfunction()
