/* SPDX-License-Identifier: Apache-2.0
 *
 * The client side over real sockets: framing of requests in time (split, pipelined,
 * slow, cut), refusals, half-close, deadlines, limits, TLS listener, drain, memory.
 * Proves catalogue 24-26, 32, 37-42, 46-48 and F18, F19, F22, F25 as far as net goes.
 */
#include "stage.h"

#include "../io_tls/pair.h"

#include <sys/resource.h>

static struct inbox in;

static void request_is_answered_and_connection_kept(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    for (unsigned i = 0; i < 3; i++) {
        memset(&in, 0, sizeof(in));
        stage_send(fd, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\nabc"));
        stage_expect(fd, &in, "\r\n\r\nabc");
        assert_int_equal(strncmp(in.bytes, "HTTP/1.1 200 ", 13), 0);
    }
    assert_int_equal(net_stats(stage.net)->clients_accepted, 1);
    assert_int_equal(net_stats(stage.net)->requests_begun, 3);
    close(fd);
    stage_close();
}

/* 26: one byte per segment gives the same answer. */
static void request_split_at_every_byte(void **state)
{
    (void)state;
    static const char text[] = "POST /echo HTTP/1.1\r\nHost: gw\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    for (size_t cut = 1; cut + 1 < sizeof(text); cut++) {
        memset(&in, 0, sizeof(in));
        stage_send(fd, (struct str){text, cut});
        net_turn(stage.net, false);
        stage_send(fd, (struct str){text + cut, sizeof(text) - 1 - cut});
        stage_expect(fd, &in, "\r\n\r\nabcde");
    }
    memset(&in, 0, sizeof(in));
    for (size_t i = 0; i + 1 < sizeof(text); i++) {
        stage_send(fd, (struct str){text + i, 1});
        net_turn(stage.net, false);
    }
    stage_expect(fd, &in, "\r\n\r\nabcde");
    close(fd);
    stage_close();
}

/* 24: a hundred in one segment are answered in order. */
static void pipelined_requests_in_order(void **state)
{
    (void)state;
    struct buf all;
    buf_init(&all, 1 << 20);
    for (unsigned i = 0; i < 300; i++) {
        buf_printf(&all, "POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 4\r\n\r\n%04u", i);
    }
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, buf_str(&all));
    stage_expect(fd, &in, "\r\n\r\n0299");
    const char *at = in.bytes;
    for (unsigned i = 0; i < 300; i++) {
        char want[16];
        snprintf(want, sizeof(want), "\r\n\r\n%04u", i);
        at = strstr(at, want);
        assert_non_null(at);
    }
    assert_int_equal(count_of(in.bytes, "HTTP/1.1 200"), 300);
    buf_fini(&all);
    close(fd);
    stage_close();
}

/* 25: a good one, then a bad one: the first is answered, the second is 400 and close. */
static void pipelined_good_then_bad(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\nok"
                       "POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
    stage_expect(fd, &in, "HTTP/1.1 400");
    stage_expect_eof(fd, &in);
    assert_int_equal(count_of(in.bytes, "HTTP/1.1 200"), 1);
    assert_int_equal(fake.bad, 1);
    close(fd);
    stage_close();
}

/* 48: refused at the head while the body is still coming: the answer survives. */
static void early_refusal_lingers(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    char chunk[16384];
    memset(chunk, 'x', sizeof(chunk));
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("POST /refuse HTTP/1.1\r\nHost: gw\r\nContent-Length: 1000000\r\n\r\n"));
    for (unsigned i = 0; i < 20; i++) {
        stage_send(fd, (struct str){chunk, sizeof(chunk)});
        stage_turn();
    }
    stage_expect(fd, &in, "HTTP/1.1 403");
    stage_expect_eof(fd, &in);
    assert_false(in.is_reset);
    close(fd);
    stage_close();
}

/* Without a body a refusal at the head keeps the connection. */
static void refusal_without_body_keeps_connection(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("GET /refuse HTTP/1.1\r\nHost: gw\r\n\r\nGET /echo HTTP/1.1\r\n"
                       "Host: gw\r\n\r\n"));
    stage_expect(fd, &in, "HTTP/1.1 200");
    assert_int_equal(count_of(in.bytes, "HTTP/1.1 403"), 1);
    close(fd);
    stage_close();
}

/* The next connection gets the same request object: what the first announced must not stay. */
static void close_asked_ends_only_its_connection(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    for (unsigned i = 0; i < 3; i++) {
        int fd = stage_connect();
        memset(&in, 0, sizeof(in));
        stage_send(fd, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n"
                           "Content-Length: 2\r\n\r\nok"));
        stage_expect(fd, &in, "\r\n\r\nok");
        stage_expect_eof(fd, &in);
        close(fd);
    }
    stage_close();
}

