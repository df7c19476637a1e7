// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// A core in one process and in few lines: topics and services loop back, nothing is kept. For tests of the shim alone.
// This half: life, entities, graph.
#include <algorithm>
#include <cstring>

#include "fake_core_state.hpp"

namespace fake_core {

std::string last_description;
std::atomic<int64_t> clock_offset{0};
std::atomic<int> lose{0};
std::atomic<int> random_byte{-1};

namespace {

ckpt_id last_id = 0;
thread_local std::string error;

Entity & add(ckpt_kind kind, ckpt_id owner, ckpt_id * id) {
  Entity & entity = entities[++last_id];
  entity.kind = kind;
  entity.id = entity.row.entity = *id = last_id;
  entity.owner = owner;
  entity.row.kind = static_cast<uint8_t>(kind);
  std::memcpy(entity.row.gid, &last_id, sizeof(last_id));
  return entity;
}

bool is_row(const Entity & entity) {
  return entity.kind != CKPT_GUARD && entity.kind != CKPT_EVENT;
}

ckpt_kind peer(ckpt_kind kind) {
  constexpr ckpt_kind peers[] = {{}, {}, CKPT_SUBSCRIPTION, CKPT_PUBLISHER, CKPT_CLIENT, CKPT_SERVICE, {}, {}};
  return peers[kind];
}

bool on_same_topic(const Entity & a, const Entity & b) {
  return b.kind == peer(a.kind) && std::strcmp(a.row.name, b.row.name) == 0 && std::strcmp(a.row.type, b.row.type) == 0;
}

}  // namespace

ckpt_code fail(ckpt_code code, const std::string & text) {
  error = text;
  return code;
}

Entity * find(ckpt_id id) {
  const auto found = entities.find(id);
  return found == entities.end() ? nullptr : &found->second;
}

ckpt_code missing(ckpt_id id) {
  return fail(CKPT_INVALID, "no entity " + std::to_string(id));
}

bool match(const Entity & a, const Entity & b) {
  const Entity & offers = a.kind == CKPT_PUBLISHER ? a : b;
  const Entity & asks = a.kind == CKPT_PUBLISHER ? b : a;
  return on_same_topic(a, b) && offers.row.qos.reliability <= asks.row.qos.reliability &&
         offers.row.qos.durability <= asks.row.qos.durability;
}

namespace {

int64_t matches_of(const Entity & entity) {
  return std::count_if(entities.begin(), entities.end(), [&](const auto & item) { return match(entity, item.second); });
}

// Who is matched is alive, here.
bool is_match_event(int kind) {
  return kind == CKPT_EVENT_PUBLICATION_MATCHED || kind == CKPT_EVENT_SUBSCRIPTION_MATCHED ||
         kind == CKPT_EVENT_LIVELINESS_CHANGED;
}

// Graph guards, and the events of whoever is met or left.
void on_graph_change(const Entity & who, int change) {
  for (auto & [id, other] : entities) {
    other.triggered |= other.kind == CKPT_GUARD && find(other.owner) != nullptr;
    Entity * const owner = other.kind == CKPT_EVENT ? find(other.owner) : nullptr;
    if (owner == nullptr || !is_row(who) || who.kind == CKPT_NODE || !on_same_topic(*owner, who)) {
      continue;
    }
    const bool matched = is_match_event(other.event);
    if (match(*owner, who) == matched && (matched || change > 0)) {
      other.status.total += change > 0;
      other.status.total_change += change > 0;
      other.status.current += change;
      other.status.current_change += change;
      other.status.last_policy = CKPT_POLICY_RELIABILITY;
      other.triggered = true;
      if (other.callback != nullptr) {
        other.callback(other.user, 1);
      }
    }
  }
  changed.notify_all();
}

ckpt_code create(ckpt_kind kind, ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * id) {
  const Lock lock(mutex);
  if (find(node) == nullptr) {
    return missing(node);
  }
  Entity & entity = add(kind, node, id);
  entity.row.node = node;
  entity.row.qos = options->qos;
  entity.ignore_local = options->ignore_local_publications != 0;
  std::strncpy(entity.row.name, options->topic, sizeof(entity.row.name) - 1);
  std::strncpy(entity.row.type, options->type, sizeof(entity.row.type) - 1);
  if (options->type_hash != nullptr) {
    entity.row.flags = 1;
    std::memcpy(entity.row.type_hash, options->type_hash, CKPT_TYPE_HASH_SIZE);
  }
  fake_core::last_description = options->description != nullptr ? options->description : "";
  on_graph_change(entity, 1);
  return CKPT_OK;
}

}  // namespace
}  // namespace fake_core

using namespace fake_core;

