#include "socket_slots.h"

#include <utility>

namespace ntftp {
namespace {

// A handle is a slot in its low bits and a generation above.
constexpr uint32_t kSlotBits = 20;
constexpr uint32_t kSlotsMax = 1u << kSlotBits;
constexpr uint32_t kSlotMask = kSlotsMax - 1;
constexpr uint32_t kGenerationMask = (1u << (32 - kSlotBits)) - 1;
constexpr size_t kCacheLineBytes = 64;

}  // namespace

bool SocketSlots::IsFull() const { return free_.empty() && slots_.size() >= kSlotsMax; }

UdpSocket& SocketSlots::Add(std::unique_ptr<UdpSocket> socket) {
  uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
    generations_.push_back(0);
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  generations_[slot] = (generations_[slot] + 1) & kGenerationMask;
  socket->handle = (generations_[slot] << kSlotBits) | slot;
  slots_[slot] = std::move(socket);
  return *slots_[slot];
}

void SocketSlots::Remove(uint32_t handle) {
  slots_[handle & kSlotMask].reset();
  free_.push_back(handle & kSlotMask);
}

UdpSocket* SocketSlots::Find(uint32_t handle) const {
  UdpSocket* socket = InSlotOf(handle);
  return socket != nullptr && socket->handle == handle ? socket : nullptr;
}

void SocketSlots::Prefetch(uint32_t handle) const {
  const auto* socket = reinterpret_cast<const char*>(InSlotOf(handle));
  if (socket == nullptr) return;
  __builtin_prefetch(socket);
  __builtin_prefetch(socket + kCacheLineBytes);
}

void SocketSlots::CloseAll() {
  for (auto& socket : slots_) {
    if (socket) socket->Close();
  }
}

UdpSocket* SocketSlots::InSlotOf(uint32_t handle) const {
  const uint32_t slot = handle & kSlotMask;
  return slot < slots_.size() ? slots_[slot].get() : nullptr;
}

}  // namespace ntftp
