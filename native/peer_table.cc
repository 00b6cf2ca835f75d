#include "peer_table.h"

namespace ntftp {

uint32_t PeerTable::Add(const Address& address) {
  uint32_t id;
  if (free_.empty()) {
    slots_.push_back({address, true});
    id = static_cast<uint32_t>(slots_.size());
  } else {
    id = free_.back();
    free_.pop_back();
    slots_[id - 1] = {address, true};
  }
  count_++;
  if (slots_.size() > 1) {
    // The first one was not worth a table.
    if (ids_.empty() && slots_[0].used) ids_[slots_[0].address] = 1;
    ids_[address] = id;
  }
  return id;
}

void PeerTable::Remove(uint32_t id) {
  if (Get(id) == nullptr) return;
  Slot& slot = slots_[id - 1];
  const auto found = ids_.find(slot.address);
  // A newer peer may have the same address.
  if (found != ids_.end() && found->second == id) ids_.erase(found);
  slot.used = false;
  free_.push_back(id);
  count_--;
}

const Address* PeerTable::Get(uint32_t id) const {
  if (id == 0 || id > slots_.size() || !slots_[id - 1].used) return nullptr;
  return &slots_[id - 1].address;
}

uint32_t PeerTable::Only() const {
  if (count_ != 1) return 0;
  uint32_t id = 1;
  while (!slots_[id - 1].used) id++;
  return id;
}

uint32_t PeerTable::Find(const Address& address) const {
  if (count_ == 0) return 0;
  if (slots_.size() == 1) return slots_[0].address == address ? 1 : 0;
  const auto found = ids_.find(address);
  return found == ids_.end() ? 0 : found->second;
}

}  // namespace ntftp
