#include "udp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "system_calls.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace ntftp {
namespace {

// Most that one socket keeps while the kernel has no room: two of the largest windows, and repetitions.
constexpr size_t kKeptBytesMax = 4 * 1024 * 1024;

// What a kept datagram takes, small ones too: a flood of ACKs has a limit as well.
size_t HeldBytes(const std::vector<uint8_t>& bytes) { return bytes.size() + sizeof(KeptDatagram); }

// ICMP errors taken at once: a flood of them must not hold up the loop.
constexpr int kErrorsPerVisit = 16;

// Sleep in a receive call, at least: the kernel makes one or two of its ticks of it, of 4 ms each as a rule.
constexpr timeval kReceiveTimeout{0, 1000};

// The local address that a datagram leaves from.
void WriteSource(msghdr* message, const Address& from) {
  cmsghdr* control = CMSG_FIRSTHDR(message);
  if (from.family() == AF_INET6) {
    in6_pktinfo info{};
    info.ipi6_addr = from.v6.sin6_addr;
    info.ipi6_ifindex = from.v6.sin6_scope_id;
    control->cmsg_level = IPPROTO_IPV6;
    control->cmsg_type = IPV6_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(control), &info, sizeof(info));
    message->msg_controllen = CMSG_SPACE(sizeof(info));
  } else {
    in_pktinfo info{};
    info.ipi_spec_dst = from.v4.sin_addr;
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(control), &info, sizeof(info));
    message->msg_controllen = CMSG_SPACE(sizeof(info));
  }
}

int SetOption(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof(value)); }

}  // namespace

int UdpSocket::Open(const OpenOptions& options, const char** failed_call) {
  fd = socket(options.address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    *failed_call = "socket";
    return errno;
  }
  int error = Configure(options, failed_call);
  if (error == 0) {
    error = Bind(options);
    *failed_call = "bind";
  }
  if (error == 0 && options.share_later && SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) {
    error = errno;
    *failed_call = "setsockopt";
  }
  if (error != 0) {
    Close();
    return error;
  }
  socklen_t length = sizeof(Address);
  getsockname(fd, local.get(), &length);
  datagram_bytes = options.datagram_bytes;
  reports_local = options.report_local;
  receive_buffer_bytes_ = options.receive_buffer_bytes;
  may_block = options.may_block;
  may_connect = !options.report_local && !options.share_port && !options.share_later && !options.hold;
  return 0;
}

int UdpSocket::Connect(uint32_t peer) {
  const Address* to = peers.Get(peer);
  if (to == nullptr) return EDESTADDRREQ;
  if (SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) return errno;
  UdpSocket second;
  OpenOptions options;
  options.address = local;
  options.first_port = local.port();
  options.receive_buffer_bytes = receive_buffer_bytes_;
  options.coalesce = receives_coalesced;
  options.share_port = true;
  const char* failed_call;
  int error = second.Open(options, &failed_call);
  if (error == 0 && connect(second.fd, to->get(), to->length()) != 0) error = errno;
  if (error != 0 || second.receives_coalesced != receives_coalesced) {
    second.Close();
    return error != 0 ? error : ENOPROTOOPT;
  }
  may_block = may_block && MakeBlocking(second.fd);
  connected_fd = std::exchange(second.fd, -1);
  connected_peer = peer;
  hears_peer_alone = false;
  lone_visits = 0;
  return 0;
}

bool UdpSocket::MakeBlocking(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  return flags >= 0 && fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) == 0 &&
         setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout, sizeof(kReceiveTimeout)) == 0;
}

void UdpSocket::Disconnect() {
  if (connected_fd >= 0) close(connected_fd);
  connected_fd = -1;
  hears_peer_alone = false;
}