extern "C" {

void ckpt_error(char * buffer, size_t size) {
  std::snprintf(buffer, size, "%s", error.c_str());
}

ckpt_code ckpt_init(uint32_t domain, ckpt_id * session) {
  const Lock lock(mutex);
  if (domain > 232) {
    return fail(CKPT_ERROR, "no such domain");
  }
  *session = 1;
  last_id = std::max<ckpt_id>(last_id, 1);
  return CKPT_OK;
}

ckpt_code ckpt_shutdown(ckpt_id) {
  return CKPT_OK;
}

ckpt_code ckpt_fini(ckpt_id) {
  return CKPT_OK;
}

void ckpt_leave(void) {}

ckpt_code ckpt_asked(ckpt_id, ckpt_asked_place *) {
  return CKPT_ERROR;
}

void ckpt_host_lock(void * (*)(), void (*)(void *)) {}

ckpt_code ckpt_snapshots(ckpt_id, ckpt_snapshots_place *) {
  return CKPT_ERROR;
}

int64_t ckpt_clock(int32_t, int64_t real) {
  return real + fake_core::clock_offset;
}

void ckpt_random(void * bytes, size_t size) {
  if (fake_core::random_byte >= 0) {
    std::memset(bytes, fake_core::random_byte, size);
  }
}

int64_t ckpt_timer_peek(int32_t, int64_t real) {
  return real + fake_core::clock_offset;
}

int64_t ckpt_timer_call(const void *, int32_t, int64_t real) {
  return real + fake_core::clock_offset;
}

void ckpt_timer_gone(const void *) {}

void ckpt_timers_await(const void * const *, size_t) {}

void ckpt_timers_due(const void * const *, size_t, uint8_t *) {}

ckpt_code ckpt_create_node(ckpt_id, const char * name, const char * name_space, const char * enclave, ckpt_id * node) {
  const Lock lock(mutex);
  Entity & entity = add(CKPT_NODE, 0, node);
  std::strncpy(entity.row.name, name, sizeof(entity.row.name) - 1);
  std::strncpy(entity.row.type, name_space, sizeof(entity.row.type) - 1);
  std::strncpy(entity.row.enclave, enclave, sizeof(entity.row.enclave) - 1);
  on_graph_change(entity, 1);
  return CKPT_OK;
}

ckpt_code ckpt_node_graph_guard(ckpt_id node, ckpt_id * guard) {
  const Lock lock(mutex);
  add(CKPT_GUARD, node, guard);
  return CKPT_OK;
}

ckpt_code ckpt_create_publisher(ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * id) {
  return create(CKPT_PUBLISHER, node, options, id);
}
ckpt_code ckpt_create_subscription(ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * id) {
  return create(CKPT_SUBSCRIPTION, node, options, id);
}
ckpt_code ckpt_create_service(ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * id) {
  return create(CKPT_SERVICE, node, options, id);
}
ckpt_code ckpt_create_client(ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * id) {
  return create(CKPT_CLIENT, node, options, id);
}

ckpt_code ckpt_create_guard(ckpt_id, ckpt_id * guard) {
  const Lock lock(mutex);
  add(CKPT_GUARD, 0, guard);
  return CKPT_OK;
}

ckpt_code ckpt_assert_liveliness(ckpt_id publisher) {
  const Lock lock(mutex);
  return find(publisher) != nullptr ? CKPT_OK : missing(publisher);
}

ckpt_code ckpt_create_event(ckpt_id entity, int32_t kind, ckpt_id * event) {
  const Lock lock(mutex);
  Entity & made = add(CKPT_EVENT, entity, event);
  made.event = kind;
  if (is_match_event(kind)) {
    made.status.total = made.status.current = matches_of(entities.at(entity));
    made.status.total_change = made.status.current_change = made.status.total;
    made.triggered = made.status.total > 0;
  }
  return CKPT_OK;
}

ckpt_code ckpt_destroy(ckpt_id id) {
  const Lock lock(mutex);
  if (find(id) == nullptr) {
    return missing(id);
  }
  const Entity gone = entities.extract(id).mapped();
  on_graph_change(gone, -1);
  return CKPT_OK;
}

ckpt_code ckpt_gid(ckpt_id entity, uint8_t gid[CKPT_GID_SIZE]) {
  const Lock lock(mutex);
  std::memcpy(gid, entities.at(entity).row.gid, CKPT_GID_SIZE);
  return CKPT_OK;
}

ckpt_code ckpt_trigger(ckpt_id guard) {
  const Lock lock(mutex);
  entities.at(guard).triggered = true;
  changed.notify_all();
  return CKPT_OK;
}

ckpt_code ckpt_count(ckpt_id, int32_t kind, const char * name, size_t * count) {
  const Lock lock(mutex);
  *count = static_cast<size_t>(std::count_if(entities.begin(), entities.end(), [&](const auto & item) {
    return item.second.kind == kind && std::strcmp(item.second.row.name, name) == 0;
  }));
  return CKPT_OK;
}

ckpt_code ckpt_matched(ckpt_id id, size_t * count) {
  const Lock lock(mutex);
  *count = static_cast<size_t>(matches_of(entities.at(id)));
  return CKPT_OK;
}

ckpt_code ckpt_service_available(ckpt_id client, uint8_t * available) {
  size_t count = 0;
  ckpt_matched(client, &count);
  *available = count > 0;
  return CKPT_OK;
}

ckpt_code ckpt_graph(ckpt_id, ckpt_graph_entry * rows, size_t capacity, size_t * count) {
  const Lock lock(mutex);
  *count = 0;
  for (const auto & [id, entity] : entities) {
    if (is_row(entity) && (*count)++ < capacity) {
      rows[*count - 1] = entity.row;
    }
  }
  return CKPT_OK;
}

}  // extern "C"
