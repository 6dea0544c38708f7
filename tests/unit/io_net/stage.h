/* SPDX-License-Identifier: Apache-2.0
 *
 * A stage for net: one loop with a listener, and the test itself as client and as
 * provider on loopback sockets. One thread: waiting for anything turns the loop. A
 * wait that would hang fails the test after many turns; nothing asserts a duration.
 */
#ifndef PORTCULLIS_TESTS_NET_STAGE_H
#define PORTCULLIS_TESTS_NET_STAGE_H

#include "fake_flow.h"

#include "portcullis/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS_MAX 20000 /* of 1 ms: far beyond any deadline used here */

struct stage {
    uv_loop_t loop;
    struct net *net;
    struct net_options options;
    struct net_hooks hooks;
    struct flow_env env;
    struct buf_spares spares;
    struct net_exceptions *exceptions;
    struct tls_client *tls;
    uint16_t port, provider_port;
    int provider;       /* listening */
    unsigned listener;
    int pins;
    unsigned records;
    enum err append_err;
    uint64_t seq, synced;
    struct net_ticket ticket; /* of the last management request */
    char served_body[256];
    unsigned serves;
    bool is_drained;
};

static struct stage stage;

static inline void *stage_begin(void *context, struct flow_start *start)
{
    (void)context;
    start->snapshot = NULL;
    stage.pins++;
    return &stage;
}
static inline void stage_end(void *context, void *pin)
{
    (void)context;
    assert_ptr_equal(pin, &stage);
    stage.pins--;
}
static inline const struct policy_snapshot *stage_snapshot(void *context, void *pin)
{
    (void)context;
    (void)pin;
    return NULL;
}
static inline enum err stage_append(void *context, struct str record, uint64_t *ret_seq)
{
    (void)context;
    assert_true(record.len > 0);
    stage.records++;
    *ret_seq = ++stage.seq;
    return stage.append_err;
}
static inline uint64_t stage_synced(void *context)
{
    (void)context;
    return stage.synced;
}
static inline void stage_serve(void *context, const struct net_serve *s)
{
    (void)context;
    stage.ticket = s->ticket;
    stage.serves++;
    snprintf(stage.served_body, sizeof(stage.served_body), "%.*s %s", STR_ARG(s->body), s->peer);
}
static inline struct tls_client *stage_tls_client(void *context, struct str ca_file)
{
    (void)context;
    (void)ca_file;
    return stage.tls == NULL ? NULL : tls_client_ref(stage.tls);
}
static inline void stage_drained(void *context)
{
    (void)context;
    stage.is_drained = true;
}

static inline int stage_listen(uint16_t *ret_port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

/* Sets up everything; change stage.options before stage_open. */
static inline void stage_init(void)
{
    memset(&stage, 0, sizeof(stage));
    signal(SIGPIPE, SIG_IGN);
    net_options_default(&stage.options);
    stage.env.answer_bytes_max = 16u << 20;
    stage.env.spares = &stage.spares;
    stage.provider = stage_listen(&stage.provider_port);
    fake.endpoint = (struct route_endpoint){
        .credential_id = STR("cred"),
        .url = {.host = STR("127.0.0.1"), .port = stage.provider_port, .is_ip = true},
    };
    for (unsigned i = 0; i < 6; i++) {
        fake.ends[i] = 0;
    }
    fake.begun = fake.ended = fake.gone = fake.calls = fake.bad = fake.served = 0;
    fake.reason[0] = '\0';
    fake.turns = 0;
    fake.loop_thread = uv_thread_self();
    fake.is_held = false;
    fake.working = fake.worked = fake.worked_on_loop = 0;
    fake.leaves = false;
    fake.left = fake.freed = fake.freed_on_loop = 0;
    memset(fake.work_log, 0, sizeof(fake.work_log));
    memset(fake.turn_log, 0, sizeof(fake.turn_log));
    fake.deadlines.connect_ms = 3000;
    fake.deadlines.first_byte_ms = 5000;
    fake.deadlines.idle_ms = 5000;
    fake.deadlines.total_ms = 20000;
}

static inline void stage_open(struct tls_server *server)
{
    int fd;
    struct issue issue;
    assert_int_equal(net_exceptions_new(STR("127.0.0.0/8 localhost"), &stage.exceptions, &issue),
                     ERR_OK);
    stage.options.exceptions = stage.exceptions;
    stage.hooks = (struct net_hooks){
        .context = &stage,
        .env = &stage.env,
        .begin = stage_begin,
        .end = stage_end,
        .snapshot = stage_snapshot,
        .append = stage_append,
        .synced = stage_synced,
        .serve = stage_serve,
        .tls_client = stage_tls_client,
        .on_drained = stage_drained,
    };
    assert_int_equal(uv_loop_init(&stage.loop), 0);
    assert_int_equal(net_new(&stage.loop, &stage.options, &stage.hooks, &stage.net), ERR_OK);
    assert_int_equal(net_socket_open(STR("127.0.0.1"), 0, 2048, &fd, &stage.port, &issue), ERR_OK);
    assert_int_equal(net_listen(stage.net, fd, server, 7, &stage.listener), ERR_OK);
}

/* Every exchange that began has ended, every pin was given back. */
static inline void stage_close(void)
{
    net_close(stage.net);
    net_run(stage.net);
    assert_int_equal(net_stats(stage.net)->clients, 0);
    assert_int_equal(net_stats(stage.net)->upstreams, 0);
    assert_int_equal(net_stats(stage.net)->upstreams_idle, 0);
    assert_int_equal(net_stats(stage.net)->requests_active, 0);
    assert_int_equal(net_stats(stage.net)->requests_waiting, 0);
    net_free(stage.net);
    buf_spares_fini(&stage.spares);
    assert_int_equal(uv_loop_close(&stage.loop), 0);
    net_exceptions_free(stage.exceptions);
    close(stage.provider);
    assert_int_equal(fake.begun, fake.ended);
    assert_int_equal(fake.left, fake.freed);
    assert_int_equal(stage.pins, 0);
}

static inline void stage_turn(void)
{
    net_turn(stage.net, false);
    struct pollfd nothing = {.fd = -1};
    poll(&nothing, 0, 1);
    net_turn(stage.net, false);
}

#define stage_until(condition)                                                                     \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            assert_true(turns_ < TURNS_MAX);                                                       \
            stage_turn();                                                                          \
        }                                                                                          \
    } while (0)

