// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <cstring>

#include "descriptors.hpp"

namespace rmw_ckpt::snapshot {
namespace {

int option(int number, int name) {
  int value = 0, size = sizeof value;
  const long r = raw(__NR_getsockopt, fd(number), SOL_SOCKET, static_cast<Word>(name), word(&value), word(&size));
  return r < 0 ? -1 : value;
}

/// The inode of a local socket's other end; 0 if the kernel does not tell.
Word peer_of(Word inode) {
  const long n = raw(__NR_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
  if (n < 0) {
    return 0;
  }
  struct {
    nlmsghdr head;
    unix_diag_req request;
  } ask{};
  ask.head.nlmsg_len = sizeof ask;
  ask.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  ask.head.nlmsg_flags = NLM_F_REQUEST;
  ask.request.sdiag_family = AF_UNIX;
  ask.request.udiag_states = ~0u;
  ask.request.udiag_ino = static_cast<std::uint32_t>(inode);
  ask.request.udiag_show = UDIAG_SHOW_PEER;
  ask.request.udiag_cookie[0] = ask.request.udiag_cookie[1] = ~0u;
  alignas(8) char answer[1024];
  Word peer = 0;
  if (raw(__NR_sendto, static_cast<Word>(n), word(&ask), sizeof ask, 0, 0, 0) == sizeof ask) {
    const long size = raw(__NR_recvfrom, static_cast<Word>(n), word(answer), sizeof answer, 0, 0, 0);
    auto head = reinterpret_cast<const nlmsghdr *>(answer);
    if (size >= static_cast<long>(NLMSG_LENGTH(sizeof(unix_diag_msg))) && head->nlmsg_type == SOCK_DIAG_BY_FAMILY) {
      auto a = reinterpret_cast<const rtattr *>(answer + NLMSG_LENGTH(sizeof(unix_diag_msg)));
      int left = static_cast<int>(head->nlmsg_len - NLMSG_LENGTH(sizeof(unix_diag_msg)));
      for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == UNIX_DIAG_PEER) {
          std::uint32_t inode_of_peer;
          memcpy(&inode_of_peer, RTA_DATA(a), sizeof inode_of_peer);
          peer = inode_of_peer;
        }
      }
    }
  }
  raw(__NR_close, static_cast<Word>(n));
  return peer;
}
}  // namespace

bool record_socket(Descriptors & to, Descriptor & d, Word & peer) {
  peer = 0;
  char address[128];
  int size = sizeof address;
  const int type = option(d.number, SO_TYPE), family = option(d.number, SO_DOMAIN);
  const bool connected = raw(__NR_getpeername, fd(d.number), word(address), word(&size)) == 0;
  if (family != AF_UNIX && family != AF_INET && family != AF_INET6) {
    return refuse(to, d.number, Text<64>().add("a socket of family ").add(family).s);
  }
  if (!connected || (family != AF_UNIX && type == SOCK_DGRAM)) {
    return true;  // it listens, or is spoken to by anybody: kept
  }
  d.kind = Descriptor::Connection;
  d.socket = {0, 0, -1, type};
  if (family == AF_UNIX && (peer = peer_of(d.inode))) {
    d.kind = Descriptor::Pair;
  }
  return true;
}

bool record_arrived(Descriptors & to, Descriptor & d) {
  int waiting = 0;
  raw(__NR_ioctl, fd(d.number), FIONREAD, word(&waiting));
  d.socket.first = to.contents;
  if (!waiting) {
    return true;
  }
  if (d.socket.type != SOCK_STREAM) {
    return refuse(to, d.number, "a pair of sockets with messages under way");
  }
  if (to.contents + waiting > Descriptors::most_contents) {
    return refuse(to, d.number, "a pair of sockets with too much under way");
  }
  const long n = raw(__NR_recvfrom, fd(d.number), word(to.content + to.contents), static_cast<Word>(waiting),
                     MSG_PEEK | MSG_DONTWAIT, 0, 0);
  d.socket.count = n > 0 ? static_cast<int>(n) : 0;
  to.contents += d.socket.count;
  return n == waiting || refuse(to, d.number, "a pair of sockets that cannot be read");
}

bool sockets_anew(Descriptors & all, const Descriptor & d, int * ends) {
  if (raw(__NR_socketpair, AF_UNIX, static_cast<Word>(d.socket.type | SOCK_CLOEXEC), 0, word(ends)) < 0) {
    return false;
  }
  if (d.kind == Descriptor::Connection) {
    raw(__NR_close, fd(ends[1]));
    return true;
  }
  const Descriptor * at[2] = {&d, &all.all[d.socket.other]};
  for (int i = 0; i < 2; i++) {
    const auto & s = at[i]->socket;
    if (s.count && raw(__NR_sendto, fd(ends[1 - i]), word(all.content + s.first), static_cast<Word>(s.count),
                       MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0) != s.count) {
      return false;
    }
  }
  return true;
}
}  // namespace rmw_ckpt::snapshot
