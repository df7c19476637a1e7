// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rmw/event.h>
#include <rmw/events_statuses/events_statuses.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "entities.hpp"
#include "process.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Endpoint;
using rmw_ckpt::fail_with;

namespace {

int32_t narrow(int64_t value) {
  return static_cast<int32_t>(
      std::clamp<int64_t>(value, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
}

rmw_qos_policy_kind_t to_policy(int32_t policy) {
  switch (policy) {
    case CKPT_POLICY_DURABILITY:
      return RMW_QOS_POLICY_DURABILITY;
    case CKPT_POLICY_DEADLINE:
      return RMW_QOS_POLICY_DEADLINE;
    case CKPT_POLICY_LIVELINESS:
      return RMW_QOS_POLICY_LIVELINESS;
    case CKPT_POLICY_RELIABILITY:
      return RMW_QOS_POLICY_RELIABILITY;
    default:
      return RMW_QOS_POLICY_INVALID;
  }
}

void fill_matched(const ckpt_event_status & status, void * info) {
  *static_cast<rmw_matched_status_t *>(info) = {static_cast<size_t>(status.total),
                                                static_cast<size_t>(status.total_change),
                                                static_cast<size_t>(status.current), narrow(status.current_change)};
}

void fill_incompatible_qos(const ckpt_event_status & status, void * info) {
  *static_cast<rmw_qos_incompatible_event_status_t *>(info) = {narrow(status.total), narrow(status.total_change),
                                                               to_policy(status.last_policy)};
}

void fill_lost(const ckpt_event_status & status, void * info) {
  *static_cast<rmw_message_lost_status_t *>(info) = {static_cast<size_t>(status.total),
                                                     static_cast<size_t>(status.total_change)};
}

void fill_liveliness_changed(const ckpt_event_status & status, void * info) {
  *static_cast<rmw_liveliness_changed_status_t *>(info) = {narrow(status.current), narrow(status.total),
                                                           narrow(status.current_change), narrow(status.total_change)};
}

/// Those whose status is a count and its change, as rmw_liveliness_lost_status_t.
template <typename Status>
void fill_count(const ckpt_event_status & status, void * info) {
  *static_cast<Status *>(info) = {narrow(status.total), narrow(status.total_change)};
}

struct EventKind {
  rmw_event_type_t type;  ///< Numbered differently from distro to distro.
  ckpt_kind owner;
  ckpt_event_kind source;  ///< What the core is asked to watch.
  void (*fill)(const ckpt_event_status & status, void * info);
};

constexpr EventKind event_kinds[] = {
    {RMW_EVENT_LIVELINESS_CHANGED, CKPT_SUBSCRIPTION, CKPT_EVENT_LIVELINESS_CHANGED, fill_liveliness_changed},
    {RMW_EVENT_REQUESTED_DEADLINE_MISSED, CKPT_SUBSCRIPTION, CKPT_EVENT_REQUESTED_DEADLINE_MISSED,
     fill_count<rmw_requested_deadline_missed_status_t>},
    {RMW_EVENT_REQUESTED_QOS_INCOMPATIBLE, CKPT_SUBSCRIPTION, CKPT_EVENT_REQUESTED_QOS_INCOMPATIBLE,
     fill_incompatible_qos},
    {RMW_EVENT_MESSAGE_LOST, CKPT_SUBSCRIPTION, CKPT_EVENT_MESSAGE_LOST, fill_lost},
    {RMW_EVENT_SUBSCRIPTION_INCOMPATIBLE_TYPE, CKPT_SUBSCRIPTION, CKPT_EVENT_SUBSCRIPTION_INCOMPATIBLE_TYPE,
     fill_count<rmw_incompatible_type_status_t>},
    {RMW_EVENT_SUBSCRIPTION_MATCHED, CKPT_SUBSCRIPTION, CKPT_EVENT_SUBSCRIPTION_MATCHED, fill_matched},
    {RMW_EVENT_LIVELINESS_LOST, CKPT_PUBLISHER, CKPT_EVENT_LIVELINESS_LOST, fill_count<rmw_liveliness_lost_status_t>},
    {RMW_EVENT_OFFERED_DEADLINE_MISSED, CKPT_PUBLISHER, CKPT_EVENT_OFFERED_DEADLINE_MISSED,
     fill_count<rmw_offered_deadline_missed_status_t>},
    {RMW_EVENT_OFFERED_QOS_INCOMPATIBLE, CKPT_PUBLISHER, CKPT_EVENT_OFFERED_QOS_INCOMPATIBLE, fill_incompatible_qos},
    {RMW_EVENT_PUBLISHER_INCOMPATIBLE_TYPE, CKPT_PUBLISHER, CKPT_EVENT_PUBLISHER_INCOMPATIBLE_TYPE,
     fill_count<rmw_incompatible_type_status_t>},
    {RMW_EVENT_PUBLICATION_MATCHED, CKPT_PUBLISHER, CKPT_EVENT_PUBLICATION_MATCHED, fill_matched},
};
static_assert(std::size(event_kinds) == rmw_ckpt::event_kind_count);

const EventKind * find_kind(rmw_event_type_t type) {
  const auto * const found =
      std::find_if(std::begin(event_kinds), std::end(event_kinds), [type](const auto & k) { return k.type == type; });
  return found == std::end(event_kinds) ? nullptr : found;
}

rmw_ret_t init_event(rmw_event_t * event, Endpoint & endpoint, rmw_event_type_t type) {
  if (event->implementation_identifier != nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "expected a zero-initialized event");
  }
  const EventKind * const kind = find_kind(type);
  if (kind == nullptr || kind->owner != endpoint.kind) {
    return fail_with(RMW_RET_UNSUPPORTED, "rmw_ckpt reports no events of this type of such an endpoint");
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::guarded("cannot create the event", [&] {
    const std::lock_guard<std::mutex> lock(endpoint.events_mutex);
    auto & data = endpoint.events[static_cast<size_t>(kind - std::begin(event_kinds))];
    if (data.id == 0) {
      const ckpt_code code = rmw_ckpt::core::call(rmw_ckpt::core::create_event, endpoint.id, kind->source, &data.id);
      if (code != CKPT_OK) {
        return rmw_ckpt::fail(code, "cannot create the event");
      }
    }
    *event = {rmw_ckpt::identifier, &data, type};
    return RMW_RET_OK;
  });
}

}  // namespace

extern "C" {

rmw_ret_t rmw_publisher_event_init(rmw_event_t * rmw_event, const rmw_publisher_t * publisher,
                                   rmw_event_type_t event_type) {
  RMW_CHECK_ARGUMENT_FOR_NULL(rmw_event, RMW_RET_INVALID_ARGUMENT);
  RMW_CKPT_CHECK_HANDLE(publisher);
  return init_event(rmw_event, data_of<Endpoint>(publisher), event_type);
}

rmw_ret_t rmw_subscription_event_init(rmw_event_t * rmw_event, const rmw_subscription_t * subscription,
                                      rmw_event_type_t event_type) {
  RMW_CHECK_ARGUMENT_FOR_NULL(rmw_event, RMW_RET_INVALID_ARGUMENT);
  RMW_CKPT_CHECK_HANDLE(subscription);
  return init_event(rmw_event, data_of<Endpoint>(subscription), event_type);
}

rmw_ret_t rmw_take_event(const rmw_event_t * event_handle, void * event_info, bool * taken) {
  RMW_CKPT_CHECK_HANDLE(event_handle);
  RMW_CHECK_ARGUMENT_FOR_NULL(event_info, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  const EventKind * const kind = find_kind(event_handle->event_type);
  if (kind == nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "the event has no valid type");
  }
  ckpt_event_status status{};
  const ckpt_code code =
      rmw_ckpt::core::call(rmw_ckpt::core::take_event, data_of<rmw_ckpt::Event>(event_handle).id, &status);
  if (code != CKPT_OK) {
    return rmw_ckpt::fail(code, "cannot take the event");
  }
  kind->fill(status, event_info);
  *taken = true;
  return RMW_RET_OK;
}

bool rmw_event_type_is_supported(rmw_event_type_t rmw_event_type) {
  return find_kind(rmw_event_type) != nullptr;
}

}  // extern "C"
