// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Message types: finding their Fast CDR callbacks, their names, hashes and descriptions, and (de)serialising.
#ifndef TYPE_SUPPORT_HPP_
#define TYPE_SUPPORT_HPP_

#include <rosidl_runtime_c/message_type_support_struct.h>
#include <rosidl_runtime_c/service_type_support_struct.h>
#include <rosidl_typesupport_fastrtps_cpp/message_type_support.h>

#include <array>
#include <string>

#include "common.hpp"

namespace rmw_ckpt {

/// Bytes in front of the CDR proper: representation and options.
inline constexpr size_t encapsulation_size = 4;

/// How one message type is turned into CDR and back. Members may throw.
class MessageType {
 public:
  MessageType() = default;
  explicit MessageType(const rosidl_message_type_support_t & handle)
      : callbacks_(static_cast<const message_type_support_callbacks_t *>(handle.data)) {}

  /// Bytes that `message` takes, with its encapsulation. Exact or too large by padding.
  size_t serialized_size(const void * message) const;

  /// Writes `message` to `data`; returns the bytes used, 0 when the type support refuses it.
  size_t serialize(const void * message, void * data, size_t size) const;

  /// Reads `message` from `data`. False when the bytes are no such message.
  bool deserialize(const void * data, size_t size, void * message) const;

  /// "std_msgs/msg/String".
  std::string name() const;

  /// Bytes of a message in memory, without padding at its end, when the type is plain: its memory is its CDR. Else 0.
  size_t plain_size() const;

 private:
  const message_type_support_callbacks_t * callbacks_ = nullptr;
};

/// The Fast CDR type support behind `type`, in C or C++; NULL with the error set, which names what was found instead.
const rosidl_message_type_support_t * find_type_support(const rosidl_message_type_support_t * type);
const rosidl_service_type_support_t * find_type_support(const rosidl_service_type_support_t * type);

/// What the core wants to know of a type besides its name.
struct TypeIdentity {
  std::array<uint8_t, CKPT_TYPE_HASH_SIZE> hash{};
  bool has_hash = false;
  const char * description = nullptr;  ///< JSON, for as long as the process lives; NULL when the type has none.
};

TypeIdentity identify(const rosidl_message_type_support_t & type);
TypeIdentity identify(const rosidl_service_type_support_t & type);

/// "std_srvs/srv/Empty" from Fast CDR's "std_srvs::srv" or "std_srvs__srv" and "Empty".
std::string join_type_name(const char * name_space, const char * name);

}  // namespace rmw_ckpt

#endif  // TYPE_SUPPORT_HPP_
