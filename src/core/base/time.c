/* SPDX-License-Identifier: Apache-2.0
 *
 * Time as text, without asking for the time: the clock belongs to io. Days are
 * counted in the proleptic Gregorian calendar with years starting in March, so
 * that the leap day comes last. Years 0000-9999, UTC; leap seconds are refused,
 * because POSIX time has no place for them. ULIDs sort by their milliseconds.
 * Any thread.
 */
#include "portcullis/base.h"

#define SECONDS_PER_DAY 86400
#define DAYS_PER_ERA 146097     /* 400 years */
#define DAYS_BEFORE_1970 719468 /* since 0000-03-01 */
#define YEAR_0000_S INT64_C(-62167219200)
#define YEAR_9999_LAST_S INT64_C(253402300799)

struct civil {
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
};

static struct civil civil_of(int64_t unix_s);
static char *put_civil(char *at, struct civil c);
static char *put_digits(char *at, int value, int count);
static int64_t floor_div(int64_t a, int64_t b);
static bool read_clock(struct str *s, struct civil *ret_civil);
static bool read_fraction(struct str *s, int64_t *ret_ms);
static bool read_zone(struct str *s, int64_t *ret_offset_s);
static uint64_t forty_bits(const uint8_t bytes[5]);
static void put_base32(char *to, uint64_t value, size_t digits);
static bool read_digits(struct str *s, size_t count, int *ret_value);
static bool read_byte(struct str *s, char c);
static int days_in_month(int year, int month);
static int64_t days_of(int year, int month, int day);

/* 48 bits of time are ten digits of 5, with two zero bits in front; twice 40 bits eight. */
void ulid_of(uint64_t unix_ms, const uint8_t dice[10], char ret_ulid[26])
{
    put_base32(ret_ulid, unix_ms & UINT64_C(0xffffffffffff), 10);
    put_base32(ret_ulid + 10, forty_bits(dice), 8);
    put_base32(ret_ulid + 18, forty_bits(dice + 5), 8);
}

static uint64_t forty_bits(const uint8_t bytes[5])
{
    return (uint64_t)bytes[0] << 32 | (uint64_t)bytes[1] << 24 | (uint64_t)bytes[2] << 16 |
           (uint64_t)bytes[3] << 8 | bytes[4];
}

