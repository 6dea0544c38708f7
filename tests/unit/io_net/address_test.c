/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a provider may live: the operator's list, its strict reading, and the
 * question net asks before every connection. Proves catalogue I 166-175.
 */
#include "test.h"

#include "portcullis/net.h"

#include <arpa/inet.h>

static struct net_exceptions *parse(const char *text)
{
    struct net_exceptions *e = NULL;
    struct issue issue;
    assert_int_equal(net_exceptions_new(str_from(text), &e, &issue), ERR_OK);
    return e;
}

static bool may(const struct net_exceptions *e, const char *host, uint16_t port, bool is_tls,
                const char *addr)
{
    struct wire_url url = {.is_tls = is_tls, .host = str_from(host), .port = port};
    uint8_t bytes[16];
    const char *reason = "";
    size_t len = inet_pton(AF_INET, addr, bytes) == 1 ? 4 : 16;
    if (len == 16) {
        assert_int_equal(inet_pton(AF_INET6, addr, bytes), 1);
    }
    bool is_permitted = net_address_is_permitted(e, &url, bytes, len, &reason);
    assert_true(is_permitted || reason[0] != '\0');
    assert_null(strstr(reason, addr)); /* 179: no oracle */
    return is_permitted;
}

static void without_exceptions_only_public_https(void **state)
{
    (void)state;
    static const char *const inside[] = {
        "127.0.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.1", "198.18.0.1", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    };
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        assert_false(may(NULL, "api.example.com", 443, true, inside[i]));
    }
    assert_true(may(NULL, "api.example.com", 443, true, "93.184.216.34"));
    assert_true(may(NULL, "api.example.com", 443, true, "2606:4700::1111"));
    assert_false(may(NULL, "api.example.com", 80, false, "93.184.216.34"));
    assert_false(may(NULL, "api.example.com", 443, false, "93.184.216.34"));
    assert_false(may(NULL, "api.example.com", 8443, true, "93.184.216.34"));
    assert_false(may(NULL, "api.example.com", 22, true, "93.184.216.34"));
}

static void named_hosts(void **state)
{
    (void)state;
    struct net_exceptions *e = parse("vLLM.internal:8000, ollama\n[fd00::5]:9000 10.9.9.9:81");
    assert_true(may(e, "vllm.internal", 8000, false, "10.0.0.1"));
    assert_true(may(e, "vllm.internal", 8000, true, "127.0.0.1"));
    assert_false(may(e, "vllm.internal", 8001, false, "10.0.0.1"));
    assert_false(may(e, "evil.vllm.internal", 8000, false, "10.0.0.1"));
    assert_true(may(e, "ollama", 11434, false, "192.168.1.5"));
    assert_true(may(e, "fd00::5", 9000, false, "fd00::5"));
    assert_false(may(e, "fd00::5", 9001, false, "fd00::5"));
    assert_true(may(e, "10.9.9.9", 81, false, "10.9.9.9"));
    assert_false(may(e, "api.example.com", 443, true, "10.0.0.1"));
    net_exceptions_free(e);
}

static void networks_and_ports(void **state)
{
    (void)state;
    struct net_exceptions *e = parse("10.1.0.0/16 fd00::/8 *:8443 192.168.7.128/25");
    assert_true(may(e, "a.test", 80, false, "10.1.255.255"));
    assert_false(may(e, "a.test", 80, false, "10.2.0.0"));
    assert_true(may(e, "a.test", 80, false, "fd12::1"));
    assert_false(may(e, "a.test", 443, true, "fe80::1"));
    assert_true(may(e, "a.test", 80, false, "192.168.7.200"));
    assert_false(may(e, "a.test", 80, false, "192.168.7.127"));
    assert_true(may(e, "a.test", 8443, true, "93.184.216.34"));
    assert_false(may(e, "a.test", 8443, false, "93.184.216.34"));
    assert_false(may(e, "a.test", 8443, true, "127.0.0.1"));
    net_exceptions_free(e);
}

static void unreadable_entries_refuse_the_list(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "*", "*:0", "*:99999", "host:", "host:port", "host:80:81", "10.0.0.0/33", "10.0.0.1/8",
        "10.0.0.0/", "/8", "0.0.0.0/0", "fd00::/129", "[fd00::1", "[fd00::1]80", "[127.0.0.1]:80",
        "ho_st", "http://host", "user@host", "h\xc3\xb6st", "a b;c", "fd00::1", "host:+1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct net_exceptions *e = NULL;
        struct issue issue = {0};
        enum err err = net_exceptions_new(str_from(bad[i]), &e, &issue);
        if (err != ERR_SYNTAX) {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
        assert_non_null(strstr(issue.message, "is not understood"));
        assert_null(e);
    }
    net_exceptions_free(parse(""));
    net_exceptions_free(parse(" ,, \n"));
    net_exceptions_free(NULL);
}

static void urls_when_saved(void **state)
{
    (void)state;
    const char *reason;
    struct net_exceptions *e = parse("ollama:11434 *:8443");
    struct wire_url url = {.is_tls = true, .host = STR("api.example.com"), .port = 443};
    assert_true(net_url_is_permitted(NULL, &url, &reason));
    url.port = 8443;
    assert_false(net_url_is_permitted(NULL, &url, &reason));
    assert_true(net_url_is_permitted(e, &url, &reason));
    url.is_tls = false;
    assert_false(net_url_is_permitted(e, &url, &reason));
    url = (struct wire_url){.host = STR("ollama"), .port = 11434};
    assert_true(net_url_is_permitted(e, &url, &reason));
    url = (struct wire_url){.is_tls = true, .host = STR("127.0.0.1"), .port = 443, .is_ip = true};
    assert_false(net_url_is_permitted(e, &url, &reason));
    assert_string_equal(reason, "the provider's address is not a public one");
    static const char *const inside[] = {"localhost",
                                         "a.localhost",
                                         "metadata",
                                         "db.lan",
                                         "metadata.google.internal",
                                         "printer.local",
                                         "home.arpa",
                                         "kubernetes.default.svc",
                                         "127.0.0.1.nip.io",
                                         "localtest.me",
                                         "x.302.r3dir.me"};
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        url = (struct wire_url){.is_tls = true, .host = str_from(inside[i]), .port = 443};
        assert_false(net_url_is_permitted(e, &url, &reason));
    }
    url.host = STR("internal.example.com");
    assert_true(net_url_is_permitted(e, &url, &reason));
    net_exceptions_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_exceptions_only_public_https),
        cmocka_unit_test(named_hosts),
        cmocka_unit_test(networks_and_ports),
        cmocka_unit_test(unreadable_entries_refuse_the_list),
        cmocka_unit_test(urls_when_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
