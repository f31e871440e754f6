# brim_together(TARGET library|test): with BRIM_TOGETHER, the libraries' headers that every file needs
# are compiled once for all targets of a kind, and a target's own files several at a time: half the
# work, most of which is templates. Not for what release ships, and not for clang-tidy: so each file
# is seen to include what it uses.
set(BRIM_TOGETHER "" CACHE STRING "Compile files together: 'tests', 'all', or none")

function(brim_together target kind)
  if(NOT BRIM_TOGETHER STREQUAL "all" AND
     NOT (BRIM_TOGETHER STREQUAL "tests" AND kind STREQUAL "test"))
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
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # It takes every file but the first for a header, in which unnamed namespaces would be a mistake.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # With a precompiled header GCC 12 sees std::string's inner buffer overrun where it is not.
      target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow)
    endif()
  endif()
endfunction()
