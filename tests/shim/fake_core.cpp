// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// A core in one process and in few lines: topics and services loop back, nothing is kept. For tests of the shim alone.
#include "fake_core.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {

struct Message {
  std::vector<uint64_t> storage;  // uint64_t: aligned as the contract says
  uint64_t size = 0;
  int64_t sequence = 0;
  ckpt_id writer = 0;
  ckpt_request_id request{};
};

struct Entity {
  ckpt_kind kind{};
  ckpt_id id = 0;
  ckpt_id owner = 0;
  ckpt_graph_entry row{};
  bool ignore_local = false;
  bool triggered = false;
  int64_t sent = 0;
  int event = 0;
  ckpt_event_status status{};
  std::deque<std::shared_ptr<Message>> queue;
  ckpt_callback callback = nullptr;
  const void * user = nullptr;
};

// Never destroyed: the shim's exit handler comes late.
std::mutex & mutex = *new std::mutex;
std::condition_variable & changed = *new std::condition_variable;
std::map<ckpt_id, Entity> & entities = *new std::map<ckpt_id, Entity>;
ckpt_id last_id = 0;
int users = 0;
thread_local std::string error;
thread_local std::shared_ptr<Message> lent;
thread_local std::shared_ptr<Message> reserved;

using Lock = std::unique_lock<std::mutex>;

ckpt_code fail(ckpt_code code, const std::string & text) {
  error = text;
  return code;
}

Entity * find(ckpt_id id) {
  const auto found = entities.find(id);
  return found == entities.end() ? nullptr : &found->second;
}

ckpt_code missing(ckpt_id id) {
  return fail(users == 0 ? CKPT_SHUT_DOWN : CKPT_INVALID, "no entity " + std::to_string(id));
}

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

bool match(const Entity & a, const Entity & b) {
  const Entity & offers = a.kind == CKPT_PUBLISHER ? a : b;
  const Entity & asks = a.kind == CKPT_PUBLISHER ? b : a;
  return on_same_topic(a, b) && offers.row.qos.reliability <= asks.row.qos.reliability &&
         offers.row.qos.durability <= asks.row.qos.durability;
}

int64_t matches_of(const Entity & entity) {
  return std::count_if(entities.begin(), entities.end(), [&](const auto & item) { return match(entity, item.second); });
}

