/* SPDX-License-Identifier: Apache-2.0
 *
 * Base URLs: what a provider may have, and every trick of bad inputs 166-180 with
 * its refusal, which must say something and quote nothing secret.
 */
#include "wire_test.h"

static enum err parse(struct str text, bool allow_plain, char *ret_text, size_t size)
{
    struct arena a;
    struct wire_url url;
    struct issue issue;
    memset(&issue, 0, sizeof(issue));
    arena_init(&a, 64 * 1024);
    enum err err = wire_url_parse(&a, text, allow_plain, &url, &issue);
    if (err == ERR_OK) {
        snprintf(ret_text, size, "%s %.*s %u '%.*s'%s, Host: %.*s", url.is_tls ? "tls" : "plain",
                 STR_ARG(url.host), url.port, STR_ARG(url.path), url.is_ip ? " ip" : "",
                 STR_ARG(url.authority));
        assert_non_null(url.path.ptr);
    } else {
        assert_int_equal(err, ERR_INVALID);
        assert_true(issue.message[0] != '\0');
        snprintf(ret_text, size, "%s", issue.message);
    }
    arena_fini(&a);
    return err;
}

static void test_accepted(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool allow_plain;
        const char *wanted;
    } cases[] = {
        {"https://api.openai.com", false, "tls api.openai.com 443 '', Host: api.openai.com"},
        {"https://api.openai.com/", false, "tls api.openai.com 443 '', Host: api.openai.com"},
        {"https://API.Example.COM:443/v1/", false,
         "tls api.example.com 443 '/v1', Host: api.example.com"},
        {"HTTPS://a-b.c1.de/a/b.c/%20x", false, "tls a-b.c1.de 443 '/a/b.c/%20x', Host: a-b.c1.de"},
        {"https://3com.com", false, "tls 3com.com 443 '', Host: 3com.com"},
        {"https://8.8.8.8/v1", false, "tls 8.8.8.8 443 '/v1' ip, Host: 8.8.8.8"},
        {"https://[2606:4700:0:0::1111]", false,
         "tls 2606:4700:0:0::1111 443 '' ip, Host: [2606:4700:0:0::1111]"},
        {"http://127.0.0.1:9999/v1", true, "plain 127.0.0.1 9999 '/v1' ip, Host: 127.0.0.1:9999"},
        {"http://[::1]:8080", true, "plain ::1 8080 '' ip, Host: [::1]:8080"},
        {"https://localhost:80", true, "tls localhost 80 '', Host: localhost:80"},
        {"http://localhost:443", true, "plain localhost 443 '', Host: localhost:443"},
        {"http://localhost", true, "plain localhost 80 '', Host: localhost"},
        {"https://localhost:8443", true, "tls localhost 8443 '', Host: localhost:8443"},
        {"https://api.internal:65535", true, "tls api.internal 65535 '', Host: api.internal:65535"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[512];
        parse(str_from(cases[i].text), cases[i].allow_plain, got, sizeof(got));
        assert_string_equal(got, cases[i].wanted);
    }
}

/* Refused whether or not the operator allows private targets. */
static void refuse_all(const struct str *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char got[512];
        if (parse(texts[i], true, got, sizeof(got)) == ERR_OK ||
            parse(texts[i], false, got, sizeof(got)) == ERR_OK) {
            fail_msg("%.*s", STR_ARG(texts[i]));
        }
    }
}

static void test_refused_forms(void **unused)
{
    (void)unused;
    const struct str texts[] = {STR(""),
                                STR("https://"),
                                STR("https:///x"),
                                STR("https:/a.com"),
                                STR("https:a.com"),
                                STR("//a.com"),
                                STR("a.com"),
                                STR("/v1"),
                                STR("ftp://a.com"),
                                STR("file:///etc/passwd"),
                                STR("gopher://a.com"),
                                STR("dict://a.com"),
                                STR("ws://a.com"),
                                STR("unix:/x"),
                                STR("jar:https://a.com!/"),
                                STR("https://a@a.com"),
                                STR("https://a:b@a.com"),
                                STR("https://ok.com:443@evil.com"),
                                STR("https://a.com#@b.com"),
                                STR("https://a.com/#x"),
                                STR("https://a.com?x"),
                                STR("https://a.com/v1?x=1"),
                                STR("https://ok.com\\@127.0.0.1"),
                                STR("https://127.1.1.1:80\\@127.2.2.2:80/"),
                                STR("https://a.com\t"),
                                STR("https://a.com\n"),
                                STR(" https://a.com"),
                                STR("https://a .com"),
                                STR("https://a.com/\r\nX: y"),
                                STR("https://a\0b.com")};
    refuse_all(texts, sizeof(texts) / sizeof(texts[0]));
}

