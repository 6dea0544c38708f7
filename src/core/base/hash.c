/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes and their spellings. SHA-256 comes from the processor where it has the SHA
 * extensions, else from mbedTLS (pure CPU code); HMAC is built on it here, because
 * the library's own HMAC allocates and so can fail. CRC-32C uses the SSE4.2
 * instruction where the processor has it, for the spool. hash_bytes is for tables,
 * not against an adversary who picks many keys. Any thread.
 */
#include "portcullis/base.h"

#include <mbedtls/sha256.h>

#include "sha256_x86.h"

#define SHA256_BLOCK_BYTES 64U

static uint64_t fold(uint64_t a, uint64_t b);
static uint64_t read_up_to_8(const char *p, size_t len);
static uint32_t crc32c_by_table(uint32_t crc, const uint8_t *p, size_t len);
static void sha256_of_two(struct str first, struct str second, uint8_t ret_bytes[32]);

/* Multiply and fold, 16 bytes at a time. The constants are the fractional digits of
 * the square roots of 2, 3 and 5: nobody chose them. */
uint64_t hash_bytes(struct str s, uint64_t seed)
{
    const uint64_t root2 = UINT64_C(0x6A09E667F3BCC909);
    const uint64_t root3 = UINT64_C(0xBB67AE8584CAA73B);
    const uint64_t root5 = UINT64_C(0x3C6EF372FE94F82B);
    uint64_t h = seed ^ root2;
    const char *p = s.ptr;
    size_t left = s.len;
    while (left > 16) {
        h = fold(read_up_to_8(p, 8) ^ h, read_up_to_8(p + 8, 8) ^ root3);
        p += 16;
        left -= 16;
    }
    uint64_t a = read_up_to_8(p, left > 8 ? 8 : left);
    uint64_t b = left > 8 ? read_up_to_8(p + 8, left - 8) : 0;
    h = fold(a ^ h, b ^ root3);
    return fold(h ^ s.len, root5);
}

/* 64 x 64 -> 128 bits, both halves xored. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two reads that may overlap: bytes put together in memory would be waited for. Names of
 * different lengths may give the same here; the length is hashed as well. */
