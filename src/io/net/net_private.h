/* SPDX-License-Identifier: Apache-2.0
 *
 * net, inside: the objects of one loop and who may call whom.
 *
 *   listener.c -> client.c <-> request.c <-> upstream.c -> pool.c, dns.c, address.c
 *                      \            |            /
 *                       wheel.c   flow, work.c   client_write.c, upstream_io.c
 *
 * request.c is the only caller of flow, but for the calls that work.c has done elsewhere.
 * client.c and upstream.c are the two state machines; each has one function that moves it.
 * Handles live in client, upstream and listener only and are freed by their close
 * callbacks; a request holds none, so it may outlive its client (its record may still wait
 * for the disk).
 */
#ifndef PORTCULLIS_NET_PRIVATE_H
#define PORTCULLIS_NET_PRIVATE_H

#include "portcullis/net.h"

#define NET_TICK_MS 100
#define NET_SLOTS 512
#define NET_READ_BYTES (64 * 1024)
#define NET_SURPLUS_MAX (256 * 1024)  /* pipelined bytes kept while a request runs */
#define NET_LINGER_BYTES (4 * 1024 * 1024)
#define NET_LISTENERS_MAX 16
#define NET_ADDRS_MAX 8
#define NET_SERVE_MS 90000            /* a management answer comes within this, or 504 */
#define NET_PARK_MS 10000             /* a record is on disk within this, or the request fails */
#define NET_LEFTOVERS_MAX 4
#define NET_NEVER UINT64_MAX

#define NET_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* ---- intrusive lists ----------------------------------------------------------------- */

struct net_list {
    struct net_list *prev, *next;
};
static inline void list_init(struct net_list *l)
{
    l->prev = l;
    l->next = l;
}
static inline bool list_is_empty(const struct net_list *l)
{
    return l->next == l;
}
static inline void list_add(struct net_list *head, struct net_list *item) /* at the end */
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}
static inline void list_remove(struct net_list *item) /* twice is harmless */
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}
/* Moves all items of `from` to the empty list `to`. */
static inline void list_take(struct net_list *to, struct net_list *from)
{
    list_init(to);
    if (!list_is_empty(from)) {
        *to = *from;
        to->next->prev = to;
        to->prev->next = to;
        list_init(from);
    }
}

/* ---- wheel.c: deadlines without a timer per connection ------------------------------- */

struct net_timer {
    struct net_list node;
    uint64_t due_ms;    /* NET_NEVER = not wanted */
    uint64_t placed_ms; /* in which slot it lies; earlier than due_ms is allowed */
    void (*on_due)(struct net_timer *t);
};
struct net_wheel {
    struct net_list slots[NET_SLOTS];
    struct net_list ready; /* to run on the next turn, whatever the time */
    uint64_t at_ms;        /* slots before this have run */
};
void wheel_init(struct net_wheel *w, uint64_t now_ms);
void wheel_timer_init(struct net_timer *t, void (*on_due)(struct net_timer *t));
/* A later deadline only writes a field; an earlier one moves the timer. */
void wheel_set(struct net_wheel *w, struct net_timer *t, uint64_t due_ms);
void wheel_remove(struct net_timer *t);
void wheel_run(struct net_wheel *w, uint64_t now_ms);
void wheel_run_ready(struct net_wheel *w);

/* ---- objects ------------------------------------------------------------------------- */

/* The reading side of a connection, in poll.c and phase.c. */
struct net_poll {
    int fd; /* of the connection's handle, from poll_start on */
    bool is_upstream, is_reading;
    uint8_t reads_waiting; /* in net.reads */
};

struct net_client;
struct net_upstream;

struct net_request {
    struct net_list node;   /* free, active or parked list */
    struct net_list turn_node; /* in net.turns: wants to go on when the loop has turned */
    struct net *net;
    struct net_client *client;     /* NULL: gone */
    struct net_upstream *upstream; /* NULL: no call open */
    struct flow_exchange *x;
    void *pin;
    struct buf surplus; /* bytes behind the request being handled */
    uint64_t park_seq, park_due_ms, total_due_ms;
    uint32_t slot, generation;
    unsigned addr_next; /* which address of the name to try */
    bool has_begun;     /* between flow_begin and flow_end */
    bool is_done;
    bool is_end_seen;   /* the request's last byte was read */
    bool is_gone_told;
    bool is_parked;
    bool is_serving;
    bool is_keep_alive; /* flow's word at its end */
    bool has_retried;
    bool has_sent;      /* a byte of the answer went out */
    bool has_body;      /* a byte of the body came */
    bool is_performing;
    bool is_working; /* another thread has the exchange (work.c) */
    bool is_bad; /* the parser stopped at an error */
    struct wire_parser parser;
};

