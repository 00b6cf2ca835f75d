// The calls that every datagram takes. In a process of several threads, libc puts points of cancellation around them, two
// atomic operations each, for threads that nobody cancels here.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ntftp {

// Sanitizers look at what libc's functions are given. Elsewhere than on these two, numbers and kernels differ.
#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(__SANITIZE_ADDRESS__) && defined(__LP64__)

inline ssize_t SendTo(int fd, const void* bytes, size_t length, const sockaddr* to, socklen_t to_length) {
  return syscall(SYS_sendto, fd, bytes, length, MSG_DONTWAIT, to, to_length);
}

inline ssize_t SendMessage(int fd, const msghdr* message) { return syscall(SYS_sendmsg, fd, message, MSG_DONTWAIT); }

inline ssize_t ReceiveFrom(int fd, void* bytes, size_t length, int flags, sockaddr* from, socklen_t* from_length) {
  return syscall(SYS_recvfrom, fd, bytes, length, flags, from, from_length);
}

#else

inline ssize_t SendTo(int fd, const void* bytes, size_t length, const sockaddr* to, socklen_t to_length) {
  return sendto(fd, bytes, length, MSG_DONTWAIT, to, to_length);
}

inline ssize_t SendMessage(int fd, const msghdr* message) { return sendmsg(fd, message, MSG_DONTWAIT); }

inline ssize_t ReceiveFrom(int fd, void* bytes, size_t length, int flags, sockaddr* from, socklen_t* from_length) {
  return recvfrom(fd, bytes, length, flags, from, from_length);
}

#endif

}  // namespace ntftp
