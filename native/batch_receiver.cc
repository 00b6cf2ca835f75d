#include "batch_receiver.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "system_calls.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace ntftp {
namespace {

// No datagram is longer: what has this much room arrives whole.
constexpr size_t kDatagramBytesMax = 65'536;
// Rows start where a view for a small datagram can be kept ready in JavaScript.
constexpr size_t kAlignment = 64;
// Taken from one socket before the next one has its turn. Most hear one ACK at a time: asking for one is cheaper than
// asking for several in vain (0.3 us of 3.5 for a datagram's way over loopback). So several are asked for once in a
// while, and as long as they come; from a peer that has had its own socket for a while, more seldom. On a port with many
// peers, always.
constexpr uint32_t kDatagramsPerVisitMin = 4;
constexpr uint32_t kDatagramsPerVisitMax = 64;
constexpr uint32_t kVisitsUntilSeveral = 16;
constexpr uint32_t kVisitsUntilSeveralOfPeer = 64;
// In a row of the table.
constexpr size_t kPeerWord = 3;
constexpr size_t kAnsweredWord = 4;
// Datagrams that one coalesced receive may hold (the kernel's limit is 64; newer ones may have 128).
constexpr uint32_t kSegmentsMax = 128;
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(in6_pktinfo));

constexpr size_t kControlSlot = (kControlBytes + alignof(cmsghdr) - 1) / alignof(cmsghdr) * alignof(cmsghdr);

// The longest datagram that arrives whole at the socket, and one more byte where it has a limit: what is longer shows.
size_t RoomOf(const UdpSocket& socket) {
  const bool is_limited = socket.datagram_bytes > 0 && !socket.receives_coalesced;
  return is_limited ? socket.datagram_bytes + size_t{1} : kDatagramBytesMax;
}

size_t Aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// The socket itself is broken.
bool IsFatal(int error) { return error == EBADF || error == ENOTSOCK || error == ENOMEM || error == ENOTCONN; }

// News of datagrams that left earlier (ICMP), told by whichever call comes next: the one behind it brings what arrived.
bool IsPassing(int error) {
  return error != EAGAIN && error != EWOULDBLOCK && error != ENOSYS && error != EPERM && !IsFatal(error);
}

// Before Linux 5.4, one of several sockets on a port was chosen by a hash alone, be it connected to somebody else.
bool ConnectedHearPeerAlone() {
  utsname kernel{};
  int major = 0;
  int minor = 0;
  if (uname(&kernel) != 0 || sscanf(kernel.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 5 || (major == 5 && minor >= 4);
}

// What the kernel says about a message beside its bytes.
struct Details {
  size_t segment_bytes = 0;  // 0: it is one datagram
  Address local;             // family 0: not told
  bool is_for_many = false;  // broadcast or multicast
};

Details ReadDetails(const msghdr& message) {
  Details details;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(const_cast<msghdr*>(&message), c)) {
    if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
      int segment_bytes;
      memcpy(&segment_bytes, CMSG_DATA(c), sizeof(segment_bytes));
      if (segment_bytes > 0) details.segment_bytes = static_cast<size_t>(segment_bytes);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof(info));
      details.local.v4.sin_family = AF_INET;
      details.local.v4.sin_addr = info.ipi_addr;
      // The address of this machine that it came to is another one than its header names.
      details.is_for_many = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr || details.local.IsMulticast();
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof(info));
      details.local.v6.sin6_family = AF_INET6;
      details.local.v6.sin6_addr = info.ipi6_addr;
      details.is_for_many = details.local.IsMulticast();
    }
  }
  return details;
}

}  // namespace

BatchReceiver::BatchReceiver(uint8_t* inbox, size_t inbox_bytes, uint32_t* records, size_t record_words)
    : inbox_(inbox),
      inbox_bytes_(inbox_bytes),
      records_(records),
      records_max_(static_cast<uint32_t>(record_words / kRecordWords)),
      messages_(kDatagramsPerVisitMax),
      iovs_(kDatagramsPerVisitMax),
      senders_(kDatagramsPerVisitMax),
      controls_(kDatagramsPerVisitMax * kControlSlot),
      connected_hear_peer_alone_(ConnectedHearPeerAlone()) {}

void BatchReceiver::Reset() {
  used_ = 0;
  count_ = 0;
}

bool BatchReceiver::HasRoom() const {
  return used_ + kDatagramBytesMax <= inbox_bytes_ && count_ + kSegmentsMax <= records_max_;
}

BatchReceiver::Latest BatchReceiver::latest() const {
  uint32_t* row = records_ + (count_ - size_t{1}) * kRecordWords;
  return {inbox_ + row[1], row[2], row + kAnsweredWord};
}

int BatchReceiver::Receive(UdpSocket& socket, int descriptor) {
  const uint32_t before = count_;
  // Where datagrams may have any size, there is room for one at a time.
  const uint32_t lone_visits_max = socket.hears_peer_alone ? kVisitsUntilSeveralOfPeer : kVisitsUntilSeveral;
  const bool takes_one = socket.datagram_bytes == 0 || !batches_ ||
                         (socket.visit_size == 1 && socket.peers.count() <= 1 && ++socket.lone_visits < lone_visits_max);
  if (!takes_one) socket.lone_visits = 0;
  const int error = takes_one ? ReceiveOne(socket, descriptor, MSG_DONTWAIT) : ReceiveMany(socket, descriptor);
  // A visit in vain says nothing: others woke the thread.
  if (count_ > before) {
    const bool brought_one = count_ == before + 1 && records_[before * size_t{kRecordWords} + kPeerWord] != 0;
    socket.lone_datagrams = brought_one ? socket.lone_datagrams + 1 : 0;
  }
  return error;
}

