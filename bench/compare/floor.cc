// What a server's system calls cost by themselves: the floor for servers on one thread that make these.
//
//   floor HOST PORT ROOT
//
// One socket, IPv4. One recvmmsg takes what has come, one sendmmsg answers it; a window is one message
// (UDP_SEGMENT). Files are read once, and have less than 65,536 blocks. An ACK says all that is needed for an answer, so
// there is no transfer here: no timer, no repetition, no check of a name or a client. It serves measurements on
// loopback and nothing else.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kBatch = 256;
constexpr size_t kRequestBytesMax = 600;
constexpr size_t kHeaderBytes = 4;
constexpr size_t kSegmentsMax = 64;
constexpr size_t kSegmentedBytesMax = 65'000;
constexpr uint32_t kWindowMax = 64;
constexpr int kBufferBytes = 4 << 20;

enum Opcode : uint8_t { kRrq = 1, kData = 3, kAck = 4, kError = 5, kOack = 6 };

// What a client asked for last. All clients have one address: their port names them.
struct Client {
  std::shared_ptr<const Bytes> file;
  uint32_t block_bytes = 512;
  uint32_t window_blocks = 1;
};

// Messages that leave in one call, and all they point to.
class Answers {
 public:
  explicit Answers(int socket) : socket_(socket), messages_(kBatch), iovs_(kBatch), texts_(kBatch), controls_(kBatch) {}

  void AddText(const sockaddr_in& to, Bytes bytes) {
    texts_[count_] = std::move(bytes);
    iovs_[count_].assign(1, {texts_[count_].data(), texts_[count_].size()});
    AddMessage(to, 0);
  }

  // A window, in as many messages as its bytes need.
  void AddWindow(const sockaddr_in& to, const Client& client, uint32_t first) {
    const Bytes& file = *client.file;
    const size_t each = client.block_bytes;
    const uint32_t last = std::min<uint32_t>(first + client.window_blocks - 1, file.size() / each + 1);
    const size_t together = std::max<size_t>(1, std::min(kSegmentsMax, kSegmentedBytesMax / (each + kHeaderBytes)));
    while (first <= last) {
      const size_t blocks = std::min<size_t>(together, last - first + 1);
      Bytes& headers = texts_[count_];
      auto& iovs = iovs_[count_];
      headers.resize(blocks * kHeaderBytes);
      iovs.clear();
      for (size_t i = 0; i < blocks; i++, first++) {
        uint8_t* header = &headers[i * kHeaderBytes];
        header[0] = 0;
        header[1] = kData;
        header[2] = static_cast<uint8_t>(first >> 8);
        header[3] = static_cast<uint8_t>(first);
        const size_t offset = (first - 1) * each;
        iovs.push_back({header, kHeaderBytes});
        iovs.push_back({const_cast<uint8_t*>(file.data()) + offset, std::min(each, file.size() - offset)});
      }
      AddMessage(to, blocks > 1 ? static_cast<uint16_t>(each + kHeaderBytes) : 0);
    }
  }

  void Send() {
    for (size_t sent = 0; sent < count_;) {
      const int done = sendmmsg(socket_, &messages_[sent], count_ - sent, 0);
      // What the kernel refuses is lost: clients ask again.
      sent += done > 0 ? done : 1;
    }
    count_ = 0;
  }

 private:
  struct alignas(cmsghdr) Control {
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
  };

  void AddMessage(const sockaddr_in& to, uint16_t segment_bytes) {
    msghdr& header = messages_[count_].msg_hdr;
    header = {};
    header.msg_name = const_cast<sockaddr_in*>(&to);
    header.msg_namelen = sizeof to;
    header.msg_iov = iovs_[count_].data();
    header.msg_iovlen = iovs_[count_].size();
    if (segment_bytes > 0) {
      header.msg_control = controls_[count_].bytes;
      header.msg_controllen = sizeof controls_[count_].bytes;
      cmsghdr* control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = SOL_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof segment_bytes);
      memcpy(CMSG_DATA(control), &segment_bytes, sizeof segment_bytes);
    }
    if (++count_ == kBatch) Send();
  }

  const int socket_;
  size_t count_ = 0;
  std::vector<mmsghdr> messages_;
  std::vector<std::vector<iovec>> iovs_;
  std::vector<Bytes> texts_;
  std::vector<Control> controls_;
};