/* 46: a declared length beyond the limit is 413 before the body is read. */
static void declared_length_too_large(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 10737418240\r\n\r\n"));
    stage_expect(fd, &in, "HTTP/1.1 413");
    stage_expect_eof(fd, &in);
    close(fd);
    stage_close();
}

/* 32: 100-continue is sent once, before the body. */
static void expect_continue(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\n"
                       "Content-Length: 3\r\n\r\n"));
    stage_expect(fd, &in, "HTTP/1.1 100 Continue\r\n\r\n");
    stage_send(fd, STR("abc"));
    stage_expect(fd, &in, "\r\n\r\nabc");
    assert_int_equal(count_of(in.bytes, "100 Continue"), 1);
    close(fd);
    stage_close();
}

/* An answer larger than what the socket takes: what is left of the head and of what was
 * lent behind it is kept, in order, when the exchange is long over. */
static void large_answer_to_a_slow_client(void **state)
{
    (void)state;
    enum { TOTAL = 8 * 1024 * 1024 };
    char *text = malloc(TOTAL), head[128];
    size_t got = 0, head_bytes = 0;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    for (size_t i = 0; i < TOTAL; i++) {
        text[i] = (char)('a' + i % 23);
    }
    snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: %d\r\n\r\n",
             TOTAL);
    stage_send(fd, str_from(head));
    stage_send(fd, (struct str){text, TOTAL});
    stage_until(fake.ended == 1);
    while (got < TOTAL) {
        ssize_t n = recv(fd, in.bytes, sizeof(in.bytes) - 1, MSG_DONTWAIT);
        if (n <= 0) {
            stage_turn();
            continue;
        }
        const char *at = in.bytes;
        if (head_bytes == 0) {
            in.bytes[n] = '\0';
            at = strstr(in.bytes, "\r\n\r\n") + 4;
            head_bytes = (size_t)(at - in.bytes);
        }
        for (; at < in.bytes + n; at++, got++) {
            assert_int_equal(*at, 'a' + (int)(got % 23));
        }
    }
    free(text);
    close(fd);
    stage_close();
}

/* 37, 38, 40: a head, a body and an idle connection end at their deadlines. */
static void slow_clients_are_ended(void **state)
{
    (void)state;
    stage_init();
    stage.options.header_ms = 200;
    stage.options.idle_ms = 200;
    stage.options.body_grace_ms = 200;
    stage.options.linger_ms = 200;
    stage_open(NULL);
    int idle = stage_connect();
    int head = stage_connect();
    int body = stage_connect();
    stage_send(head, STR("POST /echo HTTP/1.1\r\nHost:"));
    stage_send(body, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 5000\r\n\r\nab"));
    memset(&in, 0, sizeof(in));
    stage_expect_eof(idle, &in);
    assert_int_equal(in.len, 0);
    memset(&in, 0, sizeof(in));
    stage_expect(head, &in, "HTTP/1.1 408");
    memset(&in, 0, sizeof(in));
    stage_expect(body, &in, "HTTP/1.1 408");
    assert_int_equal(net_stats(stage.net)->requests_timed_out, 2);
    stage_until(net_stats(stage.net)->clients == 0);
    close(idle);
    close(head);
    close(body);
    stage_close();
}

/* 47: the connection ends after the last permitted request. */
static void requests_per_connection_are_bounded(void **state)
{
    (void)state;
    stage_init();
    stage.options.requests_max = 2;
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    for (unsigned i = 0; i < 3; i++) {
        stage_send(fd, STR("GET /echo HTTP/1.1\r\nHost: gw\r\n\r\n"));
    }
    stage_expect_eof(fd, &in);
    assert_int_equal(count_of(in.bytes, "HTTP/1.1 200"), 2);
    assert_int_equal(count_of(in.bytes, "connection: close"), 1);
    close(fd);
    stage_close();
}

/* F22: above the limit a connection is told 503 and closed; then there is room again. */
static void too_many_clients(void **state)
{
    (void)state;
    stage_init();
    stage.options.clients_max = 2;
    stage_open(NULL);
    int a = stage_connect();
    int b = stage_connect();
    stage_until(net_stats(stage.net)->clients == 2);
    int c = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_expect(c, &in, "HTTP/1.1 503");
    close(a);
    stage_until(net_stats(stage.net)->clients == 1);
    int d = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(d, STR("GET /echo HTTP/1.1\r\nHost: gw\r\n\r\n"));
    stage_expect(d, &in, "HTTP/1.1 200");
    close(b);
    close(c);
    close(d);
    stage_close();
}

/* F22: without descriptors the queue is refused, not spun on; afterwards all is well. */
static void descriptors_run_out(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    int fds[COUNT];
    struct rlimit limit, small;
    stage_init();
    stage_open(NULL);
    stage_turn();
    for (unsigned i = 0; i < COUNT; i++) {
        fds[i] = stage_connect();
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    small = limit;
    small.rlim_cur = (rlim_t)fds[COUNT - 1] + 6; /* room for five */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    for (unsigned i = 0; i < 50; i++) {
        stage_turn();
    }
    assert_true(net_stats(stage.net)->clients <= 5);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        close(fds[i]);
    }
    stage_until(net_stats(stage.net)->clients == 0);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("GET /echo HTTP/1.1\r\nHost: gw\r\n\r\n"));
    stage_expect(fd, &in, "HTTP/1.1 200");
    close(fd);
    stage_close();
}

