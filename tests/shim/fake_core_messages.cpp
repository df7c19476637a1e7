// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The fake core's other half: messages, waits, callbacks, events.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "fake_core_state.hpp"

using namespace fake_core;

namespace {

thread_local std::shared_ptr<Message> lent;
thread_local std::shared_ptr<Message> reserved;

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

std::shared_ptr<Message> take_back(const void * data) {
  const Lock lock(mutex);
  const auto found = borrowed.find(data);
  if (found == borrowed.end()) {
    return nullptr;
  }
  const auto message = found->second;
  borrowed.erase(found);
  return message;
}

}  // namespace

extern "C" {

ckpt_code ckpt_publish_begin(ckpt_id, const ckpt_request_id * answers, uint64_t size, ckpt_reservation * reservation) {
  const Lock lock(mutex);
  reserved = std::make_shared<Message>();
  reserved->storage.resize(size / 8 + 2);
  reserved->request = answers != nullptr ? *answers : ckpt_request_id{};
  reservation->data = reserved->bytes();
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

ckpt_code ckpt_borrow(ckpt_id, uint64_t size, void ** data) {
  const Lock lock(mutex);
  const auto message = std::make_shared<Message>();
  message->storage.resize(size / 8 + 2);
  *data = message->bytes();
  borrowed[*data] = message;
  return CKPT_OK;
}

ckpt_code ckpt_publish_borrowed(ckpt_id id, const void * data, uint64_t size) {
  const auto message = take_back(data);
  if (message == nullptr) {
    return fail(CKPT_ERROR, "nothing is lent there");
  }
  reserved = message;
  return ckpt_publish_end(id, nullptr, size, nullptr);
}

ckpt_code ckpt_return_borrowed(ckpt_id, const void * data) {
  return take_back(data) != nullptr ? CKPT_OK : fail(CKPT_ERROR, "nothing is lent there");
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
  *message = {lent->bytes(), lent->size, lent->sequence, 1'000'000 + lent->sequence, {}, lent->request, 1};
  std::memcpy(message->writer, &lent->writer, sizeof(lent->writer));
  return CKPT_OK;
}

ckpt_code ckpt_take_end(ckpt_id, const ckpt_message *) {
  lent.reset();
  return fake_core::lose > 0 && fake_core::lose-- > 0 ? CKPT_LOST : CKPT_OK;
}

ckpt_code ckpt_take_loan(ckpt_id id, const ckpt_message * message) {
  {
    const Lock lock(mutex);
    loans[message->data] = lent;
  }
  const ckpt_code code = ckpt_take_end(id, message);
  if (code != CKPT_OK) {
    const Lock lock(mutex);
    loans.erase(message->data);
  }
  return code;
}

ckpt_code ckpt_return_loan(ckpt_id, const void * data) {
  const Lock lock(mutex);
  return loans.erase(data) != 0 ? CKPT_OK : fail(CKPT_ERROR, "nothing is lent there");
}

ckpt_code ckpt_wait(ckpt_id, const ckpt_id * ids, uint8_t * ready, size_t count, size_t, int64_t timeout) {
  Lock lock(mutex);
  const auto look = [&] {
    bool any = false;
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
  return CKPT_OK;
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

}  // extern "C"
