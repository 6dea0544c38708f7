/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of types. Every dialect calls the same things differently; the table of other
 * names lets each say it in its own words. Matching ignores case and takes '-' and ' '
 * for '_'. A name may stand for several detectors. Pure, no state.
 */
#include "detector.h"

static const struct {
    const char *name;
    const char *means; /* comma-separated types, detectors or classes */
} others[] = {
    /* Everyday words */
    {"phone", "phone_us,phone"},
    {"phone_number", "phone_us,phone"},
    {"phone_intl", "phone"},
    {"phone_e164", "phone_international"},
    {"telephone", "phone_us,phone"},
    {"email_address", "email"},
    {"social_security_number", "ssn,ssn_no_dash"},
    {"card", "credit_card"},
    {"credit_card_number", "credit_card"},
    {"ip", "ip_address,ipv6_address"},
    {"ipv4", "ip_address"},
    {"ip_v4", "ip_address"},
    {"ipv4_address", "ip_address"},
    {"ipv6", "ipv6_address"},
    {"mac", "mac_address"},
    {"dob", "date_of_birth"},
    {"birth_date", "date_of_birth"},
    {"passport_number", "passport"},
    {"driver_license", "drivers_license"},
    {"driving_licence", "drivers_license"},
    {"routing_number", "us_aba"},
    {"aba_routing", "us_aba"},
    {"itin", "us_itin,us_itin_plain"},
    {"ein", "us_ein"},
    {"api_keys", "api_key"},
    {"mrn", "medical_record_number"},
    {"nhs_number", "uk_nhs"},
    {"aadhaar", "in_aadhaar"},
    {"pan", "in_pan"},
    {"secrets", "secret"},
    {"private_keys", "private_key"},
    /* Presidio */
    {"crypto", "bitcoin_address,ethereum_address,litecoin_address,dogecoin_address,tron_address"},
    {"date_time", "date"},
    {"iban_code", "iban"},
    {"location", "street_address,geo_coordinates,uk_postcode"},
    {"medical_license", "us_dea,us_npi"},
    {"us_bank_number", "us_bank_account"},
    {"us_driver_license", "drivers_license"},
    {"us_itin_number", "us_itin,us_itin_plain"},
    {"us_passport", "passport"},
    {"us_ssn", "ssn,ssn_no_dash"},
    {"uk_passport", "passport"},
    {"uk_vehicle_registration", "uk_plate"},
    {"es_nif", "es_dni_nie"},
    {"es_nie", "es_dni_nie"},
    {"es_passport", "passport"},
    {"it_fiscal_code", "it_codice_fiscale"},
    {"it_driver_license", "it_driving_licence"},
    {"it_vat_code", "it_vat"},
    {"it_passport", "passport"},
    {"it_identity_card", "it_id_card"},
    {"pl_pesel_number", "pl_pesel"},
    {"sg_nric_fin", "sg_nric"},
    {"in_vehicle_registration", "in_vehicle"},
    {"in_passport", "passport"},
    {"fi_personal_identity_code", "fi_hetu"},
    {"kr_passport", "passport"},
    {"se_organisationsnummer", "se_orgnr"},
    {"tr_national_id", "tr_tckn"},
    {"de_tax_id", "de_steuer_id"},
    {"de_passport", "passport"},
    {"de_vat_id", "de_vat"},
    {"za_id_number", "za_id"},
    /* Comprehend, Bedrock */
    {"bank_account_number", "us_bank_account"},
    {"us_bank_account_number", "us_bank_account"},
    {"bank_routing", "us_aba"},
    {"us_bank_routing_number", "us_aba"},
    {"credit_debit_number", "credit_card"},
    {"credit_debit_card_number", "credit_card"},
    {"credit_debit_cvv", "cvv"},
    {"credit_debit_card_cvv", "cvv"},
    {"credit_debit_expiry", "card_expiry"},
    {"credit_debit_card_expiry", "card_expiry"},
    {"driver_id", "drivers_license"},
    {"address", "street_address"},
    {"aws_access_key", "aws_access_key"},
    {"aws_secret_key", "aws_secret_key,aws_secret_key_near"},
    {"license_plate", "uk_plate,de_plate,in_vehicle"},
    {"vehicle_identification_number", "vin"},
    {"international_bank_account_number", "iban"},
    {"swift_code", "swift_bic"},
    {"us_social_security_number", "ssn,ssn_no_dash"},
    {"us_passport_number", "passport"},
    {"us_individual_tax_identification_number", "us_itin,us_itin_plain"},
    {"uk_national_health_service_number", "uk_nhs"},
    {"uk_national_insurance_number", "uk_nino"},
    {"uk_unique_taxpayer_reference_number", "uk_utr"},
    {"ca_health_number", "ca_health"},
    {"ca_social_insurance_number", "ca_sin"},
    {"in_permanent_account_number", "in_pan"},
    {"in_voter_number", "in_voter"},
};

