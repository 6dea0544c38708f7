/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: the strict text forms, and that both edges of every closed range are
 * closed while their neighbours are not. Bad inputs 166-168, 180.
 */
#include "wire_test.h"

static bool is_public(const char *text)
{
    uint8_t bytes[16];
    size_t len = wire_addr_parse(str_from(text), bytes);
    assert_true(len == 4 || len == 16);
    return wire_addr_is_public(bytes, len);
}

static void test_parse(void **unused)
{
    (void)unused;
    const struct {
        const char *text;
        size_t len;
        uint8_t bytes[16];
    } cases[] = {
        {"1.2.3.4", 4, {1, 2, 3, 4}},
        {"255.0.10.100", 4, {255, 0, 10, 100}},
        {"::", 16, {0}},
        {"::1", 16, {[15] = 1}},
        {"1::", 16, {[1] = 1}},
        {"2001:db8::8:800:200c:417a",
         16,
         {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a}},
        {"1:2:3:4:5:6:7:8", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"1:2:3:4:5:6:7::", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0}},
        {"::2:3:4:5:6:7:8", 16, {0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"::ffff:1.2.3.4", 16, {[10] = 0xff, [11] = 0xff, [12] = 1, [13] = 2, [14] = 3, [15] = 4}},
        {"1:2:3:4:5:6:1.2.3.4", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4}},
        {"FE80::A", 16, {0xfe, 0x80, [15] = 10}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[16];
        assert_int_equal(wire_addr_parse(str_from(cases[i].text), bytes), cases[i].len);
        assert_memory_equal(bytes, cases[i].bytes, cases[i].len);
    }
}

static void test_parse_refuses(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"",
                                        "1",
                                        "1.2",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "1.2.3.256",
                                        "01.2.3.4",
                                        "1.2.3.04",
                                        "0x7f.0.0.1",
                                        "1..2.3",
                                        ".1.2.3",
                                        "1.2.3.",
                                        "1.2.3.4.",
                                        " 1.2.3.4",
                                        "1.2.3.4 ",
                                        "1.2.3.-4",
                                        "1.2.3.a",
                                        "2130706433",
                                        "017700000001",
                                        "127.1",
                                        "1.2.3.1000",
                                        ":",
                                        ":::",
                                        "1:",
                                        ":1",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "1::2::3",
                                        "1:2:3:4:5:6:7:8::",
                                        "::1:2:3:4:5:6:7:8",
                                        "12345::",
                                        "g::",
                                        "fe80::1%25eth0",
                                        "fe80::1%eth0",
                                        "::1.2.3",
                                        "::1.2.3.4.5",
                                        "1.2.3.4::",
                                        "::01.2.3.4",
                                        "1:2:3:4:5:6:7:1.2.3.4",
                                        "[::1]",
                                        "1:::2",
                                        "::1:",
                                        "1::2:"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint8_t bytes[16];
        if (wire_addr_parse(str_from(texts[i]), bytes) != 0) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void test_public(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"1.0.0.0",
                                        "9.255.255.255",
                                        "11.0.0.0",
                                        "100.63.255.255",
                                        "100.128.0.0",
                                        "126.255.255.255",
                                        "128.0.0.0",
                                        "169.253.255.255",
                                        "169.255.0.0",
                                        "172.15.255.255",
                                        "172.32.0.0",
                                        "192.167.255.255",
                                        "192.169.0.0",
                                        "198.17.255.255",
                                        "198.20.0.0",
                                        "223.255.255.255",
                                        "168.63.129.15",
                                        "168.63.129.17",
                                        "192.0.1.0",
                                        "192.0.3.0",
                                        "8.8.8.8",
                                        "2606:4700::1111",
                                        "2001:4860:4860::8888",
                                        "2001:200::",
                                        "2003::1",
                                        "2a00::1",
                                        "::ffff:8.8.8.8",
                                        "3ffe::1",
                                        "2001:db7::1",
                                        "2001:db9::"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!is_public(texts[i])) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void test_not_public(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"0.0.0.0",
                                        "0.255.255.255",
                                        "10.0.0.0",
                                        "10.255.255.255",
                                        "100.64.0.0",
                                        "100.127.255.255",
                                        "100.100.100.200",
                                        "127.0.0.0",
                                        "127.0.0.1",
                                        "127.255.255.255",
                                        "169.254.0.0",
                                        "169.254.169.254",
                                        "169.254.170.2",
                                        "172.16.0.0",
                                        "172.31.255.255",
                                        "192.0.0.0",
                                        "192.0.0.192",
                                        "192.0.2.1",
                                        "192.31.196.1",
                                        "192.52.193.1",
                                        "192.88.99.1",
                                        "192.168.0.0",
                                        "192.168.255.255",
                                        "192.175.48.1",
                                        "198.18.0.0",
                                        "198.19.255.255",
                                        "198.51.100.1",
                                        "203.0.113.1",
                                        "168.63.129.16",
                                        "224.0.0.1",
                                        "239.255.255.255",
                                        "240.0.0.1",
                                        "255.255.255.255",
                                        "::",
                                        "::1",
                                        "::127.0.0.1",
                                        "::8.8.8.8",
                                        "::ffff:127.0.0.1",
                                        "::ffff:10.0.0.1",
                                        "::ffff:a9fe:a9fe",
                                        "64:ff9b::8.8.8.8",
                                        "64:ff9b:1::1",
                                        "100::1",
                                        "2001::1",
                                        "2001:2::1",
                                        "2001:10::1",
                                        "2001:1ff::1",
                                        "2001:db8::1",
                                        "2002:7f00:1::",
                                        "2002:808:808::",
                                        "2620:4f:8000::1",
                                        "3fff::1",
                                        "3fff:fff::1",
                                        "5f00::1",
                                        "fc00::1",
                                        "fd00:ec2::254",
                                        "fe80::1",
                                        "fec0::1",
                                        "ff02::1",
                                        "4000::1",
                                        "1fff::1"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (is_public(texts[i])) {
            fail_msg("%s", texts[i]);
        }
    }
    const uint8_t bytes[16] = {8, 8, 8, 8};
    assert_false(wire_addr_is_public(bytes, 0));
    assert_false(wire_addr_is_public(bytes, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_public), cmocka_unit_test(test_not_public)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
