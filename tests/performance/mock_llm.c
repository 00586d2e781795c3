/* A chat server with known send times: one epoll thread, loopback only, no dependencies.
 *
 *   mock_llm --port P [--ttft-ms 0] [--itl-ms 0] [--chunks 64] [--per-write 1] [--role-first] [--truth FILE]
 *
 * Content chunk k of a streamed answer is written at t_rx + ttft + k * itl, on an absolute schedule. With ttft = itl = 0 it floods: every open
 * stream gets one write per turn. A plain answer is written at t_rx + ttft + (chunks - 1) * itl. On SIGTERM the truth is written: one JSON line per
 * request with its tag, its connection, and CLOCK_MONOTONIC in ns of its arrival (t_rx), of every content chunk, taken just before its write, and of
 * its end. The tag is the number behind "tag-" in the body plus a million times the number behind "seed": which request it was, in the client's words. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define IN_SIZE 65536

typedef struct {
  int64_t received, ended;
  int64_t *sent;
  int n_sent, connection;
  long tag;
} Request;

typedef struct {
  int fd, n_in, n_out, out_at, is_waiting_for_room;
  char *in, *out;
  Request *request; /* being answered, or NULL */
  int is_stream, next, heap_place;
  int64_t due;
} Connection;

static int64_t ttft_ns, itl_ns;
static int n_chunks = 64, per_write = 1, is_role_first, epoll_fd;
static const char *truth_path;
static Connection *connections[MAX_CONNECTIONS];
static Request **requests;
static int n_requests, room_for_requests;
static Connection *heap[MAX_CONNECTIONS];
static int heap_size;
static volatile sig_atomic_t is_over;

static char head_stream[512], head_plain[512], role_event[512], content_event[512], tail_events[2048], *writes, *plain_body;
static int head_stream_n, role_n, content_n, tail_n, plain_n;

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- the schedule: a binary heap of connections by due time ---- */
static void heap_put(int place, Connection *c) {
  heap[place] = c;
  c->heap_place = place;
}

