// One UDP socket: what it is bound to, whom it talks to, and what the kernel did not take yet.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "address.h"
#include "peer_table.h"

namespace ntftp {

// What a socket is opened with.
struct OpenOptions {
  Address address;
  // Ports tried once each, from `port_start` on, wrapping around inside [first_port, first_port + port_count).
  uint32_t first_port = 0;
  uint32_t port_count = 1;
  uint32_t port_start = 0;
  // Asked for as SO_RCVBUF; 0 leaves the kernel's default.
  uint32_t receive_buffer_bytes = 0;
  // Largest datagram worth receiving whole; 0: any. Sockets with a limit receive many in one call.
  uint32_t datagram_bytes = 0;
  // Windows come as one piece, where the kernel joins them.
  bool coalesce = false;
  // Each datagram comes with the address it was sent to.
  bool report_local = false;
  // Other sockets of this user may have the same port: the kernel keeps each peer on one of them.
  bool share_port = false;
  // Bound alone, and open to such sockets from then on: whoever has the port already is not joined by mistake.
  bool share_later = false;
  // Nothing is received here: another thread adopts the socket.
  bool hold = false;
  // The thread has nothing else to do: it may sleep in a call that receives, see Reactor::AwaitLone.
  bool may_block = false;
};

// A datagram that waits for room in the kernel.
struct KeptDatagram {
  Address to;
  std::vector<uint8_t> bytes;
};

// What each datagram needs comes first, and without a pointer to follow: of hundreds of sockets in turn, none is in the
// processor's caches.
struct UdpSocket {
  int fd = -1;
  // A second socket on the same port, connected to the only peer of a long transfer: the kernel looks up the way to it
  // once and not for each datagram. It gets what the peer sends; strangers still come to the first one.
  int connected_fd = -1;
  uint32_t connected_peer = 0;
  uint32_t handle = 0;
  uint32_t datagram_bytes = 0;
  // Datagrams asked for at the next visit: grows while that many are there, and is small again when they are not.
  uint32_t visit_size = 1;
  // Visits that asked for one, since one asked for several.
  uint32_t lone_visits = 0;
  // Visits in a row that brought one datagram, of a peer.
  uint32_t lone_datagrams = 0;
  // The connected socket was emptied once: what came before it was connected, from anybody, is no longer in it.
  bool hears_peer_alone = false;
  // Nobody else may have the port, or is meant to.
  bool may_connect = false;
  // The connected socket is a blocking one, with a time-out: only a receive call without MSG_DONTWAIT sleeps.
  bool may_block = false;
  bool receives_coalesced = false;
  // Another descriptor of the same socket may live on: closing this one does not take it out of the epoll set.
  bool adopted = false;
  bool reports_local = false;
  bool segmentation_refused = false;
  bool waits_for_room = false;
  // JavaScript closed it; it lives on until everything kept has left.
  bool closing = false;
  // 0 where nothing is kept: each datagram has its own size added.
  size_t kept_bytes = 0;
  PeerTable peers;
  Address local;
  std::deque<KeptDatagram> kept;

  // Creates and binds; 0, or the errno with the name of the call that failed.
  int Open(const OpenOptions& options, const char** failed_call);
  // Takes another descriptor of a bound socket that somebody else in this process opened, and keeps.
  int Adopt(int other, uint32_t datagram_bytes, bool coalesce, const char** failed_call);
  // Opens the connected socket; 0 or an errno, and then all is as before.
  int Connect(uint32_t peer);
  void Disconnect();
  // Which descriptor what is sent to this peer leaves by.
  int DescriptorTo(uint32_t peer) const { return connected_fd >= 0 && peer == connected_peer ? connected_fd : fd; }
  // Frees the descriptors. Idempotent.
  void Close();
  // Drops what does not fit the limit: that is as good as lost on the way.
  void Keep(const Address& to, std::vector<uint8_t> bytes);
  bool HasKept() const { return kept_bytes > 0; }
  // What was kept first has left.
  void DropFirstKept();
  // One datagram, now; from that local address, where one is given. Returns 0 or an errno.
  int SendNow(const uint8_t* bytes, size_t length, const Address& to, const Address* from);

  // Takes the waiting ICMP errors: the numbers of peers at whose port nobody listens.
  void TakeGonePeers(std::vector<uint32_t>* gone);

 private:
  int Configure(const OpenOptions& options, const char** failed_call);
  static bool MakeBlocking(int descriptor);
  int Bind(const OpenOptions& options);
  void TakeGonePeers(int from, std::vector<uint32_t>* gone);
  uint32_t receive_buffer_bytes_ = 0;
};

}  // namespace ntftp
