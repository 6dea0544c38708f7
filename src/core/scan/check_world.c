/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of more national, business, bank and wallet numbers. Most are a weighted sum and
 * a remainder, so they are a table; the rest has an algorithm of its own. Pure functions of
 * the matched bytes, after the issuing bodies' published rules.
 */
#include "check.h"

static unsigned sum_mod(struct str s, const uint8_t *weights, size_t count, unsigned mod,
                        uint8_t *ret_digits);
static bool is_date6(const uint8_t *yymmdd);
static unsigned mod97_text(struct str s);
static unsigned luhn_letters(struct str s);

/* The weighted sum of the first digits modulo `mod`; all digits to ret_digits (20). */
static unsigned sum_mod(struct str s, const uint8_t *weights, size_t count, unsigned mod,
                        uint8_t *ret_digits)
{
    memset(ret_digits, 0, 20);
    check_digits(s, ret_digits, 20);
    return check_weigh(ret_digits, weights, count) % mod;
}

static bool is_date6(const uint8_t *d)
{
    return check_is_calendar(2000, d[2] * 10U + d[3], d[4] * 10U + d[5]);
}

/* ---- persons --------------------------------------------------------------- */

enum check_verdict check_ro_cnp(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[12] = {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9};
    uint8_t d[20];
    unsigned rest = sum_mod(s, weights, 12, 11, d);
    return check_as((rest == 10 ? 1 : rest) == d[12] && is_date6(d + 1));
}

/* The month carries the century: +20 for the 19th, +40 for the 21st. */
enum check_verdict check_bg_egn(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {2, 4, 8, 5, 10, 9, 7, 3, 6};
    uint8_t d[20];
    unsigned rest = sum_mod(s, weights, 9, 11, d);
    unsigned month = (d[2] * 10U + d[3]) % 20;
    return check_as(rest % 10 == d[9] && check_is_calendar(2000, month, d[4] * 10U + d[5]));
}

enum check_verdict check_hr_oib(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[11];
    check_digits(s, d, 11);
    return check_as(check_mod11_10(d, 10) == d[10]);
}

