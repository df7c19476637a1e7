// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Loaned messages, of plain types only: those whose CDR is their memory.
//
// A subscription lends the log's own bytes. So does a publisher, where a message is large enough for its pages; a
// smaller one is lent in memory of the process, and copied when it is published, which costs less.
#include <fastcdr/Cdr.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "endpoint.hpp"
#include "process.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Endpoint;
using rmw_ckpt::fail_with;
using rmw_ckpt::Loan;

namespace {

rmw_ret_t check_lends(bool can_loan) {
  return can_loan
             ? RMW_RET_OK
             : fail_with(RMW_RET_UNSUPPORTED,
                         "rmw_ckpt lends messages of plain types only: of fixed size, without strings and sequences, "
                         "laid out in memory as in CDR");
}

/// What all six begin with, after the handle's own checks.
#define RMW_CKPT_CHECK_LOAN(handle, message)                          \
  do {                                                                \
    const rmw_ret_t lends = check_lends((handle)->can_loan_messages); \
    if (lends != RMW_RET_OK) {                                        \
      return lends;                                                   \
    }                                                                 \
    RMW_CHECK_ARGUMENT_FOR_NULL(message, RMW_RET_INVALID_ARGUMENT);   \
    RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);                            \
  } while (0)

rmw_ret_t fail_not_lent() {
  return fail_with(RMW_RET_ERROR, "no such message is lent: it was given back or published before, or is another's");
}

/// From how many bytes on a message is written where it will be read: some pages for each.
constexpr size_t in_place_from = size_t{32} * 1024;

/// Where a message's encapsulation is that is lent in place.
uint8_t * encapsulation_of(void * message) {
  return static_cast<uint8_t *>(message) - rmw_ckpt::encapsulation_size;
}

/// With loans_mutex held. End of the loans when it is not there.
auto find_loan(Endpoint & endpoint, const void * message) {
  return std::find_if(endpoint.loans.begin(), endpoint.loans.end(),
                      [message](const Loan & loan) { return loan.message == message; });
}

/// Forgets a loan. False when it is not there.
bool take_back(Endpoint & endpoint, const void * message) {
  const std::lock_guard lock(endpoint.loans_mutex);
  const auto loan = find_loan(endpoint, message);
  if (loan == endpoint.loans.end()) {
    return false;
  }
  std::swap(*loan, endpoint.loans.back());
  endpoint.loans.pop_back();
  return true;
}

/// Whether it is lent; if so, whether in place.
std::optional<bool> is_in_place(Endpoint & endpoint, const void * message) {
  const std::lock_guard lock(endpoint.loans_mutex);
  const auto loan = find_loan(endpoint, message);
  return loan == endpoint.loans.end() ? std::nullopt : std::optional(loan->memory == nullptr);
}

/// Memory for a message, of zeroes. Without a message: there is none.
Loan make_loan(const Endpoint & endpoint) {
  // The struct may end in padding, up to its alignment.
  const size_t size = (endpoint.plain_size + 7) / 8 * 8;
  void * data = nullptr;
  if (size >= in_place_from &&
      rmw_ckpt::core::call(rmw_ckpt::core::borrow, endpoint.id, rmw_ckpt::encapsulation_size + size, &data) ==
          CKPT_OK &&
      data != nullptr) {
    auto * const bytes = static_cast<uint8_t *>(data);
    bytes[1] = eprosima::fastcdr::Cdr::DEFAULT_ENDIAN;
    return {bytes + rmw_ckpt::encapsulation_size, nullptr};
  }
  rmw_ckpt::Owned<void, rmw_free> memory(rmw_allocate(size));
  void * const message = memory.get();
  if (message != nullptr) {
    std::memset(message, 0, size);
  }
  return {message, std::move(memory)};
}

/// Whether a message's memory follows its encapsulation: plain CDR in this host's order of bytes, and enough of it.
bool is_native(const uint8_t * data, size_t size, size_t plain_size) {
  return size >= rmw_ckpt::encapsulation_size + plain_size && data[0] == 0 &&
         data[1] == eprosima::fastcdr::Cdr::DEFAULT_ENDIAN;
}

