/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions end to end in memory: handshake under every split, cuts at every
 * byte, verification of names and dates, resumption, limits, close. Proves
 * catalogue O (265-278) as far as it concerns this room, and J 187.
 */
#include "pair.h"

#define FLIGHT_BYTES_MIN 600

static struct world world;

static const struct cert_spec good = {.subject = "CN=x", .names = {"api.example.test"}};

static int setup(void **state)
{
    (void)state;
    assert_int_equal(tls_start(), ERR_OK);
    world_open(&world);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static void send_both_ways(struct pair *p, size_t chunk)
{
    assert_int_equal(tls_session_write(p->c.session, STR("GET / HTTP/1.1"), &p->c.net), ERR_OK);
    pair_pump(p, chunk);
    assert_int_equal(p->s.plain.len, 14);
    assert_memory_equal(p->s.plain.ptr, "GET / HTTP/1.1", 14);
    assert_int_equal(tls_session_write(p->s.session, STR("HTTP/1.1 200"), &p->s.net), ERR_OK);
    pair_pump(p, chunk);
    assert_int_equal(p->c.plain.len, 12);
    assert_memory_equal(p->c.plain.ptr, "HTTP/1.1 200", 12);
}

static void handshake_under_any_split(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 2, 3, 5, 7, 64, 1000, NET_MAX};
    struct tls_server *server = world_server(&world, &good, &world.ca);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct pair p;
        pair_open(&p, &world, server, "api.example.test", NULL, NULL);
        assert_int_equal(tls_session_state(p.c.session), TLS_HANDSHAKING);
        pair_pump(&p, chunks[i]);
        assert_true(pair_is_open(&p));
        assert_string_equal(tls_session_reason(p.c.session), "");
        assert_false(tls_session_was_resumed(p.c.session));
        send_both_ways(&p, chunks[i]);
        assert_true(tls_session_is_drained(p.c.session));
        pair_close(&p);
    }
    tls_server_unref(server);
}

/* Everything the server ever says, cut at every byte: the client is OPEN only
 * when it has seen enough for a verified server, and never FAILED. */
static void cut_at_every_byte_is_never_open_wrongly(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    size_t cut = 0;
    bool is_whole = false;
    while (!is_whole) {
        struct pair p;
        pair_open(&p, &world, server, "api.example.test", NULL, NULL);
        size_t seen = 0;
        is_whole = true;
        for (int turn = 0; turn < 10; turn++) {
            (void)side_feed(&p.c, &p.s, NET_MAX);
            size_t left = cut - seen;
            size_t give = p.s.net.len < left ? p.s.net.len : left;
            is_whole = is_whole && give == p.s.net.len;
            (void)side_feed(&p.s, &p.c, give);
            seen += give;
            buf_clear(&p.s.net);
        }
        enum tls_state at = tls_session_state(p.c.session);
        assert_true(at == TLS_HANDSHAKING || at == TLS_OPEN);
        assert_int_equal(p.c.plain.len, 0);
        /* Certificate, its proof and Finished are more than this. */
        assert_true(at == TLS_HANDSHAKING || cut > FLIGHT_BYTES_MIN);
        assert_true(at == TLS_OPEN || !is_whole);
        pair_close(&p);
        cut += cut < 40 ? 1 : 7;
    }
    assert_true(cut > FLIGHT_BYTES_MIN);
    tls_server_unref(server);
}

struct refusal {
    const char *label;
    struct cert_spec spec;
    const char *host;
    bool is_self_signed;
    const char *reason; /* NULL = accepted */
};

#define API "api.example.test"
static const char other_host[] = "certificate is for another host name";
static const char untrusted[] = "certificate is not signed by a trusted authority";
static const char nameless[] = "certificate names no host (no subjectAltName)";

