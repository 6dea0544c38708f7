/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors for the detectors: what each must find and what it must leave alone, one
 * table. The numbers are published examples or made to fit their checksum; none is a
 * person's. S1-15, S2-43..49, S4-46.
 */
#include "scan_test.h"
#include <stdlib.h>

/* `found` is what stands in `text`, or NULL: nothing of the type is there. */
static const struct {
    const char *type, *text, *found;
} vectors[] = {
    {"ssn", "My SSN is 123-45-6789.", "123-45-6789"},
    {"ssn", "123 45 6789", "123 45 6789"},
    {"ssn", "000-12-3456", NULL},
    {"ssn", "666-12-3456", NULL},
    {"ssn", "900-12-3456", NULL},
    {"ssn", "123-00-4567", NULL},
    {"ssn", "078-05-1120", NULL},
    {"ssn", "123-45 6789", NULL},
    {"ssn", "1-123-45-6789", NULL},
    {"ssn", "123-45-67890", NULL},
    {"ssn", "A123-45-6789", NULL},
    {"ssn", "123456789", NULL},
    {"ssn_no_dash", "ssn 123456789", "123456789"},
    {"ssn_no_dash", "order 123456789", NULL},
    {"credit_card", "4111111111111111", "4111111111111111"},
    {"credit_card", "pay 4111 1111 1111 1111 now", "4111 1111 1111 1111"},
    {"credit_card", "5500-0000-0000-0004", "5500-0000-0000-0004"},
    {"credit_card", "378282246310005", "378282246310005"},
    {"credit_card", "3782 822463 10005", "3782 822463 10005"},
    {"credit_card", "6011000990139424", "6011000990139424"},
    {"credit_card", "30569309025904", "30569309025904"},
    {"credit_card", "3530111333300000", "3530111333300000"},
    {"credit_card", "4111111111111112", NULL},
    {"credit_card", "0000000000000000", NULL},
    {"credit_card", "4111 1111 1111", NULL},
    {"email", "Mail jane.doe+x@mail.example.co.uk, please", "jane.doe+x@mail.example.co.uk"},
    {"email", "<a_b@example.org>", "a_b@example.org"},
    {"email", "user@localhost", NULL},
    {"email", "a..b@example.com", "a..b@example.com"},
    {"email", "a@-b.example.com", NULL},
    {"email", "left@1.2", NULL},
    {"phone_us", "(415) 555-2671", "(415) 555-2671"},
    {"phone_us", "call 415-555-2671 ext 12", "415-555-2671 ext 12"},
    {"phone_us", "phone 4155552671", "4155552671"},
    {"phone_us", "number is +1 415 555 2671", "+1 415 555 2671"},
    {"phone_us", "id 4155552671", NULL},
    {"phone_us", "911-555-2671", NULL},
    {"phone", "reach me: +49 30 901820", "+49 30 901820"},
    {"phone", "+442079460958", "+442079460958"},
    {"phone", "(88) 684-334", "(88) 684-334"},
    {"phone", "call 06-24312407", "06-24312407"},
    {"phone", "2024-01-15", NULL},
    {"phone", "between 1990 and 2024", NULL},
    {"ip_address", "host 192.168.10.1:80", "192.168.10.1"},
    {"ip_address", "256.1.1.1", NULL},
    {"ip_address", "0.0.0.0", NULL},
    {"ip_address", "1.2.3", NULL},
    {"ipv6_address", "at 2001:db8:0:0:1:2:3:4.", "2001:db8:0:0:1:2:3:4"},
    {"ipv6_address", "at 2001:db8::8a2e:370:7334", "2001:db8::8a2e:370:7334"},
    {"ipv6_address", "12:30:45", NULL},
    {"ipv6_address", "std::string", NULL},
    {"mac_address", "00:1B:44:11:3a:b7", "00:1B:44:11:3a:b7"},
    {"mac_address", "00:00:00:00:00:00", NULL},
    {"date_of_birth", "03/15/1985", "03/15/1985"},
    {"date_of_birth", "dob: 15.03.1985", "15.03.1985"},
    {"date_of_birth", "born on March 3, 1990 in", "March 3, 1990"},
    {"date_of_birth", "13/45/1985", NULL},
    {"date_of_birth", "meeting 03/15/2025", NULL},
    {"date_of_birth", "02/30/1985", NULL},
    {"passport", "passport no. 123456789", "123456789"},
    {"passport", "Passport: AB1234567", "AB1234567"},
    {"passport", "part 123456789", NULL},
    {"iban", "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 32"},
    {"iban", "to DE89370400440532013000 today", "DE89370400440532013000"},
    {"iban", "gb69pmnj18913943430745", "gb69pmnj18913943430745"},
    {"iban", "GB82WEST12345698765433", NULL},
    {"iban", "XX82WEST12345698765432", NULL},
    {"drivers_license", "driver license A1234567", "A1234567"},
    {"drivers_license", "model A1234567", NULL},
    {"drivers_license", "MORGA657054SM9IJ", "MORGA657054SM9IJ"},
    {"bank_account", "routing number 021000021", "021000021"},
    {"bank_account", "routing 021000022", NULL},
    {"bank_account", "account number 12345678901", "12345678901"},
    {"bank_account", "12345678901", NULL},
    {"tax_id", "ITIN 912-70-1234", "912-70-1234"},
    {"tax_id", "EIN 12-3456789", "12-3456789"},
    {"tax_id", "912-10-1234", NULL},
    {"tax_id", "ein 07-3456789", NULL},
    {"api_key", "AKIAIOSFODNN7EXAMPLB", "AKIAIOSFODNN7EXAMPLB"},
    {"api_key", "AKIAIOSFODNN7EXAMPLE", NULL},
    {"api_key", "api_key: \"a8f5f167f44f4964e6c998dee827110c\"",
     "a8f5f167f44f4964e6c998dee827110c"},
    {"api_key", "api_key = os.environ['KEY']", NULL},
    {"api_key", "token: your_token_here_please", NULL},
    {"api_key", "sk-ant-api03-Zk3vJq8xLm2nB7cR5tWy", "sk-ant-api03-Zk3vJq8xLm2nB7cR5tWy"},
    {"password", "DB_PASSWORD=\"hunter2!x9\"", "hunter2!x9"},
    {"password", "the password is required", NULL},
    {"private_key", "-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----",
     "-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----"},
    {"url_credentials", "postgres://app:s3cr3t@db.example:5432/x",
     "postgres://app:s3cr3t@db.example:5432"},
    {"url_credentials", "http://user:$PASS@host", NULL},
    {"jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
     "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"},
    {"bitcoin_address", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
    {"bitcoin_address", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", NULL},
    {"bitcoin_address", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
     "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
    {"vin", "1M8GDM9AXKP042788", "1M8GDM9AXKP042788"},
    {"vin", "1M8GDM9A1KP042788", NULL},
    {"imei", "imei 490154203237518", "490154203237518"},
    {"cvv", "CVV: 123", "123"},
    {"swift_bic", "swift DEUTDEFF500", "DEUTDEFF500"},
    {"swift_bic", "swift ABSTRACT", NULL},
    {"medical_record_number", "MRN: 00123456", "00123456"},
    {"uk_nino", "AB123456C", "AB123456C"},
    {"uk_nino", "GB123456C", NULL},
    {"uk_nhs", "nhs 943 476 5919", "943 476 5919"},
    {"es_dni_nie", "12345678Z", "12345678Z"},
    {"es_dni_nie", "12345678A", NULL},
    {"it_codice_fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562S"},
    {"fr_nir", "2 55 08 14 168 025 38", "2 55 08 14 168 025 38"},
    {"de_steuer_id", "86095742719", "86095742719"},
    {"de_vat", "DE136695976", "DE136695976"},
    {"nl_bsn", "bsn 111222333", "111222333"},
    {"pl_pesel", "44051401359", "44051401359"},
    {"se_personnummer", "811228-9874", "811228-9874"},
    {"fi_hetu", "131052-308T", "131052-308T"},
    {"no_fnr", "fnr 01010750160", "01010750160"},
    {"ch_ahv", "756.9217.0769.85", "756.9217.0769.85"},
    {"in_aadhaar", "aadhaar 2341 2341 2346", "2341 2341 2346"},
    {"in_pan", "ABCPE1234F", "ABCPE1234F"},
    {"in_gstin", "27AAPFU0939F1ZV", "27AAPFU0939F1ZV"},
    {"br_cpf", "529.982.247-25", "529.982.247-25"},
    {"br_cpf", "529.982.247-26", NULL},
    {"br_cnpj", "11.222.333/0001-81", "11.222.333/0001-81"},
    {"cl_rut", "12.345.678-5", "12.345.678-5"},
    {"ar_cuit", "20-12345678-6", "20-12345678-6"},
    {"cn_resident_id", "11010519491231002X", "11010519491231002X"},
    {"sg_nric", "S1234567D", "S1234567D"},
    {"hk_id", "A123456(3)", "A123456(3)"},
    {"tw_id", "A123456789", "A123456789"},
    {"tr_tckn", "10000000146", "10000000146"},
    {"za_id", "8001015009087", "8001015009087"},
    {"ca_sin", "046-454-286", NULL},
    {"ca_sin", "130 692 544", "130 692 544"},
    {"au_abn", "51 824 753 556", "51 824 753 556"},
    {"au_tfn", "tfn 123 456 782", "123 456 782"},
    {"us_npi", "npi 1234567893", "1234567893"},
    {"us_dea", "AB1234563", "AB1234563"},
    {"us_mbi", "1EG4-TE5-MK73", "1EG4-TE5-MK73"},
    {"au_medicare", "medicare 2123 45670 1", "2123 45670 1"},
    {"ie_pps", "1234567T", "1234567T"},
    {"kr_brn", "220-81-62517", "220-81-62517"},
    {"th_tnin", "1101700230705", NULL},
};

static void test_vectors(void **state)
{
    (void)state;
    static struct scan_world w;
    unsigned failed = 0;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        scan_world_init(&w, vectors[i].type, NULL, 0);
        struct str text = str_from(vectors[i].text);
        scan_world_scan(&w, text, SCAN_VIEW_FOLD);
        scan_findings_resolve(&w.found, NULL, 600);
        bool is_right = w.found.count == (vectors[i].found != NULL ? 1 : 0);
        struct str got = STR("");
        if (w.found.count > 0) {
            got = str_sub(text, w.found.items[0].start, w.found.items[0].end);
            is_right = is_right && str_eq(got, str_from(vectors[i].found));
        }
        if (!is_right) {
            print_error("%s in \"%s\": %zu found, \"%.*s\"\n", vectors[i].type, vectors[i].text,
                        w.found.count, STR_ARG(got));
            failed++;
        }
        scan_world_free(&w);
    }
    assert_int_equal(failed, 0);
}

/* S4-46 and what other dialects call the same; C-13. */
static void test_names_of_types(void **state)
{
    (void)state;
    static const char *const known[] = {"ssn",
                                        "ssn_no_dash",
                                        "credit_card",
                                        "email",
                                        "phone_us",
                                        "phone",
                                        "ip_address",
                                        "date_of_birth",
                                        "passport",
                                        "iban",
                                        "drivers_license",
                                        "bank_account",
                                        "tax_id",
                                        "api_key",
                                        "EMAIL_ADDRESS",
                                        "US_SSN",
                                        "phone-number",
                                        "ipv6_address",
                                        "mac_address",
                                        "secret",
                                        "all",
                                        "medical_record_number",
                                        "financial",
                                        "default",
                                        "github_token"};
    struct issue issue;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct scan_types types = {{0}};
        assert_int_equal(scan_types_add(&types, str_from(known[i]), &issue), ERR_OK);
    }
    struct scan_types types = {{0}};
    assert_int_equal(scan_types_add(&types, STR("credit_crad"), &issue), ERR_NOT_FOUND);
    assert_non_null(strstr(issue.message, "credit_card"));
    assert_int_equal(scan_types_add(&types, STR(""), &issue), ERR_NOT_FOUND);
}

/* Where two types fit, the word nearest before it decides. */
static void test_nearest_context_wins(void **state)
{
    (void)state;
    static struct scan_world w;
    scan_world_init(&w, "passport,drivers_license,bank_account", NULL, 0);
    struct str text = STR("passport 987654321, driver license 123456789, account 123456780");
    scan_world_scan(&w, text, 0);
    scan_findings_resolve(&w.found, NULL, 600);
    assert_int_equal(w.found.count, 3);
    assert_string_equal(scan_detector_info(w.found.items[0].id).type, "passport");
    assert_string_equal(scan_detector_info(w.found.items[1].id).type, "drivers_license");
    assert_string_equal(scan_detector_info(w.found.items[2].id).type, "bank_account");
    scan_world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_names_of_types),
        cmocka_unit_test(test_nearest_context_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
