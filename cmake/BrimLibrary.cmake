# brim_library(NAME [LINK public...] [PRIVATE private...] [TEST_SHARDS n]): one room. All *.cpp of the folder make
# the library brim_NAME; its *_test.cpp, if any, make the program brim_NAME_test.
find_package(GTest REQUIRED)

function(brim_library name)
  cmake_parse_arguments(ARG "" "TEST_SHARDS" "LINK;PRIVATE;TEST_LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "*.cpp")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|_main|/main)\\.cpp$")
  if(sources)
    add_library(brim_${name} STATIC ${sources})
    target_link_libraries(brim_${name} PUBLIC brim_settings ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
    brim_together(brim_${name} library)
    set(link brim_${name})
  else()
    add_library(brim_${name} INTERFACE)
    target_link_libraries(brim_${name} INTERFACE brim_settings ${ARG_LINK} ${ARG_PRIVATE})
    set(link brim_${name})
  endif()
  if(tests)
    brim_test(brim_${name}_test LABEL unit SHARDS ${ARG_TEST_SHARDS} SOURCES ${tests}
      LINK ${link} ${ARG_TEST_LINK})
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

# brim_test(NAME LABEL unit|validate|golden|live [SHARDS n] SOURCES ... [LINK ...] [DEFINE ...]): a
# GoogleTest program. Its cases appear in ctest one program at a time: `ctest -L unit`; those of a long
# one in n parts. Unit tests may run beside each other and beside golden ones (`ctest -j`); the others
# measure this machine and have it to themselves, but for those in guests (brim_in_guests below).
function(brim_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT;SHARDS" "SOURCES;LINK;DEFINE" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} brim_settings brim_test_settings
    GTest::gmock GTest::gtest_main)
  brim_together(${name} test)
  target_compile_definitions(${name} PRIVATE
    BRIM_SOURCE_DIR="${CMAKE_SOURCE_DIR}" BRIM_BINARY_DIR="${CMAKE_BINARY_DIR}" ${ARG_DEFINE})
  add_dependencies(tests ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  if(ARG_SHARDS)
    foreach(shard RANGE 1 ${ARG_SHARDS})
      math(EXPR index "${shard} - 1")
      add_test(NAME ${name}_${shard} COMMAND ${name})
      set_tests_properties(${name}_${shard} PROPERTIES COST 1
        ENVIRONMENT "GTEST_TOTAL_SHARDS=${ARG_SHARDS};GTEST_SHARD_INDEX=${index}")
      list(APPEND cases ${name}_${shard})
    endforeach()
  else()
    add_test(NAME ${name} COMMAND ${name})
    set(cases ${name})
  endif()
  set_tests_properties(${cases} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
  if(NOT ARG_LABEL STREQUAL "unit")
    set_tests_properties(${cases} PROPERTIES RUN_SERIAL TRUE)
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

# brim_in_guests(TEST ...): live tests of guests of one processor, which leave this machine's own memory
# alone. One at a time, begun first as they take long, with other tests beside them.
function(brim_in_guests)
  set_tests_properties(${ARGN} PROPERTIES RUN_SERIAL FALSE RESOURCE_LOCK guests COST 1000)
endfunction()
