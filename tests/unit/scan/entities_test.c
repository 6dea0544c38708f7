/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of types in every dialect, and what wins where two types fit. What the detectors
 * find and leave alone is data: see detectors_test.c. S1-15, S2-43..49, S4-46.
 */
#include "scan_test.h"

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

/* Words of other products mean what they mean there. */
static void test_words_of_others(void **state)
{
    (void)state;
    static const struct {
        const char *word, *detector;
    } cases[] = {
        {"CREDIT_DEBIT_CARD_NUMBER", "credit_card"},
        {"CREDIT_DEBIT_CVV", "cvv"},
        {"US_SOCIAL_SECURITY_NUMBER", "ssn_no_dash"},
        {"UK_NATIONAL_INSURANCE_NUMBER", "uk_nino"},
        {"US_BANK_ROUTING_NUMBER", "us_aba"},
        {"VEHICLE_IDENTIFICATION_NUMBER", "vin"},
        {"IT_FISCAL_CODE", "it_codice_fiscale"},
        {"SG_NRIC_FIN", "sg_nric"},
        {"IBAN_CODE", "iban"},
        {"PHONE_NUMBER", "phone_national"},
        {"Email Address", "email"},
        {"CRYPTO", "bitcoin_address"},
        {"api_key", "github_token"},
        {"secret", "password_quoted"},
        {"health", "us_mbi"},
    };
    struct issue issue;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scan_types types = {{0}};
        assert_int_equal(scan_types_add(&types, str_from(cases[i].word), &issue), ERR_OK);
        bool has = false;
        for (size_t k = 0; k < scan_detectors_count(); k++) {
            bool is_it = strcmp(scan_detector_info(k).name, cases[i].detector) == 0;
            has = has || (is_it && scan_types_has(&types, k));
        }
        assert_true(has);
    }
    /* What only a recogniser of names could find is refused, not taken for something else. */
    struct scan_types types = {{0}};
    assert_int_equal(scan_types_add(&types, STR("PERSON"), &issue), ERR_NOT_FOUND);
    assert_int_equal(scan_types_add(&types, STR("NRP"), &issue), ERR_NOT_FOUND);
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
        cmocka_unit_test(test_names_of_types),
        cmocka_unit_test(test_words_of_others),
        cmocka_unit_test(test_nearest_context_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
