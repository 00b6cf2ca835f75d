// Everything one turn of the loop sends: headers are built here, payloads stay where they are.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "udp_socket.h"

namespace ntftp {

// What the kernel and the device can do; only ever goes down.
struct SendFeatures {
  bool segmentation = true;  // UDP_SEGMENT
  bool batches = true;       // sendmmsg
};

// Sends that failed for good, and sockets that wait for room.
class SendWatcher {
 public:
  virtual ~SendWatcher() = default;
  // A small datagram was refused.
  virtual void OnSendError(UdpSocket& socket, uint32_t peer, int error) = 0;
  // The socket has news of peers that are gone; they hide the result of a send.
  virtual void OnPeerErrors(UdpSocket& socket) = 0;
  // The socket's buffer is full: say when it is writable.
  virtual void OnFull(UdpSocket& socket) = 0;
  // The device's queue is full, which nothing announces: try again soon.
  virtual void OnDeviceFull(UdpSocket& socket) = 0;
};

// DATA blocks in a row: 4 header bytes each, of which the last two count up.
struct Run {
  uint16_t opcode;
  uint16_t first_number;
  uint32_t count;
  uint32_t payload_bytes_each;
  const uint8_t* payload;
  uint32_t payload_bytes;
};

class BatchSender {
 public:
  BatchSender(SendFeatures features, SendWatcher& watcher);

  // Adds to what is sent to a peer of the socket; the bytes are borrowed until Submit.
  void AddRun(UdpSocket& socket, uint32_t peer, const Run& run);
  void AddDatagram(UdpSocket& socket, uint32_t peer, const uint8_t* bytes, uint32_t length);
  // Hands everything added to the kernel.
  void Submit();
  // Sends what a socket kept, as far as there is room now.
  void Resume(UdpSocket& socket);

  const SendFeatures& features() const { return features_; }
  // Counts the calls of Submit that had something to send.
  uint64_t submitted() const { return submitted_; }

 private:
  // Datagrams that leave with one sendmsg: one, or equal segments.
  struct Piece {
    uint32_t peer;
    uint32_t first_iov;
    uint32_t segments;
    uint32_t segment_bytes;
    bool reports_errors;
  };

  void Select(UdpSocket& socket, size_t iovs, size_t header_bytes);
  void SendPieces();
  // Tries pieces [from, ...), or that one alone; returns how many the kernel took, or -1 with errno.
  int Try(size_t from, bool alone);
  bool IsShort(const Piece& piece) const;
  int SendShort(const Piece& piece, int by);
  // Deals with the errno of a piece: true when the piece is settled, false when it is to be tried again.
  bool Settle(const Piece& piece, int error, bool retried);
  void SendApart(const Piece& piece);
  void KeepFrom(size_t at);
  void KeepPiece(const Piece& piece, uint32_t first_segment);
  msghdr MessageOf(const Piece& piece, size_t control_slot);
  const Address& AddressOf(const Piece& piece) const { return *socket_->peers.Get(piece.peer); }

  SendFeatures features_;
  uint64_t submitted_ = 0;
  SendWatcher& watcher_;
  UdpSocket* socket_ = nullptr;
  bool device_is_full_ = false;
  std::vector<Piece> pieces_;
  std::vector<iovec> iovs_;
  size_t iov_count_ = 0;
  std::vector<uint8_t> headers_;
  size_t header_bytes_ = 0;
  std::vector<mmsghdr> messages_;
  std::vector<uint8_t> controls_;
};

}  // namespace ntftp
