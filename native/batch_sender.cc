#include "batch_sender.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "block_header.h"
#include "system_calls.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace ntftp {
namespace {

// The kernel's limits of one segmented send.
constexpr uint32_t kSegmentsMax = 64;
constexpr uint32_t kSegmentedBytesMax = 65'000;
// Scratch for what is submitted at once. The largest single run that is added in one go fits.
constexpr size_t kIovsMax = 1024;
constexpr size_t kPiecesMax = 256;
constexpr uint32_t kBlocksAtOnce = 256;
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(uint16_t));
// Up to here, a datagram that leaves alone is put together: for the kernel's short way, which takes one buffer.
constexpr size_t kJoinedBytesMax = 1536;

bool IsFull(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// What kernels and devices answer that can't do segmentation, or not with this size.
bool RefusesSegments(int error) {
  return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

// Puts the two parts of a datagram together; the bytes that it has.
size_t Join(const iovec* parts, uint8_t* joined) {
  memcpy(joined, parts[0].iov_base, parts[0].iov_len);
  if (parts[1].iov_len > 0) memcpy(joined + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
  return parts[0].iov_len + parts[1].iov_len;
}

}  // namespace

BatchSender::BatchSender(SendFeatures features, SendWatcher& watcher)
    : features_(features),
      watcher_(watcher),
      iovs_(kIovsMax),
      headers_(kIovsMax / 2 * kHeaderBytes),
      messages_(kPiecesMax),
      controls_(kPiecesMax * kControlBytes) {
  pieces_.reserve(kPiecesMax);
}

void BatchSender::AddRun(UdpSocket& socket, uint32_t peer, const Run& run) {
  const uint32_t each = run.payload_bytes_each;
  for (uint32_t done = 0; done < run.count;) {
    const uint32_t blocks = std::min(run.count - done, kBlocksAtOnce);
    Select(socket, blocks * 2, blocks * kHeaderBytes);
    const bool segmented = features_.segmentation && !socket.segmentation_refused;
    const uint32_t fitting = kSegmentedBytesMax / (each + kHeaderBytes);
    const uint32_t together = segmented ? std::max(1u, std::min(kSegmentsMax, fitting)) : 1;
    for (uint32_t begun = 0; begun < blocks; begun += together) {
      const uint32_t segments = std::min(together, blocks - begun);
      const Piece piece{peer, static_cast<uint32_t>(iov_count_), segments, each + kHeaderBytes, false};
      for (uint32_t i = 0; i < segments; i++) {
        const uint32_t block = done + begun + i;
        const uint32_t number = run.first_number + block;
        const uint32_t offset = block * each;
        const uint32_t length = block + 1 == run.count ? run.payload_bytes - offset : each;
        uint8_t* header = &headers_[header_bytes_];
        header_bytes_ += kHeaderBytes;
        WriteHeader(header, run.opcode, number);
        iovs_[iov_count_++] = {header, kHeaderBytes};
        iovs_[iov_count_++] = {const_cast<uint8_t*>(run.payload) + offset, length};
      }
      pieces_.push_back(piece);
    }
    done += blocks;
  }
}

void BatchSender::AddDatagram(UdpSocket& socket, uint32_t peer, const uint8_t* bytes, uint32_t length) {
  Select(socket, 2, 0);
  pieces_.push_back({peer, static_cast<uint32_t>(iov_count_), 1, length, true});
  iovs_[iov_count_++] = {const_cast<uint8_t*>(bytes), length};
  // Every datagram has two parts, so that pieces can be told apart by counting.
  iovs_[iov_count_++] = {nullptr, 0};
}

void BatchSender::Select(UdpSocket& socket, size_t iovs, size_t header_bytes) {
  const bool room = iov_count_ + iovs <= kIovsMax && header_bytes_ + header_bytes <= headers_.size() &&
                    pieces_.size() + iovs / 2 <= kPiecesMax;
  if (socket_ == &socket && room) return;
  Submit();
  socket_ = &socket;
}

void BatchSender::Submit() {
  if (pieces_.empty()) return;
  submitted_++;
  device_is_full_ = false;
  if (!socket_->HasKept()) {
    SendPieces();
  } else {
    KeepFrom(0);
  }
  pieces_.clear();
  iov_count_ = 0;
  header_bytes_ = 0;
  if (socket_->HasKept()) {
    device_is_full_ ? watcher_.OnDeviceFull(*socket_) : watcher_.OnFull(*socket_);
  }
}

void BatchSender::SendPieces() {
  int failed_before = 0;
  for (size_t at = 0; at < pieces_.size();) {
    const bool alone = failed_before != 0;
    const int taken = Try(at, alone);
    if (taken > 0) {
      // What goes alone, but not in company: a sandbox knows sendmsg only.
      if (failed_before == ENOSYS || failed_before == EPERM) features_.batches = false;
      at += static_cast<size_t>(taken);
      failed_before = 0;
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (IsFull(error) || error == ENOBUFS) {
      device_is_full_ = error == ENOBUFS;
      KeepFrom(at);
      return;
    }
    if (Settle(pieces_[at], error, alone)) {
      at++;
      failed_before = 0;
    } else {
      failed_before = error;
    }
  }
}

int BatchSender::Try(size_t from, bool alone) {
  const int by = socket_->DescriptorTo(pieces_[from].peer);
  const size_t most = features_.batches && !alone ? pieces_.size() - from : 1;
  if (most == 1 && IsShort(pieces_[from])) return SendShort(pieces_[from], by);
  size_t count = 0;
  for (; count < most && socket_->DescriptorTo(pieces_[from + count].peer) == by; count++) {
    messages_[count] = {MessageOf(pieces_[from + count], count), 0};
  }
  if (count == 1) return SendMessage(by, &messages_[0].msg_hdr) < 0 ? -1 : 1;
  return sendmmsg(by, messages_.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
}

bool BatchSender::IsShort(const Piece& piece) const {
  return piece.segments == 1 && piece.segment_bytes <= kJoinedBytesMax;
}

int BatchSender::SendShort(const Piece& piece, int by) {
  uint8_t joined[kJoinedBytesMax];
  const size_t length = Join(&iovs_[piece.first_iov], joined);
  if (by != socket_->fd) return SendTo(by, joined, length, nullptr, 0) < 0 ? -1 : 1;
  const Address& to = AddressOf(piece);
  return SendTo(by, joined, length, to.get(), to.length()) < 0 ? -1 : 1;
}

bool BatchSender::Settle(const Piece& piece, int error, bool retried) {
  if (piece.segments > 1 && RefusesSegments(error)) {
    socket_->segmentation_refused = true;
    if (error == EIO) features_.segmentation = false;
    SendApart(piece);
    return true;
  }
  // The error of a datagram that left earlier (ICMP) is told by the next send, which does nothing else then.
  if (!retried) {
    watcher_.OnPeerErrors(*socket_);
    return false;
  }
  if (piece.reports_errors) watcher_.OnSendError(*socket_, piece.peer, error);
  return true;
}

void BatchSender::SendApart(const Piece& piece) {
  for (uint32_t i = 0; i < piece.segments; i++) {
    const Piece one{piece.peer, piece.first_iov + i * 2, 1, piece.segment_bytes, false};
    msghdr message = MessageOf(one, 0);
    if (socket_->HasKept()) {
      KeepPiece(piece, i);
      return;
    }
    const int by = socket_->DescriptorTo(piece.peer);
    if (SendMessage(by, &message) < 0 && (IsFull(errno) || errno == ENOBUFS)) {
      device_is_full_ = errno == ENOBUFS;
      KeepPiece(piece, i);
      return;
    }
  }
}

void BatchSender::KeepFrom(size_t at) {
  for (; at < pieces_.size(); at++) KeepPiece(pieces_[at], 0);
}

void BatchSender::KeepPiece(const Piece& piece, uint32_t first_segment) {
  for (uint32_t i = first_segment; i < piece.segments; i++) {
    const iovec* parts = &iovs_[piece.first_iov + i * 2];
    std::vector<uint8_t> bytes(parts[0].iov_len + parts[1].iov_len);
    Join(parts, bytes.data());
    socket_->Keep(AddressOf(piece), std::move(bytes));
  }
}

msghdr BatchSender::MessageOf(const Piece& piece, size_t control_slot) {
  msghdr message{};
  if (socket_->DescriptorTo(piece.peer) == socket_->fd) {
    const Address& to = AddressOf(piece);
    message.msg_name = const_cast<sockaddr*>(to.get());
    message.msg_namelen = to.length();
  }
  message.msg_iov = &iovs_[piece.first_iov];
  message.msg_iovlen = piece.segments * 2;
  if (piece.segments == 1) return message;
  message.msg_control = &controls_[control_slot * kControlBytes];
  message.msg_controllen = kControlBytes;
  cmsghdr* control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = IPPROTO_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const auto bytes = static_cast<uint16_t>(piece.segment_bytes);
  memcpy(CMSG_DATA(control), &bytes, sizeof(bytes));
  return message;
}

void BatchSender::Resume(UdpSocket& socket) {
  bool retried = false;
  while (socket.HasKept()) {
    const KeptDatagram& next = socket.kept.front();
    if (SendTo(socket.fd, next.bytes.data(), next.bytes.size(), next.to.get(), next.to.length()) < 0) {
      const int error = errno;
      if (IsFull(error)) return watcher_.OnFull(socket);
      if (error == ENOBUFS) return watcher_.OnDeviceFull(socket);
      if (error == EINTR) continue;
      if (!retried) {
        retried = true;
        watcher_.OnPeerErrors(socket);
        continue;
      }
    }
    retried = false;
    socket.DropFirstKept();
  }
}

}  // namespace ntftp