class Server {
 public:
  Server(int socket, std::string root) : answers_(socket), root_(std::move(root)), clients_(1 << 16) {}

  void Take(const sockaddr_in& from, const uint8_t* bytes, size_t length) {
    if (length < kHeaderBytes) return;
    Client& client = clients_[ntohs(from.sin_port)];
    if (bytes[1] == kRrq) {
      Begin(from, client, bytes + 2, length - 2);
    } else if (bytes[1] == kAck && client.file != nullptr) {
      const uint32_t acknowledged = bytes[2] << 8 | bytes[3];
      if (acknowledged <= client.file->size() / client.block_bytes) answers_.AddWindow(from, client, acknowledged + 1);
    }
  }

  void Answer() { answers_.Send(); }

 private:
  void Begin(const sockaddr_in& from, Client& client, const uint8_t* bytes, size_t length) {
    std::vector<std::string> words;
    for (const uint8_t* end = bytes + length; bytes < end; bytes += words.back().size() + 1) {
      words.emplace_back(reinterpret_cast<const char*>(bytes), strnlen(reinterpret_cast<const char*>(bytes), end - bytes));
    }
    client = Client{};
    client.file = words.empty() ? nullptr : Read(words[0]);
    if (client.file == nullptr) {
      answers_.AddText(from, {0, kError, 0, 1, 0});
      return;
    }
    std::string granted{'\0', static_cast<char>(kOack)};
    for (size_t i = 2; i + 1 < words.size(); i += 2) {
      uint32_t value = static_cast<uint32_t>(strtoul(words[i + 1].c_str(), nullptr, 10));
      if (words[i] == "blksize") {
        client.block_bytes = value = std::clamp(value, 8u, 65'464u);
      } else if (words[i] == "windowsize") {
        client.window_blocks = value = std::clamp(value, 1u, kWindowMax);
      } else if (words[i] == "tsize") {
        value = static_cast<uint32_t>(client.file->size());
      } else {
        continue;
      }
      granted.append(words[i]).append(1, '\0').append(std::to_string(value)).append(1, '\0');
    }
    if (granted.size() > 2) {
      answers_.AddText(from, {granted.begin(), granted.end()});
    } else {
      answers_.AddWindow(from, client, 1);
    }
  }

  // Null when there is no such file.
  std::shared_ptr<const Bytes> Read(const std::string& name) {
    const auto known = files_.find(name);
    if (known != files_.end()) return known->second;
    std::ifstream file(root_ + "/" + name, std::ios::binary);
    if (!file) return nullptr;
    auto bytes = std::make_shared<const Bytes>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    files_.emplace(name, bytes);
    return bytes;
  }

  Answers answers_;
  const std::string root_;
  std::vector<Client> clients_;
  std::map<std::string, std::shared_ptr<const Bytes>> files_;
};

[[noreturn]] void Fail(const char* what) {
  perror(what);
  exit(1);
}

int OpenSocket(const char* host, const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(atoi(port)));
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) Fail(host);
  const int opened = socket(AF_INET, SOCK_DGRAM, 0);
  if (opened < 0) Fail("socket");
  // For hundreds of clients; without privileges, as much as the kernel allows.
  if (setsockopt(opened, SOL_SOCKET, SO_RCVBUFFORCE, &kBufferBytes, sizeof kBufferBytes) < 0) {
    setsockopt(opened, SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  }
  if (bind(opened, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) Fail("bind");
  return opened;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    fprintf(stderr, "floor HOST PORT ROOT\n");
    return 2;
  }
  const int opened = OpenSocket(words[1], words[2]);
  Server server(opened, words[3]);
  std::vector<mmsghdr> messages(kBatch);
  std::vector<sockaddr_in> peers(kBatch);
  std::vector<iovec> iovs(kBatch);
  Bytes memory(kBatch * kRequestBytesMax);
  for (size_t i = 0; i < kBatch; i++) {
    iovs[i] = {&memory[i * kRequestBytesMax], kRequestBytesMax};
    messages[i].msg_hdr.msg_name = &peers[i];
    messages[i].msg_hdr.msg_namelen = sizeof peers[i];
    messages[i].msg_hdr.msg_iov = &iovs[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (;;) {
    const int received = recvmmsg(opened, messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < received; i++) {
      server.Take(peers[i], static_cast<const uint8_t*>(iovs[i].iov_base), messages[i].msg_len);
    }
    server.Answer();
  }
}
