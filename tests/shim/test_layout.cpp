// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What the C# half of the interface takes for granted, told to the compiler. CStructuresTests.cs reads these lines, and
// compares each with what C# has.
#include <cstddef>

#include "rmw_ckpt/ckpt.h"

#define VALUE(name, value) static_assert(name == (value))
#define SIZE(type, size) static_assert(sizeof(type) == (size))
#define OFFSET(type, member, offset) static_assert(offsetof(type, member) == (offset))

VALUE(CKPT_OK, 0);
VALUE(CKPT_ERROR, 1);
VALUE(CKPT_INVALID, 2);
VALUE(CKPT_TIMEOUT, 3);
VALUE(CKPT_NO_SPACE, 4);
VALUE(CKPT_TOO_LARGE, 5);
VALUE(CKPT_NO_MASTER, 6);
VALUE(CKPT_UNSUPPORTED, 8);
VALUE(CKPT_LOST, 9);

VALUE(CKPT_NODE, 1);
VALUE(CKPT_PUBLISHER, 2);
VALUE(CKPT_SUBSCRIPTION, 3);
VALUE(CKPT_SERVICE, 4);
VALUE(CKPT_CLIENT, 5);
VALUE(CKPT_GUARD, 6);
VALUE(CKPT_EVENT, 7);

VALUE(CKPT_EVENT_LIVELINESS_CHANGED, 1);
VALUE(CKPT_EVENT_REQUESTED_DEADLINE_MISSED, 2);
VALUE(CKPT_EVENT_REQUESTED_QOS_INCOMPATIBLE, 3);
VALUE(CKPT_EVENT_MESSAGE_LOST, 4);
VALUE(CKPT_EVENT_SUBSCRIPTION_INCOMPATIBLE_TYPE, 5);
VALUE(CKPT_EVENT_SUBSCRIPTION_MATCHED, 6);
VALUE(CKPT_EVENT_LIVELINESS_LOST, 7);
VALUE(CKPT_EVENT_OFFERED_DEADLINE_MISSED, 8);
VALUE(CKPT_EVENT_OFFERED_QOS_INCOMPATIBLE, 9);
VALUE(CKPT_EVENT_PUBLISHER_INCOMPATIBLE_TYPE, 10);
VALUE(CKPT_EVENT_PUBLICATION_MATCHED, 11);

VALUE(CKPT_POLICY_DURABILITY, 1);
VALUE(CKPT_POLICY_DEADLINE, 2);
VALUE(CKPT_POLICY_LIVELINESS, 3);
VALUE(CKPT_POLICY_RELIABILITY, 4);

VALUE(CKPT_GID_SIZE, 16);
VALUE(CKPT_TYPE_HASH_SIZE, 33);

SIZE(ckpt_qos, 32);
OFFSET(ckpt_qos, reliability, 0);
OFFSET(ckpt_qos, durability, 1);
OFFSET(ckpt_qos, history, 2);
OFFSET(ckpt_qos, liveliness, 3);
OFFSET(ckpt_qos, depth, 4);
OFFSET(ckpt_qos, deadline, 8);
OFFSET(ckpt_qos, lifespan, 16);
OFFSET(ckpt_qos, lease, 24);

SIZE(ckpt_endpoint_options, 72);
OFFSET(ckpt_endpoint_options, topic, 0);
OFFSET(ckpt_endpoint_options, type, 8);
OFFSET(ckpt_endpoint_options, type_hash, 16);
OFFSET(ckpt_endpoint_options, description, 24);
OFFSET(ckpt_endpoint_options, qos, 32);
OFFSET(ckpt_endpoint_options, ignore_local_publications, 64);

SIZE(ckpt_request_id, 24);
OFFSET(ckpt_request_id, client, 0);
OFFSET(ckpt_request_id, sequence, 16);

SIZE(ckpt_reservation, 8);
OFFSET(ckpt_reservation, data, 0);

SIZE(ckpt_asked_place, 24);
OFFSET(ckpt_asked_place, owner, 0);
OFFSET(ckpt_asked_place, process, 8);
OFFSET(ckpt_asked_place, asked_at, 16);

SIZE(ckpt_snapshots_place, 40);
OFFSET(ckpt_snapshots_place, page, 0);
OFFSET(ckpt_snapshots_place, claim, 8);
OFFSET(ckpt_snapshots_place, incarnation, 16);
OFFSET(ckpt_snapshots_place, pid, 24);
OFFSET(ckpt_snapshots_place, folder, 32);

SIZE(ckpt_message, 80);
OFFSET(ckpt_message, data, 0);
OFFSET(ckpt_message, size, 8);
OFFSET(ckpt_message, sequence, 16);
OFFSET(ckpt_message, source_time, 24);
OFFSET(ckpt_message, writer, 32);
OFFSET(ckpt_message, request, 48);
OFFSET(ckpt_message, taken, 72);

SIZE(ckpt_event_status, 40);
OFFSET(ckpt_event_status, total, 0);
OFFSET(ckpt_event_status, total_change, 8);
OFFSET(ckpt_event_status, current, 16);
OFFSET(ckpt_event_status, current_change, 24);
OFFSET(ckpt_event_status, last_policy, 32);

SIZE(ckpt_graph_entry, 1024);
OFFSET(ckpt_graph_entry, stamp, 0);
OFFSET(ckpt_graph_entry, state, 4);
OFFSET(ckpt_graph_entry, version, 8);
OFFSET(ckpt_graph_entry, kind, 16);
OFFSET(ckpt_graph_entry, flags, 17);
OFFSET(ckpt_graph_entry, process, 20);
OFFSET(ckpt_graph_entry, node, 24);
OFFSET(ckpt_graph_entry, entity, 28);
OFFSET(ckpt_graph_entry, gid, 32);
OFFSET(ckpt_graph_entry, qos, 48);
OFFSET(ckpt_graph_entry, type_hash, 80);
OFFSET(ckpt_graph_entry, created, 120);
OFFSET(ckpt_graph_entry, name, 128);
OFFSET(ckpt_graph_entry, type, 384);
OFFSET(ckpt_graph_entry, enclave, 640);