static const struct refusal refusals[] = {
    {"good", {.subject = "CN=x", .names = {API}}, API, false, NULL},
    {"upper case", {.subject = "CN=x", .names = {API}}, "API.Example.TEST", false, NULL},
    {"trailing dot", {.subject = "CN=x", .names = {API}}, API ".", false, NULL},
    {"second name", {.subject = "CN=x", .names = {"a.test", API}}, API, false, NULL},
    {"wildcard", {.subject = "CN=x", .names = {"*.example.test"}}, API, false, NULL},
    {"IPv4 SAN", {.subject = "CN=x", .names = {"127.0.0.1"}}, "127.0.0.1", false, NULL},
    {"IPv6 SAN", {.subject = "CN=x", .names = {"::1"}}, "::1", false, NULL},
    {"IPv4, IPv6 begins so", {.subject = "CN=x", .names = {"127.0.0.1"}}, "7f00:1::", false,
     other_host},
    {"IPv6, IPv4 begins it", {.subject = "CN=x", .names = {"7f00:1::"}}, "127.0.0.1", false,
     other_host},
    {"wrong host (266)", {.subject = "CN=x", .names = {"other.test"}}, API, false, other_host},
    {"CN only (266)", {.subject = "CN=" API}, API, false, nameless},
    {"CN matches, SAN not", {.subject = "CN=" API, .names = {"o.test"}}, API, false, other_host},
    {"wildcard, two labels", {.subject = "CN=x", .names = {"*.example.test"}},
     "a.b.example.test", false, other_host},
    {"wildcard, apex", {.subject = "CN=x", .names = {"*.example.test"}}, "example.test", false,
     other_host},
    {"wildcard of a TLD", {.subject = "CN=x", .names = {"*.test"}}, "example.test", false,
     other_host},
    {"star only", {.subject = "CN=x", .names = {"*"}}, "localhost", false, other_host},
    {"partial wildcard", {.subject = "CN=x", .names = {"a*.example.test"}}, API, false, other_host},
    {"other IP (269)", {.subject = "CN=x", .names = {"127.0.0.2"}}, "127.0.0.1", false, other_host},
    {"IP in CN", {.subject = "CN=127.0.0.1"}, "127.0.0.1", false, nameless},
    {"name for an IP host", {.subject = "CN=x", .names = {API}}, "127.0.0.1", false, other_host},
    {"expired (267)",
     {.subject = "CN=x", .names = {API}, .not_before = "20190101000000",
      .not_after = "20200101000000"},
     API, false, "certificate has expired"},
    {"future (267)",
     {.subject = "CN=x", .names = {API}, .not_before = "20450101000000",
      .not_after = "20460101000000"},
     API, false, "certificate is not yet valid"},
    {"self-signed (268)", {.subject = "CN=x", .names = {API}}, API, true, untrusted},
};

static void certificates_are_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *t = &refusals[i];
        print_message("  %s\n", t->label);
        struct tls_server *server =
            world_server(&world, &t->spec, t->is_self_signed ? NULL : &world.ca);
        struct pair p;
        pair_open(&p, &world, server, t->host, NULL, NULL);
        pair_pump(&p, NET_MAX);
        if (t->reason == NULL) {
            assert_string_equal(tls_session_reason(p.c.session), "");
            assert_true(pair_is_open(&p));
        } else {
            assert_int_equal(tls_session_state(p.c.session), TLS_FAILED);
            assert_int_equal(p.c.err, ERR_DENIED);
            assert_string_equal(tls_session_reason(p.c.session), t->reason);
            assert_int_equal(tls_session_write(p.c.session, STR("secret"), &p.c.net), ERR_INVALID);
            assert_int_not_equal(tls_session_state(p.s.session), TLS_OPEN); /* the alert came */
        }
        pair_close(&p);
        tls_server_unref(server);
    }
}

static void other_ca_with_the_same_name_is_refused(void **state)
{
    (void)state;
    struct cert_spec root = {.subject = "CN=Test Root", .is_ca = true};
    struct cert_made evil;
    assert_int_equal(cert_make(&root, NULL, &evil), 0);
    struct tls_server *server = world_server(&world, &good, &evil);
    struct pair p;
    pair_open(&p, &world, server, API, NULL, NULL);
    pair_pump(&p, NET_MAX);
    assert_int_equal(tls_session_state(p.c.session), TLS_FAILED);
    assert_string_equal(tls_session_reason(p.c.session), untrusted);
    pair_close(&p);
    tls_server_unref(server);
    cert_free(&evil);
}

