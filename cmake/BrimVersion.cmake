# Writes version_generated.h with the project's version and the git revision, at build time, so that
# `brim --version` never shows a stale commit. Outside a git checkout the revision is "unknown".
set(BRIM_VERSION_DIR "${CMAKE_BINARY_DIR}/generated")
add_custom_target(brim_version_header
  COMMAND ${CMAKE_COMMAND} -DVERSION=${PROJECT_VERSION} -DSOURCE=${CMAKE_SOURCE_DIR}
          -DOUTPUT=${BRIM_VERSION_DIR}/version_generated.h
          -P ${CMAKE_SOURCE_DIR}/cmake/WriteVersion.cmake
  BYPRODUCTS ${BRIM_VERSION_DIR}/version_generated.h
  COMMENT "" VERBATIM)
add_library(brim_version INTERFACE)
target_include_directories(brim_version INTERFACE "${BRIM_VERSION_DIR}")
add_dependencies(brim_version brim_version_header)
# What must exist before a source can be read by a tool: generated headers.
add_custom_target(generated DEPENDS brim_version_header)