static inline int stage_connect_to(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}
static inline int stage_connect(void)
{
    return stage_connect_to(stage.port);
}
static inline int stage_connect_accepted(void) /* the gateway has it by then */
{
    uint64_t before = net_stats(stage.net)->clients;
    int fd = stage_connect();
    stage_until(net_stats(stage.net)->clients == before + 1);
    return fd;
}
static inline int provider_accept(void)
{
    int fd = -1;
    stage_until((fd = accept(stage.provider, NULL, NULL)) >= 0);
    return fd;
}

/* Sends all, turning the loop while the socket is full. */
static inline void stage_send(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            assert_true(errno == EAGAIN);
            stage_turn();
            continue;
        }
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
}

struct inbox {
    char bytes[1 << 16];
    size_t len;
    bool is_eof, is_reset;
};

/* One receive; turns the loop when there is nothing. */
static inline void stage_receive(int fd, struct inbox *in)
{
    ssize_t n = recv(fd, in->bytes + in->len, sizeof(in->bytes) - 1 - in->len, MSG_DONTWAIT);
    if (n > 0) {
        in->len += (size_t)n;
    } else if (n == 0) {
        in->is_eof = true;
    } else if (errno != EAGAIN) {
        in->is_reset = true;
    } else {
        stage_turn();
    }
    in->bytes[in->len] = '\0';
}

static inline void stage_expect(int fd, struct inbox *in, const char *needle)
{
    for (int turns = 0; strstr(in->bytes, needle) == NULL; turns++) {
        if (turns >= TURNS_MAX || in->is_eof || in->is_reset) {
            fail_msg("waited for \"%s\", have \"%s\" eof %d reset %d", needle, in->bytes,
                     in->is_eof, in->is_reset);
        }
        stage_receive(fd, in);
    }
}

static inline void stage_expect_eof(int fd, struct inbox *in)
{
    for (int turns = 0; !in->is_eof && !in->is_reset; turns++) {
        assert_true(turns < TURNS_MAX);
        stage_receive(fd, in);
        if (in->len > sizeof(in->bytes) / 2) {
            in->len = 0;
        }
    }
}

static inline unsigned count_of(const char *text, const char *needle)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, needle)) != NULL; at += strlen(needle)) {
        n++;
    }
    return n;
}

static inline void reset_socket(int fd) /* RST instead of FIN */
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

#define CALL_REQUEST "POST /call HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\nhello"
#define ECHO_REQUEST "POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\nabc"
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

/* Waits for the head of the call; everything is fine. */
static inline void provider_answer(int provider)
{
    static struct inbox got;
    memset(&got, 0, sizeof(got));
    stage_expect(provider, &got, "\r\n\r\n");
    stage_send(provider, STR(OK_ANSWER));
}
/* Whatever else is under way, another client is answered. */
static inline void stage_expect_echo(void)
{
    static struct inbox got;
    int fd = stage_connect();
    memset(&got, 0, sizeof(got));
    stage_send(fd, STR(ECHO_REQUEST));
    stage_expect(fd, &got, "\r\n\r\nabc");
    close(fd);
}

#endif