/* Management: handed out with a ticket, answered later; a stale ticket does nothing. */
static void management_is_served(void **state)
{
    (void)state;
    struct flow_served answer = {.status = 201, .body = STR("made")};
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("POST /serve HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\nxyz"));
    stage_until(stage.serves == 1);
    assert_string_equal(stage.served_body, "xyz 127.0.0.1");
    assert_true(net_served(stage.net, stage.ticket, &answer));
    stage_expect(fd, &in, "HTTP/1.1 201");
    assert_false(net_served(stage.net, stage.ticket, &answer));
    struct net_ticket nonsense = {.slot = 1000000, .generation = 1};
    assert_false(net_served(stage.net, nonsense, &answer));

    stage_send(fd, STR("GET /serve HTTP/1.1\r\nHost: gw\r\n\r\n"));
    stage_until(stage.serves == 2);
    reset_socket(fd);
    stage_until(fake.gone == 1);
    assert_false(net_served(stage.net, stage.ticket, &answer));
    stage_close();
}

/* A TLS listener, its handshake split in bytes; keep-alive; certificate replaced. */
static void tls_listener(void **state)
{
    (void)state;
    struct world world;
    static const struct cert_spec spec = {.subject = "CN=x", .names = {"gw.example.test"}};
    world_open(&world);
    struct tls_server *server = world_server(&world, &spec, &world.ca);
    struct tls_server *other = world_server(&world, &spec, &world.ca);
    stage_init();
    stage_open(server);
    net_listen_set_tls(stage.net, stage.listener, other);
    int fd = stage_connect();
    struct side side;
    side_init(&side);
    assert_int_equal(tls_session_new_client(world.client, STR("gw.example.test"), NULL, STR_NONE,
                                            &side.session),
                     ERR_OK);
    bool is_sent = false;
    for (unsigned turns = 0; str_find_str(buf_str(&side.plain), STR("abc")) < 0; turns++) {
        assert_true(turns < TURNS_MAX);
        memset(&in, 0, sizeof(in));
        stage_receive(fd, &in);
        struct str got = {in.bytes, in.len};
        do {
            size_t used = 0;
            assert_int_equal(tls_session_feed(side.session, got, &used, &side.net, &side.plain),
                             ERR_OK);
            got = str_sub(got, used, got.len);
        } while (got.len > 0 || !tls_session_is_drained(side.session));
        if (tls_session_state(side.session) == TLS_OPEN && !is_sent) {
            is_sent = true;
            assert_int_equal(tls_session_write(side.session,
                                               STR("POST /echo HTTP/1.1\r\nHost: gw\r\n"
                                                   "Content-Length: 3\r\n\r\nabc"),
                                               &side.net),
                             ERR_OK);
        }
        for (size_t i = 0; i < side.net.len; i++) {
            stage_send(fd, (struct str){side.net.ptr + i, 1});
            net_turn(stage.net, false);
        }
        buf_clear(&side.net);
    }
    side_fini(&side);
    close(fd);
    stage_close();
    tls_server_unref(server);
    tls_server_unref(other);
    world_close(&world);
}

