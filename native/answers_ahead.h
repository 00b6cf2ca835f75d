// Answers that JavaScript gives in advance.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ntftp {

// The next datagrams of one peer may be answered at once, as long as each is what was foreseen: so many bytes, beginning
// with the opcode and the number that follows. The answer is an opcode and that number.
struct AnswersAhead {
  static constexpr size_t kAnswerBytes = 4;

  uint32_t handle = 0;
  uint32_t peer = 0;
  uint32_t count = 0;   // those that are left
  uint32_t number = 0;  // of the next one
  uint32_t datagram_bytes = 0;  // at least a header's
  uint16_t opcode = 0;
  uint16_t answer_opcode = 0;

  bool IsNext(const uint8_t* bytes, size_t length) const {
    return count > 0 && length == datagram_bytes && (bytes[0] << 8 | bytes[1]) == opcode &&
           static_cast<uint32_t>(bytes[2] << 8 | bytes[3]) == number;
  }

  void WriteAnswer(uint8_t* answer) const {
    answer[0] = static_cast<uint8_t>(answer_opcode >> 8);
    answer[1] = static_cast<uint8_t>(answer_opcode);
    answer[2] = static_cast<uint8_t>(number >> 8);
    answer[3] = static_cast<uint8_t>(number);
  }

  void Advance() {
    count--;
    number++;
  }
};

}  // namespace ntftp