static void heap_up(int place) {
  Connection *c = heap[place];
  while (place > 0 && heap[(place - 1) / 2]->due > c->due) {
    heap_put(place, heap[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  heap_put(place, c);
}

static void heap_down(int place) {
  Connection *c = heap[place];
  for (;;) {
    int child = 2 * place + 1;
    if (child >= heap_size) break;
    if (child + 1 < heap_size && heap[child + 1]->due < heap[child]->due) child++;
    if (heap[child]->due >= c->due) break;
    heap_put(place, heap[child]);
    place = child;
  }
  heap_put(place, c);
}

static void heap_add(Connection *c) {
  heap_put(heap_size++, c);
  heap_up(c->heap_place);
}

static void heap_remove(Connection *c) {
  int place = c->heap_place;
  if (place < 0) return;
  c->heap_place = -1;
  Connection *last = heap[--heap_size];
  if (last == c) return;
  heap_put(place, last);
  heap_up(place);
  heap_down(last->heap_place);
}

/* ---- answers ---- */
static int as_http_chunk(char *to, size_t room, const char *event) { return snprintf(to, room, "%zx\r\n%s\r\n", strlen(event), event); }

static void event(char *to, size_t room, const char *choices, const char *more) {
  snprintf(to, room, "data: {\"id\":\"chatcmpl-00000001\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mock\",\"choices\":[%s]%s}\n\n", choices, more);
}

static void prepare(void) {
  char one[600];
  event(one, sizeof one, "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}", "");
  role_n = as_http_chunk(role_event, sizeof role_event, one);
  event(one, sizeof one, "{\"index\":0,\"delta\":{\"content\":\" token\"},\"finish_reason\":null}", "");
  content_n = as_http_chunk(content_event, sizeof content_event, one);
  event(one, sizeof one, "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}", "");
  tail_n = as_http_chunk(tail_events, sizeof tail_events, one);
  char usage[200];
  snprintf(usage, sizeof usage, ",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":%d,\"total_tokens\":%d}", n_chunks, n_chunks + 9);
  event(one, sizeof one, "", usage);
  tail_n += as_http_chunk(tail_events + tail_n, sizeof tail_events - tail_n, one);
  tail_n += as_http_chunk(tail_events + tail_n, sizeof tail_events - tail_n, "data: [DONE]\n\n");
  tail_n += snprintf(tail_events + tail_n, sizeof tail_events - tail_n, "0\r\n\r\n");
  head_stream_n = snprintf(head_stream, sizeof head_stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
  writes = malloc((size_t)per_write * content_n);
  for (int i = 0; i < per_write; i++) memcpy(writes + i * content_n, content_event, content_n);
  plain_body = malloc(1024 + 6 * (size_t)n_chunks);
  int n = sprintf(plain_body, "{\"id\":\"chatcmpl-00000001\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"mock\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
  for (int i = 0; i < n_chunks; i++) n += sprintf(plain_body + n, " token");
  n += sprintf(plain_body + n, "\"},\"finish_reason\":\"stop\"}]%s}", usage);
  int head = snprintf(head_plain, sizeof head_plain, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", n);
  memmove(plain_body + head, plain_body, n + 1);
  memcpy(plain_body, head_plain, head);
  plain_n = head + n;
}

static void forget(Connection *c) {
  heap_remove(c);
  connections[c->fd] = NULL;
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c);
}

static void watch(Connection *c, int is_waiting) {
  if (c->is_waiting_for_room == is_waiting) return;
  c->is_waiting_for_room = is_waiting;
  struct epoll_event e = {.events = EPOLLIN | (is_waiting ? EPOLLOUT : 0), .data.fd = c->fd};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

/* 0: all of it is with the kernel; 1: the rest waits for room; -1: the connection is gone */
static int put(Connection *c, const char *data, int n) {
  ssize_t k = c->n_out > c->out_at ? 0 : send(c->fd, data, n, MSG_NOSIGNAL);
  if (k < 0) {
    if (errno != EAGAIN) return -1;
    k = 0;
  }
  if (k == n) return 0;
  c->out = realloc(c->out, c->n_out + n - k);
  memcpy(c->out + c->n_out, data + k, n - k);
  c->n_out += n - k;
  watch(c, 1);
  return 1;
}

static int on_request(Connection *c);

/* One write of an answer; -1: the connection is gone */
static int answer(Connection *c) {
  Request *r = c->request;
  int64_t now = now_ns();
  int state;
  if (!c->is_stream) {
    r->sent[r->n_sent++] = now;
    state = put(c, plain_body, plain_n);
    c->next = n_chunks;
  } else if (c->next < 0) { /* the head and the empty role chunk alone */
    char both[1024];
    memcpy(both, head_stream, head_stream_n);
    memcpy(both + head_stream_n, role_event, role_n);
    state = put(c, both, head_stream_n + role_n);
    c->next = 0;
  } else {
    int n = n_chunks - c->next < per_write ? n_chunks - c->next : per_write;
    for (int i = 0; i < n; i++) r->sent[r->n_sent++] = now;
    state = put(c, writes, n * content_n);
    c->next += n;
    if (state >= 0 && c->next >= n_chunks) state = put(c, tail_events, tail_n);
  }
  if (state < 0) return -1;
  if (c->next < n_chunks) {
    c->due = r->received + ttft_ns + c->next * itl_ns;
    return 0;
  }
  r->ended = now;
  c->request = NULL;
  heap_remove(c);
  return c->n_in ? on_request(c) : 0;
}

static long number_behind(const char *text, const char *mark) {
  const char *found = strstr(text, mark);
  if (!found) return 0;
  found += strlen(mark);
  while (*found == ' ') found++;
  return atol(found);
}

static int reply(Connection *c, const char *body) {
  char all[512];
  int n = snprintf(all, sizeof all, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
  return put(c, all, n);
}

/* Take one request from the buffer, if it is whole. */
static int on_request(Connection *c) {
  c->in[c->n_in] = 0;
  char *end = strstr(c->in, "\r\n\r\n");
  if (!end) return 0;
  char *length = strcasestr(c->in, "\r\ncontent-length:");
  int n_body = length && length < end ? atoi(length + 17) : 0, n = (int)(end + 4 - c->in) + n_body;
  if (c->n_in < n) return 0;
  int64_t now = now_ns();
  int is_call = !strncmp(c->in, "POST ", 5), state = 0;
  char kept = c->in[n];
  c->in[n] = 0;
  if (is_call) {
    const char *body = end + 4;
    c->is_stream = strstr(body, "\"stream\":true") || strstr(body, "\"stream\": true");
    Request *r = calloc(1, sizeof *r);
    r->received = now;
    r->connection = c->fd;
    r->sent = malloc(sizeof *r->sent * n_chunks);
    r->tag = number_behind(body, "tag-") + 1000000 * number_behind(body, "\"seed\":");
    if (n_requests == room_for_requests) requests = realloc(requests, sizeof *requests * (room_for_requests = 2 * room_for_requests + 1024));
    requests[n_requests++] = c->request = r;
    c->next = c->is_stream ? -1 : 0;
    c->due = c->is_stream ? now + (is_role_first ? 0 : ttft_ns) : now + ttft_ns + (n_chunks - 1) * itl_ns;
    if (c->is_stream && !is_role_first && ttft_ns) { /* headers leave at once, the role chunk with the first content */
      state = put(c, head_stream, head_stream_n);
      state = state < 0 ? state : 0;
      c->next = 0;
      c->due = now + ttft_ns;
    }
    heap_add(c);
  } else {
    state = reply(c, strstr(c->in, "/models") ? "{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\"}]}" : "{}");
  }
  c->in[n] = kept;
  memmove(c->in, c->in + n, c->n_in - n);
  c->n_in -= n;
  return state < 0 ? -1 : 0;
}

static void on_ready(Connection *c, unsigned events) {
  if (events & EPOLLOUT && c->n_out) {
    ssize_t k = send(c->fd, c->out + c->out_at, c->n_out - c->out_at, MSG_NOSIGNAL);
    if (k > 0) c->out_at += k;
    if (c->out_at == c->n_out) {
      c->out_at = c->n_out = 0;
      watch(c, 0);
    }
  }
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    ssize_t k = recv(c->fd, c->in + c->n_in, IN_SIZE - 1 - c->n_in, 0);
    if (k == 0 || (k < 0 && errno != EAGAIN)) {
      forget(c);
      return;
    }
    if (k > 0) {
      c->n_in += k;
      if (!c->request && on_request(c) < 0) forget(c);
    }
  }
}

static void accept_all(int listener) {
  int one = 1, fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= MAX_CONNECTIONS) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    Connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    c->heap_place = -1;
    c->in = malloc(IN_SIZE);
    connections[fd] = c;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
  }
}

static void flood_turn(void) {
  static Connection *turn[MAX_CONNECTIONS];
  int n = heap_size;
  memcpy(turn, heap, n * sizeof *turn);
  for (int i = 0; i < n; i++)
    if (!turn[i]->is_waiting_for_room && answer(turn[i]) < 0) forget(turn[i]);
}

static void write_truth(void) {
  FILE *file = fopen(truth_path, "w");
  if (!file) exit(1);
  for (int i = 0; i < n_requests; i++) {
    Request *r = requests[i];
    fprintf(file, "{\"tag\":%ld,\"connection\":%d,\"received\":%ld,\"ended\":%ld,\"sent\":[", r->tag, r->connection, (long)r->received, (long)r->ended);
    for (int k = 0; k < r->n_sent; k++) fprintf(file, k ? ",%ld" : "%ld", (long)r->sent[k]);
    fprintf(file, "]}\n");
  }
  fclose(file);
}

static void on_signal(int number) {
  (void)number;
  is_over = 1;
}

int main(int n_words, char **words) {
  int port = 0, one = 1;
  for (int i = 1; i < n_words; i++) {
    const char *name = words[i];
    if (!strcmp(name, "--role-first")) is_role_first = 1;
    else if (i + 1 == n_words) return 2;
    else if (!strcmp(name, "--port")) port = atoi(words[++i]);
    else if (!strcmp(name, "--ttft-ms")) ttft_ns = (int64_t)(atof(words[++i]) * 1e6);
    else if (!strcmp(name, "--itl-ms")) itl_ns = (int64_t)(atof(words[++i]) * 1e6);
    else if (!strcmp(name, "--chunks")) n_chunks = atoi(words[++i]);
    else if (!strcmp(name, "--per-write")) per_write = atoi(words[++i]);
    else if (!strcmp(name, "--truth")) truth_path = words[++i];
    else return 2;
  }
  prepare();
  prctl(PR_SET_TIMERSLACK, 1);
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (void *)&address, size) || listen(listener, 1024) || getsockname(listener, (void *)&address, &size)) return 1;
  epoll_fd = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, ready[512];
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int is_flood = !ttft_ns && !itl_ns;
  while (!is_over) {
    int64_t wait = heap_size ? heap[0]->due - now_ns() : 1000000000LL;
    if (is_flood && heap_size) {
      wait = 1000000; /* when every stream waits for room */
      for (int i = 0; i < heap_size; i++)
        if (!heap[i]->is_waiting_for_room) wait = 0;
    }
    if (wait < 0) wait = 0;
    struct timespec t = {wait / 1000000000LL, wait % 1000000000LL};
    int n = epoll_pwait2(epoll_fd, ready, 512, &t, NULL);
    for (int i = 0; i < n; i++) {
      if (ready[i].data.fd == listener) accept_all(listener);
      else if (connections[ready[i].data.fd]) on_ready(connections[ready[i].data.fd], ready[i].events);
    }
    if (is_flood) {
      flood_turn();
      continue;
    }
    while (heap_size && heap[0]->due <= now_ns()) {
      Connection *c = heap[0];
      if (answer(c) < 0) forget(c);
      else if (c->heap_place >= 0) heap_down(c->heap_place);
    }
  }
  if (truth_path) write_truth();
  return 0;
}