static void host_is_mandatory(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".", "a..b", "-a.test", "a-.test", "a b", "127.1",
                                      "0x7f.1", "1", "2130706433", "1.2.3.4.5", "a\x80.test",
                                      "a/b", "user@a.test", "[::1]", "::g", "*.example.test"};
    struct tls_session *s;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(tls_session_new_client(world.client, str_from(bad[i]), NULL, STR_NONE, &s),
                         ERR_INVALID);
        assert_null(s);
    }
    assert_int_equal(tls_session_new_client(world.client, STR_NONE, NULL, STR_NONE, &s),
                     ERR_INVALID);
    assert_int_equal(tls_session_new_client(world.client, STR("a\0b.test"), NULL, STR_NONE, &s),
                     ERR_INVALID);
    char longest[255];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(tls_session_new_client(world.client, (struct str){longest, 254}, NULL,
                                            STR_NONE, &s), ERR_INVALID);
    assert_int_equal(tls_session_new_client(world.client, (struct str){longest, 64}, NULL,
                                            STR_NONE, &s), ERR_INVALID);
}

static bool connect_once(struct tls_server *server, const char *host, struct tls_resume *resume,
                         const char *key)
{
    struct pair p;
    pair_open(&p, &world, server, host, resume, key);
    pair_pump(&p, NET_MAX);
    assert_true(pair_is_open(&p));
    send_both_ways(&p, NET_MAX); /* the ticket of TLS 1.3 comes with the first data */
    bool was_resumed = tls_session_was_resumed(p.c.session);
    pair_close(&p);
    return was_resumed;
}

static void resumes_only_for_the_same_key_and_host(void **state)
{
    (void)state;
    struct cert_spec two = {.subject = "CN=x", .names = {API, "other.example.test"}};
    struct tls_server *server = world_server(&world, &two, &world.ca);
    struct tls_resume *resume = NULL;
    assert_int_equal(tls_resume_new(8, &resume), ERR_OK);
    assert_false(connect_once(server, API, resume, "443|tenant-a"));
    assert_true(connect_once(server, API, resume, "443|tenant-a"));
    assert_true(connect_once(server, API, resume, "443|tenant-a"));
    assert_false(connect_once(server, API, resume, "443|tenant-b")); /* catalogue 278 */
    assert_false(connect_once(server, "other.example.test", resume, "443|tenant-a"));
    assert_false(connect_once(server, API, NULL, "443|tenant-a"));
    assert_false(connect_once(server, API, resume, "")); /* no key: never */
    tls_resume_free(resume);
    tls_server_unref(server);
}

static void another_server_cannot_be_reached_by_resuming(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct tls_server *impostor = world_server(&world, &good, NULL);
    struct tls_resume *resume = NULL;
    assert_int_equal(tls_resume_new(8, &resume), ERR_OK);
    assert_false(connect_once(server, API, resume, "k"));
    struct pair p;
    pair_open(&p, &world, impostor, API, resume, "k");
    pair_pump(&p, NET_MAX);
    assert_int_equal(tls_session_state(p.c.session), TLS_FAILED);
    pair_close(&p);
    /* The failure dropped the entry; the next one is a full handshake again. */
    assert_false(connect_once(server, API, resume, "k"));
    assert_true(connect_once(server, API, resume, "k"));
    tls_resume_free(resume);
    tls_server_unref(impostor);
    tls_server_unref(server);
}

/* The operator's CA file was read again: what was verified under the old set does not count. */
static void a_ca_set_read_again_resumes_nothing(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct tls_client *first = world.client;
    struct tls_resume *resume = NULL;
    struct issue issue;
    int skipped;
    assert_int_equal(tls_resume_new(8, &resume), ERR_OK);
    assert_false(connect_once(server, API, resume, "k"));
    assert_true(connect_once(server, API, resume, "k"));
    assert_int_equal(tls_client_open(world.ca_file, &world.client, &skipped, &issue), ERR_OK);
    assert_false(connect_once(server, API, resume, "k"));
    assert_true(connect_once(server, API, resume, "k"));
    tls_client_unref(first);
    tls_resume_free(resume);
    tls_server_unref(server);
}

