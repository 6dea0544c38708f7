/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes by the dozen: the wide way, the narrow way and one byte at a time say the same of
 * every byte, behind every byte, and of random ones. On a processor without the wide way
 * only the other two are compared.
 */
#include "../../../src/core/scan/scan_private.h"
#include "test.h"

static uint64_t roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

/* What the places of text[1..64] are, one by one. */
static struct lanes_starts plain_starts(const unsigned char *text)
{
    struct lanes_starts s = {0};
    for (unsigned i = 0; i < LANES; i++) {
        unsigned char b = text[i + 1];
        bool is_inside = is_word_byte(text[i]) && text[i] != '_';
        bool is_start = is_word_byte(b) ? !is_inside : is_special(b);
        s.starts |= (uint64_t)is_start << i;
        s.tokens |= (uint64_t)is_token_byte(b) << i;
    }
    return s;
}

static void expect_starts(const unsigned char *text, bool is_wide)
{
    bool is_after_word = is_word_byte(text[0]);
    struct lanes_starts wanted = plain_starts(text);
    struct lanes_starts got =
        lanes_starts_of((const char *)text + 1, is_wide, &is_after_word);
    assert_int_equal(got.starts, wanted.starts);
    assert_int_equal(got.tokens, wanted.tokens);
    assert_int_equal(is_after_word, is_word_byte(text[LANES]));
}

static void expect_signs(const unsigned char *text)
{
    struct lanes_signs s = {0};
    for (unsigned i = 0; i < LANES; i++) {
        unsigned char b = text[i];
        bool is_letter = is_word_byte(b) && b != '_';
        s.base64 |= (uint64_t)(is_letter || (b != 0 && strchr("+-/_", b) != NULL)) << i;
        s.underscores |= (uint64_t)(b == '_') << i;
        s.marks |= (uint64_t)(b != 0 && strchr("<`*~", b) != NULL) << i;
        s.escapes |= (uint64_t)(b == '%' || b == '&') << i;
        s.high |= (uint64_t)(b >= 0x80) << i;
        s.backslashes |= (uint64_t)(b == '\\') << i;
        s.us |= (uint64_t)(b == 'u') << i;
    }
    struct lanes_signs got = lanes_signs_of((const char *)text);
    assert_int_equal(got.base64, s.base64);
    assert_int_equal(got.underscores, s.underscores);
    assert_int_equal(got.marks, s.marks);
    assert_int_equal(got.escapes, s.escapes);
    assert_int_equal(got.high, s.high);
    assert_int_equal(got.backslashes, s.backslashes);
    assert_int_equal(got.us, s.us);
}

static void expect(const unsigned char *text)
{
    expect_starts(text, false);
    if (cpu_has_avx2()) {
        expect_starts(text, true);
        expect_signs(text);
    }
}

static void test_every_pair_of_bytes(void **state)
{
    (void)state;
    unsigned char text[LANES + 1];
    for (unsigned before = 0; before < 256; before++) {
        for (unsigned b = 0; b < 256; b++) {
            memset(text, (int)before, sizeof(text));
            for (unsigned i = 1; i < sizeof(text); i += 2) {
                text[i] = (unsigned char)b;
            }
            expect(text);
        }
    }
}

static void test_random_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "aZ09_.-+/@|:=<>*~`%&,$( \n\x80\xff";
    unsigned char text[LANES + 1];
    uint64_t dice = 42;
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < sizeof(text); i++) {
            uint64_t r = roll(&dice);
            char b = alphabet[r % sizeof(alphabet)];
            text[i] = round % 2 == 0 ? (unsigned char)r : (unsigned char)b;
        }
        expect(text);
    }
}

static void test_masks_meet(void **state)
{
    (void)state;
    uint64_t dice = 7;
    for (unsigned round = 0; round < 2000; round++) {
        uint64_t masks[3][MASK_WORDS];
        uint64_t both[2][MASK_WORDS];
        const uint64_t *list[] = {masks[0], masks[1], masks[2]};
        bool is_any = false;
        for (unsigned w = 0; w < MASK_WORDS; w++) {
            for (unsigned k = 0; k < 3; k++) {
                uint64_t sparse = roll(&dice) & roll(&dice) & roll(&dice);
                masks[k][w] = round % 3 == 0 ? sparse & roll(&dice) & roll(&dice) : sparse;
            }
            is_any = is_any || (masks[0][w] & masks[1][w] & masks[2][w]) != 0;
        }
        for (unsigned is_wide = 0; is_wide <= (cpu_has_avx2() ? 1U : 0U); is_wide++) {
            assert_int_equal(lanes_meet(list, 3, is_wide != 0, both[is_wide]), is_any);
            for (unsigned w = 0; w < MASK_WORDS; w++) {
                assert_int_equal(both[is_wide][w], masks[0][w] & masks[1][w] & masks[2][w]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair_of_bytes),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_masks_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
