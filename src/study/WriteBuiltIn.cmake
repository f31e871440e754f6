cmake_minimum_required(VERSION 3.25)
# Writes OUTPUT, an initializer list of the files FILES (paths under ROOT, separated by |).
string(REPLACE "|" ";" files "${FILES}")
set(text "")
foreach(file IN LISTS files)
  file(READ "${ROOT}/${file}" content)
  # A literal may have 64 KiB at most: the files are far smaller.
  string(APPEND text "{\"${file}\", R\"brim(${content})brim\"},\n")
endforeach()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "@text@" @ONLY)
