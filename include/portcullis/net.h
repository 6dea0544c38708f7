/* SPDX-License-Identifier: Apache-2.0
 *
 * net: the sockets of one event loop. Listeners and client connections, upstream
 * connections with their pools, name resolution, deadlines. It hosts flow: it
 * feeds an exchange with bytes and the time and performs what the exchange wants.
 *
 * One struct net per worker; everything here is called on that worker's thread
 * unless it says otherwise. It owns connections and buffers, never policy: a
 * snapshot is pinned and unpinned through a hook, records go out through a hook,
 * whatever is not the proxied path goes out through a hook. So a test can stand
 * in for the whole rest of the process. It decides nothing about a request.
 *
 * GLOSSARY  client: a connection somebody opened to us. upstream: a connection we
 * opened to a provider. request: one exchange with what hosts it. pin: one use of
 * a snapshot. exception: an address or host the operator permits although it is
 * not public (S0 and product.md 4: SSRF).
 *
 * EXAMPLE
 *     net_options_default(&options);
 *     TRY(net_new(&loop, &options, &hooks, &net));
 *     TRY(net_socket_open(STR("127.0.0.1"), 8080, 511, &fd, &port, &issue));
 *     TRY(net_listen(net, fd, NULL, 0, &id));
 *     net_run(net);   ... net_drain(net, 30000) ... hooks.on_drained: net_close(net) ...
 *     net_free(net);
 *
 * How the wants are performed, where flow.h leaves a choice: RECORD together with
 * DONE is appended and not answered (the exchange is over); RECORD alone is
 * answered by flow_on_recorded in the same turn, or after the sync when
 * env->is_strict_record. FLOW_WANT_CLOSE may come with any event before DONE.
 */
#ifndef PORTCULLIS_NET_H
#define PORTCULLIS_NET_H

#include <stdatomic.h>
#include <uv.h>

#include "portcullis/base.h"
#include "portcullis/flow.h"
#include "portcullis/tls.h"

struct net;

/* ---- what the operator permits beyond public https on port 443 ------------- */

/* Parsed list, immutable, shared by all loops. Entries: "host", "host:port",
 * "[v6]:port" (this endpoint may resolve to any address, and may be plain http),
 * "10.0.0.0/8", "fd00::/8" (any host that resolves into it, plain http too),
 * "*:8443" (any public host on that port, https only). */
struct net_exceptions;
/* `text`: entries separated by commas or blanks; empty = none. ERR_SYNTAX with an
 * issue naming the entry. Any thread. */
MUST_USE enum err net_exceptions_new(struct str text, struct net_exceptions **ret,
                                     struct issue *ret_issue);
void net_exceptions_free(struct net_exceptions *e); /* NULL ok */
/* May we connect to `url` when it resolved to this address (4 or 16 bytes, network
 * order)? Catalogue I 166-175. NULL exceptions = none. Pure; any thread.
 * *ret_reason: static sentence without the address. */
bool net_address_is_permitted(const struct net_exceptions *e, const struct wire_url *url,
                              const uint8_t *addr, size_t addr_len, const char **ret_reason);
/* The part that needs no address: scheme and port (for use when an endpoint is saved).
 * Literal addresses are checked whole. */
bool net_url_is_permitted(const struct net_exceptions *e, const struct wire_url *url,
                          const char **ret_reason);

/* ---- options ------------------------------------------------------------------ */

struct net_options {
    /* client side */
    uint32_t handshake_ms;      /* TLS listener, 10 s */
    uint32_t header_ms;         /* first byte of a head to its end, 10 s (F18, 37) */
    uint32_t idle_ms;           /* keep-alive, 75 s (40) */
    uint32_t body_ms;           /* absolute, for one body, 300 s (38) */
    uint32_t body_grace_ms;     /* before the minimum rate counts, 10 s */
    uint32_t body_bytes_per_s;  /* minimum rate after the grace, 500 */
    uint32_t write_stall_ms;    /* no byte taken by the client, 30 s (39) */
    uint32_t linger_ms;         /* after an answer before the close, 2 s (48) */
    uint32_t requests_max;      /* per connection, 100 000 (47) */
    uint32_t clients_max;       /* per loop; above it: 503 and close (F22) */
    size_t unsent_high_bytes;   /* 256 KiB: stop reading upstream */
    size_t unsent_low_bytes;    /* 64 KiB: read again */
    struct wire_limits request_limits;
    /* upstream side */
    uint32_t upstreams_max;       /* per loop, idle ones included */
    uint32_t upstream_idle_max;   /* pooled per loop, 1024 */
    uint32_t upstream_key_max;    /* pooled per key, 512 */
    uint32_t upstream_idle_ms;    /* how long a pooled one is kept, 55 s */
    struct wire_limits answer_limits;
    const struct net_exceptions *exceptions; /* borrowed, or NULL */
    /* names */
    uint32_t dns_ms;       /* deadline of one lookup, 2 s */
    uint32_t dns_ttl_ms;   /* 30 s */
    uint32_t dns_stale_ms; /* served beyond the TTL while asking again, 60 s (F33) */
};
void net_options_default(struct net_options *ret);

/* ---- hooks: how the owner of the loop (io/worker, a test) takes part ------------ */

/* Names a request across threads and time: stale ones are recognised. */
struct net_ticket {
    uint32_t slot, generation;
};
/* With FLOW_WANT_SERVE. Views live until `serve` returns; copy what is needed later. */
struct net_serve {
    struct net_ticket ticket;
    const struct wire_head *head;
    struct str body;
    const struct policy_principal *principal; /* NULL: not authenticated */
    struct str request_id;
    const struct policy_snapshot *snapshot;   /* the one the exchange sees */
    unsigned listener_tag;                    /* as given to net_listen */
    bool is_tls;
    char peer[46]; /* text of the client's address, NUL-terminated */
};

