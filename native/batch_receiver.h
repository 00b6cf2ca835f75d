// Everything that arrived, of many sockets, into one buffer and one table.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "udp_socket.h"

namespace ntftp {

// A row of the table:
//   0 handle of the socket, 1 offset and 2 length in the inbox
//   3 number of the sender, where it is one of the socket's peers; 4 is 1 then where it was answered in advance, else 0
//   3 0 for anybody else, whose address is in
//   4 family (4 or 6), 5 port, 6..9 address in network byte order (IPv4: 6 alone), 10 scope of the address
//   11 family of the address it was sent to, where the socket reports it (else 0), 12..15 that address; its scope is 10
constexpr uint32_t kRecordWords = 16;

class BatchReceiver {
 public:
  // Both are borrowed and outlive the receiver.
  BatchReceiver(uint8_t* inbox, size_t inbox_bytes, uint32_t* records, size_t record_words);

  // Begins a batch: what is in inbox and table may be overwritten.
  void Reset();
  // Takes what arrived at that descriptor of the socket, as far as there is room, a bounded number at once. The rest
  // stays in the kernel, which goes on announcing it. Returns 0, or an errno that says the socket is broken.
  int Receive(UdpSocket& socket, int descriptor);
  // The same of one datagram of the socket's connected peer, and waits for it, as long as that descriptor lets it.
  int Await(UdpSocket& socket) { return ReceiveOne(socket, socket.connected_fd, 0); }

  // What came last; there has to be something. It may be marked as answered.
  struct Latest {
    const uint8_t* bytes;
    size_t length;
    uint32_t* is_answered;
  };
  Latest latest() const;

  uint32_t count() const { return count_; }
  bool HasRoom() const;

 private:
  int ReceiveOne(UdpSocket& socket, int descriptor, int flags);
  int ReceiveMany(UdpSocket& socket, int descriptor);
  // One row for each datagram that the message brought: several, where the kernel joined them.
  // `from` counts where it is no peer's.
  void Record(const UdpSocket& socket, const msghdr& message, const Address& from, uint32_t peer, size_t offset,
              size_t bytes);

  uint8_t* inbox_;
  size_t inbox_bytes_;
  uint32_t* records_;
  uint32_t records_max_;
  size_t used_ = 0;
  uint32_t count_ = 0;
  bool batches_ = true;  // recvmmsg

  std::vector<mmsghdr> messages_;
  std::vector<iovec> iovs_;
  std::vector<Address> senders_;
  std::vector<uint8_t> controls_;
  // A connected socket gets no datagram of anybody else.
  bool connected_hear_peer_alone_;
};

}  // namespace ntftp
