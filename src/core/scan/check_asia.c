/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of Asian identity numbers (and the Turkish one). Pure functions of the matched
 * bytes, after the issuing bodies' published rules.
 */
#include "check.h"

/* Verhoeff's dihedral checksum; three equal halves are not issued. */
enum check_verdict check_aadhaar(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t times[10][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
        {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
        {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
        {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
        {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
    static const uint8_t turn[8][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
        {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
        {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
        {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
    uint8_t d[12];
    check_digits(s, d, 12);
    uint8_t c = 0;
    bool is_palindrome = true;
    for (size_t i = 0; i < 12; i++) {
        c = times[c][turn[i % 8][d[11 - i]]];
        is_palindrome = is_palindrome && d[i] == d[11 - i];
    }
    return check_as_written(s, c == 0 && !is_palindrome);
}

enum check_verdict check_tckn(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[11];
    check_digits(s, d, 11);
    unsigned odd = d[0] + d[2] + d[4] + d[6] + d[8];
    unsigned even = d[1] + d[3] + d[5] + d[7];
    unsigned ten = (7 * odd + 90 - even) % 10; /* 90 keeps it positive */
    return check_as(ten == d[9] && (odd + even + d[9]) % 10 == d[10]);
}

/* The checksum is no longer given out since October 2020: births since then are free. */
enum check_verdict check_rrn(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[12] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    uint8_t d[13];
    check_digits(s, d, 13);
    if (!check_is_calendar(2000, d[2] * 10U + d[3], d[4] * 10U + d[5])) {
        return CHECK_NO;
    }
    unsigned wanted = (11 - check_weigh(d, weights, 12) % 11) % 10;
    return wanted == d[12] ? CHECK_OK : CHECK_WEAK;
}

enum check_verdict check_kr_brn(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {1, 3, 7, 1, 3, 7, 1, 3, 5};
    uint8_t d[10];
    check_digits(s, d, 10);
    unsigned sum = check_weigh(d, weights, 9) + d[8] * 5U / 10;
    return check_as((10 - sum % 10) % 10 == d[9]);
}

/* ISO 7064 mod 11-2. */
enum check_verdict check_cn_id(struct str s, size_t *len)
{
    (void)len;
    unsigned sum = 0;
    for (size_t i = 0; i < 17; i++) {
        sum = (sum + (unsigned)(s.ptr[i] - '0')) * 2 % 11;
    }
    unsigned wanted = (12 - sum) % 11;
    char last = s.ptr[17];
    uint8_t d[8];
    check_digits(str_sub(s, 6, 14), d, 8);
    unsigned year = d[0] * 1000U + d[1] * 100U + d[2] * 10U + d[3];
    return check_as(check_is_calendar(year, d[4] * 10U + d[5], d[6] * 10U + d[7]) &&
                    (wanted == 10 ? (last | 0x20) == 'x' : last == (char)('0' + wanted)));
}

enum check_verdict check_nric(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[7] = {2, 7, 6, 5, 4, 3, 2};
    uint8_t d[7];
    check_digits(s, d, 7);
    char series = s.ptr[0];
    unsigned sum = check_weigh(d, weights, 7);
    sum += series == 'T' || series == 'G' ? 4 : series == 'M' ? 3 : 0;
    const char *letters = series == 'S' || series == 'T'   ? "JZIHGFEDCBA"
                          : series == 'F' || series == 'G' ? "XWUTRQPNMLK"
                                                           : "XWUTRQPNJLK";
    unsigned at = series == 'M' ? 10 - sum % 11 : sum % 11;
    return check_as(letters[at] == s.ptr[8]);
}

enum check_verdict check_hk_id(struct str s, size_t *len)
{
    (void)len;
    unsigned sum = 0;
    unsigned weight = 2;
    size_t digits_end = s.len - 3; /* before "(c)" */
    for (size_t i = digits_end; i-- > 0; weight++) {
        char c = s.ptr[i];
        sum += (c > '9' ? (unsigned)(c - 'A') + 10 : (unsigned)(c - '0')) * weight;
    }
    if (digits_end == 7) {
        sum += 36 * 9;
    }
    char c = s.ptr[s.len - 2];
    unsigned check = c == 'A' ? 10 : (unsigned)(c - '0');
    return check_as((sum + check) % 11 == 0);
}

enum check_verdict check_tw_id(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t letters[26] = {10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21,
                                        22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31, 33};
    static const uint8_t weights[9] = {8, 7, 6, 5, 4, 3, 2, 1, 1};
    uint8_t d[9];
    check_digits(s, d, 9);
    unsigned first = letters[s.ptr[0] - 'A'];
    return check_as((first / 10 + first % 10 * 9 + check_weigh(d, weights, 9)) % 10 == 0);
}

enum check_verdict check_my_number(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[11] = {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    uint8_t d[12];
    check_digits(s, d, 12);
    unsigned rest = check_weigh(d, weights, 11) % 11;
    return check_as((rest <= 1 ? 0 : 11 - rest) == d[11]);
}

enum check_verdict check_th_tnin(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[12] = {13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[13];
    check_digits(s, d, 13);
    return check_as_written(s, (11 - check_weigh(d, weights, 12) % 11) % 10 == d[12]);
}