static void put_base32(char *to, uint64_t value, size_t digits)
{
    static const char names[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for (size_t i = digits; i-- > 0; value >>= 5) {
        to[i] = names[value & 31];
    }
}

struct str time_rfc3339(int64_t unix_s, char buf[32])
{
    char *at = put_civil(buf, civil_of(unix_s));
    *at++ = 'Z';
    *at = '\0';
    return (struct str){buf, (size_t)(at - buf)};
}

struct str time_rfc3339_ms(int64_t unix_ms, char buf[32])
{
    int ms = (int)(unix_ms % 1000); /* not from the seconds: they may not fit times 1000 */
    char *at = put_civil(buf, civil_of(floor_div(unix_ms, 1000)));
    *at++ = '.';
    at = put_digits(at, ms < 0 ? ms + 1000 : ms, 3);
    *at++ = 'Z';
    *at = '\0';
    return (struct str){buf, (size_t)(at - buf)};
}

/* By hand: every record and many answers carry a time, and printf costs 3,000
 * instructions for it. */
static char *put_civil(char *at, struct civil c)
{
    at = put_digits(at, c.year, 4);
    *at++ = '-';
    at = put_digits(at, c.month, 2);
    *at++ = '-';
    at = put_digits(at, c.day, 2);
    *at++ = 'T';
    at = put_digits(at, c.hour, 2);
    *at++ = ':';
    at = put_digits(at, c.minute, 2);
    *at++ = ':';
    return put_digits(at, c.second, 2);
}

static char *put_digits(char *at, int value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + count;
}

static struct civil civil_of(int64_t unix_s)
{
    if (unix_s < YEAR_0000_S) {
        unix_s = YEAR_0000_S;
    }
    if (unix_s > YEAR_9999_LAST_S) {
        unix_s = YEAR_9999_LAST_S;
    }
    int64_t days = floor_div(unix_s, SECONDS_PER_DAY);
    int second = (int)(unix_s - days * SECONDS_PER_DAY);
    int64_t shifted = days + DAYS_BEFORE_1970;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int day_of_era = (int)(shifted - era * DAYS_PER_ERA);
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int march_month = (5 * day_of_year + 2) / 153;
    struct civil c = {
        .year = (int)(era * 400) + year_of_era,
        .month = march_month < 10 ? march_month + 3 : march_month - 9,
        .day = day_of_year - (153 * march_month + 2) / 5 + 1,
        .hour = second / 3600,
        .minute = second / 60 % 60,
        .second = second % 60,
    };
    if (c.month <= 2) {
        c.year++;
    }
    return c;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

enum err time_parse_rfc3339(struct str s, int64_t *ret_unix_ms)
{
    struct civil c = {0};
    bool is_date = read_digits(&s, 4, &c.year) && read_byte(&s, '-') &&
                   read_digits(&s, 2, &c.month) && read_byte(&s, '-') &&
                   read_digits(&s, 2, &c.day) && read_byte(&s, 'T');
    int64_t fraction_ms = 0;
    int64_t offset_s = 0;
    if (!is_date || !read_clock(&s, &c) || !read_fraction(&s, &fraction_ms) ||
        !read_zone(&s, &offset_s) || s.len != 0) {
        return ERR_SYNTAX;
    }
    if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > days_in_month(c.year, c.month) ||
        c.hour > 23 || c.minute > 59 || c.second > 59) {
        return ERR_INVALID;
    }
    int64_t unix_s = days_of(c.year, c.month, c.day) * SECONDS_PER_DAY + c.hour * 3600 +
                     c.minute * 60 + c.second - offset_s;
    *ret_unix_ms = unix_s * 1000 + fraction_ms;
    return ERR_OK;
}

static bool read_clock(struct str *s, struct civil *ret_civil)
{
    return read_digits(s, 2, &ret_civil->hour) && read_byte(s, ':') &&
           read_digits(s, 2, &ret_civil->minute) && read_byte(s, ':') &&
           read_digits(s, 2, &ret_civil->second);
}

/* "" or "." and 1-9 digits; what is finer than a millisecond is cut off. */
static bool read_fraction(struct str *s, int64_t *ret_ms)
{
    if (!read_byte(s, '.')) {
        return true;
    }
    int64_t scale = 100;
    size_t count = 0;
    int digit;
    while (read_digits(s, 1, &digit)) {
        *ret_ms += digit * scale;
        scale /= 10;
        count++;
    }
    return count >= 1 && count <= 9;
}

static bool read_zone(struct str *s, int64_t *ret_offset_s)
{
    if (read_byte(s, 'Z')) {
        return true;
    }
    int sign = read_byte(s, '+') ? 1 : -1;
    if (sign < 0 && !read_byte(s, '-')) {
        return false;
    }
    int hours;
    int minutes;
    if (!read_digits(s, 2, &hours) || !read_byte(s, ':') || !read_digits(s, 2, &minutes) ||
        hours > 23 || minutes > 59) {
        return false;
    }
    *ret_offset_s = (int64_t)sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_digits(struct str *s, size_t count, int *ret_value)
{
    uint64_t value;
    if (s->len < count || str_to_u64(str_sub(*s, 0, count), &value) != ERR_OK) {
        return false;
    }
    *ret_value = (int)value;
    *s = str_sub(*s, count, s->len);
    return true;
}

static bool read_byte(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    *s = str_sub(*s, 1, s->len);
    return true;
}

static int days_in_month(int year, int month)
{
    if (month == 2) {
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
    }
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static int64_t days_of(int year, int month, int day)
{
    int march_year = month <= 2 ? year - 1 : year;
    int march_month = month <= 2 ? month + 9 : month - 3;
    int64_t era = floor_div(march_year, 400);
    int year_of_era = (int)(march_year - era * 400);
    int day_of_year = (153 * march_month + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_1970;
}