/* Estonia and Lithuania have one algorithm. */
enum check_verdict check_baltic(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t first[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1};
    static const uint8_t second[10] = {3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
    uint8_t d[20];
    unsigned rest = sum_mod(s, first, 10, 11, d);
    rest = rest == 10 ? sum_mod(s, second, 10, 11, d) % 10 : rest;
    return check_as(rest == d[10] && is_date6(d + 1));
}

/* Since 2017 numbers begin with 32 and say nothing any more. */
enum check_verdict check_lv_code(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[10] = {1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    uint8_t d[20];
    unsigned sum = sum_mod(s, weights, 10, 1101, d);
    return check_as((d[0] == 3 && d[1] == 2) || (1101 - sum) % 11 == d[10]);
}

enum check_verdict check_gr_amka(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[11];
    check_digits(s, d, 11);
    return check_as(check_is_luhn(d, 11) &&
                    check_is_calendar(2000, d[2] * 10U + d[3], d[0] * 10U + d[1]));
}

enum check_verdict check_gr_afm(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[9];
    check_digits(s, d, 9);
    unsigned sum = 0;
    for (unsigned i = 0; i < 8; i++) {
        sum += (unsigned)d[i] << (8 - i);
    }
    return check_as(sum % 11 % 10 == d[8] && sum > 0);
}

/* Czechia and Slovakia: divisible by 11; women have 50 added to the month, some 20 more. */
enum check_verdict check_rodne_cislo(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[10];
    size_t n = check_digits(s, d, 10);
    unsigned month = (d[2] * 10U + d[3]) % 50;
    month = month > 20 ? month - 20 : month;
    bool is_sum =
        n == 9 || check_number(d, 10) % 11 == 0 || (check_number(d, 9) % 11 == 10 && d[9] == 0);
    return check_as(is_sum && check_is_calendar(2000, month, d[4] * 10U + d[5]));
}

enum check_verdict check_hu_taj(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {3, 7, 3, 7, 3, 7, 3, 7};
    uint8_t d[20];
    return check_as(sum_mod(s, weights, 8, 10, d) == d[8]);
}

enum check_verdict check_ru_snils(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    uint8_t d[20];
    unsigned rest = sum_mod(s, weights, 9, 101, d);
    return check_as((rest == 100 ? 0 : rest) == d[9] * 10U + d[10]);
}

enum check_verdict check_ru_inn(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[11] = {3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8};
    uint8_t d[12];
    size_t n = check_digits(s, d, 12);
    if (n == 10) {
        return check_as(check_weigh(d, weights + 2, 9) % 11 % 10 == d[9]);
    }
    return check_as(n == 12 && check_weigh(d, weights + 1, 10) % 11 % 10 == d[10] &&
                    check_weigh(d, weights, 11) % 11 % 10 == d[11]);
}

/* The first weight is minus one. */
enum check_verdict check_ua_rnokpp(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {10, 5, 7, 9, 4, 6, 10, 5, 7};
    uint8_t d[20];
    return check_as(sum_mod(s, weights, 9, 11, d) % 10 == d[9]);
}

enum check_verdict check_is_kennitala(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {3, 2, 7, 6, 5, 4, 3, 2, 1};
    uint8_t d[20];
    unsigned rest = sum_mod(s, weights, 9, 11, d);
    unsigned day = d[0] * 10U + d[1];
    return check_as(rest == 0 &&
                    check_is_calendar(2000, d[2] * 10U + d[3], day > 40 ? day - 40 : day));
}

/* ISO 7064 mod 97 over the digits before, as social security has it in Spain. */
enum check_verdict check_es_nss(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[12];
    check_digits(s, d, 12);
    uint64_t body = check_number(d + 2, 8);
    uint64_t whole =
        body < 10000000 ? (uint64_t)(d[0] * 10U + d[1]) * 10000000 + body : check_number(d, 10);
    return check_as(whole % 97 == d[10] * 10U + d[11]);
}

/* Letters stand for 10 to 35; weights 7, 3, 1, 9, 7, 3, 1, 7, 3. */
enum check_verdict check_pl_id(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {7, 3, 1, 9, 7, 3, 1, 7, 3};
    unsigned sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < 9; i++) {
        char c = s.ptr[i];
        if (c != ' ') {
            sum += (c >= 'A' ? (unsigned)(c - 'A') + 10 : (unsigned)(c - '0')) * weights[n++];
        }
    }
    return check_as(sum % 10 == 0);
}

/* Area, birth, initial, serial; the letter counts as two digits. */
enum check_verdict check_de_social_security(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[12] = {2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1};
    uint8_t d[13];
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < 13; i++) {
        char c = s.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            unsigned v = (unsigned)(c - 'A') + 1;
            d[n++] = (uint8_t)(v / 10);
            d[n++] = (uint8_t)(v % 10);
        } else if (c >= '0' && c <= '9') {
            d[n++] = (uint8_t)(c - '0');
        }
    }
    unsigned sum = 0;
    for (size_t i = 0; i < 12 && n == 13; i++) {
        unsigned v = (unsigned)d[i] * weights[i];
        sum += v / 10 + v % 10;
    }
    return check_as(n == 13 && sum % 10 == d[12] &&
                    check_is_calendar(2000, d[4] * 10U + d[5], d[2] * 10U + d[3]));
}

/* Health insurance: the letter as two digits, then weights 1, 2 with cross sums. */
enum check_verdict check_de_kvnr(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[12];
    unsigned letter = (unsigned)((s.ptr[0] & ~0x20) - 'A') + 1;
    d[0] = (uint8_t)(letter / 10);
    d[1] = (uint8_t)(letter % 10);
    check_digits(s, d + 2, 9);
    unsigned sum = 0;
    for (unsigned i = 0; i < 10; i++) {
        unsigned v = d[i] * (i % 2 == 0 ? 1U : 2U);
        sum += v / 10 + v % 10;
    }
    return check_as(sum % 10 == d[10]);
}

enum check_verdict check_nz_ird(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t first[8] = {3, 2, 7, 6, 5, 4, 3, 2};
    static const uint8_t second[8] = {7, 4, 3, 2, 5, 2, 7, 6};
    uint8_t d[9] = {0};
    size_t n = check_digits(s, d, 9);
    if (n == 8) {
        memmove(d + 1, d, 8);
        d[0] = 0;
    }
    unsigned rest = check_weigh(d, first, 8) % 11;
    unsigned digit = rest == 0 ? 0 : 11 - rest;
    if (digit == 10) {
        rest = check_weigh(d, second, 8) % 11;
        digit = rest == 0 ? 0 : 11 - rest;
    }
    return check_as(digit == d[8]);
}