/* A peer that keeps its tickets could go on for ever, whatever became of its certificate. */
static void a_session_does_not_outlive_its_certificate(void **state)
{
    (void)state;
    char soon[16];
    time_t end = time(NULL) + 3;
    struct tm utc;
    assert_non_null(gmtime_r(&end, &utc));
    strftime(soon, sizeof(soon), "%Y%m%d%H%M%S", &utc);
    struct cert_spec brief = {.subject = "CN=x", .names = {API}, .not_after = soon};
    struct tls_server *server = world_server(&world, &brief, &world.ca);
    struct tls_resume *resume = NULL;
    assert_int_equal(tls_server_not_after_s(server), end);
    assert_int_equal(tls_resume_new(8, &resume), ERR_OK);
    assert_false(connect_once(server, API, resume, "k"));
    assert_true(connect_once(server, API, resume, "k"));
    while (time(NULL) <= end) {
        usleep(50000);
    }
    struct pair p;
    pair_open(&p, &world, server, API, resume, "k");
    pair_pump(&p, NET_MAX);
    assert_int_equal(tls_session_state(p.c.session), TLS_FAILED);
    assert_string_equal(tls_session_reason(p.c.session), "certificate has expired");
    pair_close(&p);
    tls_resume_free(resume);
    tls_server_unref(server);
}

static void cache_is_bounded_and_forgets_the_oldest(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct tls_resume *resume = NULL;
    assert_int_equal(tls_resume_new(0, &resume), ERR_INVALID);
    assert_int_equal(tls_resume_new(2, &resume), ERR_OK);
    assert_false(connect_once(server, API, resume, "a"));
    assert_false(connect_once(server, API, resume, "b"));
    assert_true(connect_once(server, API, resume, "a"));
    assert_false(connect_once(server, API, resume, "c")); /* pushes out b */
    assert_true(connect_once(server, API, resume, "a"));
    assert_false(connect_once(server, API, resume, "b"));
    tls_resume_free(resume);
    tls_server_unref(server);
}

static void close_notify_closes_and_silence_does_not(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct pair p;
    pair_open(&p, &world, server, API, NULL, NULL);
    pair_pump(&p, NET_MAX);
    assert_int_equal(tls_session_write(p.s.session, STR("part"), &p.s.net), ERR_OK);
    pair_pump(&p, NET_MAX);
    assert_int_equal(tls_session_state(p.c.session), TLS_OPEN); /* EOF now = truncated (187) */
    tls_session_close(p.s.session, &p.s.net);
    buf_add(&p.s.net, STR("bytes behind the end"));
    pair_pump(&p, 1);
    assert_int_equal(tls_session_state(p.c.session), TLS_CLOSED);
    assert_string_equal(tls_session_reason(p.c.session), "");
    assert_int_equal(p.c.plain.len, 4);
    assert_true(tls_session_is_drained(p.c.session));
    assert_int_equal(tls_session_write(p.c.session, STR("x"), &p.c.net), ERR_INVALID);
    tls_session_close(p.c.session, &p.c.net);
    assert_true(p.c.net.len > 0);
    pair_close(&p);
    tls_server_unref(server);
}

static void a_changed_byte_fails_for_good(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct pair p;
    pair_open(&p, &world, server, API, NULL, NULL);
    pair_pump(&p, NET_MAX);
    assert_int_equal(tls_session_write(p.s.session, STR("money: 100"), &p.s.net), ERR_OK);
    p.s.net.ptr[p.s.net.len - 3] ^= 1;
    (void)side_feed(&p.s, &p.c, NET_MAX);
    assert_int_equal(p.c.err, ERR_IO);
    assert_int_equal(tls_session_state(p.c.session), TLS_FAILED);
    assert_int_equal(p.c.plain.len, 0);
    assert_string_equal(tls_session_reason(p.c.session), "a record was changed on its way");
    size_t consumed = 7;
    assert_int_equal(tls_session_feed(p.c.session, STR("more"), &consumed, &p.c.net, &p.c.plain),
                     ERR_IO);
    pair_close(&p);
    tls_server_unref(server);
}

