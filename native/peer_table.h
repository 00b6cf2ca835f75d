// The peers of one socket, by number and by address.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "address.h"

namespace ntftp {

// Numbers begin at 1; 0 stands for nobody. A server's transfer has one peer, which lies in its socket and costs one
// comparison to find; a shared port has hundreds, which cost a look into a hash table.
class PeerTable {
 public:
  // The number of a new peer.
  uint32_t Add(const Address& address);
  void Remove(uint32_t id);
  // nullptr for a number that is not in use.
  const Address* Get(uint32_t id) const;
  uint32_t Find(const Address& address) const;
  // The number of the only peer; 0 when there are none or several.
  uint32_t Only() const;
  uint32_t count() const { return count_; }

 private:
  struct Slot {
    Address address;
    bool used = false;
  };

  uint32_t size() const { return 1 + static_cast<uint32_t>(others_.size()); }
  Slot& SlotOf(uint32_t id) { return id == 1 ? first_ : others_[id - 2]; }
  const Slot& SlotOf(uint32_t id) const { return id == 1 ? first_ : others_[id - 2]; }

  Slot first_;
  uint32_t count_ = 0;
  // Never shrinks.
  std::vector<Slot> others_;
  std::vector<uint32_t> free_;
  // Only where there was ever more than one peer.
  std::unordered_map<Address, uint32_t, AddressHash> ids_;
};

}  // namespace ntftp