int UdpSocket::Adopt(int other, uint32_t datagram_bytes_max, bool coalesce, const char** failed_call) {
  *failed_call = "fcntl";
  fd = fcntl(other, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return errno;
  adopted = true;
  *failed_call = "getsockopt";
  int protocol = 0;
  socklen_t length = sizeof(protocol);
  int error = getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 ? 0 : errno;
  if (error == 0 && protocol != IPPROTO_UDP) error = EPROTOTYPE;
  if (error != 0) {
    Close();
    return error;
  }
  length = sizeof(Address);
  getsockname(fd, local.get(), &length);
  datagram_bytes = datagram_bytes_max;
  if (coalesce) receives_coalesced = SetOption(fd, IPPROTO_UDP, UDP_GRO, 1) == 0;
  return 0;
}

int UdpSocket::Configure(const OpenOptions& options, const char** failed_call) {
  const bool v6 = options.address.family() == AF_INET6;
  *failed_call = "setsockopt";
  if (v6 && SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0) return errno;
  // ICMP errors tell when a peer is gone. A socket without them works, too.
  SetOption(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, 1);
  if (options.receive_buffer_bytes > 0) {
    SetOption(fd, SOL_SOCKET, SO_RCVBUF, static_cast<int>(options.receive_buffer_bytes));
  }
  if (options.share_port && SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) return errno;
  if (options.report_local) {
    const int failed = v6 ? SetOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : SetOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (failed != 0) return errno;
  }
  // Windows of a sender on this machine, or of a network card that joins them, arrive in one piece.
  if (options.coalesce) receives_coalesced = SetOption(fd, IPPROTO_UDP, UDP_GRO, 1) == 0;
  return 0;
}

int UdpSocket::Bind(const OpenOptions& options) {
  Address address = options.address;
  int error = EADDRINUSE;
  for (uint32_t tried = 0; tried < options.port_count && error == EADDRINUSE; tried++) {
    const uint32_t step = (options.port_start + tried) % options.port_count;
    address.set_port(static_cast<uint16_t>(options.first_port + step));
    error = bind(fd, address.get(), address.length()) == 0 ? 0 : errno;
  }
  return error;
}

void UdpSocket::Close() {
  Disconnect();
  if (fd >= 0) close(fd);
  fd = -1;
  kept.clear();
  kept_bytes = 0;
}

void UdpSocket::DropFirstKept() {
  kept_bytes -= HeldBytes(kept.front().bytes);
  kept.pop_front();
}

void UdpSocket::Keep(const Address& to, std::vector<uint8_t> bytes) {
  const size_t held = HeldBytes(bytes);
  if (kept_bytes + held > kKeptBytesMax) return;
  kept_bytes += held;
  kept.push_back({to, std::move(bytes)});
}

int UdpSocket::SendNow(const uint8_t* bytes, size_t length, const Address& to, const Address* from) {
  Address target = to;
  iovec iov{const_cast<uint8_t*>(bytes), length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  msghdr message{};
  message.msg_name = target.get();
  message.msg_namelen = target.length();
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  if (from != nullptr) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    WriteSource(&message, *from);
  }
  return SendMessage(fd, &message) < 0 ? errno : 0;
}

void UdpSocket::TakeGonePeers(std::vector<uint32_t>* gone) {
  TakeGonePeers(fd, gone);
  if (connected_fd >= 0) TakeGonePeers(connected_fd, gone);
}

void UdpSocket::TakeGonePeers(int from, std::vector<uint32_t>* gone) {
  for (int taken = 0; taken < kErrorsPerVisit; taken++) {
    Address original_peer;
    char payload[4];
    alignas(cmsghdr) char control[512];
    iovec iov{payload, sizeof(payload)};
    msghdr message{};
    message.msg_name = original_peer.get();
    message.msg_namelen = sizeof(Address);
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    if (recvmsg(from, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
      const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
      if (!v4 && !v6) continue;
      sock_extended_err what;
      memcpy(&what, CMSG_DATA(c), sizeof(what));
      const bool icmp = what.ee_origin == SO_EE_ORIGIN_ICMP || what.ee_origin == SO_EE_ORIGIN_ICMP6;
      if (!icmp || what.ee_errno != ECONNREFUSED) continue;
      // An answer to a stranger may come back as well: that says nothing about a peer.
      const uint32_t peer = peers.Find(original_peer);
      if (peer != 0) gone->push_back(peer);
    }
  }
}

}  // namespace ntftp