static void plain_text_instead_of_tls_is_named(void **state)
{
    (void)state;
    struct side c;
    side_init(&c);
    size_t consumed = 0;
    assert_int_equal(tls_session_new_client(world.client, STR(API), NULL, STR_NONE, &c.session),
                     ERR_OK);
    assert_int_equal(tls_session_feed(c.session, STR_NONE, &consumed, &c.net, &c.plain), ERR_OK);
    assert_true(c.net.len > 100);
    assert_int_equal(tls_session_feed(c.session, STR("HTTP/1.1 400 Bad Request\r\n\r\n"), &consumed,
                                      &c.net, &c.plain), ERR_IO);
    assert_int_equal(tls_session_state(c.session), TLS_FAILED);
    assert_string_not_equal(tls_session_reason(c.session), "");
    side_fini(&c);
}

/* 300 000 bytes through a plain buffer of 10 000: nothing lost, nothing beyond. */
static void a_full_plain_buffer_stops_and_goes_on(void **state)
{
    (void)state;
    enum { TOTAL = 300000, ROOM = 10000 };
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct pair p;
    pair_open(&p, &world, server, API, NULL, NULL);
    pair_pump(&p, NET_MAX);
    char *sent = malloc(TOTAL);
    assert_non_null(sent);
    for (size_t i = 0; i < TOTAL; i++) {
        sent[i] = (char)(i * 31 + i / 251);
    }
    assert_int_equal(tls_session_write(p.s.session, (struct str){sent, TOTAL}, &p.s.net), ERR_OK);
    buf_fini(&p.c.plain);
    buf_init(&p.c.plain, ROOM);
    size_t got = 0;
    for (int i = 0; i < 100 && got < TOTAL; i++) {
        (void)side_feed(&p.s, &p.c, NET_MAX);
        assert_int_equal(p.c.err, ERR_OK);
        assert_true(p.c.plain.len <= ROOM);
        if (got + p.c.plain.len < TOTAL) {
            assert_true(p.s.net.len > 0 || !tls_session_is_drained(p.c.session));
        }
        assert_memory_equal(p.c.plain.ptr, sent + got, p.c.plain.len);
        got += p.c.plain.len;
        buf_clear(&p.c.plain);
    }
    assert_int_equal(got, TOTAL);
    assert_true(tls_session_is_drained(p.c.session));
    free(sent);
    pair_close(&p);
    tls_server_unref(server);
}

static void one_feed_does_bounded_work(void **state)
{
    (void)state;
    enum { TOTAL = 400000 };
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct pair p;
    pair_open(&p, &world, server, API, NULL, NULL);
    pair_pump(&p, NET_MAX);
    char *sent = calloc(1, TOTAL);
    assert_non_null(sent);
    assert_int_equal(tls_session_write(p.s.session, (struct str){sent, TOTAL}, &p.s.net), ERR_OK);
    (void)side_feed(&p.s, &p.c, NET_MAX);
    assert_in_range(p.c.plain.len, 1, 2 * 65536);
    assert_true(p.s.net.len > 0);
    pair_pump(&p, NET_MAX);
    assert_int_equal(p.c.plain.len, TOTAL);
    free(sent);
    pair_close(&p);
    tls_server_unref(server);
}

static void a_write_without_room_changes_nothing(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct pair p;
    pair_open(&p, &world, server, API, NULL, NULL);
    assert_int_equal(tls_session_write(p.c.session, STR("early"), &p.c.net), ERR_INVALID);
    pair_pump(&p, NET_MAX);
    struct buf tight;
    buf_init(&tight, 1000);
    char big[990] = {0};
    assert_int_equal(tls_session_write(p.c.session, (struct str){big, sizeof(big)}, &tight),
                     ERR_LIMIT);
    assert_int_equal(tight.len, 0);
    assert_int_equal(tls_session_state(p.c.session), TLS_OPEN);
    buf_fini(&tight);
    send_both_ways(&p, NET_MAX);
    pair_close(&p);
    tls_server_unref(server);
}