enum client_state {
    CLIENT_HANDSHAKE,
    CLIENT_IDLE,
    CLIENT_HEAD,
    CLIENT_BODY,
    CLIENT_WAIT,
    CLIENT_FLUSH,
    CLIENT_LINGER,
    CLIENT_CLOSING
};

/* Kept small: an idle connection costs this and its kernel socket. */
struct net_client {
    uv_tcp_t tcp;
    uv_write_t write;
    struct net_list node;
    struct net_list watch_node; /* in net.watched */
    struct net_list flush_node; /* in net.flush_clients: `queued` goes out with this turn */
    struct net_timer timer;
    struct net *net;
    struct net_request *request; /* NULL while idle */
    struct tls_session *tls;     /* NULL: plain */
    struct buf sending;          /* in flight with `write` */
    struct buf queued;           /* behind it */
    uint64_t phase_due_ms, stall_due_ms;
    uint64_t body_start_ms, body_bytes; /* LINGER: bytes thrown away */
    size_t stall_left_bytes;
    struct net_poll poll;
    uint32_t requests_count;
    uint16_t tag;
    uint8_t state; /* enum client_state, written by client_move only */
    bool is_advancing, is_writing, is_broken, is_closing_asked, is_discarding, has_eof;
    uint8_t watch_ticks; /* since FIN in this exchange */
};

enum upstream_state {
    UPSTREAM_RESOLVE,
    UPSTREAM_CONNECT,
    UPSTREAM_HANDSHAKE,
    UPSTREAM_ACTIVE,
    UPSTREAM_POOLED,
    UPSTREAM_FAILED,
    UPSTREAM_CLOSING
};

struct net_pool {
    struct net_pool *next; /* same bucket */
    uint64_t hash;
    struct net_list idle;
    unsigned idle_count, users;
    struct wire_url url;
    struct str credential_id, ca_file, key;
    char text[]; /* what the views point into */
};

struct net_name;

struct net_upstream {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct net_list node;      /* in net.upstreams */
    struct net_list pool_node; /* in pool.idle */
    struct net_list name_node; /* waiting for a name */
    struct net_list flush_node; /* in net.flush_upstreams: the call goes out with this turn */
    struct net_timer timer;
    struct net *net;
    struct net_pool *pool;
    struct net_request *request; /* NULL: pooled or closing */
    struct tls_session *tls;
    struct buf cipher, cipher_next; /* in flight; behind it */
    size_t plain_sent; /* of head + body, handed to TLS */
    uint64_t phase_due_ms, total_due_ms;
    const char *fail_reason;
    enum flow_end_how fail_how;
    struct net_poll poll;
    uint8_t state; /* enum upstream_state, written by upstream_move only */
    uint32_t trust; /* n->trust of its handshake */
    bool has_handle, tries_next, is_reused, is_paused, is_writing, has_answer;
    struct wire_parser parser;
};

struct net_addr {
    uint8_t bytes[16];
    uint8_t len; /* 4 or 16 */
};

struct net_listener {
    uv_tcp_t tcp;
    struct net *net;
    struct tls_server *tls;
    unsigned tag;
    bool is_used, is_closing, is_stalled;
};

#define NET_BUCKETS 1024

#define NET_READS_MAX 128

/* What was read in this turn and is not handled yet. */
struct net_read {
    struct net_poll *from; /* NULL: handled */
    ssize_t got;
    const char *bytes;
};
struct net_reads {
    unsigned count;
    size_t used;
    struct net_read list[NET_READS_MAX];
    char bytes[8 * NET_READ_BYTES];
};

