/* SPDX-License-Identifier: Apache-2.0
 *
 * The provider side over TLS and real sockets: pooling, truncation without
 * close_notify, a certificate for another host, a silent handshake, large bodies.
 * Proves catalogue 187 and 276 and rules 5-7 of the TLS wrapper as far as net goes.
 */
#include "stage.h"

#include "../io_tls/pair.h"

static struct inbox in, up;

static void send_call(int fd)
{
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(CALL_REQUEST));
}

struct tls_provider {
    int fd;
    struct side side;
};

static void tls_accept(struct tls_provider *p, struct tls_server *server)
{
    p->fd = provider_accept();
    side_init(&p->side);
    assert_int_equal(tls_session_new_server(server, &p->side.session), ERR_OK);
}

static bool tls_turn(struct tls_provider *p)
{
    memset(&up, 0, sizeof(up));
    stage_receive(p->fd, &up);
    struct str got = {up.bytes, up.len};
    enum err e = ERR_OK;
    do {
        size_t used = 0;
        e = tls_session_feed(p->side.session, got, &used, &p->side.net, &p->side.plain);
        got = str_sub(got, used, got.len);
    } while (e == ERR_OK && (got.len > 0 || !tls_session_is_drained(p->side.session)));
    stage_send(p->fd, buf_str(&p->side.net));
    buf_clear(&p->side.net);
    return e == ERR_OK && !up.is_eof && !up.is_reset;
}

static void tls_expect_call(struct tls_provider *p)
{
    for (unsigned turns = 0; str_find_str(buf_str(&p->side.plain), STR("\r\n\r\nhello")) < 0;
         turns++) {
        assert_true(turns < TURNS_MAX);
        assert_true(tls_turn(p));
    }
    buf_clear(&p->side.plain);
}

static void tls_say(struct tls_provider *p, struct str text)
{
    assert_int_equal(tls_session_write(p->side.session, text, &p->side.net), ERR_OK);
    stage_send(p->fd, buf_str(&p->side.net));
    buf_clear(&p->side.net);
}

static void tls_close(struct tls_provider *p)
{
    side_fini(&p->side);
    close(p->fd);
}

static void tls_upstream(void **state)
{
    (void)state;
    struct world world;
    struct tls_provider p;
    static const struct cert_spec good = {.subject = "CN=x", .names = {"localhost"}};
    static const struct cert_spec bad = {.subject = "CN=x", .names = {"other.test"}};
    world_open(&world);
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct tls_server *wrong = world_server(&world, &bad, &world.ca);
    stage_init();
    stage.tls = world.client;
    fake.endpoint.url.is_tls = true;
    fake.endpoint.url.host = STR("localhost");
    fake.endpoint.url.is_ip = false;
    stage_open(NULL);
    int fd = stage_connect();
    send_call(fd);
    tls_accept(&p, server);
    for (unsigned i = 0; i < 2; i++) { /* the second on the pooled connection */
        tls_expect_call(&p);
        tls_say(&p, STR(OK_ANSWER));
        stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
        assert_int_equal(net_stats(stage.net)->upstreams_idle, 1);
        send_call(fd);
    }
    /* A read-until-close body is complete only behind close_notify (187, 276). */
    tls_expect_call(&p);
    tls_say(&p, STR("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart"));
    stage_expect(fd, &in, "part");
    tls_close(&p);
    stage_expect(fd, &in, "event: error");
    assert_int_equal(fake.ends[FLOW_END_TRUNCATED], 1);
    close(fd);
    fd = stage_connect();
    send_call(fd);
    tls_accept(&p, server);
    tls_expect_call(&p);
    tls_say(&p, STR("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole"));
    tls_session_close(p.side.session, &p.side.net);
    stage_send(p.fd, buf_str(&p.side.net));
    stage_expect(fd, &in, "whole\r\n0\r\n\r\n");
    tls_close(&p);
    /* A certificate for another name: nothing of the request is sent. */
    send_call(fd);
    tls_accept(&p, wrong);
    for (unsigned turns = 0; tls_turn(&p); turns++) {
        assert_true(turns < TURNS_MAX);
    }
    assert_int_equal(p.side.plain.len, 0);
    stage_expect(fd, &in, "certificate is for another host name");
    assert_int_equal(fake.ends[FLOW_END_TLS], 1);
    tls_close(&p);
    /* A provider that says nothing during the handshake. */
    fake.deadlines.connect_ms = 200;
    send_call(fd);
    p.fd = provider_accept();
    stage_expect(fd, &in, "did not accept the connection in time");
    close(p.fd);
    close(fd);
    stage_close();
    tls_server_unref(server);
    tls_server_unref(wrong);
    world_close(&world);
}

/* A large body over TLS goes out in slices while the provider reads slowly. */
static void tls_large_body(void **state)
{
    (void)state;
    enum { TOTAL = 3 * 1024 * 1024 };
    struct world world;
    struct tls_provider p;
    static const struct cert_spec good = {.subject = "CN=x", .names = {"localhost"}};
    char *text = malloc(TOTAL);
    char head[128];
    size_t got = 0;
    world_open(&world);
    struct tls_server *server = world_server(&world, &good, &world.ca);
    stage_init();
    stage.tls = world.client;
    fake.endpoint.url.is_tls = true;
    fake.endpoint.url.host = STR("localhost");
    fake.endpoint.url.is_ip = false;
    stage_open(NULL);
    int fd = stage_connect();
    memset(text, 'q', TOTAL);
    snprintf(head, sizeof(head), "POST /call HTTP/1.1\r\nHost: gw\r\nContent-Length: %d\r\n\r\n",
             TOTAL);
    stage_send(fd, str_from(head));
    stage_send(fd, (struct str){text, TOTAL});
    tls_accept(&p, server);
    while (got < TOTAL) {
        assert_true(tls_turn(&p));
        for (size_t i = 0; i < p.side.plain.len; i++) {
            got += p.side.plain.ptr[i] == 'q' ? 1 : 0;
        }
        buf_clear(&p.side.plain);
    }
    memset(&in, 0, sizeof(in));
    tls_say(&p, STR(OK_ANSWER));
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(net_stats(stage.net)->upstreams_idle, 1);
    free(text);
    tls_close(&p);
    close(fd);
    stage_close();
    tls_server_unref(server);
    world_close(&world);
}

static int setup(void **state)
{
    (void)state;
    return tls_start() == ERR_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_upstream),
        cmocka_unit_test(tls_large_body),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
