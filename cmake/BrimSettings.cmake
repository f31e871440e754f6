# Language level, warnings, sanitizers and output places, for every target.
option(BRIM_BENCH "Build the benchmarks" OFF)
option(BRIM_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(BRIM_WERROR "Warnings fail the build" ON)
set(BRIM_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")  # -O3 gains nothing measurable here
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(BRIM_CCACHE ccache)
if(BRIM_CCACHE)
  # What ccache needs to keep objects made with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env"
    "CCACHE_SLOPPINESS=pch_defines,time_macros;${BRIM_CCACHE}")
endif()

add_library(brim_settings INTERFACE)
target_include_directories(brim_settings INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_options(brim_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align
  $<$<BOOL:${BRIM_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False reports on std::string concatenation (GCC bug 105651, mended in 13).
  target_compile_options(brim_settings INTERFACE -Wno-restrict)
endif()
if(BRIM_SANITIZE)
  target_compile_options(brim_settings INTERFACE
    -fsanitize=${BRIM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(brim_settings INTERFACE -fsanitize=${BRIM_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What AddressSanitizer stops at as well, or nearly so: a third of a sanitizer build's time. The
    # fuzz preset (clang) has all of them.
    if(BRIM_SANITIZE MATCHES "undefined")
      target_compile_options(brim_settings INTERFACE
        -fno-sanitize=null,vptr,object-size,pointer-overflow)
    endif()
    # GCC's manual on -fsanitize: instrumented code makes this warning report what is initialized.
    target_compile_options(brim_settings INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
if(BRIM_FUZZ)
  target_compile_options(brim_settings INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(brim_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
