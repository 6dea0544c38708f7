/* SPDX-License-Identifier: Apache-2.0
 *
 * The provider side over real sockets: pooling, retry, refusal, reset, truncation,
 * surplus, deadlines, back-pressure, a client that goes, records that wait, names,
 * drain. Proves F14-F17, F19, F25, F33, catalogue 39, 42-44, 169 as far
 * as net goes.
 */
#include "stage.h"

static struct inbox in, up;

static void send_call(int fd)
{
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(CALL_REQUEST));
}

/* Reads the request of the fake flow from the provider's side. */
static void expect_call(int provider)
{
    memset(&up, 0, sizeof(up));
    stage_expect(provider, &up, "\r\n\r\nhello");
}

static void call_is_relayed_and_connection_pooled(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    for (unsigned i = 0; i < 3; i++) {
        expect_call(provider);
        stage_send(provider, STR(OK_ANSWER));
        stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
        stage_until(net_stats(stage.net)->upstreams_idle == 1);
        send_call(fd);
    }
    expect_call(provider);
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(net_stats(stage.net)->upstreams_opened, 1);
    assert_int_equal(net_stats(stage.net)->upstreams_reused, 3);
    assert_int_equal(stage.records, 8); /* a decision and an outcome each */
    /* Another credential never gets that connection. */
    fake.endpoint.credential_id = STR("other");
    send_call(fd);
    int second = provider_accept();
    expect_call(second);
    stage_send(second, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(net_stats(stage.net)->upstreams_opened, 2);
    close(fd);
    close(provider);
    close(second);
    stage_close();
}

static void answer_split_at_every_byte(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n";
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    for (size_t i = 0; i + 1 < sizeof(answer); i++) {
        stage_send(provider, (struct str){answer + i, 1});
        net_turn(stage.net, false);
    }
    stage_expect(fd, &in, "\r\n0\r\n\r\n");
    assert_int_equal(fake.ends[FLOW_END_COMPLETE], 1);
    assert_int_equal(net_stats(stage.net)->upstreams_idle, 1);
    close(fd);
    close(provider);
    stage_close();
}

/* A pooled connection that dies before its answer: once more, on a fresh one. */
static void stale_pooled_connection_is_replaced(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    send_call(fd); /* on the pooled one */
    expect_call(provider);
    reset_socket(provider);
    provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(net_stats(stage.net)->upstreams_retried, 1);
    assert_int_equal(fake.calls, 2);
    /* A fresh connection that dies is not tried again. */
    send_call(fd);
    expect_call(provider);
    close(provider);
    provider = provider_accept();
    expect_call(provider);
    reset_socket(provider);
    stage_expect(fd, &in, "HTTP/1.1 502");
    assert_int_equal(fake.ends[FLOW_END_TRUNCATED], 1);
    /* A pooled one that the provider closes while idle is simply forgotten. */
    send_call(fd);
    provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    close(provider);
    stage_until(net_stats(stage.net)->upstreams == 0);
    close(fd);
    stage_close();
}

static void refused_connection(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    close(stage.provider);
    send_call(fd);
    stage_expect(fd, &in, "the provider refused the connection");
    assert_int_equal(fake.ends[FLOW_END_REFUSED], 1);
    stage.provider = stage_listen(&stage.provider_port);
    fake.endpoint.url.port = stage.provider_port;
    send_call(fd); /* the client's connection was kept */
    int provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    close(fd);
    close(provider);
    stage_close();
}

/* 166-169: an address that is not permitted is never connected to. */
static void address_not_permitted(void **state)
{
    (void)state;
    static const char *const hosts[] = {"10.1.2.3", "169.254.169.254", "::1", "192.168.0.1"};
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    for (unsigned i = 0; i < 4; i++) {
        fake.endpoint.url.host = str_from(hosts[i]);
        send_call(fd);
        stage_expect(fd, &in, "not a public one");
    }
    assert_int_equal(fake.ends[FLOW_END_REFUSED], 4);
    assert_int_equal(net_stats(stage.net)->upstreams_opened, 0);
    /* A name resolves, is checked, and connects; an unknown one is refused. */
    fake.endpoint.url.host = STR("localhost");
    fake.endpoint.url.is_ip = false;
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(net_stats(stage.net)->dns_lookups, 1);
    fake.endpoint.credential_id = STR("again"); /* another pool, the same name: kept */
    send_call(fd);
    int second = provider_accept();
    expect_call(second);
    stage_send(second, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(net_stats(stage.net)->dns_lookups, 1);
    fake.endpoint.url.host = STR("no-such-host.invalid");
    send_call(fd);
    stage_expect(fd, &in, "HTTP/1.1 502");
    close(fd);
    close(provider);
    close(second);
    stage_close();
}

/* F16: cut inside the answer, by FIN and by RST, at every byte. */
static void truncated_answers(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut short";
    stage_init();
    stage.options.linger_ms = 100;
    stage_open(NULL);
    unsigned cuts = 0;
    for (size_t cut = 1; cut + 1 < sizeof(answer); cut++) {
        int fd = stage_connect();
        send_call(fd);
        int provider = provider_accept();
        expect_call(provider);
        stage_send(provider, (struct str){answer, cut});
        net_turn(stage.net, false);
        if (cut % 2 == 0) {
            close(provider);
        } else {
            reset_socket(provider);
        }
        stage_until(fake.ends[FLOW_END_TRUNCATED] == cuts + 1);
        cuts++;
        close(fd);
    }
    assert_int_equal(fake.ends[FLOW_END_COMPLETE], 0);
    assert_int_equal(net_stats(stage.net)->upstreams_idle, 0);
    stage_until(net_stats(stage.net)->clients == 0);
    stage_close();
}

/* A body that ends with the connection is complete by FIN, never kept. */
static void read_until_close(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"));
    close(provider);
    stage_expect(fd, &in, "all of it\r\n0\r\n\r\n");
    assert_int_equal(fake.ends[FLOW_END_COMPLETE], 1);
    assert_int_equal(net_stats(stage.net)->upstreams_idle, 0);
    close(fd);
    stage_close();
}

/* Surplus bytes behind an answer, or on an idle connection: never used again. */
static void surplus_bytes_discard_the_connection(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR(OK_ANSWER "HTTP/1.1 200 OK\r\n"));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    stage_until(net_stats(stage.net)->upstreams == 0);
    close(provider);
    send_call(fd);
    provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(net_stats(stage.net)->upstreams_idle, 1);
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"));
    stage_until(net_stats(stage.net)->upstreams == 0);
    assert_int_equal(net_stats(stage.net)->upstreams_discarded, 2);
    close(provider);
    close(fd);
    stage_close();
}

/* F17: bytes that are not HTTP. */
static void garbage_is_a_protocol_error(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR("SSH-2.0-OpenSSH_9.2\r\n\r\n"));
    stage_expect(fd, &in, "HTTP/1.1 502");
    assert_int_equal(fake.ends[FLOW_END_PROTOCOL], 1);
    close(provider);
    close(fd);
    stage_close();
}