struct net_hooks {
    void *context;
    const struct flow_env *env; /* borrowed */
    /* Fills snapshot, fresh_ms, is_degraded, dice; returns the pin to give back. */
    void *(*begin)(void *context, struct flow_start *start);
    void (*end)(void *context, void *pin);
    /* The snapshot behind a pin, for net_serve. */
    const struct policy_snapshot *(*snapshot)(void *context, void *pin);
    /* Appends a record. With env->is_strict_record the exchange waits until
     * synced() >= *ret_seq; call net_on_synced when that moved. */
    enum err (*append)(void *context, struct str record, uint64_t *ret_seq);
    uint64_t (*synced)(void *context);
    /* Must not call back into net; answers come through net_served on a later turn. */
    void (*serve)(void *context, const struct net_serve *request);
    /* The CA set of an endpoint; none = the default. A reference, which net drops;
     * NULL = cannot be read. */
    struct tls_client *(*tls_client)(void *context, struct str ca_file);
    /* Draining, and no client connection is left. Once. */
    void (*on_drained)(void *context);
    /* Ten times a second; may be NULL. */
    void (*tick)(void *context);
};

/* ---- the loop's sockets ------------------------------------------------------------ */

/* Borrows loop, hooks->env and options->exceptions; copies the rest. */
MUST_USE enum err net_new(uv_loop_t *loop, const struct net_options *options,
                          const struct net_hooks *hooks, struct net **ret);
/* Runs the loop until it is empty; other handles may be on it. Connections are not in
 * libuv's poll: uv_run alone does not read them. */
void net_run(struct net *n);
/* One turn: waits until something happens or a timer is due, if it may. */
void net_turn(struct net *n, bool may_wait);
/* Closes every handle; run the loop until it is empty, then net_free. Exchanges
 * still open see flow_on_client_gone, so each reaches its account. */
void net_close(struct net *n);
void net_free(struct net *n); /* after the loop ran dry; NULL ok */

/* Could it be listened on? ERR_INVALID with an issue: it is no address literal. Any thread. */
MUST_USE enum err net_host_check(struct str host, struct issue *ret_issue);
/* Opens, binds and listens with SO_REUSEPORT. Any thread. `host` is an address
 * literal; port 0 picks one (*ret_port). ERR_IO with an issue. */
MUST_USE enum err net_socket_open(struct str host, uint16_t port, int backlog, int *ret_fd,
                                  uint16_t *ret_port, struct issue *ret_issue);
/* Accepts on `fd` (taken over). `server` = TLS, referenced here; NULL = plain. */
MUST_USE enum err net_listen(struct net *n, int fd, struct tls_server *server, unsigned tag,
                             unsigned *ret_listener);
/* New connections use this certificate; existing ones keep theirs. */
void net_listen_set_tls(struct net *n, unsigned listener, struct tls_server *server);
/* Takes what is already in the accept queue, then closes the listener (F26). */
void net_unlisten(struct net *n, unsigned listener);

/* A management answer. False: the client is gone, nothing happened. */
bool net_served(struct net *n, struct net_ticket ticket, const struct flow_served *answer);
/* The lane's synced sequence moved: let waiting exchanges go on. */
void net_on_synced(struct net *n);
/* The owner of the loop begins work on it: it counts as lag for what waits meanwhile. */
void net_note_work(struct net *n);

/* Closes listeners and idle connections, answers the rest with Connection: close;
 * after `deadline_ms` every exchange still open is cut with an in-stream error
 * ("shutting down") and all connections are closed (F25). */
void net_drain(struct net *n, uint32_t deadline_ms);
/* CA certificates were read again: a connection that an older set verified makes no other
 * call. Idle ones close now, busy ones with their call. */
void net_distrust(struct net *n);

/* ---- counters: written by the loop, read by any thread (relaxed) -------------------- */

#define NET_LAG_BOUNDS 12
extern const uint32_t net_lag_bounds_us[NET_LAG_BOUNDS];
/* How long events waited for the loop: those at most net_lag_bounds_us[i], the last
 * bucket those above all bounds. */
struct net_lag {
    _Atomic uint64_t buckets[NET_LAG_BOUNDS + 1], sum_us, max_us;
};

struct net_stats {
    _Atomic uint64_t clients;          /* gauge: open connections */
    _Atomic uint64_t requests_active;  /* gauge: exchanges begun and not ended */
    _Atomic uint64_t requests_waiting; /* gauge: parked until their record is synced */
    _Atomic uint64_t upstreams;        /* gauge: open, pooled ones included */
    _Atomic uint64_t upstreams_idle;   /* gauge: pooled */
    _Atomic uint64_t clients_accepted, clients_refused, requests_begun;
    _Atomic uint64_t requests_timed_out; /* head, body or write stall */
    _Atomic uint64_t clients_gone;       /* closed by the peer inside an exchange */
    _Atomic uint64_t upstreams_opened, upstreams_reused, upstreams_retried, upstreams_failed;
    _Atomic uint64_t upstreams_discarded; /* surplus bytes or unfit for reuse */
    _Atomic uint64_t pauses;              /* upstream reads stopped for a slow client */
    _Atomic uint64_t dns_lookups, dns_failures, dns_stale;
    _Atomic uint64_t records_failed;
    _Atomic uint64_t turns; /* slices of long work that waited for the loop to turn */
    struct net_lag lag;
};
const struct net_stats *net_stats(const struct net *n);
/* Does an exchange wait for a sync? Ordered with the waiting itself (see net_on_synced):
 * who synced before this call is either seen by the exchange or sees it. Any thread. */
bool net_is_anybody_waiting(struct net *n);

#endif
