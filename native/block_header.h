// The one thing that the addon knows about what it moves: a block begins with an opcode and a number, 16 bits each.
#pragma once

#include <cstdint>

namespace ntftp {

constexpr uint32_t kHeaderBytes = 4;

// Of the number, the low 16 bits count.
inline void WriteHeader(uint8_t* header, uint16_t opcode, uint32_t number) {
  header[0] = static_cast<uint8_t>(opcode >> 8);
  header[1] = static_cast<uint8_t>(opcode);
  header[2] = static_cast<uint8_t>(number >> 8);
  header[3] = static_cast<uint8_t>(number);
}

inline bool IsHeader(const uint8_t* header, uint16_t opcode, uint32_t number) {
  return (header[0] << 8 | header[1]) == opcode && static_cast<uint32_t>(header[2] << 8 | header[3]) == number;
}

}  // namespace ntftp
