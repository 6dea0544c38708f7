/* SPDX-License-Identifier: Apache-2.0
 *
 * Workers as the control thread sees them: snapshots handed over, held by exchanges
 * and freed once; answers from other threads; strict records; listeners moved; drain.
 * Real threads and loopback sockets; waiting is for a state, never for a time.
 */
#include "test.h"

#include "../io_net/fake_flow.h"

#include "portcullis/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A snapshot in miniature, with policy's own symbols: counts how often it is freed. */
struct policy_org {
    const char *id;
    bool has_content;
};
struct policy_snapshot {
    uint64_t epoch;
    _Atomic unsigned freed;
    const struct policy_org *orgs[4];
    size_t orgs_count;
};
static struct policy_snapshot snapshots[512];

void policy_snapshot_free(struct policy_snapshot *s)
{
    s->freed++;
    s->epoch = 0;
}

uint64_t policy_snapshot_epoch(const struct policy_snapshot *s)
{
    return s->epoch;
}

size_t policy_snapshot_orgs_count(const struct policy_snapshot *s)
{
    return s->orgs_count;
}

const struct policy_org *policy_snapshot_org_at(const struct policy_snapshot *s, size_t i)
{
    return s->orgs[i];
}

const struct policy_org *policy_snapshot_org(const struct policy_snapshot *s, struct str org_id)
{
    for (size_t i = 0; i < s->orgs_count; i++) {
        if (str_eq(str_from(s->orgs[i]->id), org_id)) {
            return s->orgs[i];
        }
    }
    return NULL;
}

struct str policy_org_id(const struct policy_org *o)
{
    return str_from(o->id);
}

const struct content *policy_org_content(const struct policy_org *o)
{
    return o->has_content ? (const void *)o : NULL;
}

const struct scan_set *content_set(const struct content *c)
{
    return (const void *)c;
}

/* A scratch in miniature: which organisations it was grown for, and whether it can be. */
struct scan_scratch {
    int nothing;
};
static struct {
    _Atomic unsigned made, freed, fits;
    _Atomic bool is_full;
} scratch;

enum err scan_scratch_new(struct scan_scratch **ret_scratch)
{
    *ret_scratch = calloc(1, sizeof(**ret_scratch));
    scratch.made++;
    return *ret_scratch != NULL ? ERR_OK : ERR_MEMORY;
}

void scan_scratch_free(struct scan_scratch *s)
{
    scratch.freed += s != NULL ? 1 : 0;
    free(s);
}

enum err scan_scratch_fit(struct scan_scratch *s, const struct scan_set *set)
{
    assert_non_null(s);
    assert_non_null(set);
    scratch.fits++;
    return scratch.is_full ? ERR_MEMORY : ERR_OK;
}

static struct {
    struct worker_group *group;
    uint16_t port;
    unsigned listener;
    _Atomic unsigned serves, news, records;
    _Atomic uint64_t seq, synced;
    struct worker_ticket ticket; /* of the last request, read after `serves` moved */
    uint64_t serve_epoch;
    bool answers_at_once, has_scratch;
} stage;

static enum err on_append(void *context, unsigned worker, struct str record, uint64_t *ret_seq)
{
    (void)context;
    (void)worker;
    assert_true(record.len > 0);
    stage.records++;
    *ret_seq = ++stage.seq;
    return ERR_OK;
}

static uint64_t on_ask_synced(void *context, unsigned worker)
{
    (void)context;
    (void)worker;
    return stage.synced;
}

static void on_serve(void *context, const struct worker_request *r)
{
    (void)context;
    stage.ticket = r->ticket;
    stage.serve_epoch = policy_snapshot_epoch(r->snapshot);
    stage.has_scratch = r->scratch != NULL;
    if (stage.answers_at_once) {
        struct flow_served answer = {.status = 200, .body = STR("at once")};
        worker_answer(stage.group, r->ticket, &answer);
    }
    stage.serves++;
}

