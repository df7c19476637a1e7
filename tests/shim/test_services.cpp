// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rosidl_typesupport_cpp/service_type_support.hpp>
#include <test_msgs/srv/basic_types.hpp>

#include "fixture.hpp"

namespace {

using test_msgs::srv::BasicTypes;

const auto * const cpp = rosidl_typesupport_cpp::get_service_type_support_handle<BasicTypes>();

class Services : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    service = rmw_create_service(node, cpp, "/serve", &rmw_qos_profile_services_default);
    ASSERT_NE(nullptr, service) << rmw_get_error_string().str;
    client = rmw_create_client(node, cpp, "/serve", &rmw_qos_profile_services_default);
    ASSERT_NE(nullptr, client) << rmw_get_error_string().str;
    bool available = false;
    ASSERT_TRUE(eventually(
        [&] { return rmw_service_server_is_available(node, client, &available) == RMW_RET_OK && available; }));
  }

  void TearDown() override {
    if (client != nullptr) {
      EXPECT_RMW_OK(rmw_destroy_client(node, client));
    }
    EXPECT_RMW_OK(rmw_destroy_service(node, service));
    Fixture::TearDown();
  }

  int64_t ask(int32_t value, rmw_client_t * from) {
    BasicTypes::Request request;
    request.int32_value = value;
    int64_t sequence = 0;
    EXPECT_RMW_OK(rmw_send_request(from, &request, &sequence));
    return sequence;
  }

  /// Takes a request and answers it with twice its value.
  void answer() {
    BasicTypes::Request request;
    rmw_service_info_t header{};
    bool taken = false;
    ASSERT_TRUE(eventually([&] {
      EXPECT_RMW_OK(rmw_take_request(service, &header, &request, &taken));
      return taken;
    }));
    EXPECT_GT(header.source_timestamp, 0);
    BasicTypes::Response response;
    response.int32_value = 2 * request.int32_value;
    EXPECT_RMW_OK(rmw_send_response(service, &header.request_id, &response));
  }

  /// Takes a response; returns the sequence number of its request and its value.
  static std::pair<int64_t, int32_t> response_of(rmw_client_t * from) {
    BasicTypes::Response response;
    rmw_service_info_t header{};
    bool taken = false;
    EXPECT_TRUE(eventually([&] {
      EXPECT_RMW_OK(rmw_take_response(from, &header, &response, &taken));
      return taken;
    }));
    return {header.request_id.sequence_number, response.int32_value};
  }

  rmw_service_t * service = nullptr;
  rmw_client_t * client = nullptr;
};

TEST_F(Services, AnswersGoToTheClientThatAsked) {
  rmw_client_t * other = rmw_create_client(node, cpp, "/serve", &rmw_qos_profile_services_default);
  ASSERT_NE(nullptr, other) << rmw_get_error_string().str;
  bool available = false;
  ASSERT_TRUE(
      eventually([&] { return rmw_service_server_is_available(node, other, &available) == RMW_RET_OK && available; }));
  const int64_t mine = ask(1, client);
  const int64_t others = ask(20, other);
  answer();
  answer();
  EXPECT_EQ(std::make_pair(others, 40), response_of(other));
  EXPECT_EQ(std::make_pair(mine, 2), response_of(client));
  BasicTypes::Response none;
  rmw_service_info_t header{};
  bool taken = true;
  EXPECT_RMW_OK(rmw_take_response(client, &header, &none, &taken));
  EXPECT_FALSE(taken);
  EXPECT_RMW_OK(rmw_destroy_client(node, other));
}

TEST_F(Services, AnswerToAClientThatIsGone) {
  ask(1, client);
  BasicTypes::Request request;
  rmw_service_info_t header{};
  bool taken = false;
  ASSERT_TRUE(eventually([&] {
    EXPECT_RMW_OK(rmw_take_request(service, &header, &request, &taken));
    return taken;
  }));
  EXPECT_RMW_OK(rmw_destroy_client(node, client));
  client = nullptr;
  BasicTypes::Response response;
  EXPECT_RMW_OK(rmw_send_response(service, &header.request_id, &response));
}

TEST_F(Services, QosIsConcrete) {
  rmw_qos_profile_t qos = rmw_qos_profile_unknown;
  for (const auto get :
       {rmw_service_request_subscription_get_actual_qos, rmw_service_response_publisher_get_actual_qos}) {
    EXPECT_RMW_OK(get(service, &qos));
    EXPECT_EQ(RMW_QOS_POLICY_RELIABILITY_RELIABLE, qos.reliability);
    EXPECT_EQ(10u, qos.depth);
    EXPECT_EQ(RMW_QOS_POLICY_LIVELINESS_AUTOMATIC, qos.liveliness);
  }
  EXPECT_RMW_OK(rmw_client_request_publisher_get_actual_qos(client, &qos));
  EXPECT_RMW_OK(rmw_client_response_subscription_get_actual_qos(client, &qos));
}

TEST_F(Services, RequestsAfterShutdownKeepTheirNumbersApart) {
  EXPECT_RMW_OK(rmw_shutdown(&context));
  EXPECT_NE(ask(1, client), ask(2, client));
  bool available = true;
  EXPECT_RMW_OK(rmw_service_server_is_available(node, client, &available));
}

}  // namespace
