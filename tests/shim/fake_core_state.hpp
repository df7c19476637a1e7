// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What the two halves of the fake core share.
#ifndef FAKE_CORE_STATE_HPP_
#define FAKE_CORE_STATE_HPP_

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fake_core.hpp"

namespace fake_core {

struct Message {
  std::vector<uint64_t> storage;  // aligned as the contract says: what comes after the encapsulation
  char * bytes() { return reinterpret_cast<char *>(storage.data()) + 4; }
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
inline std::mutex & mutex = *new std::mutex;
inline std::condition_variable & changed = *new std::condition_variable;
inline std::map<ckpt_id, Entity> & entities = *new std::map<ckpt_id, Entity>;
inline std::map<const void *, std::shared_ptr<Message>> & borrowed =
    *new std::map<const void *, std::shared_ptr<Message>>;
inline std::map<const void *, std::shared_ptr<Message>> & loans = *new std::map<const void *, std::shared_ptr<Message>>;

using Lock = std::unique_lock<std::mutex>;

// All with the lock held.
ckpt_code fail(ckpt_code code, const std::string & text);
Entity * find(ckpt_id id);
ckpt_code missing(ckpt_id id);
bool match(const Entity & a, const Entity & b);

}  // namespace fake_core

#endif  // FAKE_CORE_STATE_HPP_
