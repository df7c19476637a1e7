# What goes with the command rmw_ckpt: its completion in shells, and the verb `ckpt` of ros2, which is there if ros2cli is.
find_package(ament_cmake_python REQUIRED)

set(folder "${CMAKE_CURRENT_LIST_DIR}/..")
ament_environment_hooks("${folder}/completion/rmw_ckpt.bash" "${folder}/completion/rmw_ckpt.zsh")

ament_python_install_module("${folder}/ros2cli/rmw_ckpt_ros2cli.py" SKIP_COMPILE)
# What pip would have written, by which ros2cli finds it.
file(STRINGS "${folder}/../package.xml" RMW_CKPT_VERSION REGEX "<version>")
string(REGEX REPLACE ".*<version>(.*)</version>.*" "\\1" RMW_CKPT_VERSION "${RMW_CKPT_VERSION}")
configure_file("${folder}/ros2cli/METADATA.in" "${CMAKE_CURRENT_BINARY_DIR}/ros2cli/METADATA" @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/ros2cli/METADATA" "${folder}/ros2cli/entry_points.txt"
  DESTINATION "${PYTHON_INSTALL_DIR}/rmw_ckpt_ros2cli-${RMW_CKPT_VERSION}.dist-info")
