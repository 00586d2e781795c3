/* The limit in user space: a closed loop in C on one epoll thread, which stamps every chunk at its read and does nothing else.
 *
 *   raw_client --port P --requests N --concurrency C [--plain] --out FILE
 *
 * FILE gets one record per request: tag, send time, number of stamps, then the stamps; 64-bit integers, CLOCK_MONOTONIC in ns. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (1 << 18)

typedef struct {
  int64_t sent, *stamps;
  int n, room;
} Answer;

typedef struct {
  int fd, request, have, looked;
  char *buffer;
} Connection;

static int port, n_wanted = 1, n_together = 1, is_plain, n_asked, n_done;
static Answer *answers;

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void ask(Connection *c) {
  if (n_asked == n_wanted) return;
  c->request = n_asked++;
  c->have = c->looked = 0;
  char body[256], all[512];
  int n = snprintf(body, sizeof body, "{\"model\":\"mock\",\"messages\":[{\"role\":\"user\",\"content\":\"tag-%d Write on.\"}],\"stream\":%s,\"stream_options\":{\"include_usage\":true}}", c->request, is_plain ? "false" : "true");
  n = snprintf(all, sizeof all, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", port, n, body);
  answers[c->request].sent = now_ns();
  if (send(c->fd, all, n, 0) != n) exit(1);
}

static void stamp(Answer *a, int64_t now) {
  if (a->n == a->room) a->stamps = realloc(a->stamps, sizeof *a->stamps * (a->room = a->room ? 2 * a->room : 130));
  a->stamps[a->n++] = now;
}

/* Stamp the events that came whole; whether the answer is over */
static int look(Connection *c, int64_t now) {
  Answer *a = &answers[c->request];
  char *end = c->buffer + c->have;
  if (is_plain) {
    char *body = memmem(c->buffer, c->have, "\r\n\r\n", 4), *length = body ? memmem(c->buffer, body - c->buffer, "Content-Length:", 15) : NULL;
    if (!length || end - body - 4 < atoi(length + 15)) return 0;
    stamp(a, now);
    return 1;
  }
  char *from = c->buffer + c->looked, *blank;
  while ((blank = memmem(from, end - from, "\n\n", 2))) {
    char *content = memmem(from, blank - from, "\"content\":\"", 11);
    if (content && content[11] != '"') stamp(a, now);
    from = blank + 2;
  }
  c->looked = from - c->buffer;
  return c->have >= 5 && !memcmp(end - 5, "0\r\n\r\n", 5);
}

static void write_answers(const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file) exit(1);
  for (int i = 0; i < n_wanted; i++) {
    int64_t head[3] = {i, answers[i].sent, answers[i].n};
    fwrite(head, sizeof *head, 3, file);
    fwrite(answers[i].stamps, sizeof *answers[i].stamps, answers[i].n, file);
  }
  fclose(file);
}

int main(int n_words, char **words) {
  const char *out = NULL;
  for (int i = 1; i < n_words; i++) {
    if (!strcmp(words[i], "--plain")) is_plain = 1;
    else if (i + 1 == n_words) return 2;
    else if (!strcmp(words[i], "--port")) port = atoi(words[++i]);
    else if (!strcmp(words[i], "--requests")) n_wanted = atoi(words[++i]);
    else if (!strcmp(words[i], "--concurrency")) n_together = atoi(words[++i]);
    else if (!strcmp(words[i], "--out")) out = words[++i];
    else return 2;
  }
  answers = calloc(n_wanted, sizeof *answers);
  int epoll_fd = epoll_create1(0), one = 1;
  Connection *all = calloc(n_together, sizeof *all);
  for (int i = 0; i < n_together && i < n_wanted; i++) {
    Connection *c = &all[i];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (void *)&address, sizeof address)) return 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->buffer = malloc(BUFFER);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
    ask(c);
  }
  struct epoll_event ready[256];
  while (n_done < n_wanted) {
    int n = epoll_wait(epoll_fd, ready, 256, -1);
    for (int i = 0; i < n; i++) {
      Connection *c = ready[i].data.ptr;
      if (BUFFER == c->have) return 1;
      ssize_t k = recv(c->fd, c->buffer + c->have, BUFFER - c->have, 0);
      if (k < 0 && errno == EAGAIN) continue;
      if (k <= 0) return 1;
      c->have += k;
      if (look(c, now_ns())) {
        n_done++;
        ask(c);
      }
    }
  }
  if (out) write_answers(out);
  return 0;
}
