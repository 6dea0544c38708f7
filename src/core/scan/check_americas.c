/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of identity, tax and health numbers of the Americas, Australia and Africa.
 * Pure functions of the matched bytes, after the issuing bodies' published rules.
 */
#include "check.h"

static unsigned mod11_digit(unsigned sum);
static unsigned value36(char c);

enum check_verdict check_dea(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[7];
    check_digits(str_sub(s, 2, s.len), d, 7);
    unsigned sum = d[0] + d[2] + d[4] + 2U * (d[1] + d[3] + d[5]);
    return check_as(sum % 10 == d[6]);
}

/* Luhn over 80840 and the ten digits. */
enum check_verdict check_npi(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[15] = {8, 0, 8, 4, 0};
    check_digits(s, d + 5, 10);
    return check_as(check_is_luhn(d, 15));
}

static unsigned mod11_digit(unsigned sum)
{
    unsigned rest = sum % 11;
    return rest < 2 ? 0 : 11 - rest;
}

enum check_verdict check_cpf(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[10] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[11];
    if (check_digits(s, d, 11) != 11) {
        return CHECK_NO;
    }
    bool is_same = true;
    for (size_t i = 1; i < 11; i++) {
        is_same = is_same && d[i] == d[0];
    }
    return check_as(!is_same && mod11_digit(check_weigh(d, weights + 1, 9)) == d[9] &&
                    mod11_digit(check_weigh(d, weights, 10)) == d[10]);
}

/* Letters are allowed since 2026 and count as their code minus 48. */
enum check_verdict check_cnpj(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[13] = {6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[14];
    size_t n = 0;
    unsigned sum = 0;
    for (size_t i = 0; i < s.len && n < 14; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_word_byte(c)) {
            d[n++] = (uint8_t)(c - 48);
            sum += c;
        }
    }
    return check_as(n == 14 && sum != 14U * s.ptr[0] &&
                    mod11_digit(check_weigh(d, weights + 1, 12)) == d[12] &&
                    mod11_digit(check_weigh(d, weights, 13)) == d[13]);
}

/* Base 37 with the letter N-tilde counted between N and O. */
enum check_verdict check_curp(struct str s, size_t *len)
{
    (void)len;
    unsigned sum = 0;
    for (unsigned i = 0; i < 17; i++) {
        char c = s.ptr[i];
        unsigned v = c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10 + (c > 'N' ? 1 : 0);
        sum += v * (18 - i);
    }
    return check_as((10 - sum % 10) % 10 == (unsigned)(s.ptr[17] - '0'));
}

enum check_verdict check_rfc(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[6];
    check_digits(str_sub(s, s.len - 9, s.len - 3), d, 6);
    return check_as(check_is_calendar(2000, d[2] * 10U + d[3], d[4] * 10U + d[5]));
}

enum check_verdict check_cuit(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[10] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    uint8_t d[11];
    if (check_digits(s, d, 11) != 11) {
        return CHECK_NO;
    }
    unsigned rest = 11 - check_weigh(d, weights, 10) % 11;
    return check_as((rest == 11 ? 0 : rest == 10 ? 9 : rest) == d[10]);
}

enum check_verdict check_rut(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[9];
    size_t n = check_digits(str_sub(s, 0, s.len - 1), d, 9);
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += d[n - 1 - i] * (unsigned)(2 + i % 6);
    }
    unsigned rest = 11 - sum % 11;
    char wanted = rest == 11 ? '0' : rest == 10 ? 'K' : (char)('0' + rest);
    char last = s.ptr[s.len - 1];
    return check_as((last == 'k' ? 'K' : last) == wanted);
}

enum check_verdict check_au_tfn(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t nine[9] = {1, 4, 3, 7, 5, 8, 6, 9, 10};
    static const uint8_t eight[8] = {10, 7, 8, 4, 6, 3, 5, 1};
    uint8_t d[9];
    size_t n = check_digits(s, d, 9);
    return check_as(check_weigh(d, n == 9 ? nine : eight, n) % 11 == 0);
}

enum check_verdict check_au_abn(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[11] = {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19};
    uint8_t d[11];
    if (check_digits(s, d, 11) != 11 || d[0] == 0) {
        return CHECK_NO;
    }
    d[0]--;
    return check_as(check_weigh(d, weights, 11) % 89 == 0);
}

enum check_verdict check_au_acn(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {8, 7, 6, 5, 4, 3, 2, 1};
    uint8_t d[9];
    check_digits(s, d, 9);
    return check_as((10 - check_weigh(d, weights, 8) % 10) % 10 == d[8]);
}

enum check_verdict check_au_medicare(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {1, 3, 7, 9, 1, 3, 7, 9};
    uint8_t d[11];
    check_digits(s, d, 11);
    return check_as(check_weigh(d, weights, 8) % 10 == d[8]);
}

enum check_verdict check_za_id(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[13];
    check_digits(s, d, 13);
    return check_as(check_is_luhn(d, 13) &&
                    check_is_calendar(2000, d[2] * 10U + d[3], d[4] * 10U + d[5]));
}

static unsigned value36(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10;
}

/* Mod 36 with alternating factors 1 and 2, digits of the product added. */
enum check_verdict check_gstin(struct str s, size_t *len)
{
    (void)len;
    unsigned sum = 0;
    for (unsigned i = 0; i < 14; i++) {
        unsigned v = value36(s.ptr[i]) * (1 + i % 2);
        sum += v / 36 + v % 36;
    }
    return check_as((36 - sum % 36) % 36 == value36(s.ptr[14]));
}