/* A net_out too small for a flight: the session waits and goes on when drained. */
static void a_full_net_buffer_only_delays(void **state)
{
    (void)state;
    struct tls_server *server = world_server(&world, &good, &world.ca);
    struct pair p;
    pair_open(&p, &world, server, API, NULL, NULL);
    buf_fini(&p.s.net);
    buf_init(&p.s.net, 600);
    pair_pump(&p, NET_MAX);
    assert_true(pair_is_open(&p));
    pair_close(&p);
    tls_server_unref(server);
}

static void contexts_say_what_is_wrong(void **state)
{
    (void)state;
    struct tls_client *c = NULL;
    struct tls_server *s = NULL;
    struct issue issue = {0};
    int skipped = 0;
    char file[128];
    assert_int_equal(tls_client_open("/nonexistent/ca.pem", &c, &skipped, &issue), ERR_NOT_FOUND);
    assert_non_null(strstr(issue.message, "/nonexistent/ca.pem"));
    assert_null(c);
    snprintf(file, sizeof(file), "%s/half.pem", world.dir);
    assert_int_equal(cert_write_file(file, "", NULL), 0); /* empty bundle (277) */
    assert_int_equal(tls_client_open(file, &c, &skipped, &issue), ERR_NOT_FOUND);
    /* One good and one bad certificate: taken, and the bad one counted (277). */
    assert_int_equal(cert_write_file(file, world.ca.cert_pem,
                                     "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                     "-----END CERTIFICATE-----\n"), 0);
    assert_int_equal(tls_client_open(file, &c, &skipped, &issue), ERR_OK);
    assert_int_equal(skipped, 1);
    tls_client_unref(tls_client_ref(c));
    tls_client_unref(c);
    tls_client_unref(NULL);
    /* A key that is not the certificate's. */
    struct cert_made made;
    char key[128];
    snprintf(key, sizeof(key), "%s/other.key", world.dir);
    assert_int_equal(cert_make(&good, NULL, &made), 0);
    assert_int_equal(cert_write_file(key, made.key_pem, NULL), 0);
    assert_int_equal(tls_server_open(world.ca_file, key, &s, &issue), ERR_INVALID);
    assert_null(s);
    assert_int_equal(tls_server_open(world.ca_file, "/nonexistent.key", &s, &issue),
                     ERR_NOT_FOUND);
    assert_int_equal(tls_server_open("/nonexistent.crt", key, &s, &issue), ERR_NOT_FOUND);
    cert_free(&made);
    unlink(key);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_under_any_split),
        cmocka_unit_test(cut_at_every_byte_is_never_open_wrongly),
        cmocka_unit_test(certificates_are_verified),
        cmocka_unit_test(other_ca_with_the_same_name_is_refused),
        cmocka_unit_test(host_is_mandatory),
        cmocka_unit_test(resumes_only_for_the_same_key_and_host),
        cmocka_unit_test(another_server_cannot_be_reached_by_resuming),
        cmocka_unit_test(a_ca_set_read_again_resumes_nothing),
        cmocka_unit_test(a_session_does_not_outlive_its_certificate),
        cmocka_unit_test(cache_is_bounded_and_forgets_the_oldest),
        cmocka_unit_test(close_notify_closes_and_silence_does_not),
        cmocka_unit_test(a_changed_byte_fails_for_good),
        cmocka_unit_test(plain_text_instead_of_tls_is_named),
        cmocka_unit_test(a_full_plain_buffer_stops_and_goes_on),
        cmocka_unit_test(one_feed_does_bounded_work),
        cmocka_unit_test(a_write_without_room_changes_nothing),
        cmocka_unit_test(a_full_net_buffer_only_delays),
        cmocka_unit_test(contexts_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
