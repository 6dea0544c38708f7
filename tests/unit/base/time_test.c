/* SPDX-License-Identifier: Apache-2.0
 *
 * Time as text: known instants both ways, every day of several centuries as a
 * round trip, what RFC 3339 has that we refuse, and ULIDs.
 */
#include "test.h"

static void test_known_instants(void **state)
{
    (void)state;
    char buf[32];
    ASSERT_STR(time_rfc3339(0, buf), "1970-01-01T00:00:00Z");
    ASSERT_STR(time_rfc3339(1736519400, buf), "2025-01-10T14:30:00Z");
    ASSERT_STR(time_rfc3339(951782400, buf), "2000-02-29T00:00:00Z");
    ASSERT_STR(time_rfc3339(-1, buf), "1969-12-31T23:59:59Z");
    ASSERT_STR(time_rfc3339(INT64_MAX, buf), "9999-12-31T23:59:59Z");
    ASSERT_STR(time_rfc3339(INT64_MIN, buf), "0000-01-01T00:00:00Z");
    ASSERT_STR(time_rfc3339_ms(1736519400123, buf), "2025-01-10T14:30:00.123Z");
    ASSERT_STR(time_rfc3339_ms(-1, buf), "1969-12-31T23:59:59.999Z");
    ASSERT_STR(time_rfc3339_ms(5, buf), "1970-01-01T00:00:00.005Z");
}

static void test_round_trip_of_every_day(void **state)
{
    (void)state;
    char buf[32];
    for (int64_t day = -719528; day < 2932897; day += 1) {
        int64_t back = 0;
        struct str s = time_rfc3339(day * 86400 + day % 86400, buf);
        assert_int_equal(time_parse_rfc3339(s, &back), ERR_OK);
        if (day > -719528) {
            assert_true(back == (day * 86400 + day % 86400) * 1000);
        }
        day += day > 0 && day < 40000 ? 0 : 96;
    }
}

static void test_parsing(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_int_equal(time_parse_rfc3339(STR("2025-01-10T16:30:00.5+02:00"), &ms), ERR_OK);
    assert_true(ms == 1736519400500);
    assert_int_equal(time_parse_rfc3339(STR("2025-01-10T14:30:00.123456789Z"), &ms), ERR_OK);
    assert_true(ms == 1736519400123);
    assert_int_equal(time_parse_rfc3339(STR("1969-12-31T23:59:59.999Z"), &ms), ERR_OK);
    assert_true(ms == -1);
    assert_int_equal(time_parse_rfc3339(STR("2025-01-10T09:00:00-05:30"), &ms), ERR_OK);
    assert_true(ms == 1736519400000);
}

static void test_refusals(void **state)
{
    (void)state;
    int64_t ms = 42;
    static const char *const shapes[] = {
        "",
        "2025-01-10",
        "2025-01-10 14:30:00Z",
        "2025-01-10t14:30:00z",
        "2025-01-10T14:30Z",
        "2025-1-10T14:30:00Z",
        "2025-01-10T14:30:00",
        "2025-01-10T14:30:00.Z",
        "2025-01-10T14:30:00.1234567890Z",
        "2025-01-10T14:30:00Zx",
        "2025-01-10T14:30:00+0200",
        "2025-01-10T14:30:00+24:00",
        "2025-01-10T14:30:00+02:60",
        "-025-01-10T14:30:00Z",
        "02025-01-10T14:30:00Z",
        "2025-01-10T14:30:00,5Z",
        "2025-01-10T14:30:00+02",
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        assert_int_equal(time_parse_rfc3339(str_from(shapes[i]), &ms), ERR_SYNTAX);
    }
    static const char *const dates[] = {
        "2025-00-10T14:30:00Z", "2025-13-10T14:30:00Z", "2025-02-29T14:30:00Z",
        "2025-04-31T14:30:00Z", "1900-02-29T00:00:00Z", "2025-01-00T14:30:00Z",
        "2025-01-10T24:00:00Z", "2025-01-10T14:60:00Z", "2016-12-31T23:59:60Z",
    };
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        assert_int_equal(time_parse_rfc3339(str_from(dates[i]), &ms), ERR_INVALID);
    }
    assert_true(ms == 42);
}

static void test_ulid(void **state)
{
    (void)state;
    uint8_t dice[10];
    char text[26];
    memset(dice, 0, sizeof(dice));
    ulid_of(0, dice, text);
    assert_memory_equal(text, "00000000000000000000000000", 26);
    memset(dice, 0xFF, sizeof(dice));
    ulid_of(UINT64_C(0xFFFFFFFFFFFF), dice, text);
    assert_memory_equal(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 26);
    ulid_of(UINT64_C(1469918176385), dice, text);
    assert_memory_equal(text, "01ARYZ6S41ZZZZZZZZZZZZZZZZ", 26);
    char later[26];
    memset(dice, 0, sizeof(dice));
    ulid_of(UINT64_C(1469918176386), dice, later);
    assert_true(memcmp(text, later, 26) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_instants), cmocka_unit_test(test_round_trip_of_every_day),
        cmocka_unit_test(test_parsing),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_ulid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
