// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Every message of test_msgs, in C and in C++, to CDR and back; and bytes that have become another message, or none.
// RMW_CKPT_SEED (1) begins the sequence of damages, RMW_CKPT_FUZZ (300) is how many each type gets.
#include <test_msgs/msg/arrays.h>
#include <test_msgs/msg/basic_types.h>
#include <test_msgs/msg/bounded_plain_sequences.h>
#include <test_msgs/msg/bounded_sequences.h>
#include <test_msgs/msg/builtins.h>
#include <test_msgs/msg/constants.h>
#include <test_msgs/msg/defaults.h>
#include <test_msgs/msg/empty.h>
#include <test_msgs/msg/multi_nested.h>
#include <test_msgs/msg/nested.h>
#include <test_msgs/msg/strings.h>
#include <test_msgs/msg/unbounded_sequences.h>
#include <test_msgs/msg/w_strings.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <test_msgs/message_fixtures.hpp>

#include "bytes.hpp"
#include "fixture.hpp"

namespace {

/// What the tests need to know of one type.
#define TYPE(Name, fixtures)                                                                                  \
  struct Name {                                                                                               \
    using Cpp = test_msgs::msg::Name;                                                                         \
    using C = test_msgs__msg__##Name;                                                                         \
    static auto samples() { return get_messages_##fixtures(); }                                               \
    static const auto * cpp_type() { return rosidl_typesupport_cpp::get_message_type_support_handle<Cpp>(); } \
    static const auto * c_type() { return ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, Name); }                \
    static C * create() { return test_msgs__msg__##Name##__create(); }                                        \
    static void destroy(C * message) { test_msgs__msg__##Name##__destroy(message); }                          \
  }

TYPE(Arrays, arrays);
TYPE(BasicTypes, basic_types);
TYPE(BoundedPlainSequences, bounded_plain_sequences);
TYPE(BoundedSequences, bounded_sequences);
TYPE(Builtins, builtins);
TYPE(Constants, constants);
TYPE(Defaults, defaults);
TYPE(Empty, empty);
TYPE(MultiNested, multi_nested);
TYPE(Nested, nested);
TYPE(Strings, strings);
TYPE(UnboundedSequences, unbounded_sequences);
TYPE(WStrings, wstrings);

template <class Type>
class Types : public testing::Test {
 protected:
  using C = std::unique_ptr<typename Type::C, void (*)(typename Type::C *)>;

  static C make_c() { return C(Type::create(), Type::destroy); }

  static std::vector<uint8_t> serialize(const void * message, const rosidl_message_type_support_t * type) {
    const Bytes bytes;
    EXPECT_RMW_OK(rmw_serialize(message, type, const_cast<rmw_serialized_message_t *>(&bytes.message)));
    return bytes.copy();
  }

  /// The samples' bytes.
  static std::vector<std::vector<uint8_t>> serialized() {
    std::vector<std::vector<uint8_t>> all;
    for (const auto & sample : Type::samples()) {
      all.push_back(serialize(sample.get(), Type::cpp_type()));
    }
    EXPECT_FALSE(all.empty());
    return all;
  }
};

using All = testing::Types<Arrays, BasicTypes, BoundedPlainSequences, BoundedSequences, Builtins, Constants, Defaults,
                           Empty, MultiNested, Nested, Strings, UnboundedSequences, WStrings>;
TYPED_TEST_SUITE(Types, All);

TYPED_TEST(Types, GoToCdrAndBack) {
  for (const auto & sample : TypeParam::samples()) {
    const auto bytes = this->serialize(sample.get(), TypeParam::cpp_type());
    ASSERT_GE(bytes.size(), 5u);
    EXPECT_EQ(std::vector<uint8_t>({0, 1, 0, 0}), std::vector<uint8_t>(bytes.begin(), bytes.begin() + 4))
        << "not plain little-endian CDR";
    typename TypeParam::Cpp back;
    ASSERT_TRUE(is_message(bytes, TypeParam::cpp_type(), &back));
    EXPECT_EQ(*sample, back);
  }
}

TYPED_TEST(Types, HaveTheSameBytesInC) {
  for (const auto & bytes : this->serialized()) {
    const auto message = this->make_c();
    ASSERT_TRUE(is_message(bytes, TypeParam::c_type(), message.get()));
    EXPECT_EQ(bytes, this->serialize(message.get(), TypeParam::c_type()));
  }
}

TYPED_TEST(Types, RefuseOrReadEachPrefix) {
  for (const auto & bytes : this->serialized()) {
    for (size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 97) {
      const std::vector<uint8_t> prefix(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
      typename TypeParam::Cpp message;
      is_message(prefix, TypeParam::cpp_type(), &message);
    }
  }
}

unsigned long number_from(const char * variable, unsigned long otherwise) {
  const char * const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

/// One to four damages: other bytes, other counts, a piece less, a piece twice.
void damage(std::vector<uint8_t> & bytes, std::mt19937_64 & random) {
  const auto below = [&random](size_t limit) { return static_cast<size_t>(random() % limit); };
  const uint32_t counts[] = {0, 1, 0x7f, 0xffff, 0x01000000, 0x10000000, 0x7fffffff, 0x80000000, 0xffffffff};
  for (size_t left = 1 + below(4); left > 0 && !bytes.empty(); --left) {
    const size_t at = below(bytes.size());
    const auto place = bytes.begin() + static_cast<ptrdiff_t>(at);
    const auto end = place + static_cast<ptrdiff_t>(below(bytes.size() - at + 1));
    switch (below(5)) {
      case 0:
        bytes[at] = static_cast<uint8_t>(random());
        break;
      case 1:
        bytes[at] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 2: {
        const uint32_t count = counts[below(std::size(counts))];
        std::memcpy(&bytes[at], &count, std::min(sizeof(count), bytes.size() - at));
        break;
      }
      case 3:
        bytes.erase(place, end);
        break;
      default: {
        const std::vector<uint8_t> piece(place, end);
        bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), piece.begin(), piece.end());
      }
    }
  }
}

template <class Type>
class DamagedTypes : public Types<Type> {};

// Without wide strings: ROS 2's type support makes room for one of any announced length, 8 GiB at most, before it looks
// how many bytes are there.
using AllButWStrings = testing::Types<Arrays, BasicTypes, BoundedPlainSequences, BoundedSequences, Builtins, Constants,
                                      Defaults, Empty, MultiNested, Nested, Strings, UnboundedSequences>;
TYPED_TEST_SUITE(DamagedTypes, AllButWStrings);

TYPED_TEST(DamagedTypes, AreRefusedOrRead) {
  const auto samples = this->serialized();
  const unsigned long first = number_from("RMW_CKPT_SEED", 1);
  for (unsigned long seed = first; seed < first + number_from("RMW_CKPT_FUZZ", 300); ++seed) {
    SCOPED_TRACE("RMW_CKPT_SEED=" + std::to_string(seed) + " RMW_CKPT_FUZZ=1");
    std::mt19937_64 random(seed);
    auto bytes = samples[random() % samples.size()];
    damage(bytes, random);
    typename TypeParam::Cpp in_cpp;
    const auto in_c = this->make_c();
    const bool read = is_message(bytes, TypeParam::cpp_type(), &in_cpp);
    is_message(bytes, TypeParam::c_type(), in_c.get());
    if (read) {
      // Whatever it is now, it can be sent, or is refused: Kilted reads strings with NULs in them and does not write
      // them.
      Bytes again;
      const bool refused = rmw_serialize(&in_cpp, TypeParam::cpp_type(), &again.message) != RMW_RET_OK;
      EXPECT_EQ(refused, rmw_error_is_set());
      rmw_reset_error();
    }
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

}  // namespace
