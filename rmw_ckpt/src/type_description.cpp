// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rosidl_runtime_c/type_hash.h>

#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "type_support.hpp"

namespace rmw_ckpt {
namespace {

using Description = rosidl_runtime_c__type_description__TypeDescription;
using Individual = rosidl_runtime_c__type_description__IndividualTypeDescription;

void append(std::string & json, const rosidl_runtime_c__String & text) {
  json += '"';
  for (size_t i = 0; i < text.size; ++i) {
    const auto c = static_cast<unsigned char>(text.data[i]);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += static_cast<char>(c);
    } else if (c < 0x20) {
      constexpr char hex[] = "0123456789abcdef";
      json += "\\u00";
      json += hex[c >> 4];
      json += hex[c & 15];
    } else {
      json += static_cast<char>(c);
    }
  }
  json += '"';
}

void append(std::string & json, const Individual & type) {
  json += "{\"type_name\":";
  append(json, type.type_name);
  json += ",\"fields\":[";
  for (size_t i = 0; i < type.fields.size; ++i) {
    const auto & field = type.fields.data[i];
    json += i == 0 ? "{\"name\":" : ",{\"name\":";
    append(json, field.name);
    json += ",\"type\":{\"type_id\":" + std::to_string(field.type.type_id);
    json += ",\"capacity\":" + std::to_string(field.type.capacity);
    json += ",\"string_capacity\":" + std::to_string(field.type.string_capacity);
    json += ",\"nested_type_name\":";
    append(json, field.type.nested_type_name);
    json += "},\"default_value\":";
    append(json, field.default_value);
    json += '}';
  }
  json += "]}";
}

std::string to_json(const Description & description) {
  std::string json = "{\"type_description\":";
  append(json, description.type_description);
  json += ",\"referenced_type_descriptions\":[";
  for (size_t i = 0; i < description.referenced_type_descriptions.size; ++i) {
    if (i != 0) {
      json += ',';
    }
    append(json, description.referenced_type_descriptions.data[i]);
  }
  json += "]}";
  return json;
}

template <class Handle>
TypeIdentity identify_handle(const Handle & type) {
  TypeIdentity identity;
  const rosidl_type_hash_t * hash = type.get_type_hash_func != nullptr ? type.get_type_hash_func(&type) : nullptr;
  if (hash == nullptr || hash->version == ROSIDL_TYPE_HASH_VERSION_UNSET) {
    return identity;
  }
  static_assert(sizeof(*hash) == CKPT_TYPE_HASH_SIZE);
  std::memcpy(identity.hash.data(), hash, identity.hash.size());
  identity.has_hash = true;

  // Kept by hash, not by handle: the library that holds a handle may be unloaded and its address used again. Never
  // freed, so that a node may be made while exit handlers run.
  static auto & mutex = *new std::mutex;
  static auto & known = *new std::map<decltype(identity.hash), std::string>;
  const std::lock_guard<std::mutex> lock(mutex);
  auto found = known.find(identity.hash);
  if (found == known.end()) {
    const Description * description =
        type.get_type_description_func != nullptr ? type.get_type_description_func(&type) : nullptr;
    if (description == nullptr) {
      return identity;
    }
    found = known.emplace(identity.hash, to_json(*description)).first;
  }
  identity.description = found->second.c_str();
  return identity;
}

}  // namespace

TypeIdentity identify(const rosidl_message_type_support_t & type) {
  return identify_handle(type);
}

TypeIdentity identify(const rosidl_service_type_support_t & type) {
  return identify_handle(type);
}

}  // namespace rmw_ckpt