struct net {
    uv_loop_t *loop;
    struct net_options options;
    struct net_hooks hooks;
    struct net_stats stats;
    struct net_wheel wheel;
    uv_timer_t tick;
    uv_idle_t idle;
    int poll_fd; /* the epoll of poll.c */
    uint64_t turn_began_us; /* this turn of the loop, when turn_events is not 0 */
    unsigned turn_events;
    uint64_t tick_hr_ns;
    int64_t unix_offset_us; /* unix - monotonic, renewed each tick */
    struct flow_now held_now; /* the clock, read once for the events of a few reads */
    bool is_clock_held;
    struct net_listener listeners[NET_LISTENERS_MAX];
    struct net_list clients, watched, upstreams;
    struct net_list flush_clients, flush_upstreams;
    struct net_list active, parked; /* requests */
    struct net_list turns;          /* requests with long work, first come first served */
    struct net_list works;          /* those whose next step is for another thread */
    struct net_request *worked_for; /* it is at work; NULL: nobody is */
    uv_work_t work;
    bool is_work_queued;
    struct flow_leftover *leftovers[NET_LEFTOVERS_MAX], *freed; /* to be freed; under way */
    unsigned leftovers_count;
    struct net_list free_requests;
    unsigned free_count;
    struct net_request **slots;
    uint32_t slots_count, slots_free; /* slots_free: first free one + 1, 0 = none */
    struct net_pool *pools[NET_BUCKETS];
    struct net_name *names[NET_BUCKETS];
    unsigned names_count;
    struct tls_resume *resume;
    struct buf plain, cipher, join; /* scratch of one callback */
    uint64_t drain_due_ms, cut_due_ms;
    uint32_t trust; /* how often CA certificates were read again */
    bool is_draining, is_cut, is_closing, is_drained_told, is_idle_running;
    struct net_reads reads;
};

static inline void stat_add(_Atomic uint64_t *s, uint64_t n) /* one writer: no locked add */
{
    atomic_store_explicit(s, atomic_load_explicit(s, memory_order_relaxed) + n,
                          memory_order_relaxed);
}
static inline void stat_sub(_Atomic uint64_t *s, uint64_t n)
{
    atomic_store_explicit(s, atomic_load_explicit(s, memory_order_relaxed) - n,
                          memory_order_relaxed);
}

/* ---- net.c --------------------------------------------------------------------------- */

struct flow_now net_now(const struct net *n);
/* Between these the clock stands: one reading of it for the events of a few reads. */
void net_hold_clock(struct net *n);
void net_release_clock(struct net *n);
static inline uint64_t net_ms(const struct net *n)
{
    return uv_now(n->loop);
}
/* Runs t->on_due on the next turn of the loop: how a callback never comes from
 * inside the call that caused it. */
void net_defer(struct net *n, struct net_timer *t);
/* The next turn of the loop comes at once. */
void net_wake(struct net *n);

/* ---- lag.c ---------------------------------------------------------------------------- */

/* The turn ends: the kernel is asked next. */
void lag_note_end(struct net *n);
void lag_observe(struct net *n, uint64_t lag_us, unsigned events);

/* ---- client.c, client_write.c -------------------------------------------------------- */

void client_accept(struct net_listener *l, uv_stream_t *server);
void client_adopt(struct net_listener *l, int fd);
/* The one function that moves a client. Safe from anywhere, never recursive. */
void client_advance(struct net_client *c);
void client_close(struct net_client *c); /* at once; tells the exchange */
/* Draining: closes what is idle. */
void client_drain(struct net_client *c);
void client_check_watched(struct net_client *c);

/* `rest` goes behind `bytes` in the same system call. */
void client_send(struct net_client *c, struct str bytes, struct str rest);
/* `out`, which has no bytes and no memory afterwards, then `rest`. */
void client_send_out(struct net_client *c, struct buf *out, struct str rest);
void client_send_raw(struct net_client *c, struct str bytes, struct str rest);
/* Now, not at the turn's end. Does not advance the client. */
void client_flush(struct net_client *c);
void client_on_read(struct net_client *c, ssize_t got, const char *bytes);
size_t client_unsent(const struct net_client *c);
bool client_is_stalled(struct net_client *c, uint64_t now_ms);

/* ---- socket.c ------------------------------------------------------------------------- */

/* Returns bytes read, 0 if there are none now, UV_EOF, or another error of libuv's: after
 * the last two reading has to be stopped. */
ssize_t socket_read(int fd, char *to, size_t capacity);
/* Returns how much of the two was taken, 0 if nothing now, or an error of libuv's. Not while
 * libuv still has something to write. */
ssize_t socket_write(int fd, struct str first, struct str second);

/* ---- poll.c --------------------------------------------------------------------------- */

MUST_USE enum err poll_open(struct net *n);
void poll_close(struct net *n);
/* From now on what `tcp` has to read is read; also what it has already. False: the kernel
 * refused. */
