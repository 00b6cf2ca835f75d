#include "reactor.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "block_header.h"
#include "system_calls.h"

namespace ntftp {
namespace {

// Looks at the epoll set before timers and other handles of the loop have their turn.
constexpr int kRoundsPerTurn = 4;
constexpr int kEventsPerRound = 256;
// Rounds in a row that brought datagrams of one descriptor, the same, after which that one is asked before the epoll set: a
// client, the only transfer of a thread, or a port that many share.
constexpr uint32_t kRoundsUntilLone = 16;
// Visits to the lone one behind which the others are looked at.
constexpr uint32_t kLoneVisits = 16;
// A thread that has nothing else to do sleeps in the lone one's receive call, which is a system call less for each datagram
// than in the loop. No sleep begins behind so much of one turn: enough for what is answered in advance, and no more than
// one takes that is in vain.
constexpr uint64_t kAwaitNsMax = 4'000'000;
// Where that was in vain once, the way is longer than the sleep, and the loop waits better for so many turns.
constexpr uint32_t kTurnsUntilAwait = 64;
// Nothing tells when a device's queue has room again; at 1 Gbit/s a millisecond is 80 full frames.
constexpr uint64_t kDevicePauseMs = 1;
// Datagrams one by one after which a transfer counts as long: a connected socket costs as much as 40 sends and receives
// become cheaper by.
constexpr uint32_t kLoneDatagramsUntilConnect = 64;
// Transfers need descriptors more than they need to be connected: one of so many may go for that.
constexpr rlim_t kDescriptorsPerConnected = 8;
// In the data of an event, above the handle: it is the connected socket's.
constexpr uint64_t kIsConnected = uint64_t{1} << 32;
// While one socket is served, another one's memory is on its way.
constexpr int kPrefetchAhead = 2;
// Errors waiting to be told; more of them say nothing new.
constexpr size_t kErrorsMax = 4096;

}  // namespace

Reactor::Reactor(uv_loop_t* loop, ReactorHandler* handler, SendFeatures features, BatchReceiver receiver)
    : loop_(loop), handler_(handler), receiver_(std::move(receiver)), sender_(features, *this) {}

Reactor::~Reactor() {
  sockets_.CloseAll();
  if (epoll_ >= 0) close(epoll_);
}

int Reactor::Start() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return errno;
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) connected_max_ = descriptors.rlim_cur / kDescriptorsPerConnected;
  const int failure = uv_poll_init(loop_, &poll_, epoll_);
  if (failure != 0) return -failure;
  uv_timer_init(loop_, &device_timer_);
  open_handles_ = 2;
  poll_.data = this;
  device_timer_.data = this;
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) { static_cast<Reactor*>(poll->data)->OnReadable(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&device_timer_));
  return 0;
}

void Reactor::Stop(void (*on_closed)(void*), void* data) {
  on_closed_ = on_closed;
  on_closed_data_ = data;
  if (stopped_) return;
  stopped_ = true;
  sockets_.CloseAll();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnHandleClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&device_timer_), OnHandleClosed);
}

void Reactor::OnHandleClosed(uv_handle_t* handle) {
  auto* self = static_cast<Reactor*>(handle->data);
  if (--self->open_handles_ == 0) self->on_closed_(self->on_closed_data_);
}

int Reactor::Open(const OpenOptions& options, uint32_t* handle, const char** failed_call) {
  *failed_call = "socket";
  if (stopped_) return EBADF;
  if (sockets_.IsFull()) return EMFILE;
  auto socket = std::make_unique<UdpSocket>();
  const int error = socket->Open(options, failed_call);
  return error != 0 ? error : Add(std::move(socket), !options.hold, handle, failed_call);
}

int Reactor::Adopt(int fd, uint32_t datagram_bytes, bool coalesce, uint32_t* handle, const char** failed_call) {
  *failed_call = "fcntl";
  if (stopped_) return EBADF;
  if (sockets_.IsFull()) return EMFILE;
  auto socket = std::make_unique<UdpSocket>();
  const int error = socket->Adopt(fd, datagram_bytes, coalesce, failed_call);
  return error != 0 ? error : Add(std::move(socket), true, handle, failed_call);
}

int Reactor::Add(std::unique_ptr<UdpSocket> opened, bool receives, uint32_t* handle, const char** failed_call) {
  UdpSocket& socket = sockets_.Add(std::move(opened));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = socket.handle;
  // Whose errors others take is not in the set at all: it would be woken for them.
  if (receives && epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.fd, &event) != 0) {
    *failed_call = "epoll_ctl";
    const int error = errno;
    socket.Close();
    sockets_.Remove(socket.handle);
    return error;
  }
  *handle = socket.handle;
  return 0;
}

