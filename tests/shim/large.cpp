// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "large.hpp"

#include <fastcdr/Cdr.h>
#include <rosidl_typesupport_fastrtps_cpp/message_type_support.h>

#include <cstring>
#include <rosidl_typesupport_fastrtps_cpp/identifier.hpp>

const rosidl_message_type_support_t * large_type() {
  using eprosima::fastcdr::Cdr;
  static constexpr size_t size = 8 + 64 * 1024 + 2;
  static const auto callbacks = [] {
    message_type_support_callbacks_t made{};
    made.message_namespace_ = "test_shim::msg";
    made.message_name_ = "Large";
    made.cdr_serialize = [](const void * message, Cdr & cdr) {
      const auto & large = *static_cast<const Large *>(message);
      cdr << large.number << large.bytes << large.last;
      return true;
    };
    made.cdr_deserialize = [](Cdr & cdr, void * message) {
      auto & large = *static_cast<Large *>(message);
      cdr >> large.number >> large.bytes >> large.last;
      return true;
    };
    made.get_serialized_size = [](const void *) -> uint32_t { return size; };
    made.max_serialized_size = [](char & bounds) {
      bounds = ROSIDL_TYPESUPPORT_FASTRTPS_PLAIN_TYPE;
      return size;
    };
    return made;
  }();
  static const auto handle = [] {
    rosidl_message_type_support_t made{};
    made.typesupport_identifier = rosidl_typesupport_fastrtps_cpp::typesupport_identifier;
    made.data = &callbacks;
    made.func = [](const rosidl_message_type_support_t * type, const char * identifier) {
      return std::strcmp(identifier, type->typesupport_identifier) == 0 ? type : nullptr;
    };
    return made;
  }();
  return &handle;
}
