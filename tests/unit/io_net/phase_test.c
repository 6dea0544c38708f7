/* SPDX-License-Identifier: Apache-2.0
 *
 * A turn of the loop in phases: whatever was read in one turn is handled completely, in
 * order and for the right connection, also when it is more than there is room for, when
 * connections close meanwhile, and when bytes nobody asked for lie beside a request.
 */
#include "stage.h"

#define CLIENTS 600 /* more than one turn keeps reads, and is told of */

static struct inbox in, up;

static void more_reads_than_one_turn_keeps(void **state)
{
    static int fds[CLIENTS];
    char text[128];
    (void)state;
    stage_init();
    stage_open(NULL);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = stage_connect_accepted();
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        snprintf(text, sizeof(text),
                 "POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\n\r\n%03u", i);
        stage_send(fds[i], str_from(text));
    }
    stage_until(fake.ended == CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        memset(&in, 0, sizeof(in));
        snprintf(text, sizeof(text), "\r\n\r\n%03u", i);
        stage_expect(fds[i], &in, text);
        close(fds[i]);
    }
    stage_close();
}

/* Sends what the socket takes of a body of `c`s, receives what has come of its echo. */
static void push_and_pull(int fd, char c, size_t *left, size_t *come)
{
    static char piece[64 * 1024];
    memset(piece, c, sizeof(piece));
    size_t want = *left < sizeof(piece) ? *left : sizeof(piece);
    ssize_t n = send(fd, piece, want, MSG_DONTWAIT | MSG_NOSIGNAL);
    *left -= n > 0 ? (size_t)n : 0;
    n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++) {
        assert_true(piece[i] == c || (piece[i] & 0x80) == 0); /* or of the head */
        *come += piece[i] == c ? 1 : 0;
    }
}

static void bodies_larger_than_the_room(void **state)
{
    enum { COUNT = 12 }; /* as many reads of 64 KiB in one turn */
    static const size_t bytes = 1u << 20;
    int fds[COUNT];
    size_t left[COUNT], come[COUNT] = {0}, all = 0;
    char head[128];
    (void)state;
    stage_init();
    stage_open(NULL);
    for (unsigned i = 0; i < COUNT; i++) {
        fds[i] = stage_connect();
        left[i] = bytes;
        snprintf(head, sizeof(head),
                 "POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: %zu\r\n\r\n", bytes);
        stage_send(fds[i], str_from(head));
    }
    for (int turns = 0; all < COUNT * bytes; turns++) {
        assert_true(turns < TURNS_MAX);
        all = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            push_and_pull(fds[i], (char)(0x80 + (int)i), &left[i], &come[i]);
            all += come[i];
        }
        net_turn(stage.net, false);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(come[i], bytes); /* each its own, and no byte more */
        close(fds[i]);
    }
    stage_close();
}

/* One pooled connection; the test's end of it. */
static int pooled(int fd)
{
    stage_send(fd, STR(CALL_REQUEST));
    int provider = provider_accept();
    provider_answer(provider);
    memset(&in, 0, sizeof(in));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    stage_until(net_stats(stage.net)->upstreams_idle > 0);
    return provider;
}

static void unasked_bytes_beside_a_request(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    int provider = pooled(fd);
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(CALL_REQUEST));
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    int second = provider_accept(); /* the first is not used again */
    provider_answer(second);
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_null(strstr(in.bytes, "evil"));
    assert_int_equal(net_stats(stage.net)->upstreams_reused, 0);
    close(fd);
    close(provider);
    close(second);
    stage_close();
}

/* The call fails over to a pooled connection while bytes nobody asked for are read from
 * that one, but not handled yet. */
static void unasked_bytes_where_a_call_goes_next(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect(), other = stage_connect();
    stage_send(other, STR(CALL_REQUEST)); /* two calls at a time make two connections */
    int first = provider_accept();
    int second = pooled(fd);
    provider_answer(first);
    stage_until(net_stats(stage.net)->upstreams_idle == 2);
    fake.is_call_fallback = true;
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(CALL_REQUEST));
    stage_until(net_stats(stage.net)->upstreams_idle == 1);
    memset(&up, 0, sizeof(up));
    stage_expect(first, &up, "hello"); /* the newest */
    stage_send(first, STR("this is not HTTP\r\n\r\n"));
    stage_send(second, STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    int third = provider_accept();
    provider_answer(third);
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_null(strstr(in.bytes, "evil"));
    assert_int_equal(fake.ends[FLOW_END_TRUNCATED], 0); /* tried again by net, once */
    assert_int_equal(net_stats(stage.net)->upstreams_retried, 1);
    close(fd);
    close(other);
    close(first);
    close(second);
    close(third);
    stage_close();
}

