// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Options, contexts, nodes; signals.
#include <rmw/init.h>
#include <signal.h>

#include "fixture.hpp"

namespace {

TEST(Options, InitCopyFini) {
  rmw_init_options_t options = make_options();
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_init_options_init(&options, rcutils_get_default_allocator()));
  rmw_init_options_t copy = rmw_get_zero_initialized_init_options();
  EXPECT_RMW_OK(rmw_init_options_copy(&options, &copy));
  EXPECT_STREQ("/", copy.enclave);
  EXPECT_NE(options.enclave, copy.enclave);
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_init_options_copy(&options, &copy));
  EXPECT_RMW_OK(rmw_init_options_fini(&copy));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_init_options_fini(&copy));
  EXPECT_RMW_OK(rmw_init_options_fini(&options));
}

TEST(Options, BadAllocatorIsRefused) {
  rmw_init_options_t options = rmw_get_zero_initialized_init_options();
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_init_options_init(&options, rcutils_get_zero_initialized_allocator()));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_init_options_init(nullptr, rcutils_get_default_allocator()));
}

class Refused : public testing::Test {
 protected:
  void TearDown() override { EXPECT_RMW_OK(rmw_init_options_fini(&options)); }

  void expect_refused(rmw_ret_t code) {
    rmw_context_t context = rmw_get_zero_initialized_context();
    EXPECT_RMW_FAILS(code, rmw_init(&options, &context));
    EXPECT_EQ(nullptr, context.implementation_identifier);
    EXPECT_EQ(nullptr, context.impl);
  }

  rmw_init_options_t options = make_options();
};

TEST_F(Refused, WithoutEnclave) {
  rcutils_get_default_allocator().deallocate(options.enclave, nullptr);
  options.enclave = nullptr;
  expect_refused(RMW_RET_INVALID_ARGUMENT);
}

TEST_F(Refused, WithoutDiscoveryRange) {
  options.discovery_options.automatic_discovery_range = RMW_AUTOMATIC_DISCOVERY_RANGE_NOT_SET;
  expect_refused(RMW_RET_INVALID_ARGUMENT);
}

TEST_F(Refused, WithSecurityEnforced) {
  options.security_options.enforce_security = RMW_SECURITY_ENFORCEMENT_ENFORCE;
  expect_refused(RMW_RET_ERROR);
}

TEST_F(Refused, WithImpossibleDomain) {
  options.domain_id = size_t{1} << 40;
  expect_refused(RMW_RET_INVALID_ARGUMENT);
}

class Lifecycle : public Fixture {};

TEST_F(Lifecycle, ContextAgainAndAgain) {
  rmw_init_options_t options = make_options();
  rmw_context_t other = rmw_get_zero_initialized_context();
  for (int i = 0; i < 3; ++i) {
    EXPECT_RMW_OK(rmw_init(&options, &other));
    EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_init(&options, &other));
    EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_context_fini(&other));
    EXPECT_RMW_OK(rmw_shutdown(&other));
    EXPECT_RMW_OK(rmw_shutdown(&other));
    EXPECT_NULL_WITH_ERROR(rmw_create_node(&other, "late", "/"));
    EXPECT_RMW_OK(rmw_context_fini(&other));
    EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_context_fini(&other));
    EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_shutdown(&other));
  }
  EXPECT_RMW_OK(rmw_init_options_fini(&options));
}

TEST_F(Lifecycle, NodesOutliveShutdown) {
  rmw_guard_condition_t * guard = rmw_create_guard_condition(&context);
  ASSERT_NE(nullptr, guard);
  EXPECT_RMW_OK(rmw_shutdown(&context));
  EXPECT_RMW_FAILS(RMW_RET_ERROR, rmw_context_fini(&context));
  EXPECT_RMW_OK(rmw_trigger_guard_condition(guard));
  EXPECT_RMW_OK(rmw_destroy_guard_condition(guard));
  EXPECT_RMW_OK(rmw_destroy_node(node));
  node = nullptr;
}

TEST_F(Lifecycle, SigpipeIsLeftAsItWas) {
  struct sigaction now {};
  ASSERT_EQ(0, sigaction(SIGPIPE, nullptr, &now));
  EXPECT_EQ(SIG_DFL, now.sa_handler);
}

}  // namespace
