# Target `core`: libRmwCkpt.Core.so, and with it the command rmw_ckpt, published by .NET's NativeAOT and installed. All C#
# output is kept in the binary folder, away from that of `dotnet build`; nothing is done while no C# source has changed.
add_library(core SHARED IMPORTED)
set_target_properties(core PROPERTIES IMPORTED_NO_SONAME TRUE)

if(RMW_CKPT_CORE_LIBRARY)
  set_target_properties(core PROPERTIES IMPORTED_LOCATION "${RMW_CKPT_CORE_LIBRARY}")
  return()
endif()

find_program(DOTNET dotnet HINTS $ENV{DOTNET_ROOT} $ENV{HOME}/.dotnet REQUIRED)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(rid linux-arm64)
else()
  set(rid linux-x64)
endif()

set(csharp "${CMAKE_CURRENT_SOURCE_DIR}/src")
file(GLOB_RECURSE csharp_sources CONFIGURE_DEPENDS
  "${csharp}/*.cs" "${csharp}/*.csproj" "${csharp}/*.props" "${csharp}/*.targets" "${csharp}/*.proto" "${csharp}/*.xml")
list(FILTER csharp_sources EXCLUDE REGEX "/(bin|obj)/")
# The library does not have these, and need not be published again for them.
set(library_sources ${csharp_sources})
list(FILTER library_sources EXCLUDE REGEX "/RmwCkpt\\.(Cli|Client|Master)/")
file(GLOB csharp_settings CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_SOURCE_DIR}/Directory.*.props" "${CMAKE_CURRENT_SOURCE_DIR}/[Nn]u[Gg]et.[Cc]onfig"
  "${CMAKE_CURRENT_SOURCE_DIR}/global.json" "${CMAKE_CURRENT_SOURCE_DIR}/.editorconfig")

set(RMW_CKPT_DOTNET "${CMAKE_CURRENT_BINARY_DIR}/dotnet" CACHE PATH
  "Where the C# is built; builds for several distros may share it, one after the other")

# publish_csharp(PROJECT OUTPUT DEPENDS...): OUTPUT is made by NativeAOT from src/PROJECT.
function(publish_csharp project output)
  get_filename_component(folder "${output}" DIRECTORY)
  get_filename_component(name "${output}" NAME)
  add_custom_command(
    OUTPUT "${output}"
    COMMAND ${CMAKE_COMMAND} -E env DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
      ${DOTNET} publish "${csharp}/${project}/${project}.csproj" --configuration Release --runtime ${rid}
      --artifacts-path "${RMW_CKPT_DOTNET}" --output "${folder}"
      --verbosity quiet -nodeReuse:false -p:RunAnalyzers=false
    COMMAND ${CMAKE_COMMAND} -E touch "${output}" # .NET leaves what is up to date as old as it is
    DEPENDS ${csharp_settings} ${ARGN}
    WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
    COMMENT "Publishing ${name} (.NET NativeAOT, takes a minute)"
    VERBATIM)
endfunction()

set(core_library "${RMW_CKPT_DOTNET}/out/lib/libRmwCkpt.Core.so")
set(program "${RMW_CKPT_DOTNET}/out/bin/rmw_ckpt")
publish_csharp(RmwCkpt.Exports "${core_library}" ${library_sources})
publish_csharp(RmwCkpt.Cli "${program}" ${csharp_sources})
add_custom_target(csharp_library DEPENDS "${core_library}")
add_custom_target(csharp ALL DEPENDS "${program}")
# One after the other, for the two share projects and could not be built side by side.
add_dependencies(csharp csharp_library)
add_dependencies(core csharp)
set_target_properties(core PROPERTIES IMPORTED_LOCATION "${core_library}")

install(FILES "${core_library}" DESTINATION lib)
install(PROGRAMS "${program}" DESTINATION bin)
