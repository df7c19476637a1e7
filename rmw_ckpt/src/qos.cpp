// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "qos.hpp"

#include <rmw/qos_profiles.h>
#include <rmw/time.h>

#include <algorithm>
#include <limits>

#include "graph.hpp"

namespace rmw_ckpt {
namespace {

constexpr rmw_time_t infinite = RMW_DURATION_INFINITE;
constexpr rmw_time_t unspecified = RMW_DURATION_UNSPECIFIED;
constexpr rmw_time_t deadline_best_available = RMW_QOS_DEADLINE_BEST_AVAILABLE;
constexpr rmw_time_t lease_best_available = RMW_QOS_LIVELINESS_LEASE_DURATION_BEST_AVAILABLE;

bool wants_best_available(const rmw_qos_profile_t & profile) {
  return profile.reliability == RMW_QOS_POLICY_RELIABILITY_BEST_AVAILABLE ||
         profile.durability == RMW_QOS_POLICY_DURABILITY_BEST_AVAILABLE ||
         profile.liveliness == RMW_QOS_POLICY_LIVELINESS_BEST_AVAILABLE ||
         rmw_time_equal(profile.deadline, deadline_best_available) ||
         rmw_time_equal(profile.liveliness_lease_duration, lease_best_available);
}

/// What the endpoints at the other end of a topic have in common.
struct Others {
  size_t count = 0;
  bool all_reliable = true;
  bool all_transient_local = true;
  size_t manual = 0;
  int64_t least_deadline = CKPT_INFINITE;
  int64_t greatest_deadline = 0;
  int64_t least_lease = CKPT_INFINITE;
  int64_t greatest_lease = 0;
};

rmw_ret_t look_at_others(ckpt_id session, ckpt_kind kind, const char * topic, Others * others) {
  Graph graph;
  const rmw_ret_t ret = graph.read(session);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  for (const auto & row : graph.rows()) {
    if (row.kind != kind || !has_name(row, topic)) {
      continue;
    }
    ++others->count;
    others->all_reliable &= row.qos.reliability == 1;
    others->all_transient_local &= row.qos.durability == 1;
    others->manual += row.qos.liveliness == 2 ? 1 : 0;
    others->least_deadline = std::min(others->least_deadline, row.qos.deadline);
    others->greatest_deadline = std::max(others->greatest_deadline, row.qos.deadline);
    others->least_lease = std::min(others->least_lease, row.qos.lease);
    others->greatest_lease = std::max(others->greatest_lease, row.qos.lease);
  }
  return RMW_RET_OK;
}

/// The highest service that still matches all who are there.
void choose_best(rmw_qos_profile_t * profile, ckpt_kind kind, const Others & others) {
  const bool publisher = kind == CKPT_PUBLISHER;
  if (profile->reliability == RMW_QOS_POLICY_RELIABILITY_BEST_AVAILABLE) {
    profile->reliability =
        publisher || others.all_reliable ? RMW_QOS_POLICY_RELIABILITY_RELIABLE : RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT;
  }
  if (profile->durability == RMW_QOS_POLICY_DURABILITY_BEST_AVAILABLE) {
    profile->durability = publisher || others.all_transient_local ? RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL
                                                                  : RMW_QOS_POLICY_DURABILITY_VOLATILE;
  }
  if (profile->liveliness == RMW_QOS_POLICY_LIVELINESS_BEST_AVAILABLE) {
    // A publisher that is manual without need would have to assert itself; a subscription that asks for it without
    // need would refuse the usual publisher that comes later.
    const bool manual = others.manual > 0 && (publisher || others.manual == others.count);
    profile->liveliness = manual ? RMW_QOS_POLICY_LIVELINESS_MANUAL_BY_TOPIC : RMW_QOS_POLICY_LIVELINESS_AUTOMATIC;
  }
  const auto choose = [&](rmw_time_t * value, const rmw_time_t & best, int64_t least, int64_t greatest) {
    if (rmw_time_equal(*value, best)) {
      *value = others.count == 0 ? infinite : rmw_time_from_nsec(publisher ? least : greatest);
    }
  };
  choose(&profile->deadline, deadline_best_available, others.least_deadline, others.greatest_deadline);
  choose(&profile->liveliness_lease_duration, lease_best_available, others.least_lease, others.greatest_lease);
}

/// For services and clients best_available means what they have by default.
void choose_service_default(rmw_qos_profile_t * profile) {
  const rmw_qos_profile_t & normal = rmw_qos_profile_services_default;
  if (profile->reliability == RMW_QOS_POLICY_RELIABILITY_BEST_AVAILABLE) {
    profile->reliability = normal.reliability;
  }
  if (profile->durability == RMW_QOS_POLICY_DURABILITY_BEST_AVAILABLE) {
    profile->durability = normal.durability;
  }
  if (profile->liveliness == RMW_QOS_POLICY_LIVELINESS_BEST_AVAILABLE) {
    profile->liveliness = normal.liveliness;
  }
  if (rmw_time_equal(profile->deadline, deadline_best_available)) {
    profile->deadline = normal.deadline;
  }
  if (rmw_time_equal(profile->liveliness_lease_duration, lease_best_available)) {
    profile->liveliness_lease_duration = normal.liveliness_lease_duration;
  }
}

void replace_defaults(rmw_qos_profile_t * profile) {
  if (profile->history == RMW_QOS_POLICY_HISTORY_SYSTEM_DEFAULT) {
    profile->history = RMW_QOS_POLICY_HISTORY_KEEP_LAST;
  }
  if (profile->history == RMW_QOS_POLICY_HISTORY_KEEP_LAST && profile->depth == RMW_QOS_POLICY_DEPTH_SYSTEM_DEFAULT) {
    profile->depth = 1;
  }
  if (profile->reliability == RMW_QOS_POLICY_RELIABILITY_SYSTEM_DEFAULT) {
    profile->reliability = RMW_QOS_POLICY_RELIABILITY_RELIABLE;
  }
  if (profile->durability == RMW_QOS_POLICY_DURABILITY_SYSTEM_DEFAULT) {
    profile->durability = RMW_QOS_POLICY_DURABILITY_VOLATILE;
  }
  if (profile->liveliness == RMW_QOS_POLICY_LIVELINESS_SYSTEM_DEFAULT) {
    profile->liveliness = RMW_QOS_POLICY_LIVELINESS_AUTOMATIC;
  }
  for (rmw_time_t * value : {&profile->deadline, &profile->lifespan, &profile->liveliness_lease_duration}) {
    *value = rmw_time_equal(*value, unspecified) ? infinite : rmw_time_from_nsec(rmw_time_total_nsec(*value));
  }
}

}  // namespace

rmw_ret_t check_qos(const rmw_qos_profile_t & profile) {
  const char * wrong = nullptr;
  if (profile.history < RMW_QOS_POLICY_HISTORY_SYSTEM_DEFAULT || profile.history >= RMW_QOS_POLICY_HISTORY_UNKNOWN) {
    wrong = "invalid QoS profile: unknown history policy";
  } else if (profile.reliability == RMW_QOS_POLICY_RELIABILITY_UNKNOWN ||
             profile.reliability > RMW_QOS_POLICY_RELIABILITY_BEST_AVAILABLE) {
    wrong = "invalid QoS profile: unknown reliability policy";
  } else if (profile.durability == RMW_QOS_POLICY_DURABILITY_UNKNOWN ||
             profile.durability > RMW_QOS_POLICY_DURABILITY_BEST_AVAILABLE) {
    wrong = "invalid QoS profile: unknown durability policy";
  } else if (profile.liveliness != RMW_QOS_POLICY_LIVELINESS_SYSTEM_DEFAULT &&
             profile.liveliness != RMW_QOS_POLICY_LIVELINESS_AUTOMATIC &&
             profile.liveliness != RMW_QOS_POLICY_LIVELINESS_MANUAL_BY_TOPIC &&
             profile.liveliness != RMW_QOS_POLICY_LIVELINESS_BEST_AVAILABLE) {
    wrong = "invalid QoS profile: liveliness must be automatic or manual by topic";
  }
  return wrong == nullptr ? RMW_RET_OK : fail_with(RMW_RET_INVALID_ARGUMENT, wrong);
}

rmw_ret_t resolve_qos(const rmw_qos_profile_t & wanted, ckpt_id session, ckpt_kind kind, const char * topic,
                      rmw_qos_profile_t * resolved) {
  rmw_qos_profile_t profile = wanted;
  if (kind == CKPT_SERVICE || kind == CKPT_CLIENT) {
    choose_service_default(&profile);
  } else if (wants_best_available(profile)) {
    Others others;
    const rmw_ret_t ret =
        look_at_others(session, kind == CKPT_PUBLISHER ? CKPT_SUBSCRIPTION : CKPT_PUBLISHER, topic, &others);
    if (ret != RMW_RET_OK) {
      return ret;
    }
    choose_best(&profile, kind, others);
  }
  replace_defaults(&profile);
  *resolved = profile;
  return RMW_RET_OK;
}

ckpt_qos to_core(const rmw_qos_profile_t & profile) {
  ckpt_qos qos{};
  qos.reliability = profile.reliability == RMW_QOS_POLICY_RELIABILITY_RELIABLE ? 1 : 2;
  qos.durability = profile.durability == RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL ? 1 : 2;
  qos.history = profile.history == RMW_QOS_POLICY_HISTORY_KEEP_LAST ? 1 : 2;
  qos.liveliness = profile.liveliness == RMW_QOS_POLICY_LIVELINESS_AUTOMATIC ? 1 : 2;
  qos.depth = static_cast<uint32_t>(std::min<size_t>(profile.depth, std::numeric_limits<uint32_t>::max()));
  qos.deadline = rmw_time_total_nsec(profile.deadline);
  qos.lifespan = rmw_time_total_nsec(profile.lifespan);
  qos.lease = rmw_time_total_nsec(profile.liveliness_lease_duration);
  return qos;
}

rmw_qos_profile_t from_core(const ckpt_qos & qos) {
  rmw_qos_profile_t profile = rmw_qos_profile_unknown;
  profile.reliability =
      qos.reliability == 1 ? RMW_QOS_POLICY_RELIABILITY_RELIABLE : RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT;
  profile.durability =
      qos.durability == 1 ? RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL : RMW_QOS_POLICY_DURABILITY_VOLATILE;
  profile.history = qos.history == 1 ? RMW_QOS_POLICY_HISTORY_KEEP_LAST : RMW_QOS_POLICY_HISTORY_KEEP_ALL;
  profile.liveliness =
      qos.liveliness == 1 ? RMW_QOS_POLICY_LIVELINESS_AUTOMATIC : RMW_QOS_POLICY_LIVELINESS_MANUAL_BY_TOPIC;
  profile.depth = qos.depth;
  profile.deadline = rmw_time_from_nsec(qos.deadline);
  profile.lifespan = rmw_time_from_nsec(qos.lifespan);
  profile.liveliness_lease_duration = rmw_time_from_nsec(qos.lease);
  return profile;
}

}  // namespace rmw_ckpt