static void on_news(void *context)
{
    (void)context;
    stage.news++;
}

static void wait_turn(unsigned *turns)
{
    (*turns)++;
    assert_true(*turns < 20000);
    usleep(1000);
}
#define until(condition)                                                                           \
    do {                                                                                           \
        unsigned turns_ = 0;                                                                       \
        while (!(condition)) {                                                                     \
            wait_turn(&turns_);                                                                    \
        }                                                                                          \
    } while (0)

static void publish(unsigned i)
{
    snapshots[i].epoch = i;
    assert_int_equal(worker_group_publish(stage.group, &snapshots[i], 1, false), ERR_OK);
}

static void group_make(unsigned workers, bool is_strict)
{
    struct worker_options options;
    struct issue issue;
    signal(SIGPIPE, SIG_IGN);
    memset(&stage, 0, sizeof(stage));
    memset(snapshots, 0, sizeof(snapshots));
    fake.begun = fake.ended = fake.gone = fake.calls = 0;
    worker_options_default(&options);
    options.workers = workers;
    options.net.linger_ms = 100;
    options.env.is_strict_record = is_strict;
    options.append = on_append;
    options.synced = on_ask_synced;
    options.serve = on_serve;
    options.on_news = on_news;
    assert_int_equal(worker_group_new(&options, &stage.group, &issue), ERR_OK);
    assert_int_equal(worker_group_count(stage.group), workers);
}

static void group_open(unsigned workers, bool is_strict)
{
    struct issue issue;
    struct worker_listen listen_on = {.host = STR("127.0.0.1"), .tag = 3};
    group_make(workers, is_strict);
    publish(1);
    assert_int_equal(
        worker_group_listen(stage.group, &listen_on, &stage.listener, &stage.port, &issue), ERR_OK);
    assert_int_equal(worker_group_start(stage.group, &issue), ERR_OK);
    until(worker_group_epoch_min(stage.group) == 1);
}

static void group_close(void)
{
    worker_group_free(stage.group);
    assert_int_equal(fake.begun, fake.ended);
    for (unsigned i = 0; i < sizeof(snapshots) / sizeof(snapshots[0]); i++) {
        assert_true(snapshots[i].freed <= 1);
        assert_int_equal(snapshots[i].epoch, 0); /* freed, or never published */
    }
}