/* F15: no first byte, a silence inside the answer, a drip beyond the total. */
static void deadlines_of_a_call(void **state)
{
    (void)state;
    stage_init();
    fake.deadlines.first_byte_ms = 200;
    fake.deadlines.idle_ms = 300;
    fake.deadlines.total_ms = 1000;
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    stage_expect(fd, &in, "did not begin its answer in time");
    close(provider);
    send_call(fd);
    provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nx"));
    stage_expect(fd, &in, "event: error");
    assert_string_equal(fake.reason, "the provider stopped sending");
    close(provider);
    close(fd);
    fd = stage_connect();
    send_call(fd);
    provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\nx"));
    for (unsigned turns = 0; fake.ends[FLOW_END_TIMEOUT] < 3; turns++) {
        assert_true(turns < TURNS_MAX);
        (void)send(provider, "y", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        stage_turn();
    }
    assert_string_equal(fake.reason, "the answer took longer than permitted in all");
    close(provider);
    close(fd);
    stage_close();
}

/* 43, 44, F19: a client that resets, before the answer and in it, ends the call. */
static void client_gone_drops_the_call(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    static char flood[300000]; /* pipelined behind the request: reading stops */
    memset(flood, 'f', sizeof(flood));
    for (unsigned i = 0; i < 5; i++) {
        int fd = stage_connect();
        send_call(fd);
        int provider = provider_accept();
        expect_call(provider);
        if (i >= 3) {
            stage_send(fd, (struct str){flood, sizeof(flood)});
        }
        if (i == 1) {
            stage_send(provider, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"));
            stage_expect(fd, &in, "HTTP/1.1 200");
        }
        if (i == 2 || i == 4) {
            close(fd); /* FIN only: found out by the provisional answer */
        } else {
            reset_socket(fd);
        }
        memset(&up, 0, sizeof(up));
        stage_expect_eof(provider, &up);
        assert_int_equal(fake.gone, i + 1);
        close(provider);
    }
    assert_int_equal(net_stats(stage.net)->clients_gone, 5);
    assert_int_equal(stage.records, 10);
    stage_close();
}

/* 42: half-closed after the request: the answer is still delivered. */
static void half_closed_client_gets_its_answer(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    shutdown(fd, SHUT_WR);
    int provider = provider_accept();
    expect_call(provider);
    for (unsigned i = 0; i < 250; i++) {
        stage_turn(); /* long enough for the check of half-closed clients */
    }
    struct pollfd loop = {.fd = uv_backend_fd(&stage.loop), .events = POLLIN};
    assert_int_equal(poll(&loop, 1, 0), 0); /* told once, not in every turn from then on */
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfi"));
    stage_expect(fd, &in, "fi\r\n");
    for (unsigned i = 0; i < 1200; i++) {
        stage_turn(); /* and for the next one, inside the answer */
    }
    stage_send(provider, STR("ne"));
    stage_expect(fd, &in, "ne\r\n0\r\n\r\n");
    stage_expect_eof(fd, &in);
    assert_int_equal(fake.gone, 0);
    close(provider);
    close(fd);
    stage_close();
}

/* 39: a client that does not read pauses the provider; nothing is lost; one that
 * never reads is dropped. */
static void slow_client_pauses_the_provider(void **state)
{
    (void)state;
    enum { TOTAL = 24 * 1024 * 1024 };
    static char block[65536];
    char head[128];
    size_t sent = 0, body = 0;
    int small = 65536;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", TOTAL);
    stage_send(provider, str_from(head));
    memset(block, 'z', sizeof(block));
    while (net_stats(stage.net)->pauses == 0 && sent < TOTAL) {
        ssize_t n = send(provider, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        net_turn(stage.net, false);
    }
    assert_true(net_stats(stage.net)->pauses > 0);
    bool is_more = true;
    for (unsigned turns = 0; is_more; turns++) {
        assert_true(turns < 200 * TURNS_MAX);
        size_t want = TOTAL - sent < sizeof(block) ? TOTAL - sent : sizeof(block);
        ssize_t n = want == 0 ? 0 : send(provider, block, want, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        net_turn(stage.net, false);
        in.len = 0;
        n = recv(fd, in.bytes, sizeof(in.bytes) - 1, MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++) {
            body += in.bytes[i] == 'z' ? 1 : 0;
        }
        is_more = body < TOTAL || net_stats(stage.net)->upstreams_idle == 0;
    }
    assert_int_equal(body, TOTAL);
    assert_int_equal(fake.ends[FLOW_END_COMPLETE], 1);
    close(fd);
    close(provider);
    stage_close();
}

static void client_that_never_reads_is_dropped(void **state)
{
    (void)state;
    static char block[65536];
    stage_init();
    stage.options.write_stall_ms = 300;
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"));
    for (unsigned turns = 0; fake.gone == 0; turns++) {
        assert_true(turns < TURNS_MAX);
        (void)send(provider, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
        stage_turn();
    }
    stage_until(net_stats(stage.net)->upstreams == 0);
    close(fd);
    close(provider);
    stage_close();
}

/* A large request body to a provider that reads slowly arrives whole. */
static void large_body_upstream(void **state)
{
    (void)state;
    enum { TOTAL = 8 * 1024 * 1024 };
    char *text = malloc(TOTAL);
    char head[128];
    size_t got = 0;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    memset(text, 'q', TOTAL);
    snprintf(head, sizeof(head), "POST /call HTTP/1.1\r\nHost: gw\r\nContent-Length: %d\r\n\r\n",
             TOTAL);
    stage_send(fd, str_from(head));
    stage_send(fd, (struct str){text, TOTAL});
    int provider = provider_accept();
    while (got < TOTAL) {
        ssize_t n = recv(provider, up.bytes, sizeof(up.bytes), MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++) {
            got += up.bytes[i] == 'q' ? 1 : 0;
        }
        if (n <= 0) {
            stage_turn();
        }
    }
    memset(&in, 0, sizeof(in));
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(net_stats(stage.net)->upstreams_idle, 1);
    /* Gone in the middle of sending: nothing reads the exchange's memory afterwards. */
    stage_send(fd, str_from(head));
    stage_send(fd, (struct str){text, TOTAL});
    stage_until(fake.calls == 2);
    reset_socket(fd);
    stage_until(fake.gone == 1);
    free(text);
    close(provider);
    stage_close();
}

/* Strict recording: nothing goes out before the record is synced. */
static void strict_record_waits_for_the_disk(void **state)
{
    (void)state;
    stage_init();
    stage.env.is_strict_record = true;
    stage_open(NULL);
    int fd = stage_connect();
    int gone = stage_connect();
    send_call(fd);
    stage_until(net_stats(stage.net)->requests_waiting == 1);
    send_call(gone);
    stage_until(net_stats(stage.net)->requests_waiting == 2);
    assert_int_equal(fake.calls, 0);
    reset_socket(gone); /* waits on without its client: its outcome needs the disk too */
    stage_until(fake.gone == 1);
    stage.synced = 1;
    net_on_synced(stage.net);
    assert_int_equal(fake.calls, 1);
    int provider = provider_accept();
    expect_call(provider);
    stage.synced = 100;
    net_on_synced(stage.net);
    assert_int_equal(net_stats(stage.net)->requests_waiting, 0);
    assert_int_equal(net_stats(stage.net)->requests_active, 1);
    stage_send(provider, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    /* One still waiting when all is closed ends too. */
    send_call(fd);
    stage.synced = 0;
    stage.seq = 1000;
    stage_until(net_stats(stage.net)->requests_waiting == 1);
    close(fd);
    close(provider);
    stage_close();
}

static void record_failure_refuses(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    stage.append_err = ERR_LIMIT;
    send_call(fd);
    stage_expect(fd, &in, "audit_unavailable");
    assert_int_equal(fake.calls, 0);
    assert_int_equal(net_stats(stage.net)->records_failed, 1);
    close(fd);
    stage_close();
}

/* F25: at the drain deadline a stream is ended in the stream, not cut off. */
static void drain_deadline_cuts_streams(void **state)
{
    (void)state;
    stage_init();
    stage.options.linger_ms = 100;
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    int provider = provider_accept();
    expect_call(provider);
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"));
    stage_expect(fd, &in, "HTTP/1.1 200");
    net_drain(stage.net, 200);
    stage_expect(fd, &in, "event: error");
    assert_string_equal(fake.reason, "shutting down");
    stage_expect_eof(fd, &in);
    close(fd);
    stage_until(stage.is_drained);
    close(provider);
    stage_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_is_relayed_and_connection_pooled),
        cmocka_unit_test(answer_split_at_every_byte),
        cmocka_unit_test(stale_pooled_connection_is_replaced),
        cmocka_unit_test(refused_connection),
        cmocka_unit_test(address_not_permitted),
        cmocka_unit_test(truncated_answers),
        cmocka_unit_test(read_until_close),
        cmocka_unit_test(surplus_bytes_discard_the_connection),
        cmocka_unit_test(garbage_is_a_protocol_error),
        cmocka_unit_test(deadlines_of_a_call),
        cmocka_unit_test(client_gone_drops_the_call),
        cmocka_unit_test(half_closed_client_gets_its_answer),
        cmocka_unit_test(slow_client_pauses_the_provider),
        cmocka_unit_test(client_that_never_reads_is_dropped),
        cmocka_unit_test(large_body_upstream),
        cmocka_unit_test(strict_record_waits_for_the_disk),
        cmocka_unit_test(record_failure_refuses),
        cmocka_unit_test(drain_deadline_cuts_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
