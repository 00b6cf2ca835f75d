/*
 * A link with weather: forwards IP packets between two TUN devices and loses, delays, reorders, doubles and corrupts
 * them by a seed. It stands in for `tc netem` where the kernel has none, and unlike a proxy for UDP it is invisible to
 * both ends: addresses, ports and ICMP stay.
 *
 *   weather NS_A DEV_A NS_B DEV_B key=value...
 *
 * NS_* are paths of network namespaces (/var/run/netns/NAME); devices are created and kept. Keys, the same for both
 * directions: seed, loss, duplicate, corrupt, reorder (probabilities), delay_us, jitter_us, queue (packets),
 * away_after, away_ms (a link that goes away when so many packets have come, and for how long). Prints "ready" when packets can pass; ends with SIGTERM and prints
 * what it did.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 66000
#define HELD_MAX 4096

struct held {
  uint64_t at_us;
  uint64_t order;
  int to;
  int length;
  unsigned char *bytes;
};

static struct held heap[HELD_MAX];
static int held_count = 0;
static uint64_t order = 0;
static uint64_t random_state = 1;
static volatile sig_atomic_t stopping = 0;
static uint64_t back_at_us = 0;
static uint64_t forwarded, lost, doubled, corrupted, reordered;

static double loss, duplicate, corrupt, reorder;
static long delay_us, jitter_us, away_after = -1, away_ms = 0, queue = 1000;

static void stop(int signal_number) {
  (void)signal_number;
  stopping = 1;
}

static uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* splitmix64 */
static double chance(void) {
  uint64_t z = (random_state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static int before(const struct held *a, const struct held *b) {
  return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void push(struct held item) {
  int at = held_count++;
  while (at > 0 && before(&item, &heap[(at - 1) / 2])) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = item;
}

static struct held pop(void) {
  struct held top = heap[0];
  struct held last = heap[--held_count];
  int at = 0;
  for (;;) {
    int child = 2 * at + 1;
    if (child >= held_count) break;
    if (child + 1 < held_count && before(&heap[child + 1], &heap[child])) child++;
    if (before(&last, &heap[child])) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return top;
}

static int open_tun(const char *namespace_path, const char *device) {
  int space = open(namespace_path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) < 0) {
    perror(namespace_path);
    exit(1);
  }
  close(space);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) {
    perror("/dev/net/tun");
    exit(1);
  }
  return tun;
}

static void hold(const unsigned char *bytes, int length, int to, uint64_t now) {
  if (held_count >= HELD_MAX || held_count >= queue) {
    lost++;
    return;
  }
  struct held item = {now + delay_us + (uint64_t)(chance() * jitter_us), order++, to, length, malloc(length)};
  if (chance() < reorder) {
    /* Leaves at once, ahead of whatever is under way. */
    item.at_us = now;
    reordered++;
  }
  memcpy(item.bytes, bytes, length);
  if (chance() < corrupt) {
    /* Behind the IP header: UDP's checksum will notice. */
    int at = 20 + (int)(chance() * (length - 20));
    if (at < length) item.bytes[at] ^= 1 << (int)(chance() * 8);
    corrupted++;
  }
  push(item);
}

static void take(const unsigned char *bytes, int length, int to, uint64_t now) {
  if (away_after >= 0 && away_after-- == 0) back_at_us = now + (uint64_t)away_ms * 1000;
  if (now < back_at_us || chance() < loss) {
    lost++;
    return;
  }
  hold(bytes, length, to, now);
  if (chance() < duplicate) {
    doubled++;
    hold(bytes, length, to, now);
  }
}

static void configure(const char *argument) {
  const char *equals = strchr(argument, '=');
  if (equals == NULL) {
    fprintf(stderr, "weather: %s is no key=value\n", argument);
    exit(2);
  }
  size_t length = equals - argument;
  double value = atof(equals + 1);
#define KEY(name) (length == strlen(name) && strncmp(argument, name, length) == 0)
  if (KEY("seed")) random_state = (uint64_t)value;
  else if (KEY("loss")) loss = value;
  else if (KEY("duplicate")) duplicate = value;
  else if (KEY("corrupt")) corrupt = value;
  else if (KEY("reorder")) reorder = value;
  else if (KEY("delay_us")) delay_us = (long)value;
  else if (KEY("jitter_us")) jitter_us = (long)value;
  else if (KEY("queue")) queue = (long)value;
  else if (KEY("away_after")) away_after = (long)value;
  else if (KEY("away_ms")) away_ms = (long)value;
  else {
    fprintf(stderr, "weather: unknown key in %s\n", argument);
    exit(2);
  }
}

int main(int count, char **arguments) {
  if (count < 5) {
    fprintf(stderr, "usage: weather NS_A DEV_A NS_B DEV_B [key=value...]\n");
    return 2;
  }
  for (int at = 5; at < count; at++) configure(arguments[at]);
  int tuns[2] = {open_tun(arguments[1], arguments[2]), open_tun(arguments[3], arguments[4])};
  signal(SIGTERM, stop);
  signal(SIGINT, stop);
  printf("ready\n");
  fflush(stdout);

  static unsigned char bytes[PACKET_MAX];
  while (!stopping) {
    uint64_t now = now_us();
    while (held_count > 0 && heap[0].at_us <= now) {
      struct held item = pop();
      if (write(tuns[item.to], item.bytes, item.length) == item.length) forwarded++;
      else lost++;
      free(item.bytes);
    }
    struct timespec wait = {1, 0};
    if (held_count > 0) {
      uint64_t us = heap[0].at_us - now;
      wait.tv_sec = us / 1000000;
      wait.tv_nsec = us % 1000000 * 1000;
    }
    struct pollfd ready[2] = {{tuns[0], POLLIN, 0}, {tuns[1], POLLIN, 0}};
    if (ppoll(ready, 2, &wait, NULL) < 0 && errno != EINTR) return 1;
    now = now_us();
    for (int side = 0; side < 2; side++) {
      /* As many as are there, but so few that none waits for long. */
      for (int turn = 0; turn < 64; turn++) {
        int length = (int)read(tuns[side], bytes, sizeof bytes);
        if (length <= 0) break;
        take(bytes, length, 1 - side, now);
      }
    }
  }
  printf("forwarded %lu, lost %lu, doubled %lu, corrupted %lu, reordered %lu\n", (unsigned long)forwarded,
         (unsigned long)lost, (unsigned long)doubled, (unsigned long)corrupted, (unsigned long)reordered);
  return 0;
}