/* F25: a drain closes what is idle, finishes what runs, says close, and ends. */
static void drain_finishes_what_runs(void **state)
{
    (void)state;
    struct flow_served answer = {.status = 200, .body = STR("late")};
    stage_init();
    stage.options.linger_ms = 100;
    stage_open(NULL);
    int idle = stage_connect();
    int busy = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(idle, STR("GET /echo HTTP/1.1\r\nHost: gw\r\n\r\n"));
    stage_expect(idle, &in, "HTTP/1.1 200");
    stage_send(busy, STR("GET /serve HTTP/1.1\r\nHost: gw\r\n\r\n"));
    stage_until(stage.serves == 1);
    int queued = stage_connect(); /* in the accept queue when the listener closes */
    stage_send(queued, STR("GET /echo HTTP/1.1\r\nHost: gw\r\n\r\n"));
    net_drain(stage.net, 30000);
    memset(&in, 0, sizeof(in));
    stage_expect_eof(idle, &in);
    memset(&in, 0, sizeof(in));
    stage_expect(queued, &in, "HTTP/1.1 200");
    assert_int_equal(count_of(in.bytes, "connection: close"), 1);
    assert_false(stage.is_drained);
    assert_true(net_served(stage.net, stage.ticket, &answer));
    memset(&in, 0, sizeof(in));
    stage_expect(busy, &in, "late");
    stage_expect_eof(busy, &in);
    close(idle);
    close(queued);
    close(busy);
    stage_until(stage.is_drained);
    stage_close();
}

static size_t resident_bytes(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &pages, &resident), 2);
    fclose(f);
    return resident * 4096;
}

/* A thousand idle keep-alive connections, one request each before: about 1 KB each. */
static void idle_connections_cost_little(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static int fds[COUNT];
    stage_init();
    stage_open(NULL);
    for (unsigned i = 0; i < 16; i++) { /* pages the first connections touch */
        fds[0] = stage_connect();
        memset(&in, 0, sizeof(in));
        stage_send(fds[0], STR("GET /echo HTTP/1.1\r\nHost: gw\r\n\r\n"));
        stage_expect(fds[0], &in, "HTTP/1.1 200");
        close(fds[0]);
    }
    stage_until(net_stats(stage.net)->clients == 0);
    size_t before = resident_bytes();
    for (unsigned i = 0; i < COUNT; i++) {
        fds[i] = stage_connect();
        memset(&in, 0, 256);
        in.len = 0;
        stage_send(fds[i], STR("GET /echo HTTP/1.1\r\nHost: gw\r\n\r\n"));
        stage_expect(fds[i], &in, "HTTP/1.1 200");
    }
    size_t each = (resident_bytes() - before) / COUNT;
    assert_int_equal(net_stats(stage.net)->clients, COUNT);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    print_message("idle connection: %zu bytes resident\n", each);
    assert_true(each <= 1024);
#else
    (void)each;
#endif
    for (unsigned i = 0; i < COUNT; i++) {
        close(fds[i]);
    }
    stage_close();
}

/* F18: random junk, cut connections and resets leave nothing behind. */
static void junk_leaves_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\x16\x03\x01\x02", "GET", "GET / HTTP/1.1\r\n", "\r\n\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 10\r\n\r\nabc",
        "POST /serve HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\nabcGET",
        "POST /echo HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    stage_init();
    stage_open(NULL);
    for (unsigned i = 0; i < 2 * sizeof(texts) / sizeof(texts[0]); i++) {
        int fd = stage_connect();
        stage_send(fd, str_from(texts[i / 2]));
        stage_turn();
        if (i % 2 == 0) {
            close(fd);
        } else {
            reset_socket(fd);
        }
    }
    stage_until(net_stats(stage.net)->clients == 0);
    stage_close();
}

static int setup(void **state)
{
    (void)state;
    return tls_start() == ERR_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_answered_and_connection_kept),
        cmocka_unit_test(request_split_at_every_byte),
        cmocka_unit_test(pipelined_requests_in_order),
        cmocka_unit_test(pipelined_good_then_bad),
        cmocka_unit_test(early_refusal_lingers),
        cmocka_unit_test(refusal_without_body_keeps_connection),
        cmocka_unit_test(close_asked_ends_only_its_connection),
        cmocka_unit_test(declared_length_too_large),
        cmocka_unit_test(expect_continue),
        cmocka_unit_test(large_answer_to_a_slow_client),
        cmocka_unit_test(slow_clients_are_ended),
        cmocka_unit_test(requests_per_connection_are_bounded),
        cmocka_unit_test(too_many_clients),
        cmocka_unit_test(descriptors_run_out),
        cmocka_unit_test(management_is_served),
        cmocka_unit_test(tls_listener),
        cmocka_unit_test(drain_finishes_what_runs),
        cmocka_unit_test(junk_leaves_nothing),
        cmocka_unit_test(idle_connections_cost_little),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
