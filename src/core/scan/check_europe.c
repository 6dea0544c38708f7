/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of European identity, tax and health numbers. Pure functions of the matched
 * bytes, after the issuing bodies' published rules.
 */
#include "check.h"

static bool is_day(const uint8_t *dd, const uint8_t *mm);

/* Two digits each; 29 February is allowed, because the century is often not written. */
static bool is_day(const uint8_t *dd, const uint8_t *mm)
{
    return check_is_calendar(2000, mm[0] * 10U + mm[1], dd[0] * 10U + dd[1]);
}

enum check_verdict check_nino(struct str s, size_t *len)
{
    (void)len;
    static const char refused[] = "BGGBNKKNTNNTZZ";
    for (size_t i = 0; i + 2 < sizeof(refused); i += 2) {
        if (memcmp(refused + i, s.ptr, 2) == 0) {
            return CHECK_NO;
        }
    }
    return CHECK_OK;
}

enum check_verdict check_nhs(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[10];
    check_digits(s, d, 10);
    return check_as((11 - check_weigh(d, weights, 9) % 11) % 11 == d[9]);
}

enum check_verdict check_utr(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {6, 7, 8, 9, 10, 5, 4, 3, 2};
    static const char table[] = "21987654321";
    uint8_t d[10];
    check_digits(s, d, 10);
    return check_as(table[check_weigh(d + 1, weights, 9) % 11] - '0' == d[0]);
}

enum check_verdict check_dni(struct str s, size_t *len)
{
    (void)len;
    static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";
    uint8_t d[9] = {0};
    size_t n = 0;
    char first = (char)(s.ptr[0] & ~0x20);
    if (first >= 'X' && first <= 'Z') {
        d[n++] = (uint8_t)(first - 'X');
    }
    n += check_digits(s, d + n, 8 - n);
    return check_as(letters[check_number(d, n) % 23] == (s.ptr[s.len - 1] & ~0x20));
}

/* Odd and even places have tables of their own; letters stand in for digits. */
enum check_verdict check_codice_fiscale(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t odd[36] = {1,  0, 5, 7,  9,  13, 15, 17, 19, 21, 1,  0,
                                    5,  7, 9, 13, 15, 17, 19, 21, 2,  4,  18, 20,
                                    11, 3, 6, 8,  12, 14, 16, 10, 22, 25, 24, 23};
    unsigned sum = 0;
    for (unsigned i = 0; i < 15; i++) {
        char c = s.ptr[i] > '9' ? (char)(s.ptr[i] & ~0x20) : s.ptr[i];
        unsigned v = c > '9' ? (unsigned)(c - 'A') : (unsigned)(c - '0');
        sum += i % 2 == 0 ? odd[c > '9' ? v + 10 : v] : v;
    }
    return check_as('A' + (char)(sum % 26) == (s.ptr[15] & ~0x20));
}

/* 97 minus the number modulo 97; Corsica's 2A and 2B count as 19 and 18. */
enum check_verdict check_nir(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[15];
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < 15; i++) {
        char c = s.ptr[i];
        if (c >= '0' && c <= '9') {
            d[n++] = (uint8_t)(c - '0');
        } else if (c == 'A' || c == 'B') {
            d[n - 1] = 1;
            d[n++] = c == 'A' ? 9 : 8;
        }
    }
    return check_as(n == 15 && 97 - check_number(d, 13) % 97 == check_number(d + 13, 2));
}

/* One digit stands there twice or three times, the others at most once. */
enum check_verdict check_steuer_id(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[11];
    unsigned counts[10] = {0};
    unsigned repeated = 0;
    check_digits(s, d, 11);
    for (size_t i = 0; i < 10; i++) {
        counts[d[i]]++;
    }
    for (size_t i = 0; i < 10; i++) {
        if (counts[i] > 3) {
            return CHECK_NO;
        }
        repeated += counts[i] > 1;
    }
    return check_as(repeated == 1 && check_mod11_10(d, 10) == d[10]);
}

/* ICAO 9303 weights 7, 3, 1 when the check digit is written. */
enum check_verdict check_de_id(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[3] = {7, 3, 1};
    unsigned sum = 0;
    unsigned digits = 0;
    for (size_t i = 0; i < 9; i++) {
        char c = s.ptr[i];
        digits += c <= '9';
        sum += (c > '9' ? (unsigned)(c - 'A') + 10 : (unsigned)(c - '0')) * weights[i % 3];
    }
    return check_as(digits > 0 && (s.len < 10 || sum % 10 == (unsigned)(s.ptr[9] - '0')));
}