int BatchReceiver::ReceiveOne(UdpSocket& socket, int descriptor, int flags) {
  Address from;
  alignas(cmsghdr) char control[kControlBytes];
  iovec iov{inbox_ + used_, RoomOf(socket)};
  msghdr message{};
  message.msg_name = from.get();
  message.msg_namelen = sizeof(Address);
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  if (socket.receives_coalesced || socket.reports_local) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
  }
  const bool is_known = descriptor == socket.connected_fd && socket.hears_peer_alone;
  const auto receive = [&](int how) {
    if (message.msg_control != nullptr) return recvmsg(descriptor, &message, how);
    if (is_known) return ReceiveFrom(descriptor, iov.iov_base, iov.iov_len, how, nullptr, nullptr);
    return ReceiveFrom(descriptor, iov.iov_base, iov.iov_len, how, from.get(), &message.msg_namelen);
  };
  ssize_t bytes = receive(flags);
  // The socket's pending error is told once, before a datagram that came earlier: a last ACK, then a closed port.
  if (bytes < 0 && IsPassing(errno)) bytes = receive(MSG_DONTWAIT);
  if (bytes < 0) return IsFatal(errno) ? errno : 0;
  const uint32_t peer = is_known ? socket.connected_peer : socket.peers.Find(from);
  Record(socket, message, from, peer, used_, static_cast<size_t>(bytes));
  used_ += Aligned(static_cast<size_t>(bytes));
  return 0;
}

int BatchReceiver::ReceiveMany(UdpSocket& socket, int descriptor) {
  const size_t slot = Aligned(RoomOf(socket));
  const size_t segments = socket.receives_coalesced ? kSegmentsMax : 1;
  const size_t room = std::min((inbox_bytes_ - used_) / slot, (records_max_ - count_) / segments);
  const uint32_t visit_size = std::max(socket.visit_size, kDatagramsPerVisitMin);
  const size_t wanted = std::min<size_t>(visit_size, room);
  const bool has_details = socket.receives_coalesced || socket.reports_local;
  for (size_t i = 0; i < wanted; i++) {
    iovs_[i] = {inbox_ + used_ + i * slot, slot};
    msghdr& message = messages_[i].msg_hdr;
    message = {};
    message.msg_name = senders_[i].get();
    message.msg_namelen = sizeof(Address);
    message.msg_iov = &iovs_[i];
    message.msg_iovlen = 1;
    message.msg_control = has_details ? &controls_[i * kControlSlot] : nullptr;
    message.msg_controllen = has_details ? kControlBytes : 0;
  }
  const auto receive = [&] {
    return recvmmsg(descriptor, messages_.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT, nullptr);
  };
  int taken = receive();
  if (taken < 0 && IsPassing(errno)) taken = receive();
  if (taken < 0) {
    // A sandbox that does not know the call: from now on one by one.
    if (errno == ENOSYS || errno == EPERM) batches_ = false;
    return IsFatal(errno) ? errno : 0;
  }
  if (descriptor == socket.connected_fd && static_cast<size_t>(taken) < wanted) {
    socket.hears_peer_alone = connected_hear_peer_alone_;
  }
  const bool is_filled = static_cast<uint32_t>(taken) == visit_size;
  socket.visit_size = is_filled ? std::min(2 * visit_size, kDatagramsPerVisitMax) : static_cast<uint32_t>(taken);
  for (int i = 0; i < taken; i++) {
    const size_t offset = used_ + static_cast<size_t>(i) * slot;
    Record(socket, messages_[i].msg_hdr, senders_[i], socket.peers.Find(senders_[i]), offset, messages_[i].msg_len);
  }
  used_ += static_cast<size_t>(taken) * slot;
  return 0;
}

void BatchReceiver::Record(const UdpSocket& socket, const msghdr& message, const Address& from, uint32_t peer,
                           size_t offset, size_t bytes) {
  const Details details = message.msg_controllen > 0 ? ReadDetails(message) : Details();
  // RFC 1123 4.2.3.5: requests to everybody get no answer.
  if (details.is_for_many) return;
  const size_t segment_bytes = details.segment_bytes > 0 ? details.segment_bytes : bytes;
  size_t at = 0;
  do {
    const size_t length = std::min(segment_bytes, bytes - at);
    uint32_t* row = records_ + static_cast<size_t>(count_++) * kRecordWords;
    row[0] = socket.handle;
    row[1] = static_cast<uint32_t>(offset + at);
    row[2] = static_cast<uint32_t>(length);
    row[kPeerWord] = peer;
    row[kAnsweredWord] = 0;
    if (peer == 0) WriteAddress(from, row + 4);
    row[11] = 0;
    if (details.local.family() != 0) {
      uint32_t words[kAddressWords];
      WriteAddress(details.local, words);
      row[11] = words[0];
      memcpy(row + 12, words + 2, 4 * sizeof(*words));
    }
    at += length;
  } while (at < bytes && count_ < records_max_);
}

}  // namespace ntftp