const char *const class_names[SCAN_CLASSES] = {
    [SCAN_CONTACT] = "contact",
    [SCAN_PERSON] = "personal", /* others call names of people "person": not found here */
    [SCAN_NETWORK] = "network",
    [SCAN_FINANCIAL] = "financial",
    [SCAN_GOV] = "government",
    [SCAN_HEALTH] = "health",
    [SCAN_LOCATION] = "geo",
    [SCAN_VEHICLE] = "vehicle",
    [SCAN_DEVICE] = "device",
    [SCAN_SECRET] = "secret",
    [SCAN_INJECTION] = "injection_phrases",
};

static bool add_direct(struct scan_types *types, struct str name);
static void add_bit(struct scan_types *types, size_t index);
static const char *nearest(struct str name);

enum err scan_types_add(struct scan_types *types, struct str name, struct issue *issue)
{
    char plain[64];
    if (name.len == 0 || name.len > sizeof(plain)) {
        issue_set(issue, "", "a type is named by 1 to 64 characters, such as \"email\"");
        return ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        plain[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '-' || c == ' ' ? '_' : c;
    }
    struct str wanted = {plain, name.len};
    bool is_known = false;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && !is_known; i++) {
        if (str_eq(wanted, str_from(others[i].name))) {
            struct str rest = str_from(others[i].means);
            while (rest.len > 0) {
                is_known = add_direct(types, str_cut(&rest, ',')) || is_known;
            }
        }
    }
    if (is_known || add_direct(types, wanted)) {
        return ERR_OK;
    }
    const char *near = nearest(wanted);
    issue_set(issue, "", "\"%.*s\" is not a known data type%s%s%s", STR_ARG(name),
              near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
              near != NULL ? "\"?" : "");
    return ERR_NOT_FOUND;
}

static bool add_direct(struct scan_types *types, struct str name)
{
    bool is_known = false;
    bool is_all = str_eq(name, STR("all"));
    bool is_default = str_eq(name, STR("default"));
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        const struct detector *d = detector_at(i);
        bool has = str_eq(name, str_from(d->name)) ||
                   (d->type != NULL && str_eq(name, str_from(d->type))) ||
                   (str_eq(name, str_from(class_names[d->class])) &&
                    ((d->flags & D_OFF) == 0 || d->class == SCAN_INJECTION));
        has = has || (is_all && d->class != SCAN_INJECTION);
        has = has || (is_default && (d->flags & D_OFF) == 0);
        /* Whoever asks for keys means every secret that has a form of its own. */
        has = has || (str_eq(name, STR("api_key")) && d->class == SCAN_SECRET && d->type != NULL &&
                      (d->flags & D_OFF) == 0 && !str_eq(str_from(d->type), STR("password")));
        bool is_private = str_eq(str_from(d->name), STR("private_key"));
        has = has || (str_eq(name, STR("api_key")) && is_private);
        if (has) {
            add_bit(types, i);
            is_known = true;
        }
    }
    return is_known;
}

static void add_bit(struct scan_types *types, size_t index)
{
    types->bits[index / 64] |= UINT64_C(1) << (index % 64);
}

bool scan_types_has(const struct scan_types *types, size_t detector)
{
    return detector < SCAN_DETECTORS_MAX &&
           (types->bits[detector / 64] >> (detector % 64) & 1) != 0;
}

void scan_types_union(struct scan_types *types, const struct scan_types *more)
{
    for (size_t i = 0; i < SCAN_DETECTORS_MAX / 64; i++) {
        types->bits[i] |= more->bits[i];
    }
}

static const char *nearest(struct str name)
{
    const char *names[SCAN_DETECTORS_MAX + 2];
    size_t n = 0;
    for (size_t i = 0; i < scan_detectors_count(); i++) {
        names[n++] = detector_at(i)->name;
    }
    names[n++] = "phone";
    names[n] = NULL;
    return issue_did_you_mean(name, names);
}
