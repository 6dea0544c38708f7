/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of what a shape matched: checksums, calendars, issued ranges. Pure functions
 * of the matched bytes; `len` comes in as s.len and may go out shorter (IBAN). None of
 * them looks beyond the match. Sources: the issuing bodies' published algorithms.
 */
#ifndef PORTCULLIS_SCAN_CHECK_H
#define PORTCULLIS_SCAN_CHECK_H

#include "detector.h"
#include "pattern.h"

#define CHECK(name) enum check_verdict check_##name(struct str s, size_t *len)

/* check_common.c, check_network.c: what exists in every country */
CHECK(card);
CHECK(email);
CHECK(ssn);
CHECK(ipv4);
CHECK(ipv6);
CHECK(mac);
CHECK(date);
CHECK(date_past);
CHECK(some_digits);
CHECK(iban);
CHECK(aba);
CHECK(account);
CHECK(ein);
CHECK(same_separators);
CHECK(url_credentials);
CHECK(geo);
CHECK(btc);
CHECK(imei);
CHECK(vin);
CHECK(bic);
CHECK(luhn);
CHECK(luhn_left);
CHECK(ean13);
bool before_ip(struct str left);
/* check_phone.c */
bool before_phone(struct str left);
CHECK(phone_international);
CHECK(phone_us);
CHECK(phone);
CHECK(phone_national);
CHECK(phone_labelled);
/* check_americas.c, check_europe.c, check_asia.c */
CHECK(dea);
CHECK(npi);
CHECK(cpf);
CHECK(cnpj);
CHECK(curp);
CHECK(rfc);
CHECK(cuit);
CHECK(rut);
CHECK(nino);
CHECK(nhs);
CHECK(utr);
CHECK(dni);
CHECK(codice_fiscale);
CHECK(nir);
CHECK(steuer_id);
CHECK(de_id);
CHECK(de_vat);
CHECK(bsn);
CHECK(be_nrn);
CHECK(at_svnr);
CHECK(pesel);
CHECK(se_pnr);
CHECK(day_first);
CHECK(no_fnr);
CHECK(hetu);
CHECK(pt_nif);
CHECK(pps);
CHECK(au_tfn);
CHECK(au_abn);
CHECK(au_acn);
CHECK(au_medicare);
CHECK(gstin);
CHECK(aadhaar);
CHECK(tckn);
CHECK(za_id);
CHECK(rrn);
CHECK(kr_brn);
CHECK(cn_id);
CHECK(nric);
CHECK(hk_id);
CHECK(tw_id);
CHECK(my_number);
CHECK(th_tnin);
/* check_world.c */
CHECK(ro_cnp);
CHECK(bg_egn);
CHECK(hr_oib);
CHECK(baltic);
CHECK(lv_code);
CHECK(gr_amka);
CHECK(gr_afm);
CHECK(rodne_cislo);
CHECK(hu_taj);
CHECK(ru_snils);
CHECK(ru_inn);
CHECK(ua_rnokpp);
CHECK(is_kennitala);
CHECK(es_nss);
CHECK(pl_id);
CHECK(de_social_security);
CHECK(de_kvnr);
CHECK(nz_ird);
CHECK(br_pis);
CHECK(ec_cedula);
CHECK(uy_ci);
CHECK(ir_national);
CHECK(emirates);
CHECK(my_nric);
CHECK(id_nik);
CHECK(eg_national);
CHECK(fr_siren);
CHECK(fr_vat);
CHECK(es_cif);
CHECK(pl_nip);
CHECK(pl_regon);
CHECK(se_orgnr);
CHECK(no_orgnr);
CHECK(dk_cvr);
CHECK(fi_ytunnus);
CHECK(ch_uid);
CHECK(nl_vat);
CHECK(be_vat);
CHECK(gb_vat);
CHECK(lei);
CHECK(isin);
CHECK(cusip);
CHECK(clabe);
CHECK(cbu);
CHECK(cn_uscc);
CHECK(jp_corporate);
CHECK(iccid);
CHECK(mrz);
CHECK(wallet);
/* check_secret.c */
CHECK(github);
CHECK(secret_value);
CHECK(secret_key_value);
CHECK(parameter);
CHECK(password_quoted);
CHECK(password_plain);
CHECK(key_quoted);
CHECK(key_plain);
CHECK(token);
CHECK(random);
CHECK(letters);
CHECK(mixed);
CHECK(aws);
CHECK(google);
CHECK(hex);
CHECK(hex_lower);
CHECK(user_password);
CHECK(jwt);
CHECK(basic_auth);
CHECK(pem);
CHECK(wif);
CHECK(azure_client_secret);
CHECK(artifactory);
CHECK(sidekiq);
CHECK(connection);

/* check_name.c: is what stands before an operator the name of a secret? `left` ends right
 * before the place. */
bool before_secret(struct str left);
bool before_password(struct str left);
bool before_secret_argument(struct str left);
bool before_password_argument(struct str left);
bool before_secret_said(struct str left);
bool before_password_said(struct str left);
bool before_jwk(struct str left); /* "d" and its like in a key written as JSON (RFC 7517) */

/* The digits of `s` as numbers, at most `max`; everything else is skipped. */
size_t check_digits(struct str s, uint8_t *ret, size_t max);
bool check_is_luhn(const uint8_t *digits, size_t count);
bool check_is_all_equal(const uint8_t *digits, size_t count);
/* The number that the digits write, up to 19 of them. */
uint64_t check_number(const uint8_t *digits, size_t count);
/* The check digit of ISO 7064, MOD 11,10. */
unsigned check_mod11_10(const uint8_t *digits, size_t count);
/* Sum of digit times weight. */
unsigned check_weigh(const uint8_t *digits, const uint8_t *weights, size_t count);
bool check_is_calendar(unsigned year, unsigned month, unsigned day);
static inline enum check_verdict check_as(bool is_good)
{
    return is_good ? CHECK_OK : CHECK_NO;
}
/* Every tenth run of digits has a good check digit (times in milliseconds, numbers of accounts
 * and of articles): one without a sign or a letter in it needs a word near. */
static inline enum check_verdict check_as_written(struct str s, bool is_good)
{
    size_t digits = 0;
    while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9') {
        digits++;
    }
    if (!is_good) {
        return CHECK_NO;
    }
    return digits == s.len ? CHECK_WEAK : CHECK_OK;
}

#endif
