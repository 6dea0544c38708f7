/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of what exists in every country: cards, dates, bank numbers, devices, wallets. A failed
 * check is a refusal; only where test data and revoked numbers are common is it merely weak. Pure.
 */
#include "check.h"

static bool is_card_issuer(const uint8_t *d, size_t n);
static unsigned month_of(struct str s);
static unsigned number_of(struct str s);
static unsigned iban_length(const char *country);
static bool base58_check(struct str s, size_t bytes);

size_t check_digits(struct str s, uint8_t *ret, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len && n < max; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            ret[n++] = (uint8_t)(s.ptr[i] - '0');
        }
    }
    return n;
}

uint64_t check_number(const uint8_t *digits, size_t count)
{
    uint64_t v = 0;
    for (size_t i = 0; i < count; i++) {
        v = v * 10 + digits[i];
    }
    return v;
}

unsigned check_mod11_10(const uint8_t *digits, size_t count)
{
    unsigned product = 10;
    for (size_t i = 0; i < count; i++) {
        unsigned sum = (digits[i] + product) % 10;
        product = (sum == 0 ? 10 : sum) * 2 % 11;
    }
    return (11 - product) % 10;
}

bool check_is_luhn(const uint8_t *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned v = digits[count - 1 - i];
        if (i % 2 == 1) {
            v = v > 4 ? 2 * v - 9 : 2 * v;
        }
        sum += v;
    }
    return sum % 10 == 0;
}

unsigned check_weigh(const uint8_t *digits, const uint8_t *weights, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (unsigned)digits[i] * weights[i];
    }
    return sum;
}

bool check_is_all_equal(const uint8_t *d, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (d[i] != d[0]) {
            return false;
        }
    }
    return true;
}

enum check_verdict check_card(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[24];
    size_t n = check_digits(s, d, sizeof(d));
    ptrdiff_t line = str_find(s, '\n'); /* a line breaks a number once; more are a column */
    if (line >= 0 && str_find(str_sub(s, (size_t)line + 1, s.len), '\n') >= 0) {
        return CHECK_NO;
    }
    if (n < 13 || n > 19 || check_is_all_equal(d, n) || !check_is_luhn(d, n)) {
        return CHECK_NO;
    }
    return is_card_issuer(d, n) ? CHECK_OK : CHECK_WEAK;
}

/* ISO/IEC 7812 issuer ranges with the lengths that are issued. */
static bool is_card_issuer(const uint8_t *d, size_t n)
{
    static const struct {
        unsigned low, high; /* first four digits */
        unsigned length_min, length_max;
    } issuers[] = {
        {4000, 4999, 13, 13}, {4000, 4999, 16, 16}, {4000, 4999, 19, 19}, {5100, 5599, 16, 16},
        {2221, 2720, 16, 16}, {3400, 3499, 15, 15}, {3700, 3799, 15, 15}, {6011, 6011, 16, 19},
        {6440, 6599, 16, 19}, {6220, 6229, 16, 19}, {3000, 3059, 14, 19}, {3095, 3095, 14, 19},
        {3600, 3699, 14, 19}, {3800, 3999, 14, 19}, {3528, 3589, 16, 19}, {2131, 2131, 15, 15},
        {1800, 1800, 15, 15}, {6200, 6299, 16, 19}, {8100, 8199, 16, 19}, {5000, 5099, 13, 19},
        {5600, 5899, 13, 19}, {6300, 6399, 13, 19}, {6600, 6999, 13, 19}, {6060, 6089, 16, 16},
        {2200, 2204, 16, 19}, {3500, 3599, 16, 16},
    };
    unsigned first = d[0] * 1000U + d[1] * 100U + d[2] * 10U + d[3];
    for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++) {
        if (first >= issuers[i].low && first <= issuers[i].high && n >= issuers[i].length_min &&
            n <= issuers[i].length_max) {
            return true;
        }
    }
    return false;
}

