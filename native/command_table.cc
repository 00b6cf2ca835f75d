#include "command_table.h"

#include "block_header.h"
#include "typed_memory.h"

namespace ntftp {
namespace {

// Most bytes of one datagram's payload over IPv4.
constexpr uint32_t kPayloadBytesMax = 65'507;
// Wire numbers of a row don't wrap.
constexpr uint32_t kNumbersMax = 65'536;

// First number, opcode and count of a row.
bool AreNumbersPossible(const uint32_t* row) {
  return row[3] < kNumbersMax && row[5] <= kNumbersMax - row[3] && row[4] <= 0xffff;
}

}  // namespace

CommandTable::CommandTable(Napi::Uint32Array rows, Napi::Uint8Array outbox)
    : rows_reference_(Napi::Persistent(rows.As<Napi::Object>())),
      outbox_reference_(Napi::Persistent(outbox.As<Napi::Object>())) {}

const char* CommandTable::Run(Reactor& reactor, uint32_t count, const Napi::Array& memories) {
  if (!ReadMemories(memories)) return "memories are Uint8Arrays";
  if (!FindTables(memories.Env())) return "commands or outbox have no memory any more";
  if (count > rows_max_) return "more rows than the table has";
  const char* fault = nullptr;
  for (uint32_t i = 0; i < count && fault == nullptr; i++) {
    fault = RunRow(reactor, rows_ + static_cast<size_t>(i) * kCommandWords);
  }
  reactor.sender().Submit();
  return fault;
}

bool CommandTable::FindTables(napi_env env) {
  const TypedMemory rows = MemoryOf(env, rows_reference_.Value());
  const TypedMemory outbox = MemoryOf(env, outbox_reference_.Value());
  rows_ = static_cast<const uint32_t*>(rows.bytes);
  rows_max_ = rows.length / kCommandWords;
  outbox_ = static_cast<const uint8_t*>(outbox.bytes);
  outbox_bytes_ = outbox.length;
  return rows_ != nullptr && outbox_ != nullptr;
}

const char* CommandTable::RunRow(Reactor& reactor, const uint32_t* row) {
  UdpSocket* socket = reactor.Find(row[1]);
  if (socket == nullptr || socket->closing) return nullptr;
  switch (static_cast<Command>(row[0])) {
    case Command::kRun:
      return AddRun(reactor, *socket, row);
    case Command::kDatagram:
      if (row[9] > outbox_bytes_ || row[8] > outbox_bytes_ - row[9]) return "a datagram outside the outbox";
      if (row[9] > kPayloadBytesMax) return "a datagram that is too long";
      if (socket->peers.Get(row[2]) == nullptr) return nullptr;
      reactor.sender().AddDatagram(*socket, row[2], outbox_ + row[8], row[9]);
      return nullptr;
    case Command::kClose:
      reactor.sender().Submit();
      reactor.Close(*socket);
      return nullptr;
    case Command::kRemovePeer:
      reactor.sender().Submit();
      reactor.RemovePeer(*socket, row[2]);
      return nullptr;
    case Command::kAnswerAhead:
      return AnswerAhead(reactor, row);
  }
  return "an unknown command";
}

const char* CommandTable::AddRun(Reactor& reactor, UdpSocket& socket, const uint32_t* row) {
  const uint32_t count = row[5];
  const uint32_t each = row[6];
  if (row[7] >= memories_.size()) return "a memory that was not given";
  const Memory& memory = memories_[row[7]];
  const uint64_t offset = row[8];
  const uint64_t length = row[9];
  if (offset + length > memory.length) return "a payload outside its memory";
  if (count < 1 || !AreNumbersPossible(row)) return "a run with impossible numbers";
  if (each > kPayloadBytesMax || length > static_cast<uint64_t>(count) * each ||
      length < static_cast<uint64_t>(count - 1) * each) {
    return "a payload that does not fit its blocks";
  }
  if (socket.peers.Get(row[2]) == nullptr) return nullptr;
  const ntftp::Run run{static_cast<uint16_t>(row[4]), static_cast<uint16_t>(row[3]), count, each, memory.bytes + offset,
                       static_cast<uint32_t>(length)};
  reactor.sender().AddRun(socket, row[2], run);
  return nullptr;
}

const char* CommandTable::AnswerAhead(Reactor& reactor, const uint32_t* row) {
  if (!AreNumbersPossible(row) || row[7] > 0xffff || row[6] < kHeaderBytes) return "answers with impossible numbers";
  reactor.SetAnswersAhead(
      {row[1], row[2], row[5], row[3], row[6], static_cast<uint16_t>(row[4]), static_cast<uint16_t>(row[7])});
  return nullptr;
}

bool CommandTable::ReadMemories(const Napi::Array& memories) {
  const napi_env env = memories.Env();
  uint32_t count = 0;
  napi_get_array_length(env, memories, &count);
  // Elements may have getters, which may give away memory or flush: all of them are had before any address is taken.
  std::vector<napi_value> values;
  for (uint32_t i = 0; i < count; i++) {
    napi_value value;
    bool is_typed_array = false;
    if (napi_get_element(env, memories, i, &value) != napi_ok) return false;
    if (napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array) return false;
    values.push_back(value);
  }
  memories_.clear();
  for (const napi_value value : values) {
    const TypedMemory memory = MemoryOf(env, value);
    if (memory.type != napi_uint8_array) return false;
    memories_.push_back({static_cast<const uint8_t*>(memory.bytes), memory.length});
  }
  return true;
}

}  // namespace ntftp
