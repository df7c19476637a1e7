# Put by colcon/ros2 in the place of the wheels' file, which ties every package to rmw_fastrtps_cpp when it is built.
find_package(rmw REQUIRED)
if(NOT TARGET rmw_implementation::rmw_implementation)
  add_library(rmw_implementation::rmw_implementation SHARED IMPORTED)
  get_filename_component(_prefix "${rmw_implementation_DIR}/../../.." ABSOLUTE)
  set_target_properties(rmw_implementation::rmw_implementation PROPERTIES
    IMPORTED_LOCATION "${_prefix}/lib/librmw_implementation.so"
    INTERFACE_LINK_LIBRARIES rmw::rmw)
endif()
list(APPEND rmw_implementation_TARGETS rmw_implementation::rmw_implementation)