static int client_connect(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void client_send(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until `needle` or the end; false at the end. A receive with a time limit is not
 * begun again when a signal interrupts it, and under sanitizers one does. */
static bool client_expect(int fd, const char *needle)
{
    char text[8192];
    size_t len = 0;
    ssize_t n;
    while ((n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0 || (n < 0 && errno == EINTR)) {
        len += n > 0 ? (size_t)n : 0;
        text[len] = '\0';
        if (strstr(text, needle) != NULL) {
            return true;
        }
    }
    return false;
}

#define ECHO_REQUEST "POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\nabc"
#define SERVE_REQUEST "GET /serve HTTP/1.1\r\nHost: gw\r\n\r\n"

static void requests_are_answered_by_all_workers(void **state)
{
    (void)state;
    struct worker_stats stats;
    group_open(2, false);
    for (unsigned i = 0; i < 32; i++) {
        int fd = client_connect(stage.port);
        client_send(fd, ECHO_REQUEST);
        assert_true(client_expect(fd, "\r\n\r\nabc"));
        close(fd);
    }
    worker_group_stats(stage.group, &stats);
    assert_int_equal(stats.workers, 2);
    assert_int_equal(stats.requests_begun, 32);
    assert_int_equal(stats.epoch_min, 1);
    assert_non_null(worker_group_flow_stats(stage.group)[1]);
    group_close();
}

/* An exchange sees one snapshot however long it lasts, and holds it. */
static void snapshot_is_held_by_its_exchanges(void **state)
{
    (void)state;
    struct flow_served answer = {.status = 200, .body = STR("done")};
    group_open(2, false);
    int fd = client_connect(stage.port);
    client_send(fd, SERVE_REQUEST);
    until(stage.serves == 1);
    assert_int_equal(stage.serve_epoch, 1);
    assert_int_equal(fake.number, 1);
    publish(2);
    publish(3);
    until(worker_group_epoch_min(stage.group) == 3);
    until(worker_group_reclaim(stage.group) == 1);
    assert_int_equal(snapshots[1].freed, 0);
    assert_int_equal(snapshots[2].freed, 1);
    assert_ptr_equal(worker_group_snapshot(stage.group), &snapshots[3]);
    worker_answer(stage.group, stage.ticket, &answer);
    assert_true(client_expect(fd, "done"));
    until(worker_group_reclaim(stage.group) == 0);
    assert_int_equal(snapshots[1].freed, 1);
    client_send(fd, SERVE_REQUEST);
    until(stage.serves == 2);
    assert_int_equal(stage.serve_epoch, 3);
    assert_int_equal(fake.number, 3); /* counted, taken by a worker or not */
    close(fd);
    group_close();
    assert_int_equal(snapshots[3].freed, 1);
}

static void ask(int fd)
{
    unsigned before = stage.serves;
    stage.answers_at_once = true;
    client_send(fd, SERVE_REQUEST);
    until(stage.serves == before + 1);
    assert_true(client_expect(fd, "at once"));
}

/* Grown where a snapshot arrives, for what is new in it. */
static void scratch_grows_with_the_lease(void **state)
{
    (void)state;
    static const struct policy_org a = {"a", true}, b = {"b", false}, c = {"c", true},
                                   c_later = {"c", true};
    memset(&scratch, 0, sizeof(scratch));
    group_open(2, false);
    assert_int_equal(scratch.fits, 0);
    snapshots[2].orgs[0] = &a;
    snapshots[2].orgs[1] = &b;
    snapshots[2].orgs[2] = &c;
    snapshots[2].orgs_count = 3;
    publish(2);
    until(worker_group_epoch_min(stage.group) == 2);
    assert_int_equal(scratch.fits, 4);
    snapshots[3] = (struct policy_snapshot){.orgs = {&a, &b, &c_later}, .orgs_count = 3};
    publish(3);
    until(worker_group_epoch_min(stage.group) == 3);
    assert_int_equal(scratch.fits, 6);
    int fd = client_connect(stage.port);
    ask(fd);
    assert_true(stage.has_scratch);
    assert_int_equal(fake.small, 0);
    assert_int_equal(scratch.fits, 6); /* never for a request */
    close(fd);
    group_close();
    assert_int_equal(scratch.made, 2);
    assert_int_equal(scratch.freed, 2);
}

/* No memory for it: requests are told so, until there is some. */
static void a_scratch_that_cannot_grow_is_told(void **state)
{
    (void)state;
    static const struct policy_org a = {"a", true};
    memset(&scratch, 0, sizeof(scratch));
    group_open(1, false);
    fake.small = 0;
    scratch.is_full = true;
    snapshots[2].orgs[0] = &a;
    snapshots[2].orgs_count = 1;
    publish(2);
    until(worker_group_epoch_min(stage.group) == 2);
    int fd = client_connect(stage.port);
    ask(fd);
    ask(fd);
    assert_false(stage.has_scratch);
    assert_int_equal(fake.small, 2);
    scratch.is_full = false;
    ask(fd); /* the attempt comes after it */
    ask(fd);
    assert_true(stage.has_scratch);
    assert_true(fake.small <= 3);
    unsigned small = fake.small;
    snapshots[3] = (struct policy_snapshot){.orgs = {&a}, .orgs_count = 1};
    publish(3);
    until(worker_group_epoch_min(stage.group) == 3);
    ask(fd);
    assert_true(stage.has_scratch);
    assert_int_equal(fake.small, small);
    close(fd);
    group_close();
}

static void answers_are_used_once_or_dropped(void **state)
{
    (void)state;
    struct worker_stats stats;
    struct flow_served answer = {.status = 200, .body = STR("late")};
    group_open(1, false);
    stage.answers_at_once = true;
    int fd = client_connect(stage.port);
    client_send(fd, SERVE_REQUEST);
    assert_true(client_expect(fd, "at once"));
    worker_answer(stage.group, stage.ticket, &answer); /* a second answer */
    stage.answers_at_once = false;
    client_send(fd, SERVE_REQUEST);
    until(stage.serves == 2);
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
    until(fake.gone == 1);
    worker_answer(stage.group, stage.ticket, &answer); /* nobody is there */
    for (stats.answers_dropped = 0; stats.answers_dropped < 2;) {
        worker_group_stats(stage.group, &stats);
    }
    worker_group_drain(stage.group, 0);
    until(worker_group_is_stopped(stage.group));
    worker_answer(stage.group, stage.ticket, &answer); /* nothing is there */
    worker_group_stats(stage.group, &stats);
    assert_int_equal(stats.answers_dropped, 3);
    group_close();
}

struct hammer {
    uv_thread_t thread;
    _Atomic bool is_over;
    _Atomic unsigned answers;
};

static void hammer_main(void *context)
{
    struct hammer *h = context;
    int fd = client_connect(stage.port);
    while (!h->is_over) {
        client_send(fd, ECHO_REQUEST);
        if (!client_expect(fd, "\r\n\r\nabc")) {
            break;
        }
        h->answers++;
    }
    close(fd);
}

/* F11: policy flips under load; every snapshot is freed once, none too early. */
static void snapshots_replaced_under_load(void **state)
{
    (void)state;
    struct hammer hammers[3] = {0};
    group_open(2, false);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(uv_thread_create(&hammers[i].thread, hammer_main, &hammers[i]), 0);
    }
    for (unsigned i = 2; i < 400; i++) {
        publish(i);
        worker_group_freshen(stage.group, i, false);
        if (i % 16 == 0) {
            until(worker_group_epoch_min(stage.group) == i);
        }
    }
    until(worker_group_epoch_min(stage.group) == 399);
    until(hammers[0].answers > 50 && hammers[1].answers > 50 && hammers[2].answers > 50);
    for (unsigned i = 0; i < 3; i++) {
        hammers[i].is_over = true;
        uv_thread_join(&hammers[i].thread);
    }
    until(worker_group_reclaim(stage.group) == 0);
    for (unsigned i = 1; i < 399; i++) {
        assert_int_equal(snapshots[i].freed, 1);
    }
    assert_int_equal(snapshots[399].freed, 0);
    group_close();
}

static void strict_record_is_woken_by_the_sync(void **state)
{
    (void)state;
    struct worker_stats stats;
    group_open(2, true);
    fake.endpoint.url = (struct wire_url){.host = STR("10.0.0.1"), .port = 1, .is_ip = true};
    int fd = client_connect(stage.port);
    client_send(fd, "POST /call HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n");
    do {
        worker_group_stats(stage.group, &stats);
    } while (stats.requests_waiting != 1);
    assert_int_equal(fake.calls, 0);
    stage.synced = 100;
    worker_group_on_synced(stage.group);
    assert_true(client_expect(fd, "HTTP/1.1 502"));
    assert_int_equal(fake.calls, 1);
    close(fd);
    group_close();
}

/* F26: a new address first, then the old one goes; nobody in its queue is reset. */
static void listeners_move_without_loss(void **state)
{
    (void)state;
    struct issue issue;
    uint16_t port;
    unsigned moved;
    struct worker_listen listen_on = {.host = STR("127.0.0.1"), .tag = 4};
    group_open(2, false);
    int before = client_connect(stage.port);
    assert_int_equal(worker_group_listen(stage.group, &listen_on, &moved, &port, &issue), ERR_OK);
    assert_int_not_equal(moved, stage.listener);
    worker_group_unlisten(stage.group, stage.listener);
    int after = client_connect(port);
    client_send(before, ECHO_REQUEST);
    client_send(after, ECHO_REQUEST);
    assert_true(client_expect(before, "\r\n\r\nabc"));
    assert_true(client_expect(after, "\r\n\r\nabc"));
    unsigned turns = 0;
    for (int fd; (fd = client_connect(stage.port)) >= 0; close(fd)) {
        wait_turn(&turns);
    }
    close(before);
    close(after);
    listen_on.host = STR("localhost");
    assert_int_equal(worker_group_listen(stage.group, &listen_on, &moved, &port, &issue),
                     ERR_INVALID);
    assert_non_null(strstr(issue.message, "is not an address"));
    listen_on.host = STR("192.0.2.1");
    assert_int_equal(worker_group_listen(stage.group, &listen_on, &moved, &port, &issue), ERR_IO);
    assert_non_null(strstr(issue.message, "cannot listen on 192.0.2.1"));
    group_close();
}

/* F25 */
static void drain_ends_the_loops(void **state)
{
    (void)state;
    struct flow_served answer = {.status = 200, .body = STR("last words")};
    group_open(2, false);
    int idle = client_connect(stage.port);
    int busy = client_connect(stage.port);
    client_send(idle, ECHO_REQUEST);
    assert_true(client_expect(idle, "\r\n\r\nabc"));
    client_send(busy, SERVE_REQUEST);
    until(stage.serves == 1);
    worker_group_drain(stage.group, 30000);
    assert_true(worker_group_is_draining(stage.group));
    assert_false(client_expect(idle, "anything"));
    assert_false(worker_group_is_stopped(stage.group));
    worker_answer(stage.group, stage.ticket, &answer);
    assert_true(client_expect(busy, "last words"));
    assert_false(client_expect(busy, "anything"));
    close(idle);
    close(busy);
    until(worker_group_is_stopped(stage.group));
    assert_int_equal(client_connect(stage.port), -1);
    publish(2); /* nobody takes it any more */
    assert_int_equal(worker_group_epoch_min(stage.group), 0); /* nobody holds anything up */
    worker_group_drain(stage.group, 0);
    group_close();
}

static void group_that_never_started(void **state)
{
    (void)state;
    struct worker_options options;
    struct worker_group *g = NULL;
    struct worker_listen listen_on = {.host = STR("127.0.0.1")};
    struct issue issue;
    unsigned listener;
    group_make(3, false);
    assert_int_equal(worker_group_epoch_min(stage.group), 0);
    assert_null(worker_group_snapshot(stage.group));
    assert_int_equal(
        worker_group_listen(stage.group, &listen_on, &listener, &stage.port, &issue), ERR_OK);
    publish(1);
    publish(2);
    assert_int_equal(snapshots[1].freed, 1);
    group_close();
    assert_int_equal(snapshots[2].freed, 1);
    worker_group_free(NULL);
    worker_options_default(&options);
    assert_int_equal(worker_group_new(&options, &g, &issue), ERR_INVALID);
    options.append = on_append;
    options.serve = on_serve;
    options.ca_file = "/nonexistent/ca.pem";
    assert_int_equal(worker_group_new(&options, &g, &issue), ERR_NOT_FOUND);
    assert_null(g);
}

static int setup(void **state)
{
    (void)state;
    return tls_start() == ERR_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_that_never_started),
        cmocka_unit_test(requests_are_answered_by_all_workers),
        cmocka_unit_test(snapshot_is_held_by_its_exchanges),
        cmocka_unit_test(scratch_grows_with_the_lease),
        cmocka_unit_test(a_scratch_that_cannot_grow_is_told),
        cmocka_unit_test(answers_are_used_once_or_dropped),
        cmocka_unit_test(snapshots_replaced_under_load),
        cmocka_unit_test(strict_record_is_woken_by_the_sync),
        cmocka_unit_test(listeners_move_without_loss),
        cmocka_unit_test(drain_ends_the_loops),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
