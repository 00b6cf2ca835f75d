#include "peer_table.h"

namespace ntftp {

uint32_t PeerTable::Add(const Address& address) {
  uint32_t id = 1;
  if (first_.used && free_.empty()) {
    // The first one was not worth a table.
    if (others_.empty()) ids_[first_.address] = 1;
    others_.emplace_back();
    id = size();
  } else if (first_.used) {
    id = free_.back();
    free_.pop_back();
  }
  SlotOf(id) = {address, true};
  count_++;
  if (!others_.empty()) ids_[address] = id;
  return id;
}

void PeerTable::Remove(uint32_t id) {
  if (Get(id) == nullptr) return;
  Slot& slot = SlotOf(id);
  const auto found = ids_.find(slot.address);
  // A newer peer may have the same address.
  if (found != ids_.end() && found->second == id) ids_.erase(found);
  slot.used = false;
  if (id > 1) free_.push_back(id);
  count_--;
}

const Address* PeerTable::Get(uint32_t id) const {
  if (id == 0 || id > size()) return nullptr;
  const Slot& slot = SlotOf(id);
  return slot.used ? &slot.address : nullptr;
}

uint32_t PeerTable::Only() const {
  if (count_ != 1) return 0;
  uint32_t id = 1;
  while (!SlotOf(id).used) id++;
  return id;
}

uint32_t PeerTable::Find(const Address& address) const {
  if (others_.empty()) return first_.used && first_.address == address ? 1 : 0;
  const auto found = ids_.find(address);
  return found == ids_.end() ? 0 : found->second;
}

}  // namespace ntftp