/* SSA: area not 000, 666, 9xx; group not 00; serial not 0000; two printed in adverts. */
enum check_verdict check_ssn(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[9];
    check_digits(s, d, sizeof(d));
    unsigned area = d[0] * 100U + d[1] * 10U + d[2];
    unsigned group = d[3] * 10U + d[4];
    unsigned serial = d[5] * 1000U + d[6] * 100U + d[7] * 10U + d[8];
    bool is_ok = area != 0 && area != 666 && area < 900 && group != 0 && serial != 0;
    is_ok = is_ok && !(area == 78 && group == 5 && serial == 1120) && !check_is_all_equal(d, 9);
    is_ok = is_ok && !(area == 219 && group == 9 && serial == 9999);
    return check_as(is_ok && (s.len == 9 || s.ptr[3] == s.ptr[6]));
}

enum check_verdict check_same_separators(struct str s, size_t *len)
{
    (void)len;
    return check_as(s.ptr[3] == s.ptr[6]);
}

bool check_is_calendar(unsigned year, unsigned month, unsigned day)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1]) {
        return false;
    }
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return !(month == 2 && day == 29 && !is_leap);
}

static unsigned number_of(struct str s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++) {
        n = n * 10 + (unsigned)(s.ptr[i] - '0');
    }
    return n;
}

static unsigned month_of(struct str s)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (unsigned m = 0; m < 12; m++) {
        if (s.len >= 3 && str_eq_nocase(str_sub(s, 0, 3), (struct str){names + 3 * m, 3})) {
            return m + 1;
        }
    }
    return 0;
}

/* Any order of day, month and year that is a day of the calendar, 1900-2099. */
enum check_verdict check_date(struct str s, size_t *len)
{
    (void)len;
    unsigned n[3] = {0, 0, 0};
    unsigned count = 0;
    unsigned month = 0;
    bool is_long_first = false;
    for (size_t i = 0; i < s.len && count < 3;) {
        char c = s.ptr[i];
        size_t from = i;
        if (c >= '0' && c <= '9') {
            while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
                i++;
            }
            is_long_first = is_long_first || (count == 0 && i - from == 4);
            n[count++] = number_of(str_sub(s, from, i));
        } else {
            unsigned m = month == 0 ? month_of(str_sub(s, i, s.len)) : 0;
            month = m != 0 ? m : month;
            i += m != 0 ? 3 : 1;
        }
    }
    if (month != 0) {
        return check_as(count >= 2 && n[1] >= 1900 && n[1] < 2100 &&
                        check_is_calendar(n[1], month, n[0]));
    }
    unsigned year = is_long_first ? n[0] : n[2];
    if (count < 3 || (year >= 100 && (year < 1900 || year > 2099))) {
        return CHECK_NO;
    }
    if (is_long_first) {
        return check_as(check_is_calendar(year, n[1], n[2]));
    }
    return check_as(check_is_calendar(year, n[0], n[1]) || check_is_calendar(year, n[1], n[0]));
}

/* Without the word "born" near it only a year in which people of age were born counts. */
enum check_verdict check_date_past(struct str s, size_t *len)
{
    unsigned year = number_of(str_sub(s, s.len - 4, s.len));
    if (check_date(s, len) == CHECK_NO) {
        return CHECK_NO;
    }
    return year <= 2012 ? CHECK_OK : CHECK_WEAK;
}

enum check_verdict check_some_digits(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[32];
    size_t n = check_digits(s, d, sizeof(d));
    return check_as(n >= 3 && !check_is_all_equal(d, n));
}

/* ISO 13616: length by country, then mod 97. What follows the length is not part of it. */
enum check_verdict check_iban(struct str s, size_t *len)
{
    char country[2] = {(char)(s.ptr[0] & ~0x20), (char)(s.ptr[1] & ~0x20)};
    unsigned wanted = iban_length(country);
    char plain[40];
    size_t n = 0;
    size_t used = 0;
    for (; used < s.len && n < wanted; used++) {
        char c = s.ptr[used];
        if (c == ' ' || c == '-' || c == '\n') {
            continue;
        }
        bool is_lower = c >= 'a' && c <= 'z';
        plain[n++] = is_lower ? (char)(c - 'a' + 'A') : c;
    }
    if (wanted == 0 || n < wanted) {
        return CHECK_NO;
    }
    if (used < s.len && is_word_byte((unsigned char)s.ptr[used])) {
        return CHECK_NO;
    }
    *len = used;
    unsigned rest = 0;
    for (size_t i = 0; i < n; i++) {
        char c = plain[(i + 4) % n];
        rest = c >= 'A' ? (rest * 100 + (unsigned)(c - 'A' + 10)) % 97
                        : (rest * 10 + (unsigned)(c - '0')) % 97;
    }
    return check_as(rest == 1);
}