void Reactor::Close(UdpSocket& socket) {
  if (socket.closing) return;
  socket.closing = true;
  Disconnect(socket);
  if (!socket.HasKept()) Free(socket);
}

void Reactor::RemovePeer(UdpSocket& socket, uint32_t peer) {
  if (peer == socket.connected_peer) Disconnect(socket);
  socket.peers.Remove(peer);
}

void Reactor::Connect(UdpSocket& socket) {
  const uint32_t peer = socket.peers.Only();
  if (peer == 0 || socket.connected_fd >= 0 || connected_ >= connected_max_) return;
  // It goes on as well without.
  if (socket.Connect(peer) != 0) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = socket.handle | kIsConnected;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.connected_fd, &event) != 0) {
    socket.Disconnect();
    return;
  }
  connected_++;
}

void Reactor::Disconnect(UdpSocket& socket) {
  if (socket.connected_fd < 0) return;
  socket.Disconnect();
  connected_--;
}

void Reactor::Free(UdpSocket& socket) {
  // epoll forgets a closed descriptor by itself, unless it was not the only one of its socket.
  if (socket.adopted) epoll_ctl(epoll_, EPOLL_CTL_DEL, socket.fd, nullptr);
  socket.Close();
  sockets_.Remove(socket.handle);
}

std::vector<SocketError> Reactor::TakeErrors() { return std::exchange(errors_, {}); }

void Reactor::SetReferenced(bool referenced) {
  auto* handle = reinterpret_cast<uv_handle_t*>(&poll_);
  referenced ? uv_ref(handle) : uv_unref(handle);
}

void Reactor::OnReadable() {
  if (VisitLone()) return;
  for (int round = 0; round < kRoundsPerTurn && !stopped_; round++) {
    if (!Round()) return;
  }
}

bool Reactor::VisitLone() {
  if (lone_rounds_ < kRoundsUntilLone) return false;
  for (int visit = 0; visit < kRoundsPerTurn && !stopped_; visit++) {
    if (++lone_visits_ >= kLoneVisits) {
      lone_visits_ = 0;
      return false;
    }
    // That there is room to send again, the set alone tells.
    const UdpSocket* socket = Find(static_cast<uint32_t>(lone_key_));
    if (socket == nullptr || socket->waits_for_room) return false;
    if (handler_ == nullptr || !handler_->HasTables()) return false;
    receiver_.Reset();
    Serve(lone_key_, EPOLLIN);
    const uint32_t brought = receiver_.count();
    const uint64_t sent_before = sender_.submitted();
    if (!TellNews()) {
      // In vain at once: the loop was woken for somebody else.
      if (visit == 0) lone_rounds_ = 0;
      return visit > 0;
    }
    if (brought <= 1) {
      if (sender_.submitted() > sent_before) AwaitLone();
      return true;
    }
    // Of a port with many peers, the next ones have come meanwhile.
  }
  return true;
}

void Reactor::AwaitLone() {
  if (turns_until_await_ > 0) {
    turns_until_await_--;
    return;
  }
  const uint64_t end_ns = uv_hrtime() + kAwaitNsMax;
  while (!stopped_ && handler_ != nullptr && handler_->HasTables()) {
    UdpSocket* socket = (lone_key_ & kIsConnected) != 0 ? Find(static_cast<uint32_t>(lone_key_)) : nullptr;
    if (socket == nullptr || !socket->may_block || !socket->hears_peer_alone || socket->HasKept()) return;
    // The process is about to end.
    if (uv_has_ref(reinterpret_cast<uv_handle_t*>(&poll_)) == 0) return;
    const uint32_t brought = AwaitUnanswered(*socket, end_ns);
    const uint64_t sent_before = sender_.submitted();
    TellNews();
    if (brought == 0) {
      turns_until_await_ = kTurnsUntilAwait;
      return;
    }
    // Who got no answer has none to give: what is waited for is a disk's, or nothing.
    if (brought != 1 || sender_.submitted() == sent_before) return;
    if (uv_hrtime() >= end_ns) {
      // The others have waited for this one.
      lone_visits_ = kLoneVisits - 1;
      return;
    }
  }
}

uint32_t Reactor::AwaitUnanswered(UdpSocket& socket, uint64_t end_ns) {
  receiver_.Reset();
  for (;;) {
    const uint32_t before = receiver_.count();
    const int error = receiver_.Await(socket);
    if (error != 0) OnSendError(socket, 0, error);
    const uint32_t brought = receiver_.count() - before;
    // Each sleep may take nearly as long as one in vain: many of them are too much for a turn.
    if (brought != 1 || uv_hrtime() >= end_ns || !AnswerAhead(socket)) return brought;
  }
}

