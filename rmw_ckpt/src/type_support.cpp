// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "type_support.hpp"

#include <fastcdr/Cdr.h>
#include <fastcdr/FastBuffer.h>
#include <rosidl_typesupport_fastrtps_c/identifier.h>

#include <rosidl_typesupport_fastrtps_cpp/service_type_support.h>
#include <cstdio>
#include <rosidl_typesupport_fastrtps_cpp/identifier.hpp>

namespace rmw_ckpt {

size_t MessageType::serialized_size(const void * message) const {
  return encapsulation_size + callbacks_->get_serialized_size(message);
}

size_t MessageType::serialize(const void * message, void * data, size_t size) const {
  eprosima::fastcdr::FastBuffer buffer(static_cast<char *>(data), size);
  eprosima::fastcdr::Cdr cdr(buffer, eprosima::fastcdr::Cdr::DEFAULT_ENDIAN, eprosima::fastcdr::CdrVersion::XCDRv1);
  cdr.set_encoding_flag(eprosima::fastcdr::EncodingAlgorithmFlag::PLAIN_CDR);
  cdr.serialize_encapsulation();
  return callbacks_->cdr_serialize(message, cdr) ? cdr.get_serialized_data_length() : 0;
}

bool MessageType::deserialize(const void * data, size_t size, void * message) const {
  eprosima::fastcdr::FastBuffer buffer(static_cast<char *>(const_cast<void *>(data)), size);
  eprosima::fastcdr::Cdr cdr(buffer, eprosima::fastcdr::Cdr::DEFAULT_ENDIAN, eprosima::fastcdr::CdrVersion::XCDRv1);
  cdr.read_encapsulation();
  return callbacks_->cdr_deserialize(cdr, message);
}

size_t MessageType::plain_size() const {
  char bounds = 0;
  const size_t size = callbacks_->max_serialized_size(bounds);
  return bounds == ROSIDL_TYPESUPPORT_FASTRTPS_PLAIN_TYPE ? size : 0;
}

std::string MessageType::name() const {
  return join_type_name(callbacks_->message_namespace_, callbacks_->message_name_);
}

std::string join_type_name(const char * name_space, const char * name) {
  std::string joined(name_space);
  for (const char * separator : {"::", "__"}) {
    for (size_t at = joined.find(separator); at != std::string::npos; at = joined.find(separator, at + 1)) {
      joined.replace(at, 2, "/");
    }
  }
  if (!joined.empty()) {
    joined += '/';
  }
  return joined + name;
}

namespace {

template <class Handle, class Find>
const Handle * find_in(const Handle * type, Find find) {
  for (const char * wanted :
       {rosidl_typesupport_fastrtps_c__identifier, rosidl_typesupport_fastrtps_cpp::typesupport_identifier}) {
    if (const Handle * found = find(type, wanted)) {
      return found;
    }
    // A failed look-up leaves an error, the first of the two on the way to success too.
    rmw_reset_error();
  }
  char message[256];
  std::snprintf(message, sizeof(message),
                "type support '%s' does not lead to '%s' or '%s', the only ones that rmw_ckpt can use",
                type->typesupport_identifier, rosidl_typesupport_fastrtps_c__identifier,
                rosidl_typesupport_fastrtps_cpp::typesupport_identifier);
  (void)fail_with(RMW_RET_ERROR, message);
  return nullptr;
}

}  // namespace

const rosidl_message_type_support_t * find_type_support(const rosidl_message_type_support_t * type) {
  return find_in(type, get_message_typesupport_handle);
}

const rosidl_service_type_support_t * find_type_support(const rosidl_service_type_support_t * type) {
  return find_in(type, get_service_typesupport_handle);
}

}  // namespace rmw_ckpt
