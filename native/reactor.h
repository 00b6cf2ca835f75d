// The sockets of one thread: one epoll set on the thread's loop, one callback for everything that arrived.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "answers_ahead.h"
#include "batch_receiver.h"
#include "batch_sender.h"
#include "socket_slots.h"
#include "udp_socket.h"

namespace ntftp {

// What a reactor tells its owner.
class ReactorHandler {
 public:
  virtual ~ReactorHandler() = default;
  // `count` rows of the table are filled; there may be none, when only errors came. Calls back are fine.
  virtual void OnBatch(uint32_t count) = 0;
  // Inbox and table are where the receiver was told they are. If not, the handler stops the reactor.
  virtual bool HasTables() = 0;
};

// An error of a socket, for its owner.
struct SocketError {
  uint32_t handle;
  uint32_t peer;  // 0: it concerns the whole socket
  int error;
};

// Lives on the loop of one thread and is used by that thread alone.
class Reactor final : private SendWatcher {
 public:
  Reactor(uv_loop_t* loop, ReactorHandler* handler, SendFeatures features, BatchReceiver receiver);
  ~Reactor() override;

  // Starts listening; 0 or an errno. After a failure the reactor is to be deleted.
  int Start();
  // Closes everything; `on_closed` runs when the loop has let go, from then on the reactor can be deleted.
  void Stop(void (*on_closed)(void*), void* data);
  // No callback from now on: the owner is about to go.
  void Detach() { handler_ = nullptr; }

  // A new socket in `*handle`; 0 or an errno with the name of the failed call.
  int Open(const OpenOptions& options, uint32_t* handle, const char** failed_call);
  // The same with a descriptor of its own for a socket that another reactor of this process holds.
  int Adopt(int fd, uint32_t datagram_bytes, bool coalesce, uint32_t* handle, const char** failed_call);
  // Stops receiving at once; the descriptor goes when everything kept has left.
  void Close(UdpSocket& socket);
  void RemovePeer(UdpSocket& socket, uint32_t peer);
  // nullptr for a handle whose socket is closed.
  UdpSocket* Find(uint32_t handle) const { return sockets_.Find(handle); }

  // For datagrams that come before the next batch is handed over, where a thread sleeps for them. One at a time: another
  // socket's takes its place.
  void SetAnswersAhead(const AnswersAhead& ahead) { ahead_ = ahead; }

  BatchSender& sender() { return sender_; }
  // Takes the errors that have come up since the last call.
  std::vector<SocketError> TakeErrors();
  bool HasErrors() const { return !errors_.empty(); }
  void SetReferenced(bool referenced);

 private:
  void OnSendError(UdpSocket& socket, uint32_t peer, int error) override;
  void OnPeerErrors(UdpSocket& socket) override;
  void OnFull(UdpSocket& socket) override;
  void OnDeviceFull(UdpSocket& socket) override;

  void OnReadable();
  // Asks the descriptor that alone brought datagrams in the last rounds; false when the epoll set is to be looked at.
  bool VisitLone();
  // Goes on with that one, where its thread may sleep for it.
  void AwaitLone();
  // Sleeps for what comes, answers it where that was given in advance, and so on. How many datagrams the last sleep brought.
  uint32_t AwaitUnanswered(UdpSocket& socket, uint64_t end_ns);
  // Answers what came last of this socket, where that was given in advance.
  bool AnswerAhead(const UdpSocket& socket);
  // One look at the epoll set; false when there was nothing.
  bool Round();
  // `key` is the data of an event: a handle, and which of the socket's descriptors it is.
  void Serve(uint64_t key, uint32_t events);
  // False when there were none.
  bool TellNews();
  void Connect(UdpSocket& socket);
  void Disconnect(UdpSocket& socket);
  void Resume(UdpSocket& socket);
  int Add(std::unique_ptr<UdpSocket> opened, bool receives, uint32_t* handle, const char** failed_call);
  void Free(UdpSocket& socket);
  void WatchRoom(UdpSocket& socket, bool wanted);
  static void OnHandleClosed(uv_handle_t* handle);

  uv_loop_t* loop_;
  ReactorHandler* handler_;
  BatchReceiver receiver_;
  BatchSender sender_;
  int epoll_ = -1;
  size_t connected_ = 0;
  size_t connected_max_ = 0;
  uv_poll_t poll_{};
  uv_timer_t device_timer_{};
  bool stopped_ = false;
  int open_handles_ = 0;
  void (*on_closed_)(void*) = nullptr;
  void* on_closed_data_ = nullptr;

  SocketSlots sockets_;
  std::vector<uint32_t> device_waiters_;
  std::vector<SocketError> errors_;
  std::vector<uint32_t> gone_;

  uint64_t lone_key_ = 0;
  uint32_t lone_rounds_ = 0;
  uint32_t lone_visits_ = 0;
  AnswersAhead ahead_;
  // Turns in which the lone one is not waited for.
  uint32_t turns_until_await_ = 0;
};

}  // namespace ntftp
