// What JavaScript wants sent, as rows of numbers: one call per turn of the loop carries all of them.
#pragma once

#include <napi.h>

#include <cstdint>
#include <vector>

#include "reactor.h"

namespace ntftp {

// A row:
//   0 command, 1 handle of the socket, 2 number of the peer
//   run (DATA blocks in a row): 3 first number, 4 opcode, 5 count, 6 payload bytes of each block but the last,
//     7 index of the memory, 8 offset and 9 length of the payload in it
//   datagram: 8 offset and 9 length in the outbox
//   close: closes the socket; remove peer: forgets the peer
//   answer ahead: 3 first number, 4 opcode, 5 count and 6 bytes of the datagrams that are foreseen, 7 opcode of the answers
constexpr uint32_t kCommandWords = 10;

enum class Command : uint32_t { kRun = 0, kDatagram = 1, kClose = 2, kRemovePeer = 3, kAnswerAhead = 4 };

class CommandTable {
 public:
  CommandTable() = default;
  CommandTable(Napi::Uint32Array rows, Napi::Uint8Array outbox);

  // Carries out `count` rows in order. What belongs to a closed socket is skipped. Returns nullptr, or what is wrong
  // with a row; the rows before it have been carried out.
  const char* Run(Reactor& reactor, uint32_t count, const Napi::Array& memories);

 private:
  struct Memory {
    const uint8_t* bytes;
    size_t length;
  };

  // Where the arrays are now: JavaScript may have given their memory away since the last call.
  bool FindTables(napi_env env);
  const char* RunRow(Reactor& reactor, const uint32_t* row);
  const char* AddRun(Reactor& reactor, UdpSocket& socket, const uint32_t* row);
  static const char* AnswerAhead(Reactor& reactor, const uint32_t* row);
  bool ReadMemories(const Napi::Array& memories);

  Napi::ObjectReference rows_reference_;
  Napi::ObjectReference outbox_reference_;
  const uint32_t* rows_ = nullptr;
  size_t rows_max_ = 0;
  const uint8_t* outbox_ = nullptr;
  size_t outbox_bytes_ = 0;
  std::vector<Memory> memories_;
};

}  // namespace ntftp
