// Answers that JavaScript gives in advance.
#pragma once

#include <cstddef>
#include <cstdint>

#include "block_header.h"

namespace ntftp {

// The next datagrams of one peer may be answered at once, as long as each is what was foreseen: so many bytes, beginning
// with the opcode and the number that follows. The answer is an opcode and that number.
struct AnswersAhead {
  uint32_t handle = 0;
  uint32_t peer = 0;
  uint32_t count = 0;           // those that are left
  uint32_t number = 0;          // of the next one
  uint32_t datagram_bytes = 0;  // at least a header's
  uint16_t opcode = 0;
  uint16_t answer_opcode = 0;

  bool IsNext(const uint8_t* bytes, size_t length) const {
    return count > 0 && length == datagram_bytes && IsHeader(bytes, opcode, number);
  }

  void Advance() {
    count--;
    number++;
  }
};

}  // namespace ntftp
