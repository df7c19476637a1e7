// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Requests and responses whose bytes are none of their type: rmw itself sends no such thing.
#include <cstring>
#include <rosidl_typesupport_cpp/service_type_support.hpp>
#include <test_msgs/srv/basic_types.hpp>

#include "entities.hpp"
#include "fixture.hpp"
#include "warnings.hpp"

namespace {

using test_msgs::srv::BasicTypes;

class Malformed : public Fixture {
 protected:
  template <class Handle>
  static void say(const Handle * handle, const ckpt_request_id * answers) {
    constexpr char bytes[] = "\0\1\0\0\0\0\0";
    const ckpt_id id = rmw_ckpt::data_of<rmw_ckpt::ServiceEndpoint>(handle).id;
    ckpt_reservation reservation;
    ASSERT_EQ(CKPT_OK, rmw_ckpt::core::call(rmw_ckpt::core::publish_begin, id, answers, sizeof(bytes), &reservation));
    std::memcpy(reservation.data, bytes, sizeof(bytes));
    ASSERT_EQ(CKPT_OK, rmw_ckpt::core::call(rmw_ckpt::core::publish_end, id, &reservation, sizeof(bytes), nullptr));
  }
};

TEST_F(Malformed, RequestsAndResponsesAreDropped) {
  const auto * const type = rosidl_typesupport_cpp::get_service_type_support_handle<BasicTypes>();
  auto * const service = rmw_create_service(node, type, "/serve", &rmw_qos_profile_services_default);
  auto * const client = rmw_create_client(node, type, "/serve", &rmw_qos_profile_services_default);
  ASSERT_TRUE(service != nullptr && client != nullptr) << rmw_get_error_string().str;
  const Warnings warnings;
  say(client, nullptr);
  BasicTypes::Request request;
  BasicTypes::Response response;
  int64_t sequence = 0;
  rmw_service_info_t header{};
  bool taken = true;
  EXPECT_RMW_OK(rmw_take_request(service, &header, &request, &taken));
  EXPECT_FALSE(taken);
  EXPECT_RMW_OK(rmw_send_request(client, &request, &sequence));
  EXPECT_RMW_OK(rmw_take_request(service, &header, &request, &taken));
  EXPECT_TRUE(taken);
  EXPECT_EQ(sequence, header.request_id.sequence_number);

  ckpt_request_id answers{};
  std::memcpy(answers.client, header.request_id.writer_guid, sizeof(answers.client));
  answers.sequence = sequence;
  say(service, &answers);
  EXPECT_RMW_OK(rmw_take_response(client, &header, &response, &taken));
  EXPECT_FALSE(taken);
  EXPECT_RMW_OK(rmw_send_response(service, &header.request_id, &response));
  EXPECT_RMW_OK(rmw_take_response(client, &header, &response, &taken));
  EXPECT_TRUE(taken);

  ASSERT_EQ(2u, Warnings::said.size());
  for (const std::string & said : Warnings::said) {
    EXPECT_NE(std::string::npos, said.find("/serve")) << said;
  }
  EXPECT_RMW_OK(rmw_destroy_client(node, client));
  EXPECT_RMW_OK(rmw_destroy_service(node, service));
}

}  // namespace