static unsigned iban_length(const char *country)
{
    static const char table[] =
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29"
        "ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28"
        "LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25"
        "QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";
    for (size_t i = 0; i + 4 < sizeof(table); i += 4) {
        if (table[i] == country[0] && table[i + 1] == country[1]) {
            return (unsigned)(table[i + 2] - '0') * 10 + (unsigned)(table[i + 3] - '0');
        }
    }
    return 0;
}

/* American Bankers Association: weights 3, 7, 1. */
enum check_verdict check_aba(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[9] = {3, 7, 1, 3, 7, 1, 3, 7, 1};
    uint8_t d[9];
    size_t n = check_digits(s, d, sizeof(d));
    return check_as(n == 9 && check_weigh(d, weights, 9) % 10 == 0 && !check_is_all_equal(d, 9));
}

/* The prefixes that the IRS has never given out. */
/* Not 20240131: eight digits that are a day of this century or the last are that. */
enum check_verdict check_account(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[8];
    if (s.len != 8) {
        return CHECK_OK;
    }
    check_digits(s, d, sizeof(d));
    unsigned year = (unsigned)check_number(d, 4);
    bool is_day = year >= 1900 && year < 2100 &&
                  check_is_calendar(year, d[4] * 10U + d[5], d[6] * 10U + d[7]);
    return check_as(!is_day);
}

enum check_verdict check_ein(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t unused[] = {0,  7,  8,  9,  17, 18, 19, 28, 29,
                                     49, 69, 70, 78, 79, 89, 96, 97};
    unsigned prefix = number_of(str_sub(s, 0, 2));
    return check_as(memchr(unused, (int)prefix, sizeof(unused)) == NULL);
}

enum check_verdict check_geo(struct str s, size_t *len)
{
    (void)len;
    struct str rest = s;
    struct str latitude = str_trim(str_cut(&rest, ','), "- ");
    return check_as(number_of(latitude) <= 90 && number_of(str_trim(rest, "- ")) <= 180);
}

/* Base58Check (double SHA-256) or the bech32/bech32m checksum, BIP 173 and 350. */
enum check_verdict check_btc(struct str s, size_t *len)
{
    (void)len;
    if (str_starts(s, STR("bc1"))) {
        static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        static const uint32_t steps[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3};
        static const uint8_t head[5] = {3, 3, 0, 2, 3}; /* "bc" spread out */
        uint32_t sum = 1;
        for (size_t i = 0; i < 5 + s.len - 3; i++) {
            const char *c = i < 5 ? NULL : strchr(alphabet, s.ptr[i - 5 + 3]);
            if (i >= 5 && c == NULL) {
                return CHECK_NO;
            }
            uint32_t top = sum >> 25;
            sum = (sum & 0x1ffffff) << 5 ^ (i < 5 ? head[i] : (uint32_t)(c - alphabet));
            for (unsigned k = 0; k < 5; k++) {
                sum ^= (top >> k & 1) != 0 ? steps[k] : 0;
            }
        }
        return check_as(sum == 1 || sum == 0x2bc830a3);
    }
    return check_as(base58_check(s, 25));
}

