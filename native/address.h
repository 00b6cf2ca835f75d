// Socket addresses, and their form in the tables that are shared with JavaScript.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ntftp {

// An IPv4 or IPv6 address with its port: no larger than that, as hundreds of them are looked at in turn.
struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6{};
  };

  int family() const { return any.sa_family; }
  const sockaddr* get() const { return &any; }
  sockaddr* get() { return &any; }
  socklen_t length() const { return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }
  uint16_t port() const;
  void set_port(uint16_t port);
  bool operator==(const Address& other) const;
  // An IPv4 broadcast or multicast, or IPv6 multicast address; broadcasts of a network are known to routing alone.
  bool IsMulticast() const;

  // The literal, as inet_ntop spells it; a link-local IPv6 address with its zone ("fe80::1%eth0").
  std::string Text() const;

  // Reads an IP literal, with a zone where it has one; false when it is none.
  static bool Parse(const std::string& text, Address* out);
};

struct AddressHash {
  size_t operator()(const Address& address) const;
};

// Words of an address in a table: family (4, 6), port, four words of address (network byte order), scope.
constexpr uint32_t kAddressWords = 7;

void WriteAddress(const Address& address, uint32_t* words);
// False when the words are no address.
bool ReadAddress(const uint32_t* words, Address* out);

}  // namespace ntftp
