# Builds the programs of colcon/demo and colcon/test that need no ROS 2. Sourced after lib.sh; what is up to date is left.
# shellcheck shell=bash

TOOLS=$TOP/build/tools # apart from what `dotnet build` makes; colcon/build has its C# there too

# up_to_date FILE FOLDER...: FILE is there and no C# source in the folders is newer.
up_to_date() {
  local file=$1
  shift
  [ -f "$file" ] && [ -z "$(find "$@" \( -name bin -o -name obj \) -prune -o \
    \( -name '*.cs' -o -name '*.csproj' -o -name '*.proto' -o -name '*.props' \) -newer "$file" -print -quit)" ]
}

# Sets TRIAL.
build_trial() {
  TRIAL=$TOOLS/bin/RmwCkpt.Trial/release/rmw_ckpt_trial
  up_to_date "$TRIAL" "$TOP"/Directory.*.props "$TOP"/src/RmwCkpt.{Memory,Domain} "$TOP/tests/RmwCkpt.Trial" && return
  progress "building the trial program (a minute the first time)" dotnet build "$TOP/tests/RmwCkpt.Trial" -c Release \
    --artifacts-path "$TOOLS" -nodeReuse:false -p:RunAnalyzers=false -nologo -v minimal || return 1
  touch "$TRIAL" # .NET leaves what is up to date as old as it is
}

# Sets PROGRAM: the C# nodes, with the command rmw_ckpt beside them, which is their master.
build_csharp_nodes() {
  local project machine=x64
  [ "$(uname -m)" = x86_64 ] || machine=arm64
  PROGRAM=$TOOLS/out/bin/ckpt_nodes
  for project in src/RmwCkpt.Cli:rmw_ckpt tests/nodes/csharp:ckpt_nodes; do
    up_to_date "$TOOLS/out/bin/${project#*:}" "$TOP"/Directory.*.props "$TOP/src" "$TOP/${project%:*}" && continue
    progress "publishing ${project#*:} (.NET NativeAOT, minutes the first time)" dotnet publish "$TOP/${project%:*}" -c Release \
      -r "linux-$machine" --artifacts-path "$TOOLS" -o "$TOOLS/out/bin" -nodeReuse:false -p:RunAnalyzers=false -nologo \
      -v minimal || return 1
    touch "$TOOLS/out/bin/${project#*:}"
  done
}