bool Reactor::AnswerAhead(const UdpSocket& socket) {
  const BatchReceiver::Latest latest = receiver_.latest();
  const bool is_allowed = ahead_.handle == socket.handle && ahead_.peer == socket.connected_peer;
  if (!is_allowed || !ahead_.IsNext(latest.bytes, latest.length) || !receiver_.HasRoom()) return false;
  uint8_t answer[kHeaderBytes];
  WriteHeader(answer, ahead_.answer_opcode, ahead_.number);
  // What can't leave is JavaScript's to answer, which hears of the reason then.
  if (SendTo(socket.connected_fd, answer, sizeof(answer), nullptr, 0) < 0) return false;
  *latest.is_answered = 1;
  ahead_.Advance();
  return true;
}

bool Reactor::Round() {
  if (handler_ == nullptr || !handler_->HasTables()) return false;
  epoll_event events[kEventsPerRound];
  const int count = epoll_wait(epoll_, events, kEventsPerRound, 0);
  if (count <= 0) return false;
  receiver_.Reset();
  for (int i = 0; i < count && receiver_.HasRoom(); i++) {
    if (i + kPrefetchAhead < count) sockets_.Prefetch(static_cast<uint32_t>(events[i + kPrefetchAhead].data.u64));
    Serve(events[i].data.u64, events[i].events);
  }
  const bool is_lone = count == 1 && receiver_.count() > 0 && events[0].data.u64 == lone_key_;
  lone_rounds_ = is_lone ? lone_rounds_ + 1 : 0;
  lone_key_ = events[0].data.u64;
  TellNews();
  return count == kEventsPerRound || receiver_.count() > 0;
}

bool Reactor::TellNews() {
  if (receiver_.count() == 0 && !HasErrors()) return false;
  ahead_.count = 0;
  if (handler_ != nullptr) handler_->OnBatch(receiver_.count());
  return true;
}

void Reactor::Serve(uint64_t key, uint32_t events) {
  UdpSocket* found = Find(static_cast<uint32_t>(key));
  if (found == nullptr) return;
  UdpSocket& socket = *found;
  const int descriptor = (key & kIsConnected) != 0 ? socket.connected_fd : socket.fd;
  if (descriptor < 0) return;
  // What arrived comes before the news that its sender is gone.
  if ((events & EPOLLIN) != 0 && !socket.closing) {
    const int error = receiver_.Receive(socket, descriptor);
    if (error != 0) OnSendError(socket, 0, error);
    if (socket.lone_datagrams == kLoneDatagramsUntilConnect && socket.may_connect) Connect(socket);
  }
  if ((events & EPOLLERR) != 0) OnPeerErrors(socket);
  if ((events & EPOLLOUT) != 0) Resume(socket);
}

void Reactor::Resume(UdpSocket& socket) {
  if (socket.waits_for_room) WatchRoom(socket, false);
  sender_.Resume(socket);
  if (socket.closing && !socket.HasKept()) Free(socket);
}

void Reactor::OnSendError(UdpSocket& socket, uint32_t peer, int error) {
  if (!socket.closing && errors_.size() < kErrorsMax) errors_.push_back({socket.handle, peer, error});
}

void Reactor::OnPeerErrors(UdpSocket& socket) {
  gone_.clear();
  socket.TakeGonePeers(&gone_);
  for (const uint32_t peer : gone_) OnSendError(socket, peer, ECONNREFUSED);
}

void Reactor::OnFull(UdpSocket& socket) {
  if (!socket.waits_for_room) WatchRoom(socket, true);
}

void Reactor::WatchRoom(UdpSocket& socket, bool wanted) {
  socket.waits_for_room = wanted;
  epoll_event event{};
  event.events = (socket.closing ? 0u : static_cast<uint32_t>(EPOLLIN)) | (wanted ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  event.data.u64 = socket.handle;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, socket.fd, &event);
}

void Reactor::OnDeviceFull(UdpSocket& socket) {
  device_waiters_.push_back(socket.handle);
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&device_timer_)) != 0) return;
  const auto on_timer = [](uv_timer_t* timer) {
    auto* self = static_cast<Reactor*>(timer->data);
    for (const uint32_t handle : std::exchange(self->device_waiters_, {})) {
      UdpSocket* waiting = self->Find(handle);
      if (waiting != nullptr) self->Resume(*waiting);
    }
    if (self->HasErrors() && self->handler_ != nullptr) self->handler_->OnBatch(0);
  };
  uv_timer_start(&device_timer_, on_timer, kDevicePauseMs, 0);
}

}  // namespace ntftp