enum check_verdict check_br_pis(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[10] = {3, 2, 9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[20];
    unsigned rest = sum_mod(s, weights, 10, 11, d);
    return check_as((rest < 2 ? 0 : 11 - rest) == d[10] && check_number(d, 11) > 0);
}

enum check_verdict check_ec_cedula(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[10];
    check_digits(s, d, 10);
    unsigned province = d[0] * 10U + d[1];
    return check_as(province >= 1 && (province <= 24 || province == 30) && d[2] < 6 &&
                    check_is_luhn(d, 10));
}

enum check_verdict check_uy_ci(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[7] = {2, 9, 8, 7, 6, 3, 4};
    uint8_t d[20];
    return check_as((10 - sum_mod(s, weights, 7, 10, d)) % 10 == d[7]);
}

enum check_verdict check_ir_national(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
    uint8_t d[20];
    unsigned rest = sum_mod(s, weights, 9, 11, d);
    return check_as((rest < 2 ? rest : 11 - rest) == d[9] && !check_is_all_equal(d, 10));
}

/* Luhn, and a date in the middle of it: the year of birth behind 784. */
enum check_verdict check_emirates(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[15];
    check_digits(s, d, 15);
    unsigned year = (unsigned)check_number(d + 3, 4);
    return check_as(year >= 1900 && year < 2100 && check_is_luhn(d, 15));
}

/* yymmdd first, as in Malaysia; in Indonesia behind the district, women with 40 added. */
enum check_verdict check_my_nric(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[12];
    check_digits(s, d, 12);
    return check_as(is_date6(d));
}

enum check_verdict check_id_nik(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[16];
    check_digits(s, d, 16);
    unsigned day = d[6] * 10U + d[7];
    return check_as(d[0] >= 1 &&
                    check_is_calendar(2000, d[8] * 10U + d[9], day > 40 ? day - 40 : day));
}

enum check_verdict check_eg_national(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[14];
    check_digits(s, d, 14);
    return check_as((d[0] == 2 || d[0] == 3) && is_date6(d + 1));
}

/* ---- business -------------------------------------------------------------- */

/* Luhn; La Poste's own numbers break it, and are no secret. */
enum check_verdict check_fr_siren(struct str s, size_t *len)
{
    return check_luhn(s, len);
}

enum check_verdict check_fr_vat(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[11];
    check_digits(str_sub(s, 2, s.len), d, 11);
    uint64_t siren = check_number(d + 2, 9);
    return check_as(d[0] * 10U + d[1] == (12 + 3 * (siren % 97)) % 97);
}

/* A letter, seven digits and a digit or letter: even places add, odd ones twice. */
enum check_verdict check_es_cif(struct str s, size_t *len)
{
    (void)len;
    static const char letters[] = "JABCDEFGHI";
    uint8_t d[8];
    check_digits(s, d, 7);
    unsigned sum = d[1] + d[3] + d[5];
    for (unsigned i = 0; i < 7; i += 2) {
        unsigned v = 2U * d[i];
        sum += v / 10 + v % 10;
    }
    unsigned wanted = (10 - sum % 10) % 10;
    char last = s.ptr[s.len - 1];
    return check_as(last == letters[wanted] || last == '0' + (char)wanted);
}

enum check_verdict check_pl_nip(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {6, 5, 7, 2, 3, 4, 5, 6, 7};
    uint8_t d[20];
    return check_as(sum_mod(s, weights, 9, 11, d) == d[9] && d[0] != 0);
}

enum check_verdict check_pl_regon(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {8, 9, 2, 3, 4, 5, 6, 7};
    uint8_t d[20];
    return check_as(sum_mod(s, weights, 8, 11, d) % 10 == d[8]);
}

enum check_verdict check_se_orgnr(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[10];
    check_digits(s, d, 10);
    return check_as(d[2] >= 2 && check_is_luhn(d, 10));
}

enum check_verdict check_no_orgnr(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {3, 2, 7, 6, 5, 4, 3, 2, 1};
    uint8_t d[20];
    return check_as(sum_mod(s, weights, 9, 11, d) == 0 && (d[0] == 8 || d[0] == 9));
}

enum check_verdict check_dk_cvr(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {2, 7, 6, 5, 4, 3, 2, 1};
    uint8_t d[20];
    return check_as(sum_mod(s, weights, 8, 11, d) == 0 && d[0] != 0);
}

enum check_verdict check_fi_ytunnus(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {7, 9, 10, 5, 8, 4, 2, 1};
    uint8_t d[20];
    return check_as(sum_mod(s, weights, 8, 11, d) == 0);
}

enum check_verdict check_ch_uid(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[8] = {5, 4, 3, 2, 7, 6, 5, 4};
    uint8_t d[20];
    unsigned rest = sum_mod(s, weights, 8, 11, d);
    return check_as((11 - rest) % 11 == d[8]);
}

/* Nine digits, B, two digits; the older half of them passes the 11-test. */
enum check_verdict check_nl_vat(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[11];
    size_t n = check_digits(s, d, 11);
    return check_as(n == 11 && !check_is_all_equal(d, 9));
}

enum check_verdict check_be_vat(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[10];
    check_digits(s, d, 10);
    return check_as(d[0] <= 1 && 97 - check_number(d, 8) % 97 == check_number(d + 8, 2));
}

enum check_verdict check_gb_vat(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[7] = {8, 7, 6, 5, 4, 3, 2};
    uint8_t d[20];
    unsigned sum = sum_mod(s, weights, 7, 1000, d) + d[7] * 10U + d[8];
    return check_as(sum % 97 == 0 || sum % 97 == 42 || sum % 97 == 55);
}

/* ISO 7064 mod 97 over digits and letters, as in IBAN, but in the order written. */
static unsigned mod97_text(struct str s)
{
    unsigned rest = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            rest = (rest * 100 + (unsigned)(c - 'A') + 10) % 97;
        } else if (c >= '0' && c <= '9') {
            rest = (rest * 10 + (unsigned)(c - '0')) % 97;
        }
    }
    return rest;
}