static uint64_t read_up_to_8(const char *p, size_t len)
{
    if (len == 8) {
        uint64_t v;
        memcpy(&v, p, sizeof(v));
        return v;
    }
    if (len >= 4) {
        uint32_t low, high;
        memcpy(&low, p, sizeof(low));
        memcpy(&high, p + len - sizeof(high), sizeof(high));
        return low | (uint64_t)high << 32;
    }
    if (len == 0) {
        return 0;
    }
    return (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[len / 2] << 8 |
           (uint64_t)(unsigned char)p[len - 1] << 16;
}

/* Castagnoli, polynomial 0x1EDC6F41 reflected (RFC 3720, appendix B.4). */
static const uint32_t crc32c_table[256] = {
    0x00000000, 0xF26B8303, 0xE13B70F7, 0x1350F3F4, 0xC79A971F, 0x35F1141C, 0x26A1E7E8, 0xD4CA64EB,
    0x8AD958CF, 0x78B2DBCC, 0x6BE22838, 0x9989AB3B, 0x4D43CFD0, 0xBF284CD3, 0xAC78BF27, 0x5E133C24,
    0x105EC76F, 0xE235446C, 0xF165B798, 0x030E349B, 0xD7C45070, 0x25AFD373, 0x36FF2087, 0xC494A384,
    0x9A879FA0, 0x68EC1CA3, 0x7BBCEF57, 0x89D76C54, 0x5D1D08BF, 0xAF768BBC, 0xBC267848, 0x4E4DFB4B,
    0x20BD8EDE, 0xD2D60DDD, 0xC186FE29, 0x33ED7D2A, 0xE72719C1, 0x154C9AC2, 0x061C6936, 0xF477EA35,
    0xAA64D611, 0x580F5512, 0x4B5FA6E6, 0xB93425E5, 0x6DFE410E, 0x9F95C20D, 0x8CC531F9, 0x7EAEB2FA,
    0x30E349B1, 0xC288CAB2, 0xD1D83946, 0x23B3BA45, 0xF779DEAE, 0x05125DAD, 0x1642AE59, 0xE4292D5A,
    0xBA3A117E, 0x4851927D, 0x5B016189, 0xA96AE28A, 0x7DA08661, 0x8FCB0562, 0x9C9BF696, 0x6EF07595,
    0x417B1DBC, 0xB3109EBF, 0xA0406D4B, 0x522BEE48, 0x86E18AA3, 0x748A09A0, 0x67DAFA54, 0x95B17957,
    0xCBA24573, 0x39C9C670, 0x2A993584, 0xD8F2B687, 0x0C38D26C, 0xFE53516F, 0xED03A29B, 0x1F682198,
    0x5125DAD3, 0xA34E59D0, 0xB01EAA24, 0x42752927, 0x96BF4DCC, 0x64D4CECF, 0x77843D3B, 0x85EFBE38,
    0xDBFC821C, 0x2997011F, 0x3AC7F2EB, 0xC8AC71E8, 0x1C661503, 0xEE0D9600, 0xFD5D65F4, 0x0F36E6F7,
    0x61C69362, 0x93AD1061, 0x80FDE395, 0x72966096, 0xA65C047D, 0x5437877E, 0x4767748A, 0xB50CF789,
    0xEB1FCBAD, 0x197448AE, 0x0A24BB5A, 0xF84F3859, 0x2C855CB2, 0xDEEEDFB1, 0xCDBE2C45, 0x3FD5AF46,
    0x7198540D, 0x83F3D70E, 0x90A324FA, 0x62C8A7F9, 0xB602C312, 0x44694011, 0x5739B3E5, 0xA55230E6,
    0xFB410CC2, 0x092A8FC1, 0x1A7A7C35, 0xE811FF36, 0x3CDB9BDD, 0xCEB018DE, 0xDDE0EB2A, 0x2F8B6829,
    0x82F63B78, 0x709DB87B, 0x63CD4B8F, 0x91A6C88C, 0x456CAC67, 0xB7072F64, 0xA457DC90, 0x563C5F93,
    0x082F63B7, 0xFA44E0B4, 0xE9141340, 0x1B7F9043, 0xCFB5F4A8, 0x3DDE77AB, 0x2E8E845F, 0xDCE5075C,
    0x92A8FC17, 0x60C37F14, 0x73938CE0, 0x81F80FE3, 0x55326B08, 0xA759E80B, 0xB4091BFF, 0x466298FC,
    0x1871A4D8, 0xEA1A27DB, 0xF94AD42F, 0x0B21572C, 0xDFEB33C7, 0x2D80B0C4, 0x3ED04330, 0xCCBBC033,
    0xA24BB5A6, 0x502036A5, 0x4370C551, 0xB11B4652, 0x65D122B9, 0x97BAA1BA, 0x84EA524E, 0x7681D14D,
    0x2892ED69, 0xDAF96E6A, 0xC9A99D9E, 0x3BC21E9D, 0xEF087A76, 0x1D63F975, 0x0E330A81, 0xFC588982,
    0xB21572C9, 0x407EF1CA, 0x532E023E, 0xA145813D, 0x758FE5D6, 0x87E466D5, 0x94B49521, 0x66DF1622,
    0x38CC2A06, 0xCAA7A905, 0xD9F75AF1, 0x2B9CD9F2, 0xFF56BD19, 0x0D3D3E1A, 0x1E6DCDEE, 0xEC064EED,
    0xC38D26C4, 0x31E6A5C7, 0x22B65633, 0xD0DDD530, 0x0417B1DB, 0xF67C32D8, 0xE52CC12C, 0x1747422F,
    0x49547E0B, 0xBB3FFD08, 0xA86F0EFC, 0x5A048DFF, 0x8ECEE914, 0x7CA56A17, 0x6FF599E3, 0x9D9E1AE0,
    0xD3D3E1AB, 0x21B862A8, 0x32E8915C, 0xC083125F, 0x144976B4, 0xE622F5B7, 0xF5720643, 0x07198540,
    0x590AB964, 0xAB613A67, 0xB831C993, 0x4A5A4A90, 0x9E902E7B, 0x6CFBAD78, 0x7FAB5E8C, 0x8DC0DD8F,
    0xE330A81A, 0x115B2B19, 0x020BD8ED, 0xF0605BEE, 0x24AA3F05, 0xD6C1BC06, 0xC5914FF2, 0x37FACCF1,
    0x69E9F0D5, 0x9B8273D6, 0x88D28022, 0x7AB90321, 0xAE7367CA, 0x5C18E4C9, 0x4F48173D, 0xBD23943E,
    0xF36E6F75, 0x0105EC76, 0x12551F82, 0xE03E9C81, 0x34F4F86A, 0xC69F7B69, 0xD5CF889D, 0x27A40B9E,
    0x79B737BA, 0x8BDCB4B9, 0x988C474D, 0x6AE7C44E, 0xBE2DA0A5, 0x4C4623A6, 0x5F16D052, 0xAD7D5351,
};

static uint32_t crc32c_by_table(uint32_t crc, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc = crc32c_table[(crc ^ p[i]) & 0xFF] ^ (crc >> 8);
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_by_sse42(uint32_t crc, const uint8_t *p,
                                                                  size_t len)
{
    uint64_t wide = crc;
    while (len >= 8) {
        uint64_t v;
        memcpy(&v, p, sizeof(v));
        wide = __builtin_ia32_crc32di(wide, v);
        p += 8;
        len -= 8;
    }
    crc = (uint32_t)wide;
    while (len > 0) {
        crc = __builtin_ia32_crc32qi(crc, *p);
        p++;
        len--;
    }
    return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_by_sse42(~crc, data, len);
    }
#endif
    return ~crc32c_by_table(~crc, data, len);
}

struct sha256 sha256_of(struct str s)
{
    struct sha256 digest;
    sha256_of_two(s, STR_NONE, digest.bytes);
    return digest;
}

struct sha256 hmac_sha256(struct str key, struct str s)
{
    uint8_t pad[SHA256_BLOCK_BYTES] = {0};
    if (key.len > sizeof(pad)) {
        sha256_of_two(key, STR_NONE, pad);
    } else if (key.len > 0) {
        memcpy(pad, key.ptr, key.len);
    }
    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36;
    }
    struct sha256 inner;
    sha256_of_two((struct str){(const char *)pad, sizeof(pad)}, s, inner.bytes);
    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36 ^ 0x5C;
    }
    struct sha256 outer;
    sha256_of_two((struct str){(const char *)pad, sizeof(pad)},
                  (struct str){(const char *)inner.bytes, sizeof(inner.bytes)}, outer.bytes);
    bytes_wipe(pad, sizeof(pad));
    bytes_wipe(&inner, sizeof(inner));
    return outer;
}