bool poll_start(struct net *n, struct net_poll *p, const uv_tcp_t *tcp);
/* Also before the handle is closed: another process may hold the socket for a moment longer,
 * and the kernel would go on telling. Twice is harmless. */
void poll_stop(struct net *n, struct net_poll *p);

/* ---- phase.c -------------------------------------------------------------------------- */

/* Reads into the turn's block: socket_read's answer, and where the bytes are. */
ssize_t phase_read(struct net *n, int fd, const char **ret_bytes);
/* What phase_read answered, unless 0. Handled later in this turn, or before this returns when
 * the room is used up. */
void phase_add(struct net *n, struct net_poll *from, ssize_t got, const char *bytes);
void phase_handle(struct net *n);
void phase_flush(struct net *n); /* sends what the turn brought about */

/* ---- request.c ----------------------------------------------------------------------- */

struct net_request *request_get(struct net_client *c); /* NULL: no memory */
void request_put(struct net_request *r);               /* done or never begun */
void request_reset(struct net_request *r);             /* for the next one on the connection */
void request_on_head(struct net_request *r);
void request_on_body(struct net_request *r, struct str slice);
void request_on_end(struct net_request *r);
void request_on_bad(struct net_request *r, unsigned status, const char *reason);
void request_on_client_gone(struct net_request *r); /* r->client is NULL afterwards */
void request_on_serve_timeout(struct net_request *r);
void request_on_upstream_head(struct net_request *r, const struct wire_head *head);
void request_on_upstream_body(struct net_request *r, struct str slice);
void request_on_upstream_end(struct net_request *r, enum flow_end_how how, const char *reason);
void request_perform(struct net_request *r);
void request_cut(struct net_request *r); /* the drain deadline passed */
void requests_check_parked(struct net *n);
/* One slice of one request's long work; those that want more go behind the others. */
void requests_turn(struct net *n);
void request_on_turn(struct net_request *r);
void requests_abandon(struct net *n); /* net_close: finish whatever is parked */
void requests_free(struct net *n);

/* ---- work.c --------------------------------------------------------------------------- */

/* The exchange has work: on another thread, then request_on_turn. */
void work_add(struct net_request *r);
/* Frees what a large exchange left, on another thread while there are few of them. */
void work_free(struct net *n, struct flow_leftover *l);

/* ---- upstream.c, upstream_io.c ------------------------------------------------------- */

void upstream_open(struct net_request *r);
void upstream_drop(struct net_request *r); /* closes the connection of the call, if any */
void upstream_resume(struct net_upstream *u);
void upstream_close(struct net_upstream *u);
void upstream_move(struct net_upstream *u, enum upstream_state to);
/* The call is over in this way: retry, or tell the exchange. From callbacks only. */
void upstream_end(struct net_upstream *u, enum flow_end_how how, const char *reason);
void upstream_complete(struct net_upstream *u, bool has_surplus);
void upstream_arm(struct net_upstream *u);
/* For what comes next, `ms` at most; 0 = no deadline but that of the call. */
void upstream_wait(struct net_upstream *u, uint32_t ms);
void upstream_on_names(struct net_upstream *u, const struct net_addr *addrs, size_t count);

void upstream_activate(struct net_upstream *u); /* connected: send the call */
void upstream_flush(struct net_upstream *u);
void upstream_on_read(struct net_upstream *u, ssize_t got, const char *bytes);
bool upstream_handshake_start(struct net_upstream *u);

/* ---- pool.c -------------------------------------------------------------------------- */

struct net_pool *pool_get(struct net *n, const struct route_endpoint *e); /* counts a user */
void pool_unuse(struct net *n, struct net_pool *p); /* frees it with its last use */
struct net_upstream *pool_take(struct net_pool *p); /* newest idle, or NULL */
bool pool_keep(struct net_upstream *u); /* false: full, close it */
void pool_forget(struct net_upstream *u); /* leaves the idle list */

/* ---- dns.c --------------------------------------------------------------------------- */

/* ERR_OK: *ret_addrs (valid until the next turn). ERR_AGAIN: upstream_on_names will
 * be called on a later turn. ERR_LIMIT, ERR_MEMORY, ERR_IO. */
MUST_USE enum err dns_resolve(struct net_upstream *u, struct str host,
                              const struct net_addr **ret_addrs, size_t *ret_count);
void dns_cancel(struct net *n); /* closing: lookups end soon */
void dns_free(struct net *n);

#endif
