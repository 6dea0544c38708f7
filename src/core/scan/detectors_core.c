/* SPDX-License-Identifier: Apache-2.0
 *
 * Detectors of the types that every dialect names (S2-43..49, S4-46) and of other
 * things found in every country. Data only; the checks are in check.h. Cards come
 * before everything else that is made of digits: the first row wins a tie.
 */
#include "check.h"
#include "detector.h"

#define OCTET "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define MONTH                                                                                      \
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"             \
    "sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?"
#define PHONE_WORDS                                                                                \
    "phone,telephone,tel,call,contact,reach,mobile,cell,cellphone,fax,text,sms,whatsapp,ring,"     \
    "dial,number,answering,office,telefon,handy,numero,telefono,celular,movil,telefone,portable"
#define LICENCE_WORDS                                                                              \
    "driver,drivers,driver s,driving,licence,license,licences,dl,dmv,dl number"
#define PASSPORT_WORDS                                                                             \
    "passport,passports,travel document,reisepass,passeport,pasaporte,passaporto"
#define BIRTH_WORDS                                                                                \
    "birth,dob,born,birthday,birthdate,birthdays,d o b,geboren,geburtsdatum,naissance,nacimiento," \
    "nascimento,nascita,bday,age"

const struct detector detectors_core[] = {
    {.name = "credit_card", .class = SCAN_FINANCIAL, .tier = SCAN_TIER_A, .flags = D_NUMERIC,
     .check = check_card,
     .context = "card,visa,mastercard,amex,cc,expires,cvv,credit,debit,discover,payment",
     .pattern = "(?:[2-6][0-9]{3}(?:[ \\-]?[0-9]{4}){3}(?:[ \\-]?[0-9]{1,3})?|"
                "3[47][0-9]{2}[ \\-]?[0-9]{6}[ \\-]?[0-9]{5}|"
                "3(?:0[0-5]|[689][0-9])[0-9][ \\-]?[0-9]{6}[ \\-]?[0-9]{4}|"
                "(?:2131|1800)[ \\-]?[0-9]{6}[ \\-]?[0-9]{5}|35[0-9]{2}(?:[ \\-]?[0-9]{4}){3}|"
                "[2-6][0-9]{11,18})\\b"},
    {.name = "email", .class = SCAN_CONTACT, .tier = SCAN_TIER_A, .flags = D_AT, .width = 320,
     .check = check_email,
     .pattern = "[A-Za-z0-9_][A-Za-z0-9._%+\\-']*@(?:[A-Za-z0-9\\-]+\\.)+[A-Za-z]{2,24}\\b"},
    {.name = "ssn", .class = SCAN_GOV, .tier = SCAN_TIER_A, .flags = D_NUMERIC, .check = check_ssn,
     .context = "ssn,social,social security,tax id,ss",
     .pattern = "[0-8][0-9]{2}([ .\\-])[0-9]{2}[ .\\-][0-9]{4}\\b"},
    {.name = "ssn_no_dash", .class = SCAN_GOV, .tier = SCAN_TIER_C, .flags = D_NUMERIC,
     .check = check_ssn, .context = "ssn,social,social security,ss,ssns",
     .pattern = "[0-8][0-9]{8}\\b"},
    {.name = "phone_international", .type = "phone", .class = SCAN_CONTACT, .tier = SCAN_TIER_A,
     .flags = D_NUMERIC, .check = check_phone_international, .context = PHONE_WORDS,
     .pattern = "(?:\\+|00[ \\-]?)[1-9][0-9]{0,2}[ .\\-]?(?:\\(0?[0-9]{1,4}\\)[ .\\-]?)?[0-9]{1,4}"
                "(?:[ .\\-/]?[0-9]{2,4}){1,5}(?: ?(?:x|ext\\.?) ?[0-9]{1,6})?\\b"},
    {.name = "phone_us", .class = SCAN_CONTACT, .tier = SCAN_TIER_B, .flags = D_NUMERIC,
     .check = check_phone_us, .context = PHONE_WORDS,
     .pattern = "(?:\\+?1[ .\\-]?)?(?:\\([2-9][0-9]{2}\\)[ \\-]?|[2-9][0-9]{2}[ .\\-]?)"
                "[2-9][0-9]{2}[ .\\-]?[0-9]{4}(?: ?(?:x|ext\\.?) ?[0-9]{1,6})?\\b"},
    {.name = "phone_shaped", .type = "phone", .class = SCAN_CONTACT, .tier = SCAN_TIER_B,
     .flags = D_NUMERIC, .check = check_phone, .context = PHONE_WORDS,
     .pattern = "(?:\\([0-9]{2,5}\\)[ \\-]?[0-9]{2,4}(?:[ .\\-]?[0-9]{2,4}){1,3}|"
                "(?:001[ \\-]|1[ \\-])?[0-9]{3}([.\\-])[0-9]{3}[.\\-][0-9]{4})"
                "(?: ?(?:x|ext\\.?) ?[0-9]{1,6})?\\b"},
    {.name = "phone_national", .type = "phone", .class = SCAN_CONTACT, .tier = SCAN_TIER_C,
     .flags = D_NUMERIC, .check = check_phone, .context = PHONE_WORDS,
     .pattern = "[0-9]{2,5}(?:[ .\\-][0-9]{2,8}){1,5}(?: ?(?:x|ext\\.?) ?[0-9]{1,6})?\\b"},
    {.name = "phone_labelled", .type = "phone", .class = SCAN_CONTACT, .tier = SCAN_TIER_B,
     .flags = D_NUMERIC | D_NOCASE, .check = check_phone_labelled,
     .pattern = "[0-9]{2,5}(?:[ .\\-][0-9]{2,8}){0,5}[ \\-](?:office|fax|mobile|cell|home|work|"
                "phone)\\b"},
    {.name = "phone_digits", .type = "phone", .class = SCAN_CONTACT, .tier = SCAN_TIER_C,
     .flags = D_NUMERIC, .check = check_phone,
     .context = "phone,telephone,tel,call,mobile,cell,cellphone,fax,text,sms,whatsapp,dial,ring",
     .pattern = "[0-9]{7,13}\\b"},
    {.name = "ip_address", .class = SCAN_NETWORK, .tier = SCAN_TIER_A, .check = check_ipv4,
     .context = "ip,host,server,address,client,remote,ping,ssh",
     .pattern = OCTET "(?:\\." OCTET "){3}\\b"},
    {.name = "ipv6_address", .class = SCAN_NETWORK, .tier = SCAN_TIER_A, .check = check_ipv6,
     .context = "ip,ipv6,host,server",
     .pattern = "[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}"},
    {.name = "ipv6_short", .type = "ipv6_address", .class = SCAN_NETWORK, .tier = SCAN_TIER_A,
     .check = check_ipv6, .context = "ip,ipv6", .pattern = "::(?:[0-9A-Fa-f]{1,4}:?){1,7}"},
    {.name = "mac_address", .class = SCAN_NETWORK, .tier = SCAN_TIER_A, .check = check_mac,
     .context = "mac,ethernet,hwaddr",
     .pattern = "(?:[0-9A-Fa-f]{2}(?:[:\\-][0-9A-Fa-f]{2}){5}|"
                "[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4})\\b"},
    {.name = "date_of_birth_said", .type = "date_of_birth", .class = SCAN_PERSON,
     .tier = SCAN_TIER_A, .flags = D_NOCASE, .check = check_date,
     .pattern = "(?:dob|d\\.o\\.b\\.?|date of birth|birth ?date|birthday|born(?: on)?)"
                "(?: is| was)?[ :\\-=]{1,4}\\K(?:[0-9]{1,2}[/.\\-][0-9]{1,2}[/.\\-]"
                "(?:[0-9]{4}|[0-9]{2})|[0-9]{4}-[0-9]{2}-[0-9]{2}|" MONTH
                " [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}|[0-9]{1,2}(?:st|nd|rd|th)? " MONTH
                ",? [0-9]{4})\\b"},
    {.name = "date_of_birth", .class = SCAN_PERSON, .tier = SCAN_TIER_B, .flags = D_NUMERIC,
     .check = check_date_past, .context = BIRTH_WORDS,
     .pattern = "[0-9]{1,2}/[0-9]{1,2}/(?:19|20)[0-9]{2}\\b"},
    {.name = "date_near_birth", .type = "date_of_birth", .class = SCAN_PERSON, .tier = SCAN_TIER_C,
     .flags = D_NUMERIC | D_NOCASE, .check = check_date, .context = BIRTH_WORDS,
     .pattern = "(?:[0-9]{1,2}[/.\\-][0-9]{1,2}[/.\\-](?:[0-9]{4}|[0-9]{2})|"
                "(?:19|20)[0-9]{2}[/.\\-][0-9]{1,2}[/.\\-][0-9]{1,2}|"
                "[0-9]{1,2}(?:st|nd|rd|th)?(?: of)? " MONTH ",? [0-9]{4})\\b"},
    {.name = "date_words_birth", .type = "date_of_birth", .class = SCAN_PERSON,
     .tier = SCAN_TIER_C, .flags = D_NOCASE, .check = check_date, .context = BIRTH_WORDS,
     .pattern = MONTH " [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}\\b"},
    {.name = "passport", .class = SCAN_GOV, .tier = SCAN_TIER_C,
     .flags = D_NOCASE, .check = check_some_digits, .context = PASSPORT_WORDS,
     .pattern = "[0-9]{6,9}[A-Z]?\\b"},
    {.name = "passport_letter", .type = "passport", .class = SCAN_GOV, .tier = SCAN_TIER_C,
     .flags = D_NOCASE, .check = check_some_digits, .context = PASSPORT_WORDS,
     .pattern = "[A-Z][0-9]{6,9}[A-Z]?\\b"},
    {.name = "passport_letters", .type = "passport", .class = SCAN_GOV, .tier = SCAN_TIER_C,
     .flags = D_NOCASE, .check = check_some_digits, .context = PASSPORT_WORDS,
     .pattern = "[A-Z]{2,3}[0-9]{6,9}[A-Z]?\\b"},
    {.name = "passport_mixed", .type = "passport", .class = SCAN_GOV, .tier = SCAN_TIER_C,
     .flags = D_NOCASE, .check = check_some_digits, .context = PASSPORT_WORDS,
     .pattern = "[A-Z][0-9A-Z][0-9]{2}[0-9A-Z]{5}\\b"},
    {.name = "iban", .class = SCAN_FINANCIAL, .tier = SCAN_TIER_A, .flags = D_NOCASE,
     .check = check_iban, .context = "iban,account,wire,transfer,konto,bank",
     .pattern = "[A-Z]{2}[0-9]{2}(?:[ \\-]?[A-Z0-9]{4}){2,7}(?:[ \\-]?[A-Z0-9]{1,3})?\\b"},
    {.name = "drivers_license", .class = SCAN_GOV,
     .tier = SCAN_TIER_C, .flags = D_NOCASE | D_NUMERIC, .check = check_some_digits,
     .context = LICENCE_WORDS, .pattern = "[A-Z][0-9]{3}[ \\-]?[0-9]{3,4}[ \\-]?[0-9]{4,5}\\b"},
    {.name = "drivers_license_letter", .type = "drivers_license", .class = SCAN_GOV,
     .tier = SCAN_TIER_C, .flags = D_NOCASE | D_NUMERIC, .check = check_some_digits,
     .context = LICENCE_WORDS, .pattern = "[A-Z][0-9]{5,14}[A-Z]?\\b"},
    {.name = "drivers_license_letters", .type = "drivers_license", .class = SCAN_GOV,
     .tier = SCAN_TIER_C, .flags = D_NOCASE | D_NUMERIC, .check = check_some_digits,
     .context = LICENCE_WORDS, .pattern = "[A-Z]{2}[0-9]{5,14}[A-Z]?\\b"},
    {.name = "drivers_license_digits", .type = "drivers_license", .class = SCAN_GOV,
     .tier = SCAN_TIER_C, .flags = D_NOCASE | D_NUMERIC, .check = check_some_digits,
     .context = LICENCE_WORDS, .pattern = "[0-9]{7,12}[A-Z]{0,2}\\b"},
    {.name = "drivers_license_mixed", .type = "drivers_license", .class = SCAN_GOV,
     .tier = SCAN_TIER_C, .flags = D_NOCASE | D_NUMERIC, .check = check_some_digits,
     .context = LICENCE_WORDS, .pattern = "[0-9]{2}[A-Z]{3}[0-9]{5}\\b"},
    {.name = "us_aba", .type = "bank_account", .class = SCAN_FINANCIAL, .tier = SCAN_TIER_C,
     .flags = D_NUMERIC, .check = check_aba, .context = "routing,aba,rtn,wire,transit,bank",
     .pattern = "(?:0[0-9]|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)[0-9]{2}-?[0-9]{4}-?[0-9]\\b"},
    {.name = "us_bank_account", .type = "bank_account", .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_C, .flags = D_NUMERIC,
     .context = "account,acct,checking,savings,bank,account number,konto,compte,cuenta",
     .pattern = "[0-9]{8,17}\\b"},
    {.name = "us_itin", .type = "tax_id", .class = SCAN_GOV, .tier = SCAN_TIER_B,
     .flags = D_NUMERIC, .check = check_same_separators,
     .context = "itin,taxpayer,tax,tin",
     .pattern = "9[0-9]{2}[ \\-](?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[ \\-][0-9]{4}\\b"},
    {.name = "us_itin_plain", .type = "tax_id", .class = SCAN_GOV, .tier = SCAN_TIER_C,
     .flags = D_NUMERIC, .context = "itin,taxpayer,tax id,tin",
     .pattern = "9[0-9]{2}(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[0-9]{4}\\b"},
    {.name = "us_ein", .type = "tax_id", .class = SCAN_GOV, .tier = SCAN_TIER_C,
     .flags = D_NUMERIC, .check = check_ein,
     .context = "ein,employer id,employer identification,fein,tax id,tax,taxpayer,tin,federal tax",
     .pattern = "[0-9]{2}-[0-9]{7}\\b"},
    {.name = "url_credentials", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_NOCASE | D_AT | D_QUIET, .width = 260, .tail = TAIL_HOST,
     .check = check_url_credentials,
     .pattern = "[a-z][a-z0-9+.\\-]*://[^\\s:@/\"'<>]*:[^\\s@/\"'<>]+@[A-Za-z0-9\\[]"},
    {.name = "url", .class = SCAN_NETWORK, .tier = SCAN_TIER_B, .flags = D_NOCASE | D_OFF,
     .tail = TAIL_URL, .pattern = "https?://[A-Za-z0-9.\\-]{3}"},
    {.name = "geo_coordinates", .class = SCAN_LOCATION, .tier = SCAN_TIER_B, .check = check_geo,
     .context = "lat,lon,latitude,longitude,gps,coordinates,location,long",
     .pattern = "-?[0-9]{1,2}\\.[0-9]{4,8}, ?-?[0-9]{1,3}\\.[0-9]{4,8}\\b"},
    {.name = "bitcoin_address", .class = SCAN_FINANCIAL, .tier = SCAN_TIER_A, .check = check_btc,
     .context = "btc,bitcoin,wallet",
     .pattern = "(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71})\\b"},
    {.name = "ethereum_address", .class = SCAN_FINANCIAL, .tier = SCAN_TIER_A,
     .context = "eth,wallet,ethereum", .pattern = "0x[0-9a-fA-F]{40}\\b"},
    {.name = "imei", .class = SCAN_DEVICE, .tier = SCAN_TIER_C, .flags = D_NUMERIC,
     .check = check_imei, .context = "imei,device,handset,phone,serial",
     .pattern = "[0-9]{2}[ \\-]?[0-9]{6}[ \\-]?[0-9]{6}[ \\-]?[0-9]\\b"},
    {.name = "vin", .class = SCAN_VEHICLE, .tier = SCAN_TIER_A, .check = check_vin,
     .context = "vin,vehicle,chassis,car",
     .pattern = "[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{2}[0-9]{6}\\b"},
    {.name = "cvv", .class = SCAN_FINANCIAL, .tier = SCAN_TIER_A, .flags = D_NOCASE | D_QUIET,
     .pattern = "(?:cvv2?|cvc2?|security code)(?: is)?[ :#=]{1,4}\\K[0-9]{3,4}\\b"},
    {.name = "card_expiry", .class = SCAN_FINANCIAL, .tier = SCAN_TIER_C, .flags = D_NUMERIC,
     .context = "expiry,expires,exp,expiration,valid thru,valid until",
     .pattern = "(?:0[1-9]|1[0-2]) ?/ ?(?:20)?[2-4][0-9]\\b"},
    {.name = "swift_bic", .class = SCAN_FINANCIAL, .tier = SCAN_TIER_C, .check = check_bic,
     .context = "swift,bic,wire,swift code",
     .pattern = "[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\\b"},
    {.name = "medical_record_number", .class = SCAN_HEALTH, .tier = SCAN_TIER_A,
     .flags = D_NOCASE, .check = check_some_digits,
     .pattern = "(?:mrn|medical record(?: (?:number|no\\.?|#))?)(?: is)?[ :#=]{1,4}\\K"
                "[A-Z0-9\\-]{5,15}\\b"},
    {.name = "username", .class = SCAN_PERSON, .tier = SCAN_TIER_C, .flags = D_OFF,
     .context = "twitter,instagram,handle,username,user,telegram,follow",
     .pattern = "@[A-Za-z0-9_]{3,30}\\b"},
    {.name = "age", .class = SCAN_PERSON, .tier = SCAN_TIER_B, .flags = D_NOCASE | D_OFF,
     .pattern = "[1-9][0-9]{0,2}[ \\-](?:years?|yrs?)[ \\-]old\\b"},
    {.name = "date", .class = SCAN_PERSON, .tier = SCAN_TIER_B, .flags = D_OFF,
     .check = check_date,
     .pattern = "(?:(?:0?[1-9]|1[0-2])[/.\\-](?:0?[1-9]|[12][0-9]|3[01])[/.\\-](?:19|20)[0-9]{2}|"
                "(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))\\b"},
    {.name = "pin", .class = SCAN_SECRET, .tier = SCAN_TIER_C, .flags = D_QUIET | D_NUMERIC,
     .context = "pin code,pin number,my pin,pin is,the pin,passcode",
     .pattern = "[0-9]{4,6}\\b"},
    {.name = "street_address", .class = SCAN_LOCATION, .tier = SCAN_TIER_B,
     .context = "address,street,ship to,live at,lives,billing,home,shipping,located",
     .pattern = "[0-9]{1,6} (?:[NSEW]\\.? )?(?:[A-Z][A-Za-z]{1,20} ){1,3}(?:St|Street|Ave|Avenue|"
                "Rd|Road|Blvd|Boulevard|Ln|Lane|Dr|Drive|Ct|Court|Way|Pl|Place|Ter|Terrace|Pkwy|"
                "Hwy)\\b"},
};
const size_t detectors_core_count = sizeof(detectors_core) / sizeof(detectors_core[0]);