/* Base58 of `bytes` bytes, the last four of which are SHA-256 of SHA-256 of the others. */
static bool base58_check(struct str s, size_t bytes)
{
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    uint8_t out[40] = {0};
    for (size_t i = 0; i < s.len; i++) {
        unsigned carry = (unsigned)(strchr(digits, s.ptr[i]) - digits);
        for (size_t k = bytes; k-- > 0;) {
            carry += 58U * out[k];
            out[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0) {
            return false;
        }
    }
    struct sha256 once = sha256_of((struct str){(const char *)out, bytes - 4});
    struct sha256 twice = sha256_of((struct str){(const char *)once.bytes, 32});
    return memcmp(twice.bytes, out + bytes - 4, 4) == 0;
}

/* Litecoin, Dogecoin, Dash, Tron: 25 bytes, the first of which is the network. */
enum check_verdict check_wallet(struct str s, size_t *len)
{
    (void)len;
    return check_as(base58_check(s, 25));
}

/* Wallet import format: with or without a byte that says the public key is short. */
enum check_verdict check_wif(struct str s, size_t *len)
{
    (void)len;
    return check_as(base58_check(s, s.ptr[0] == '5' ? 37 : 38));
}

enum check_verdict check_imei(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[16];
    return check_as(check_digits(s, d, sizeof(d)) == 15 && check_is_luhn(d, 15));
}

/* ISO 3779 / 49 CFR 565: transliterated letters, weights, remainder in place 9. */
enum check_verdict check_vin(struct str s, size_t *len)
{
    (void)len;
    static const char values[] = "12345678.12345.7.923456789"; /* A-Z; '.' is not allowed */
    static const uint8_t weights[17] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
    unsigned sum = 0;
    unsigned letters = 0;
    for (size_t i = 0; i < 17; i++) {
        char c = s.ptr[i];
        unsigned v = c >= 'A' ? (unsigned)(values[c - 'A'] - '0') : (unsigned)(c - '0');
        letters += c >= 'A';
        sum += v * weights[i];
    }
    char wanted = sum % 11 == 10 ? 'X' : (char)('0' + sum % 11);
    return check_as(letters > 0 && s.ptr[8] == wanted);
}

/* ISO 9362: places 5 and 6 are an ISO 3166 country. */
enum check_verdict check_bic(struct str s, size_t *len)
{
    (void)len;
    static const char countries[] =
        "ADAEAFAGAIALAMAOARATAUAWAZBABBBDBEBFBGBHBIBJBMBNBOBRBSBTBWBYBZCACDCFCGCHCICLCMCNCOCRCUCV"
        "CWCYCZDEDJDKDMDODZECEEEGERESETFIFJFKFOFRGAGBGDGEGGGHGIGLGMGNGQGRGTGWGYHKHNHRHTHUIDIEILIM"
        "INIQIRISITJEJMJOJPKEKGKHKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMGMHMKMLMMMNMOMRMSMT"
        "MUMVMWMXMYMZNANCNENGNINLNONPNZOMPAPEPFPGPHPKPLPSPTPYQARORSRURWSASBSCSDSESGSISKSLSMSNSOSR"
        "SSSTSVSYSZTCTDTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUSUYUZVAVCVEVGVNVUWSXKYEZAZMZW";
    for (size_t i = 0; i + 2 < sizeof(countries); i += 2) {
        if (memcmp(countries + i, s.ptr + 4, 2) == 0) {
            return CHECK_OK;
        }
    }
    return CHECK_NO;
}

enum check_verdict check_luhn(struct str s, size_t *len)
{
    (void)len;
    uint8_t d[24];
    size_t n = check_digits(s, d, sizeof(d));
    return check_as(check_is_luhn(d, n) && !check_is_all_equal(d, n));
}

/* Luhn counted from the left with weights 1, 2, which for nine digits is the same. */
enum check_verdict check_luhn_left(struct str s, size_t *len)
{
    return check_luhn(s, len);
}

enum check_verdict check_ean13(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[13] = {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1};
    uint8_t d[13];
    return check_as(check_digits(s, d, 13) == 13 && check_weigh(d, weights, 13) % 10 == 0);
}

/* The second line of a passport (ICAO 9303): weights 7, 3, 1 over number, birth and expiry,
 * each with its digit; letters count from 10, '<' nothing. */
enum check_verdict check_mrz(struct str s, size_t *len)
{
    (void)len;
    static const uint8_t weights[3] = {7, 3, 1};
    static const uint8_t from[3] = {0, 13, 21};
    static const uint8_t count[3] = {9, 6, 6};
    for (unsigned f = 0; f < 3; f++) {
        unsigned sum = 0;
        for (unsigned i = 0; i < count[f]; i++) {
            char c = s.ptr[from[f] + i];
            unsigned v = c == '<' ? 0 : c >= 'A' ? (unsigned)(c - 'A') + 10 : (unsigned)(c - '0');
            sum += v * weights[i % 3];
        }
        if (sum % 10 != (unsigned)(s.ptr[from[f] + count[f]] - '0')) {
            return CHECK_NO;
        }
    }
    return CHECK_OK;
}