/* However the provider cut its body, what came in one read is one piece. */
static void a_read_is_given_on_as_one_piece(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    memset(&up, 0, sizeof(up));
    stage_send(fd, STR(CALL_REQUEST));
    int provider = provider_accept();
    stage_expect(provider, &up, "hello");
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "1\r\na\r\n2;x=y\r\nbb\r\n003\r\nccc\r\n"));
    stage_expect(fd, &in, "\r\n\r\n6\r\nabbccc\r\n");
    stage_send(provider, STR("1\r\nd\r\n1\r\ne\r\n0\r\n\r\n"));
    stage_expect(fd, &in, "2\r\nde\r\n0\r\n\r\n");
    /* What is whole goes on although what follows it is not HTTP. */
    memset(&in, 0, sizeof(in));
    memset(&up, 0, sizeof(up));
    stage_send(fd, STR(CALL_REQUEST));
    stage_expect(provider, &up, "hello");
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "1\r\na\r\n1\r\nb\r\nnot a size\r\n"));
    stage_expect(fd, &in, "2\r\nab\r\n");
    stage_expect(fd, &in, "event: error");
    assert_int_equal(fake.ends[FLOW_END_PROTOCOL], 1);
    close(fd);
    close(provider);
    stage_close();
}

/* What waits for the end of the turn only is above the mark; the provider is read again. */
static void a_turn_above_the_mark_does_not_stall(void **state)
{
    char piece[3000], head[128];
    (void)state;
    stage_init();
    stage.options.unsent_high_bytes = 1000;
    stage.options.unsent_low_bytes = 500;
    stage_open(NULL);
    memset(piece, 'p', sizeof(piece));
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    memset(&up, 0, sizeof(up));
    stage_send(fd, STR(CALL_REQUEST));
    int provider = provider_accept();
    stage_expect(provider, &up, "hello");
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
             2 * sizeof(piece) + 4);
    stage_send(provider, str_from(head));
    stage_send(provider, (struct str){piece, sizeof(piece)});
    stage_expect(fd, &in, "ppp\r\n");
    assert_true(net_stats(stage.net)->pauses > 0);
    stage_send(provider, (struct str){piece, sizeof(piece)});
    stage_send(provider, STR("last"));
    stage_expect(fd, &in, "last\r\n0\r\n\r\n");
    close(fd);
    close(provider);
    stage_close();
}

static void a_client_goes_in_the_turn_of_its_answer(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    stage_send(fd, STR(CALL_REQUEST));
    int provider = provider_accept();
    memset(&up, 0, sizeof(up));
    stage_expect(provider, &up, "hello");
    reset_socket(fd);
    stage_send(provider, STR(OK_ANSWER));
    stage_until(net_stats(stage.net)->clients == 0 && fake.ended == 1);
    assert_int_equal(stage.records, 2);
    close(provider);
    stage_close();
}

static void on_drain_signal(uv_async_t *async)
{
    net_drain(stage.net, 5000);
    uv_close((uv_handle_t *)async, NULL);
}

/* A request that was read before the signal to drain, in the same turn, is answered. */
static void a_request_before_the_drain(void **state)
{
    uv_async_t signal_async;
    (void)state;
    stage_init();
    stage_open(NULL);
    assert_int_equal(uv_async_init(&stage.loop, &signal_async, on_drain_signal), 0);
    int fd = stage_connect();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(ECHO_REQUEST));
    stage_expect(fd, &in, "\r\n\r\nabc");
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(ECHO_REQUEST));
    uv_async_send(&signal_async);
    stage_expect(fd, &in, "\r\n\r\nabc");
    stage_expect_eof(fd, &in);
    close(fd);
    stage_until(stage.is_drained);
    stage_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_reads_than_one_turn_keeps),
        cmocka_unit_test(bodies_larger_than_the_room),
        cmocka_unit_test(unasked_bytes_beside_a_request),
        cmocka_unit_test(unasked_bytes_where_a_call_goes_next),
        cmocka_unit_test(a_read_is_given_on_as_one_piece),
        cmocka_unit_test(a_turn_above_the_mark_does_not_stall),
        cmocka_unit_test(a_client_goes_in_the_turn_of_its_answer),
        cmocka_unit_test(a_request_before_the_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
