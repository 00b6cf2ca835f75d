#include "address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <cstdlib>
#include <cstring>

namespace ntftp {
namespace {

uint32_t ScopeOf(const std::string& zone) {
  const uint32_t index = if_nametoindex(zone.c_str());
  return index != 0 ? index : static_cast<uint32_t>(strtoul(zone.c_str(), nullptr, 10));
}

}  // namespace

uint16_t Address::port() const { return ntohs(family() == AF_INET6 ? v6.sin6_port : v4.sin_port); }

void Address::set_port(uint16_t port) {
  if (family() == AF_INET6) {
    v6.sin6_port = htons(port);
  } else {
    v4.sin_port = htons(port);
  }
}

bool Address::operator==(const Address& other) const {
  if (family() != other.family()) return false;
  if (family() == AF_INET) {
    return v4.sin_port == other.v4.sin_port && v4.sin_addr.s_addr == other.v4.sin_addr.s_addr;
  }
  return v6.sin6_port == other.v6.sin6_port && v6.sin6_scope_id == other.v6.sin6_scope_id &&
         memcmp(&v6.sin6_addr, &other.v6.sin6_addr, sizeof(in6_addr)) == 0;
}

bool Address::IsMulticast() const {
  if (family() == AF_INET6) return IN6_IS_ADDR_MULTICAST(&v6.sin6_addr);
  const uint32_t host_order = ntohl(v4.sin_addr.s_addr);
  return IN_MULTICAST(host_order) || host_order == INADDR_BROADCAST;
}

size_t AddressHash::operator()(const Address& address) const {
  // FNV-1a over what tells peers apart; the kernel has checked the source address as well as it can.
  uint32_t words[kAddressWords];
  WriteAddress(address, words);
  uint64_t hash = 14695981039346656037ull;
  for (const uint32_t word : words) {
    hash = (hash ^ word) * 1099511628211ull;
  }
  return static_cast<size_t>(hash ^ (hash >> 32));
}

std::string Address::Text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return text;
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  if (!IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) return text;
  char name[IF_NAMESIZE];
  if (if_indextoname(v6.sin6_scope_id, name) == nullptr) return text;
  return std::string(text) + "%" + name;
}

bool Address::Parse(const std::string& text, Address* out) {
  *out = Address();
  if (inet_pton(AF_INET, text.c_str(), &out->v4.sin_addr) == 1) {
    out->any.sa_family = AF_INET;
    return true;
  }
  const size_t zone_at = text.find('%');
  if (inet_pton(AF_INET6, text.substr(0, zone_at).c_str(), &out->v6.sin6_addr) != 1) return false;
  out->any.sa_family = AF_INET6;
  if (zone_at != std::string::npos) out->v6.sin6_scope_id = ScopeOf(text.substr(zone_at + 1));
  return true;
}

void WriteAddress(const Address& address, uint32_t* words) {
  memset(words, 0, kAddressWords * sizeof(*words));
  words[0] = address.family() == AF_INET6 ? 6 : 4;
  words[1] = address.port();
  if (address.family() == AF_INET6) {
    memcpy(words + 2, &address.v6.sin6_addr, sizeof(in6_addr));
    words[6] = address.v6.sin6_scope_id;
  } else {
    memcpy(words + 2, &address.v4.sin_addr, sizeof(in_addr));
  }
}

bool ReadAddress(const uint32_t* words, Address* out) {
  *out = Address();
  if ((words[0] != 4 && words[0] != 6) || words[1] > 0xffff) return false;
  out->any.sa_family = words[0] == 6 ? AF_INET6 : AF_INET;
  out->set_port(static_cast<uint16_t>(words[1]));
  if (words[0] == 6) {
    memcpy(&out->v6.sin6_addr, words + 2, sizeof(in6_addr));
    out->v6.sin6_scope_id = words[6];
  } else {
    memcpy(&out->v4.sin_addr, words + 2, sizeof(in_addr));
  }
  return true;
}

}  // namespace ntftp
