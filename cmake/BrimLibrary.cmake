# brim_library(NAME [LINK public...] [PRIVATE private...]): one room. All *.cpp of the folder make
# the library brim_NAME; its *_test.cpp, if any, make the program brim_NAME_test.
find_package(GTest REQUIRED)

function(brim_library name)
  cmake_parse_arguments(ARG "" "" "LINK;PRIVATE;TEST_LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "*.cpp")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|_main|/main)\\.cpp$")
  if(sources)
    add_library(brim_${name} STATIC ${sources})
    target_link_libraries(brim_${name} PUBLIC brim_settings ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
    brim_precompile(brim_${name} library)
    set(link brim_${name})
  else()
    add_library(brim_${name} INTERFACE)
    target_link_libraries(brim_${name} INTERFACE brim_settings ${ARG_LINK} ${ARG_PRIVATE})
    set(link brim_${name})
  endif()
  if(tests)
    brim_test(brim_${name}_test LABEL unit SOURCES ${tests} LINK ${link} ${ARG_TEST_LINK})
  endif()
endfunction()

# What tests are compiled with besides, to be compiled in less time: it is what they test that is
# optimized and that UndefinedBehaviorSanitizer looks at.
add_library(brim_test_settings INTERFACE)
target_compile_options(brim_test_settings INTERFACE $<$<CONFIG:Release>:-O1>)
if(BRIM_SANITIZE MATCHES "undefined")
  target_compile_options(brim_test_settings INTERFACE -fno-sanitize=undefined)
endif()

# All test programs, without what only users run: what a sanitizer build needs.
add_custom_target(tests)

# brim_test(NAME LABEL unit|validate|golden|live SOURCES ... [LINK ...] [DEFINE ...]): a GoogleTest
# program. Its cases appear in ctest one program at a time: `ctest -L unit`. Unit tests may run beside
# each other (`ctest -j`).
function(brim_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LINK;DEFINE" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} brim_settings brim_test_settings
    GTest::gmock GTest::gtest_main)
  brim_precompile(${name} test)
  target_compile_definitions(${name} PRIVATE
    BRIM_SOURCE_DIR="${CMAKE_SOURCE_DIR}" BRIM_BINARY_DIR="${CMAKE_BINARY_DIR}" ${ARG_DEFINE})
  add_test(NAME ${name} COMMAND ${name})
  add_dependencies(tests ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
  if(NOT ARG_LABEL STREQUAL "unit")
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

# brim_fuzzer(NAME SOURCE LINK ...): a libFuzzer program fuzz_NAME, part of the target `fuzzers`.
add_custom_target(fuzzers)
function(brim_fuzzer name source)
  add_executable(fuzz_${name} ${source})
  target_link_libraries(fuzz_${name} PRIVATE ${ARGN} brim_settings)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers fuzz_${name})
endfunction()
