// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What publishers, subscriptions, services and clients have in common: being made, sending, taking.
#ifndef ENDPOINT_HPP_
#define ENDPOINT_HPP_

#include "entities.hpp"

namespace rmw_ckpt {

/// The checks that creators of all four share, in the order that rmw's suite expects. `what`: "topic name", "service
/// name".
rmw_ret_t check_creation(const rmw_node_t * node, const void * type_support, const char * name,
                         const rmw_qos_profile_t * qos, const char * what);

/// Makes the entity in the core. Empty, with the error set, on failure. May throw.
std::unique_ptr<Endpoint> open_endpoint(ckpt_kind kind, const rmw_node_t * node,
                                        const rosidl_message_type_support_t * type_support, const char * topic,
                                        const rmw_qos_profile_t & qos, bool ignore_local_publications);
std::unique_ptr<ServiceEndpoint> open_service(ckpt_kind kind, const rmw_node_t * node,
                                              const rosidl_service_type_support_t * type_support, const char * name,
                                              const rmw_qos_profile_t & qos);

/// Destroys the events that were made, then the endpoint itself, in the core. May be repeated after a failure.
rmw_ret_t close_endpoint(Endpoint & endpoint);

/// Serialises `message` straight into the entity's log. `answers` and `sequence` may be NULL.
rmw_ret_t send(ckpt_id id, const MessageType & type, const void * message, const ckpt_request_id * answers,
               int64_t * sequence);

/// The same with bytes that are serialised already.
rmw_ret_t send_bytes(ckpt_id id, const void * bytes, size_t size);

/// A serialized payload is a multiple of 4 bytes (RTPS 2.2, 10.2.1.2); who looks at bytes expects it.
constexpr size_t padded(size_t size) {
  return (size + 3) / 4 * 4;
}

/// What becomes of a message that was read.
enum class Taking { copy, loan };

/// Lends the entity's next message to `read`, an rmw_ret_t(const ckpt_message &) that does not throw. `taken` is set on
/// success only. A message that was recycled under the reader is as if it had never been there; one that is unreadable
/// is dropped: nothing is taken, and that is no failure. With Taking::loan the message stays lent on success, until
/// ckpt_return_loan. `name`: the topic or service.
template <class Read>
rmw_ret_t take(Reader & reader, const char * name, bool * taken, Read && read, Taking taking = Taking::copy) {
  const ckpt_id id = reader.id;
  for (;;) {
    ckpt_message message;
    ckpt_code code = core::call(core::take_begin, id, &message);
    if (code != CKPT_OK) {
      return fail(code, "cannot take a message");
    }
    if (message.taken == 0) {
      *taken = false;
      return RMW_RET_OK;
    }
    const rmw_ret_t ret = read(message);
    const bool lends = taking == Taking::loan && ret == RMW_RET_OK;
    code = lends ? core::call(core::take_loan, id, &message) : core::call(core::take_end, id, &message);
    if (RCUTILS_UNLIKELY(code == CKPT_LOST)) {
      rmw_reset_error();
      continue;
    }
    if (code != CKPT_OK) {
      return fail(code, "cannot finish taking a message");
    }
    if (ret == unreadable) {
      *taken = false;
      return guarded("cannot count what cannot be read", [&] {
        reader.dropped.note(message, name);
        return RMW_RET_OK;
      });
    }
    if (ret == RMW_RET_OK) {
      *taken = true;
    }
    return ret;
  }
}

/// For take(): what rmw tells of a message.
void fill(const ckpt_message & message, rmw_message_info_t * info);

/// For take(): makes a ROS message of the bytes, or says that they are unreadable.
rmw_ret_t read_message(const MessageType & type, const ckpt_message & message, void * ros_message);

}  // namespace rmw_ckpt

#endif  // ENDPOINT_HPP_
