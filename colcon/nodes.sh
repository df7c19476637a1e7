# Builds what needs no ROS 2: the C# nodes, the command (which is the master) and the trial tool, into build/nodes.
# Sourced by colcon/test and colcon/demo after lib.sh.
# shellcheck shell=bash

NODES=$TOP/build/nodes/ckpt_nodes
TRIAL=$TOP/build/nodes/trial/rmw_ckpt_trial

# publish PROJECT OUTPUT ARGUMENT...
publish() {
  local project=$1 output=$2
  shift 2
  dotnet publish "$TOP/$project" --configuration Release --nologo --output "$output" \
    --artifacts-path "$TOP/build/nodes/artifacts" -p:RunAnalyzers=false "$@"
}

build_nodes() {
  publish tests/nodes/csharp "$TOP/build/nodes" --use-current-runtime &&
    publish src/RmwCkpt.Cli "$TOP/build/nodes" --use-current-runtime &&
    publish tests/RmwCkpt.Trial "$TOP/build/nodes/trial"
}