static void test_refused_hosts_and_paths(void **unused)
{
    (void)unused;
    const struct str texts[] = {STR("https://a.com:"),
                                STR("https://a.com:0"),
                                STR("https://a.com:00443"),
                                STR("https://a.com:65536"),
                                STR("https://a.com:99999"),
                                STR("https://a.com:+443"),
                                STR("https://a.com:44x"),
                                STR("https://a.com:443:443"),
                                STR("https://a.com."),
                                STR("https://localhost."),
                                STR("https://.a.com"),
                                STR("https://a..com"),
                                STR("https://-a.com"),
                                STR("https://a-.com"),
                                STR("https://a_b.com"),
                                STR("https://a%2ecom"),
                                STR("https://a.com%00"),
                                STR("https://*.a.com"),
                                STR("https://a,b.com"),
                                STR("https://xn--80ak6aa92e.com"),
                                STR("https://\xef\xbd\x85xample.com"),
                                STR("https://\xe2\x93\x9bocalhost"),
                                STR("https://127.1"),
                                STR("https://0"),
                                STR("https://127.0.1"),
                                STR("https://0x7f.1"),
                                STR("https://0x7f000001"),
                                STR("https://2130706433"),
                                STR("https://017700000001"),
                                STR("https://0177.0.0.1"),
                                STR("https://o177.0.0.1"),
                                STR("https://0x7f.0.0.0x1"),
                                STR("https://1.2.3.4.5"),
                                STR("https://256.1.1.1"),
                                STR("https://425.510.425.510"),
                                STR("https://1.2.3.04"),
                                STR("https://[fe80::1%25eth0]"),
                                STR("https://[::1"),
                                STR("https://[]"),
                                STR("https://[::1]x"),
                                STR("https://[1.2.3.4]"),
                                STR("https://::1"),
                                STR("https://[host]"),
                                STR("https://a.com/../b"),
                                STR("https://a.com/a//b"),
                                STR("https://a.com//"),
                                STR("https://a.com/%2f"),
                                STR("https://a.com/%61"),
                                STR("https://a.com/a;b"),
                                STR("https://a.com/%2561dmin"),
                                STR("https://a.com/<version>/")};
    refuse_all(texts, sizeof(texts) / sizeof(texts[0]));
}

/* Refused unless the operator allows private targets. */
static void test_refused_without_permission(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"http://api.example.com",
                                        "https://api.example.com:8443",
                                        "https://a.com:22",
                                        "https://127.0.0.1",
                                        "https://0.0.0.0:443",
                                        "https://10.1.2.3",
                                        "https://192.168.1.1",
                                        "https://169.254.169.254/latest",
                                        "https://100.100.100.200",
                                        "https://168.63.129.16",
                                        "https://[::1]",
                                        "https://[::ffff:127.0.0.1]",
                                        "https://[::ffff:a9fe:a9fe]",
                                        "https://[fd00:ec2::254]",
                                        "https://[0:0:0:0:0:ffff:169.254.169.254]",
                                        "https://[::]",
                                        "https://localhost",
                                        "https://LOCALHOST",
                                        "https://a.localhost",
                                        "https://metadata",
                                        "https://metadata.google.internal",
                                        "https://printer.local",
                                        "https://x.home.arpa",
                                        "https://kubernetes.default.svc",
                                        "https://127.0.0.1.nip.io",
                                        "https://a.sslip.io",
                                        "https://nip.io",
                                        "https://localtest.me",
                                        "https://instance-data",
                                        "https://ip6-loopback",
                                        "https://b.r3dir.me"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char got[512];
        assert_int_equal(parse(str_from(texts[i]), true, got, sizeof(got)), ERR_OK);
        if (parse(str_from(texts[i]), false, got, sizeof(got)) == ERR_OK) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void test_label_lengths(void **unused)
{
    (void)unused;
    char text[400] = "https://";
    char got[512];
    memset(text + 8, 'a', 63);
    memcpy(text + 71, ".com", 5);
    assert_int_equal(parse(str_from(text), false, got, sizeof(got)), ERR_OK);
    memset(text + 8, 'a', 64);
    memcpy(text + 72, ".com", 5);
    assert_int_equal(parse(str_from(text), false, got, sizeof(got)), ERR_INVALID);
    for (size_t i = 8; i < 262; i++) {
        text[i] = i % 2 == 0 ? 'a' : '.';
    }
    text[261] = 'b';
    text[262] = '\0';
    assert_int_equal(parse(str_from(text), false, got, sizeof(got)), ERR_INVALID);
    struct arena a;
    struct wire_url url;
    struct issue issue;
    arena_init(&a, 0);
    assert_int_equal(wire_url_parse(&a, STR("https://a.com"), false, &url, &issue), ERR_MEMORY);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted), cmocka_unit_test(test_refused_forms),
        cmocka_unit_test(test_refused_hosts_and_paths),
        cmocka_unit_test(test_refused_without_permission), cmocka_unit_test(test_label_lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