static void sha256_of_two(struct str first, struct str second, uint8_t ret_bytes[32])
{
#if SHA256_X86
    if (sha256_x86_is_here()) {
        sha256_x86(first, second, ret_bytes);
        return;
    }
#endif
    mbedtls_sha256_context context;
    mbedtls_sha256_init(&context);
    /* These fail only where a hardware driver replaces the software. */
    int failed = mbedtls_sha256_starts(&context, 0);
    if (first.len > 0) {
        failed |= mbedtls_sha256_update(&context, (const unsigned char *)first.ptr, first.len);
    }
    if (second.len > 0) {
        failed |= mbedtls_sha256_update(&context, (const unsigned char *)second.ptr, second.len);
    }
    failed |= mbedtls_sha256_finish(&context, ret_bytes);
    ASSERT(failed == 0);
    mbedtls_sha256_free(&context);
}

bool bytes_eq_ct(const void *a, const void *b, size_t len)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    uint64_t difference = 0, x[4], y[4];
    size_t i = 0;
    for (; len - i >= sizeof(x); i += sizeof(x)) {
        memcpy(x, p + i, sizeof(x));
        memcpy(y, q + i, sizeof(y));
        difference |= ((x[0] ^ y[0]) | (x[1] ^ y[1])) | ((x[2] ^ y[2]) | (x[3] ^ y[3]));
        /* The compiler must not know it, or it could stop at the first difference. */
        __asm__ volatile("" : "+r"(difference));
    }
    /* The last eight overlap those before instead of a loop over single bytes. */
    for (; len >= sizeof(*x) && i < len; i += sizeof(*x)) {
        size_t at = len - i >= sizeof(*x) ? i : len - sizeof(*x);
        memcpy(x, p + at, sizeof(*x));
        memcpy(y, q + at, sizeof(*y));
        difference |= *x ^ *y;
        __asm__ volatile("" : "+r"(difference));
    }
    for (; i < len; i++) {
        difference |= (uint64_t)(p[i] ^ q[i]);
        __asm__ volatile("" : "+r"(difference));
    }
    return difference == 0;
}

void bytes_wipe(void *p, size_t len)
{
    if (len == 0) {
        return;
    }
    memset(p, 0, len);
    /* The compiler must believe that someone reads the zeros. */
    __asm__ volatile("" : : "r"(p) : "memory");
}

void hex_of(const uint8_t *bytes, size_t len, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
}

enum err hex_to(struct str hex, uint8_t *ret_bytes, size_t bytes_len)
{
    if (hex.len % 2 != 0 || hex.len / 2 != bytes_len) {
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < hex.len; i++) {
        if (hex_value(hex.ptr[i]) < 0) {
            return ERR_SYNTAX; /* looked at first: a refusal changes nothing */
        }
    }
    for (size_t i = 0; i < bytes_len; i++) {
        ret_bytes[i] = (uint8_t)(hex_value(hex.ptr[2 * i]) * 16 + hex_value(hex.ptr[2 * i + 1]));
    }
    return ERR_OK;
}

int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}