enum check_verdict check_de_vat(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[9];
    check_digits(s, d, 9);
    return check_as(d[0] != 0 && check_mod11_10(d, 8) == d[8]);
}

enum check_verdict check_bsn(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[9];
    check_digits(s, d, 9);
    return check_as((check_weigh(d, weights, 8) + 10U * d[8]) % 11 == 0 && check_number(d, 9) > 0);
}

/* 97 minus the first nine modulo 97; a 2 in front for births since 2000. */
enum check_verdict check_be_nrn(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[11];
    check_digits(s, d, 11);
    uint64_t nine = check_number(d, 9);
    uint64_t check = check_number(d + 9, 2);
    bool is_sum = 97 - nine % 97 == check || 97 - (nine + 2000000000U) % 97 == check;
    return check_as(is_sum && is_day(d + 4, d + 2));
}

enum check_verdict check_at_svnr(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[10] = {3, 7, 9, 0, 5, 8, 4, 2, 1, 6};
    uint8_t d[10];
    check_digits(s, d, 10);
    return check_as(check_weigh(d, weights, 10) % 11 == d[3]);
}

/* The month carries the century: +20 for 2000, +80 for 1800. */
enum check_verdict check_pesel(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[11] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1};
    uint8_t d[11];
    check_digits(s, d, 11);
    unsigned month = (d[2] * 10U + d[3]) % 20;
    return check_as(check_weigh(d, weights, 11) % 10 == 0 &&
                    check_is_calendar(2000, month, d[4] * 10U + d[5]));
}

/* Luhn over the last ten; coordination numbers add 60 to the day. */
enum check_verdict check_se_pnr(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[12];
    size_t n = check_digits(s, d, 12);
    const uint8_t *ten = d + n - 10;
    unsigned day = ten[4] * 10U + ten[5];
    bool is_date = check_is_calendar(2000, ten[2] * 10U + ten[3], day > 60 ? day - 60 : day);
    bool has_mark = str_find(s, '-') >= 0 || str_find(s, '+') >= 0;
    if (!is_date || !check_is_luhn(ten, 10)) {
        return CHECK_NO;
    }
    return has_mark || n == 12 ? CHECK_OK : CHECK_WEAK;
}

enum check_verdict check_day_first(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[10];
    check_digits(s, d, 10);
    return check_as(is_day(d, d + 2));
}

enum check_verdict check_no_fnr(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t first[10] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};
    static const uint8_t second[11] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
    uint8_t d[11];
    check_digits(s, d, 11);
    return check_as(check_weigh(d, first, 10) % 11 == 0 && check_weigh(d, second, 11) % 11 == 0 &&
                    d[2] * 10U + d[3] != 0 && (d[2] * 10U + d[3]) % 40 <= 12);
}

enum check_verdict check_hetu(struct str s, size_t *len)
{
    (void)len;
    static const char letters[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    uint8_t d[9];
    check_digits(str_sub(s, 0, 6), d, 6);
    check_digits(str_sub(s, 7, 10), d + 6, 3);
    return check_as(is_day(d, d + 2) && letters[check_number(d, 9) % 31] == s.ptr[10]);
}

enum check_verdict check_pt_nif(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[9];
    check_digits(s, d, 9);
    unsigned rest = check_weigh(d, weights, 8) % 11;
    return check_as((rest < 2 ? 0 : 11 - rest) == d[8]);
}

/* Weights 8..2, a second letter counts nine times; remainder of 23 as letter, 0 = W. */
enum check_verdict check_pps(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[7] = {8, 7, 6, 5, 4, 3, 2};
    uint8_t d[7];
    check_digits(s, d, 7);
    unsigned sum = check_weigh(d, weights, 7);
    if (s.len == 9 && s.ptr[8] != 'W') {
        sum += 9U * (unsigned)(s.ptr[8] - 'A' + 1);
    }
    char wanted = sum % 23 == 0 ? 'W' : (char)('A' + sum % 23 - 1);
    return check_as(s.ptr[7] == wanted);
}
