// Sockets by handle. Slots are used again, each time with another generation in the handle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "udp_socket.h"

namespace ntftp {

class SocketSlots {
 public:
  // No handle is left.
  bool IsFull() const;
  // Gives the socket its handle.
  UdpSocket& Add(std::unique_ptr<UdpSocket> socket);
  // Deletes the socket.
  void Remove(uint32_t handle);
  // nullptr for a handle whose socket is gone.
  UdpSocket* Find(uint32_t handle) const;
  // Its memory will be needed in a moment.
  void Prefetch(uint32_t handle) const;
  void CloseAll();

 private:
  // What is in the slot of a handle, of whichever generation; nullptr for an empty one.
  UdpSocket* InSlotOf(uint32_t handle) const;

  std::vector<std::unique_ptr<UdpSocket>> slots_;
  std::vector<uint32_t> generations_;
  std::vector<uint32_t> free_;
};

}  // namespace ntftp