enum check_verdict check_lei(struct str s, size_t *len)
{
    (void)len;
    return check_as(mod97_text(s) == 1);
}

/* Luhn over the digits that letters become. */
static unsigned luhn_letters(struct str s)
{
    uint8_t d[40];
    size_t n = 0;
    for (size_t i = 0; i < s.len && n + 2 <= sizeof(d); i++) {
        char c = s.ptr[i];
        if (c >= 'A') {
            d[n++] = (uint8_t)((c - 'A' + 10) / 10);
            d[n++] = (uint8_t)((c - 'A' + 10) % 10);
        } else {
            d[n++] = (uint8_t)(c - '0');
        }
    }
    return check_is_luhn(d, n);
}

enum check_verdict check_isin(struct str s, size_t *len)
{
    (void)len;
    return check_as(luhn_letters(s) != 0);
}

enum check_verdict check_cusip(struct str s, size_t *len)
{
    (void)len;
    unsigned sum = 0;
    for (unsigned i = 0; i < 8; i++) {
        char c = s.ptr[i];
        unsigned v = c >= 'A' ? (unsigned)(c - 'A') + 10 : (unsigned)(c - '0');
        v *= i % 2 == 1 ? 2 : 1;
        sum += v / 10 + v % 10;
    }
    return check_as((10 - sum % 10) % 10 == (unsigned)(s.ptr[8] - '0'));
}

/* Mexican bank accounts: weights 3, 7, 1, each product modulo 10. */
enum check_verdict check_clabe(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[3] = {3, 7, 1};
    uint8_t d[18];
    unsigned sum = 0;
    check_digits(s, d, 18);
    for (unsigned i = 0; i < 17; i++) {
        sum += (unsigned)d[i] * weights[i % 3] % 10;
    }
    return check_as((10 - sum % 10) % 10 == d[17]);
}

/* Argentine bank accounts: two blocks with a digit each. */
enum check_verdict check_cbu(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t bank[7] = {7, 1, 3, 9, 7, 1, 3};
    static const uint8_t account[13] = {3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3};
    uint8_t d[22];
    check_digits(s, d, 22);
    return check_as((10 - check_weigh(d, bank, 7) % 10) % 10 == d[7] &&
                    (10 - check_weigh(d + 8, account, 13) % 10) % 10 == d[21]);
}

/* China's unified code: base 31, powers of 3. */
enum check_verdict check_cn_uscc(struct str s, size_t *len)
{
    (void)len;
    static const char digits[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    unsigned sum = 0;
    unsigned weight = 1;
    for (size_t i = 0; i < 17; i++) {
        const char *at = strchr(digits, s.ptr[i]);
        if (at == NULL) {
            return CHECK_NO;
        }
        sum += (unsigned)(at - digits) * weight;
        weight = weight * 3 % 31;
    }
    return check_as_written(s, s.ptr[17] == digits[(31 - sum % 31) % 31]);
}

/* Japan's corporate number: the first digit checks the other twelve. */
enum check_verdict check_jp_corporate(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[13];
    check_digits(s, d, 13);
    unsigned sum = 0;
    for (unsigned i = 1; i < 13; i++) {
        sum += d[13 - i] * (i % 2 == 1 ? 1U : 2U);
    }
    return check_as(9 - sum % 9 == d[0]);
}

/* Luhn over 19 or 20 digits that begin with 89, the industry's number for telephones. */
enum check_verdict check_iccid(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[20];
    size_t n = check_digits(s, d, 20);
    return check_as(check_is_luhn(d, n));
}
