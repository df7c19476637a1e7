// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rmw/qos_profiles.h>
#include <rmw/qos_string_conversions.h>
#include <rmw/time.h>

#include <cstdio>

#include "common.hpp"

namespace {

constexpr rmw_time_t unspecified = RMW_DURATION_UNSPECIFIED;
constexpr rmw_time_t best_available = RMW_QOS_DEADLINE_BEST_AVAILABLE;  // of leases too

/// Collects the verdict and its reasons; errors come before warnings because they are looked for first.
class Verdict {
 public:
  Verdict(char * reason, size_t size) : reason_(reason), size_(size) {
    if (size_ > 0) {
      reason_[0] = '\0';
    }
  }

  void error(const char * text) { add(RMW_QOS_COMPATIBILITY_ERROR, "ERROR: ", text); }
  void warning(const char * text) { add(RMW_QOS_COMPATIBILITY_WARNING, "WARNING: ", text); }
  rmw_qos_compatibility_type_t value() const { return value_; }

 private:
  void add(rmw_qos_compatibility_type_t value, const char * level, const char * text) {
    value_ = value > value_ ? value : value_;
    if (used_ < size_) {
      const int length = std::snprintf(reason_ + used_, size_ - used_, "%s%s;", level, text);
      used_ += length > 0 ? static_cast<size_t>(length) : 0;
    }
  }

  char * reason_;
  size_t size_;
  size_t used_ = 0;
  rmw_qos_compatibility_type_t value_ = RMW_QOS_COMPATIBILITY_OK;
};

/// A value that is settled only when the endpoint is made. best_available always fits what is there by then.
template <class Policy>
bool open(Policy value, Policy system_default, Policy unknown) {
  return value == system_default || value == unknown;
}

void find_errors(const rmw_qos_profile_t & publisher, const rmw_qos_profile_t & subscription, Verdict & verdict) {
  if (publisher.reliability == RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT &&
      subscription.reliability == RMW_QOS_POLICY_RELIABILITY_RELIABLE) {
    verdict.error("Best effort publisher and reliable subscription");
  }
  if (publisher.durability == RMW_QOS_POLICY_DURABILITY_VOLATILE &&
      subscription.durability == RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL) {
    verdict.error("Volatile publisher and transient local subscription");
  }
  if (publisher.liveliness == RMW_QOS_POLICY_LIVELINESS_AUTOMATIC &&
      subscription.liveliness == RMW_QOS_POLICY_LIVELINESS_MANUAL_BY_TOPIC) {
    verdict.error("Automatic liveliness of the publisher and manual by topic liveliness of the subscription");
  }
  const auto check = [&](const rmw_time_t & offered, const rmw_time_t & requested, const char * none,
                         const char * longer) {
    if (rmw_time_equal(requested, unspecified) || rmw_time_equal(requested, best_available) ||
        rmw_time_equal(offered, best_available)) {
      return;
    }
    if (rmw_time_equal(offered, unspecified)) {
      // Unspecified is without end: it fits only what asks for no end.
      if (rmw_time_total_nsec(requested) != CKPT_INFINITE) {
        verdict.error(none);
      }
    } else if (rmw_time_total_nsec(offered) > rmw_time_total_nsec(requested)) {
      verdict.error(longer);
    }
  };
  check(publisher.deadline, subscription.deadline, "Subscription has a deadline, but publisher does not",
        "Subscription's deadline is less than publisher's");
  check(publisher.liveliness_lease_duration, subscription.liveliness_lease_duration,
        "Subscription has a liveliness lease duration, but publisher does not",
        "Subscription's liveliness lease duration is less than publisher's");
}

void find_warnings(const rmw_qos_profile_t & publisher, const rmw_qos_profile_t & subscription, Verdict & verdict) {
  const bool reliability_open =
      open(publisher.reliability, RMW_QOS_POLICY_RELIABILITY_SYSTEM_DEFAULT, RMW_QOS_POLICY_RELIABILITY_UNKNOWN);
  const bool reliability_asked =
      open(subscription.reliability, RMW_QOS_POLICY_RELIABILITY_SYSTEM_DEFAULT, RMW_QOS_POLICY_RELIABILITY_UNKNOWN);
  if ((reliability_open && (reliability_asked || subscription.reliability == RMW_QOS_POLICY_RELIABILITY_RELIABLE)) ||
      (reliability_asked && publisher.reliability == RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT)) {
    verdict.warning("reliability of publisher and subscription may be incompatible");
  }
  const bool durability_open =
      open(publisher.durability, RMW_QOS_POLICY_DURABILITY_SYSTEM_DEFAULT, RMW_QOS_POLICY_DURABILITY_UNKNOWN);
  const bool durability_asked =
      open(subscription.durability, RMW_QOS_POLICY_DURABILITY_SYSTEM_DEFAULT, RMW_QOS_POLICY_DURABILITY_UNKNOWN);
  if ((durability_open && (durability_asked || subscription.durability == RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL)) ||
      (durability_asked && publisher.durability == RMW_QOS_POLICY_DURABILITY_VOLATILE)) {
    verdict.warning("durability of publisher and subscription may be incompatible");
  }
  const bool liveliness_open =
      open(publisher.liveliness, RMW_QOS_POLICY_LIVELINESS_SYSTEM_DEFAULT, RMW_QOS_POLICY_LIVELINESS_UNKNOWN);
  const bool liveliness_asked =
      open(subscription.liveliness, RMW_QOS_POLICY_LIVELINESS_SYSTEM_DEFAULT, RMW_QOS_POLICY_LIVELINESS_UNKNOWN);
  if ((liveliness_open && (liveliness_asked || subscription.liveliness == RMW_QOS_POLICY_LIVELINESS_MANUAL_BY_TOPIC)) ||
      (liveliness_asked && publisher.liveliness == RMW_QOS_POLICY_LIVELINESS_AUTOMATIC)) {
    verdict.warning("liveliness of publisher and subscription may be incompatible");
  }
}

}  // namespace

extern "C" rmw_ret_t rmw_qos_profile_check_compatible(const rmw_qos_profile_t publisher_profile,
                                                      const rmw_qos_profile_t subscription_profile,
                                                      rmw_qos_compatibility_type_t * compatibility, char * reason,
                                                      size_t reason_size) {
  RMW_CHECK_ARGUMENT_FOR_NULL(compatibility, RMW_RET_INVALID_ARGUMENT);
  if (reason == nullptr && reason_size != 0) {
    return rmw_ckpt::fail_with(RMW_RET_INVALID_ARGUMENT, "reason is null, but reason_size is not zero");
  }
  Verdict verdict(reason, reason_size);
  find_errors(publisher_profile, subscription_profile, verdict);
  find_warnings(publisher_profile, subscription_profile, verdict);
  *compatibility = verdict.value();
  return RMW_RET_OK;
}
