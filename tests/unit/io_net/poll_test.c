/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel tells once that a connection has something: nothing that a read left behind, and
 * no end that came with the last bytes, may be forgotten. (More connections than are told of
 * in one turn: phase_test; one that was stopped and goes on: upstream_test.)
 */
#include "stage.h"

#define LARGE (300 * 1024)

static struct inbox in, up;

/* The read ends at the mark; the urgent byte itself is not part of the stream (RFC 9293 3.8.5). */
static void bytes_behind_an_urgent_one(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect_accepted();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 6\r\n\r\nab"));
    assert_int_equal(send(fd, "!", 1, MSG_OOB), 1);
    stage_send(fd, STR("cdef"));
    stage_expect(fd, &in, "\r\n\r\nabcdef");
    close(fd);
    stage_close();
}

static void a_client_ends_with_its_request(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect_accepted();
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(ECHO_REQUEST));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    stage_expect(fd, &in, "\r\n\r\nabc");
    stage_expect_eof(fd, &in);
    stage_until(net_stats(stage.net)->clients == 0);
    close(fd);
    stage_close();
}

/* Returns the provider's side when it has the request. */
static int call(int fd)
{
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR(CALL_REQUEST));
    int provider = provider_accept();
    memset(&up, 0, sizeof(up));
    stage_expect(provider, &up, "hello");
    return provider;
}

static void a_provider_ends_with_its_answer(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    int provider = call(fd);
    stage_send(provider, STR(OK_ANSWER));
    close(provider);
    stage_expect(fd, &in, "fine\r\n0\r\n\r\n");
    assert_int_equal(fake.ends[FLOW_END_COMPLETE], 1);
    stage_until(net_stats(stage.net)->upstreams == 0); /* not kept for the next call */
    close(fd);
    stage_close();
}

/* An answer up to the provider's end, with the end in the same event. */
static void an_answer_without_length_ends_with_the_provider(void **state)
{
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect();
    int provider = call(fd);
    stage_send(provider, STR("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"));
    close(provider);
    stage_expect(fd, &in, "all of it\r\n0\r\n\r\n");
    assert_int_equal(fake.ends[FLOW_END_COMPLETE], 1);
    close(fd);
    stage_close();
}

/* All of it lies in the socket before the loop looks, and nothing comes later. */
static void more_than_one_read(void **state)
{
    static char body[LARGE];
    (void)state;
    stage_init();
    stage_open(NULL);
    int fd = stage_connect_accepted();
    memset(body, 'z', sizeof(body));
    memset(&in, 0, sizeof(in));
    stage_send(fd, STR("POST /echo HTTP/1.1\r\nHost: gw\r\nContent-Length: 307200\r\n\r\n"));
    stage_send(fd, (struct str){body, sizeof(body)});
    size_t come = 0;
    for (int turns = 0; come < LARGE; turns++) {
        assert_true(turns < TURNS_MAX);
        in.len = 0;
        stage_receive(fd, &in);
        come += count_of(in.bytes, "z");
    }
    assert_int_equal(come, LARGE);
    close(fd);
    stage_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_behind_an_urgent_one),
        cmocka_unit_test(a_client_ends_with_its_request),
        cmocka_unit_test(a_provider_ends_with_its_answer),
        cmocka_unit_test(an_answer_without_length_ends_with_the_provider),
        cmocka_unit_test(more_than_one_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