// Graph guards, and the events of whoever is met or left.
void on_graph_change(const Entity & who, int change) {
  for (auto & [id, other] : entities) {
    other.triggered |= other.kind == CKPT_GUARD && find(other.owner) != nullptr;
    Entity * const owner = other.kind == CKPT_EVENT ? find(other.owner) : nullptr;
    if (owner == nullptr || !is_row(who) || who.kind == CKPT_NODE || !on_same_topic(*owner, who)) {
      continue;
    }
    const bool matched =
        other.event == CKPT_EVENT_PUBLICATION_MATCHED || other.event == CKPT_EVENT_SUBSCRIPTION_MATCHED;
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

void deliver(const Entity & from, const std::shared_ptr<Message> & message) {
  for (auto & [id, to] : entities) {
    const bool addressed =
        to.kind != CKPT_CLIENT || std::memcmp(to.row.gid, message->request.client, CKPT_GID_SIZE) == 0;
    if (!match(from, to) || to.ignore_local || !addressed) {
      continue;
    }
    to.queue.push_back(message);
    if (to.row.qos.history == 1 && to.queue.size() > to.row.qos.depth) {
      to.queue.pop_front();
    }
    if (to.callback != nullptr) {
      to.callback(to.user, 1);
    }
  }
  changed.notify_all();
}

}  // namespace

namespace fake_core {
std::string last_description;
std::atomic<int64_t> clock_offset{0};
std::atomic<int> lose{0};
}  // namespace fake_core

extern "C" {

void ckpt_error(char * buffer, size_t size) {
  std::snprintf(buffer, size, "%s", error.c_str());
}

ckpt_code ckpt_init(uint32_t domain, ckpt_id * session) {
  const Lock lock(mutex);
  if (domain > 232) {
    return fail(CKPT_ERROR, "no such domain");
  }
  ++users;
  *session = 1;
  last_id = std::max<ckpt_id>(last_id, 1);
  return CKPT_OK;
}

ckpt_code ckpt_shutdown(ckpt_id) {
  const Lock lock(mutex);
  --users;
  changed.notify_all();
  return CKPT_OK;
}

void ckpt_leave(void) {}

int64_t ckpt_clock(int32_t, int64_t real) {
  return real + fake_core::clock_offset;
}

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

ckpt_code ckpt_create_event(ckpt_id entity, int32_t kind, ckpt_id * event) {
  const Lock lock(mutex);
  Entity & made = add(CKPT_EVENT, entity, event);
  made.event = kind;
  if (kind == CKPT_EVENT_PUBLICATION_MATCHED || kind == CKPT_EVENT_SUBSCRIPTION_MATCHED) {
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

ckpt_code ckpt_publish_begin(ckpt_id, const ckpt_request_id * answers, uint64_t size, ckpt_reservation * reservation) {
  const Lock lock(mutex);
  if (users == 0) {
    return fail(CKPT_SHUT_DOWN, "shut down");
  }
  reserved = std::make_shared<Message>();
  reserved->storage.resize(size / 8 + 1);
  reserved->request = answers != nullptr ? *answers : ckpt_request_id{};
  reservation->data = reserved->storage.data();
  return CKPT_OK;
}

ckpt_code ckpt_publish_end(ckpt_id id, const ckpt_reservation *, uint64_t size, int64_t * sequence) {
  const Lock lock(mutex);
  Entity & from = entities.at(id);
  reserved->size = size;
  reserved->sequence = ++from.sent;
  reserved->writer = id;
  if (from.kind == CKPT_CLIENT) {
    std::memcpy(reserved->request.client, from.row.gid, CKPT_GID_SIZE);
    reserved->request.sequence = from.sent;
  }
  if (sequence != nullptr) {
    *sequence = from.sent;
  }
  deliver(from, reserved);
  reserved.reset();
  return CKPT_OK;
}

ckpt_code ckpt_publish_abort(ckpt_id, const ckpt_reservation *) {
  reserved.reset();
  return CKPT_OK;
}

ckpt_code ckpt_take_begin(ckpt_id id, ckpt_message * message) {
  const Lock lock(mutex);
  Entity * const entity = find(id);
  if (entity == nullptr) {
    return missing(id);
  }
  message->taken = 0;
  if (entity->queue.empty()) {
    return CKPT_OK;
  }
  lent = entity->queue.front();
  entity->queue.pop_front();
  *message = {lent->storage.data(), lent->size, lent->sequence, 1'000'000 + lent->sequence, {}, lent->request, 1};
  std::memcpy(message->writer, &lent->writer, sizeof(lent->writer));
  return CKPT_OK;
}

ckpt_code ckpt_take_end(ckpt_id, const ckpt_message *) {
  lent.reset();
  return fake_core::lose > 0 && fake_core::lose-- > 0 ? CKPT_LOST : CKPT_OK;
}

ckpt_code ckpt_wait(ckpt_id, const ckpt_id * ids, uint8_t * ready, size_t count, int64_t timeout) {
  Lock lock(mutex);
  const auto look = [&] {
    bool any = users == 0;
    for (size_t i = 0; i < count; ++i) {
      Entity * const entity = find(ids[i]);
      ready[i] = entity != nullptr && (!entity->queue.empty() || entity->triggered);
      any |= ready[i] != 0;
    }
    return any;
  };
  if (timeout < 0 || timeout == CKPT_INFINITE) {
    changed.wait(lock, look);
  } else if (!changed.wait_for(lock, std::chrono::nanoseconds(std::min<int64_t>(timeout, 3'600'000'000'000)), look)) {
    return CKPT_TIMEOUT;
  }
  for (size_t i = 0; i < count; ++i) {
    if (ready[i] != 0) {
      Entity & entity = entities.at(ids[i]);
      entity.triggered = entity.triggered && entity.kind == CKPT_EVENT;
    }
  }
  return users == 0 ? fail(CKPT_SHUT_DOWN, "shut down") : CKPT_OK;
}

ckpt_code ckpt_set_callback(ckpt_id id, ckpt_callback callback, const void * user) {
  const Lock lock(mutex);
  Entity & entity = entities.at(id);
  entity.callback = callback;
  entity.user = user;
  if (callback != nullptr && !entity.queue.empty()) {
    callback(user, entity.queue.size());
  }
  return CKPT_OK;
}

ckpt_code ckpt_take_event(ckpt_id event, ckpt_event_status * status) {
  const Lock lock(mutex);
  Entity & entity = entities.at(event);
  *status = entity.status;
  entity.status.total_change = entity.status.current_change = 0;
  entity.triggered = false;
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