rmw_ret_t take_loaned(const rmw_subscription_t * subscription, void ** loaned, bool * taken,
                      rmw_message_info_t * info) {
  RMW_CKPT_CHECK_LOAN(subscription, loaned);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  if (*loaned != nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT,
                     "the pointer for the loaned message is not NULL: it may be lent already");
  }
  auto & endpoint = data_of<Endpoint>(subscription);
  void * lent = nullptr;
  const rmw_ret_t ret = rmw_ckpt::take(
      endpoint, subscription->topic_name, taken,
      [&](const ckpt_message & message) {
        const auto * const bytes = static_cast<const uint8_t *>(message.data);
        if (!is_native(bytes, message.size, endpoint.plain_size)) {
          return fail_with(rmw_ckpt::unreadable,
                           "it cannot be lent, for its bytes are not those of its type on this host");
        }
        if (info != nullptr) {
          rmw_ckpt::fill(message, info);
        }
        lent = const_cast<uint8_t *>(bytes + rmw_ckpt::encapsulation_size);
        return RMW_RET_OK;
      },
      rmw_ckpt::Taking::loan);
  if (ret == RMW_RET_OK && *taken) {
    *loaned = lent;
  }
  return ret;
}

}  // namespace

extern "C" {

rmw_ret_t rmw_borrow_loaned_message(const rmw_publisher_t * publisher,
                                    const rosidl_message_type_support_t * type_support, void ** ros_message) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CKPT_CHECK_LOAN(publisher, ros_message);
  RMW_CHECK_ARGUMENT_FOR_NULL(type_support, RMW_RET_INVALID_ARGUMENT);
  if (*ros_message != nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT,
                     "the pointer for the loaned message is not NULL: it may be lent already");
  }
  return rmw_ckpt::guarded("cannot lend a message", [&] {
    auto & endpoint = data_of<Endpoint>(publisher);
    Loan loan = make_loan(endpoint);
    if (loan.message == nullptr) {
      return fail_with(RMW_RET_BAD_ALLOC, "no memory for a loaned message");
    }
    const std::lock_guard lock(endpoint.loans_mutex);
    *ros_message = endpoint.loans.emplace_back(std::move(loan)).message;
    return RMW_RET_OK;
  });
}

rmw_ret_t rmw_return_loaned_message_from_publisher(const rmw_publisher_t * publisher, void * loaned_message) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CKPT_CHECK_LOAN(publisher, loaned_message);
  auto & endpoint = data_of<Endpoint>(publisher);
  const std::optional<bool> in_place = is_in_place(endpoint, loaned_message);
  if (!in_place || !take_back(endpoint, loaned_message)) {
    return fail_not_lent();
  }
  return *in_place ? rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::return_borrowed, endpoint.id,
                                                          encapsulation_of(loaned_message)),
                                     "cannot take back a loaned message")
                   : RMW_RET_OK;
}

rmw_ret_t rmw_publish_loaned_message(const rmw_publisher_t * publisher, void * ros_message,
                                     rmw_publisher_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CKPT_CHECK_LOAN(publisher, ros_message);
  auto & endpoint = data_of<Endpoint>(publisher);
  const std::optional<bool> in_place = is_in_place(endpoint, ros_message);
  if (!in_place) {
    return fail_not_lent();
  }
  const rmw_ret_t ret =
      *in_place ? rmw_ckpt::check(
                      rmw_ckpt::core::call(rmw_ckpt::core::publish_borrowed, endpoint.id, encapsulation_of(ros_message),
                                           rmw_ckpt::padded(rmw_ckpt::encapsulation_size + endpoint.plain_size)),
                      "cannot publish a loaned message")
                : rmw_ckpt::send(endpoint.id, endpoint.type, ros_message, nullptr, nullptr);
  if (ret == RMW_RET_OK) {
    (void)take_back(endpoint, ros_message);
  }
  return ret;
}

rmw_ret_t rmw_take_loaned_message(const rmw_subscription_t * subscription, void ** loaned_message, bool * taken,
                                  rmw_subscription_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  return take_loaned(subscription, loaned_message, taken, nullptr);
}

rmw_ret_t rmw_take_loaned_message_with_info(const rmw_subscription_t * subscription, void ** loaned_message,
                                            bool * taken, rmw_message_info_t * message_info,
                                            rmw_subscription_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CKPT_CHECK_LOAN(subscription, message_info);
  return take_loaned(subscription, loaned_message, taken, message_info);
}

rmw_ret_t rmw_return_loaned_message_from_subscription(const rmw_subscription_t * subscription, void * loaned_message) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CKPT_CHECK_LOAN(subscription, loaned_message);
  return rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::return_loan, data_of<const Endpoint>(subscription).id,
                                              encapsulation_of(loaned_message)),
                         "cannot take back a loaned message");
}

}  // extern "C"
