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
/* German, French, Spanish, Italian, Portuguese, Dutch; accents may follow their letters. */
#define MONTH_ABROAD                                                                               \
    "(?:jan(?:uar|uari|vier|eiro)|enero|gennaio|fe(?:bruar|bruari|brero|bbraio|vereiro)|"          \
    "f[^ ]{1,3}vrier|m[^ ]{1,3}rz|mars|mar(?:zo|co)|mar[^ ]{1,4}o|maart|avril|abril|apri[le]e?|"   \
    "mai|mayo|maggio|maio|mei|jui[nl][^ ]{0,3}|jun[io]i?o?|giugno|junho|jul[io]i?o?|luglio|julho|" \
    "ao[^ ]{1,4}t|agosto|august(?:us)?|sept?(?:ember|embre|iembre)|settembre|setembro|"            \
    "o(?:ktober|ctobre|ctubre|ttobre|utubro)|nov(?:ember|embre|iembre|embro)|"                     \
    "d(?:ezember|ecember|iciembre|icembre|ezembro)|d[^ ]{1,3}cembre)"
/* What people say before a number they can be called at; accents do not count. With digits
 * in groups vaguer words will do. */
#define PHONE_WORDS_GREEK_TO_THAI                                                                  \
    "телефон,тел,τηλεφωνο,电话,手机,電話,携帯,전화,휴대폰,טלפון,هاتف,फोन,โทร"
#define PHONE_WORDS_SURE                                                                           \
    "phone,telephone,tel,call,calling,mobile,cell,cellphone,fax,text me,can text,me at,us at,sms," \
    "whatsapp,viber,dial,ring,hotline,callback,voicemail,landline,phone number,contact number,"    \
    "telefon,telefonnummer,handy,handynummer,rufnummer,mobil,mobilnummer,durchwahl,anrufen,"       \
    "telefono,celular,movil,llama,llamar,llamame,telefone,telephoner,appeler,appelez,cellulare,"   \
    "chiamare,chiama,chiamami,telefoon,telefoonnummer,bellen,mobiel,gsm,natel,puhelin,soita,"      \
    "ringa,ligue,ligar,telemovel,telefonu,komorka,zadzwon,cep,telp,tlf,"                           \
    "fono," PHONE_WORDS_GREEK_TO_THAI
#define PHONE_WORDS                                                                                \
    PHONE_WORDS_SURE                                                                               \
    ",text,contact,reach,signal,number,answering,office,numero,portable,joindre,"                  \
    "erreichbar,ruf,tel nr,recapito,bel,puh,contato,numer,nummer,cislo,mobilnr,cel,me liga"
/* Between a name and its value: `"cvv": "`, `<cvc>`, `name="pin" value="`, `| CVV | `, `MRN (`. */
#define AFTER_NAME(sign)                                                                           \
    "(?:[\"']?(?: type=\"?[a-z]{3,8}\"?)? value ?= ?|\\)?[\"'`*\\\\]{0,3}\\]?" sign                \
    ")[\"'`*(\\\\]{0,3} ?\\K"
#define LICENCE_WORDS                                                                              \
    "driver,drivers,driver s,driving,licence,license,licences,dl,dmv,dl number,fuhrerschein,"      \
    "fuehrerschein,permis de conduire,rijbewijs,permiso de conducir,prawo jazdy"
#define PASSPORT_WORDS                                                                             \
    "passport,passports,travel document,reisepass,passeport,pasaporte,passaporto,paspoort,"        \
    "paszport,reisepassnr,reisepassnummer,passnummer,"                                             \
    "паспорт,护照,旅券,パスポート,여권"
#define BIRTH_WORDS_ABROAD                                                                         \
    "рождения,родился,родилась,"                                            \
    "出生,生年月日,誕生日,생년월일"
#define BIRTH_WORDS                                                                                \
    "birth,dob,born,birthday,birthdate,birthdays,d o b,geboren,geburtsdatum,naissance,nacimiento," \
    "nascimento,nascita,bday,age,geb,ne le,nee le,naci el,nacio el,nato il,nata il,nascido,"       \
    "nascida,geboortedatum,geboorte,urodzenia,urodzony,urodzona,dogum,fodelsedatum,fodd,"          \
    "syntymaaika,narozeni,narozen,fecha nac,f nac,ur,d n," BIRTH_WORDS_ABROAD

const struct detector detectors_core[] = {
    {.name = "credit_card",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_A,
     .flags = D_NUMERIC,
     .check = check_card,
     .context = "card,visa,mastercard,amex,cc,expires,cvv,credit,debit,discover,payment",
     .pattern = "(?:[2-6][0-9]{3}(?:[ .\\-]?[ \\n]?[0-9]{4}){3}(?:[ \\-]?[0-9]{1,3})?|"
                "3[47][0-9]{2}[ \\-]?[0-9]{6}[ \\-]?[0-9]{5}|"
                "3(?:0[0-5]|[689][0-9])[0-9][ \\-]?[0-9]{6}[ \\-]?[0-9]{4}|"
                "(?:2131|1800)[ \\-]?[0-9]{6}[ \\-]?[0-9]{5}|35[0-9]{2}(?:[ \\-]?[0-9]{4}){3}|"
                "[2-6][0-9]{11,18})\\b"},
    {.name = "email",
     .class = SCAN_CONTACT,
     .tier = SCAN_TIER_A,
     .flags = D_AT,
     .width = 320,
     .check = check_email,
     .pattern = "[A-Za-z0-9_][A-Za-z0-9._%+\\-']*@(?:[A-Za-z0-9\\-]+\\.)+[A-Za-z]{2,24}\\b"},
    {.name = "ssn",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_A,
     .flags = D_NUMERIC,
     .check = check_ssn,
     .context = "ssn,social,social security,tax id,ss",
     .pattern = "[0-8][0-9]{2}([ .\\-])[0-9]{2}[ .\\-][0-9]{4}\\b"},
    {.name = "ssn_no_dash",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC,
     .check = check_ssn,
     .context = "ssn,social,social security,ss,ssns",
     .pattern = "[0-8][0-9]{8}\\b"},
    {.name = "phone_international",
     .type = "phone",
     .class = SCAN_CONTACT,
     .tier = SCAN_TIER_A,
     .flags = D_NUMERIC,
     .before = before_phone,
     .check = check_phone_international,
     .context = PHONE_WORDS,
     .pattern = "(?:\\+|00[ \\-]?)[1-9][0-9]{0,2}[ .\\-]?(?:\\(0?[0-9]{1,4}\\)[ .\\-]?)?[0-9]{1,4}"
                "(?:[ .\\-/]?[0-9]{2,4}){1,5}(?: ?(?:x|ext\\.?) ?[0-9]{1,6})?\\b"},
    {.name = "phone_us",
     .class = SCAN_CONTACT,
     .tier = SCAN_TIER_B,
     .flags = D_NUMERIC,
     .check = check_phone_us,
     .context = PHONE_WORDS_SURE,
     .pattern = "(?:\\+?1[ .\\-]?)?(?:\\([2-9][0-9]{2}\\)[ \\-]?|[2-9][0-9]{2}[ .\\-]?)"
                "[2-9][0-9]{2}[ .\\-]?[0-9]{4}(?: ?(?:x|ext\\.?) ?[0-9]{1,6})?\\b"},
    {.name = "phone_shaped",
     .type = "phone",
     .class = SCAN_CONTACT,
     .tier = SCAN_TIER_B,
     .flags = D_NUMERIC,
     .before = before_phone,
     .check = check_phone,
     .context = PHONE_WORDS,
     .pattern = "(?:\\([0-9]{2,5}\\)[ \\-]?[0-9]{2,4}(?:[ .\\-]?[0-9]{2,4}){1,3}|"
                "(?:001[ \\-]|1[ \\-])?[0-9]{3}([.\\-])[0-9]{3}[.\\-][0-9]{4})"
                "(?: ?(?:x|ext\\.?) ?[0-9]{1,6})?\\b"},
    {.name = "phone_national",
     .type = "phone",
     .class = SCAN_CONTACT,
     .tier = SCAN_TIER_B,
     .flags = D_NUMERIC,
     .before = before_phone,
     .check = check_phone_national,
     .context = PHONE_WORDS,
     .pattern = "\\(?[0-9]{1,5}\\)?(?:[ .\\-/]{1,2}\\(?[0-9]{2,8}\\)?){1,5}(?:-[0-9])?"
                "(?: ?(?:x|ext\\.?) ?[0-9]{1,6})?\\b"},
    {.name = "phone_labelled",
     .type = "phone",
     .class = SCAN_CONTACT,
     .tier = SCAN_TIER_B,
     .flags = D_NUMERIC | D_NOCASE,
     .check = check_phone_labelled,
     .pattern = "[0-9]{2,13}(?:[ .\\-][0-9]{2,8}){0,5}[ \\-](?:office|fax|mobile|cell|home|work|"
                "phone)\\b"},
    {.name = "phone_digits",
     .type = "phone",
     .class = SCAN_CONTACT,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC,
     .check = check_phone,
     .context = PHONE_WORDS_SURE,
     .pattern = "[0-9]{7,13}\\b"},
    {.name = "ip_address",
     .class = SCAN_NETWORK,
     .tier = SCAN_TIER_A,
     .before = before_ip,
     .check = check_ipv4,
     .context = "ip,host,server,address,client,remote,ping,ssh",
     .pattern = OCTET "(?:\\." OCTET "){3}(?:\\.[0-9]{1,5}){0,8}\\b"},
    {.name = "ipv6_address",
     .class = SCAN_NETWORK,
     .tier = SCAN_TIER_A,
     .check = check_ipv6,
     .context = "ip,ipv6,host,server",
     .pattern = "[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}"
                "(?:(?:\\.[0-9]{1,3}){3}\\b)?"},
    {.name = "ipv6_short",
     .type = "ipv6_address",
     .class = SCAN_NETWORK,
     .tier = SCAN_TIER_A,
     .check = check_ipv6,
     .context = "ip,ipv6",
     .pattern = "::(?:[0-9A-Fa-f]{1,4}:?){1,7}(?:(?:\\.[0-9]{1,3}){3}\\b)?"},
    {.name = "mac_address",
     .class = SCAN_NETWORK,
     .tier = SCAN_TIER_A,
     .check = check_mac,
     .context = "mac,ethernet,hwaddr,arp,mac address",
     .pattern = "(?:[0-9A-Fa-f]{2}(?:[:\\-][0-9A-Fa-f]{2}){5}|"
                "[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4}\\.[0-9A-Fa-f]{4})\\b"},
    {.name = "date_of_birth_said",
     .type = "date_of_birth",
     .class = SCAN_PERSON,
     .tier = SCAN_TIER_A,
     .flags = D_NOCASE,
     .check = check_date,
     .pattern = "(?:dob|d\\.o\\.b\\.?|date of birth|birth ?date|birthday|born(?: on)?)"
                "(?: is| was)?[ :\\-=]{1,4}\\K(?:[0-9]{1,2}[/.\\-][0-9]{1,2}[/.\\-]"
                "(?:[0-9]{4}|[0-9]{2})|[0-9]{4}-[0-9]{2}-[0-9]{2}|" MONTH
                " [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}|[0-9]{1,2}(?:st|nd|rd|th)? " MONTH
                ",? [0-9]{4})\\b"},
    {.name = "date_of_birth",
     .class = SCAN_PERSON,
     .tier = SCAN_TIER_B,
     .flags = D_NUMERIC,
     .check = check_date_past,
     .context = BIRTH_WORDS,
     .pattern = "[0-9]{1,2}/[0-9]{1,2}/(?:19|20)[0-9]{2}\\b"},
    {.name = "date_near_birth",
     .type = "date_of_birth",
     .class = SCAN_PERSON,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC | D_NOCASE,
     .check = check_date,
     .context = BIRTH_WORDS,
     .pattern = "(?:[0-9]{1,2}[/.\\-][0-9]{1,2}[/.\\-](?:[0-9]{4}|[0-9]{2})|"
                "(?:19|20)[0-9]{2}[/.\\-][0-9]{1,2}[/.\\-][0-9]{1,2}|"
                "[0-9]{1,2}(?:st|nd|rd|th)?(?: of)? " MONTH ",? [0-9]{4})\\b"},
    {.name = "date_words_birth",
     .type = "date_of_birth",
     .class = SCAN_PERSON,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE,
     .check = check_date,
     .context = BIRTH_WORDS,
     .pattern = MONTH " [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}\\b"},
    {.name = "date_abroad_birth",
     .type = "date_of_birth",
     .class = SCAN_PERSON,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE,
     .context = BIRTH_WORDS,
     .pattern = "(?:[0-9]{1,2}(?:\\.|er|o)?(?: de)? " MONTH_ABROAD "(?: de)? (?:19|20)[0-9]{2}\\b|"
                "(?:19|20)[0-9]{2}年[0-9]{1,2}月[0-9]{1,2}日)"},
    {.name = "passport",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE,
     .check = check_some_digits,
     .context = PASSPORT_WORDS,
     .pattern = "[0-9]{6,9}[A-Z]?\\b"},
    {.name = "passport_letter",
     .type = "passport",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE,
     .check = check_some_digits,
     .context = PASSPORT_WORDS,
     .pattern = "[A-Z][0-9]{6,9}[A-Z]?\\b"},
    {.name = "passport_letters",
     .type = "passport",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE,
     .check = check_some_digits,
     .context = PASSPORT_WORDS,
     .pattern = "[A-Z]{2,3}[0-9]{6,9}[A-Z]?\\b"},
    {.name = "passport_mixed",
     .type = "passport",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE,
     .check = check_some_digits,
     .context = PASSPORT_WORDS,
     .pattern = "(?:[A-Z][0-9][0-9A-Z]{7}|[A-Z]{2}[0-9][0-9A-Z]{6}|[0-9]{2}[A-Z]{2}[0-9]{5})\\b"},
    {.name = "iban",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_A,
     .flags = D_NOCASE,
     .check = check_iban,
     .context = "iban,account,wire,transfer,konto,bank",
     .pattern =
         "[A-Z]{2}[0-9]{2}(?:[ \\-]?[ \\n]?[A-Z0-9]{4}){2,7}(?:[ \\-]?[ \\n]?[A-Z0-9]{1,3})?\\b"},
    {.name = "drivers_license",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE | D_NUMERIC,
     .check = check_some_digits,
     .context = LICENCE_WORDS,
     .pattern = "[A-Z](?:[0-9]{3}[ \\-]?[0-9]{3,4}[ \\-]?[0-9]{4,5}|"
                "[0-9]{4}[ \\-][0-9]{5}[ \\-][0-9]{5})\\b"},
    {.name = "drivers_license_letter",
     .type = "drivers_license",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE | D_NUMERIC,
     .check = check_some_digits,
     .context = LICENCE_WORDS,
     .pattern = "[A-Z][0-9]{5,14}[A-Z]?\\b"},
    {.name = "drivers_license_letters",
     .type = "drivers_license",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE | D_NUMERIC,
     .check = check_some_digits,
     .context = LICENCE_WORDS,
     .pattern = "[A-Z]{2}[0-9]{5,14}[A-Z]?\\b"},
    {.name = "drivers_license_digits",
     .type = "drivers_license",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE | D_NUMERIC,
     .check = check_some_digits,
     .context = LICENCE_WORDS,
     .pattern = "[0-9]{7,12}[A-Z]{0,2}\\b"},
    {.name = "drivers_license_mixed",
     .type = "drivers_license",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NOCASE | D_NUMERIC,
     .check = check_some_digits,
     .context = LICENCE_WORDS,
     .pattern = "(?:[0-9]{2}[A-Z]{3}[0-9]{5}|[0-9]{2} [0-9]{3} [0-9]{3}|WDL[A-Z0-9]{9}|"
                "[A-Z][0-9]{3}-[0-9]{3}-[0-9]{2}-[0-9]{3}-[0-9]|"
                "[A-Z][0-9]{2}[0-9A-Z]{6}[0-9][0-9A-Z]|[0-9]{2}[A-Z]{2}[0-9]{5})\\b"},
    {.name = "us_aba",
     .type = "bank_account",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC,
     .check = check_aba,
     .context = "routing,aba,rtn,wire,transit,bank",
     .pattern = "(?:0[0-9]|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)[0-9]{2}-?[0-9]{4}-?[0-9]\\b"},
    {.name = "us_bank_account",
     .type = "bank_account",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC,
     .check = check_account,
     .context = "account,acct,checking,savings,bank,account number,konto,kontonummer,kontonr,a c,"
                "compte,cuenta,conto,rekening,rekeningnummer,konta",
     .pattern = "[0-9]{8,17}\\b"},
    {.name = "us_itin",
     .type = "tax_id",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_B,
     .flags = D_NUMERIC,
     .check = check_same_separators,
     .context = "itin,taxpayer,tax,tin",
     .pattern = "9[0-9]{2}[ \\-](?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[ \\-][0-9]{4}\\b"},
    {.name = "us_itin_plain",
     .type = "tax_id",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC,
     .context = "itin,taxpayer,tax id,tin",
     .pattern = "9[0-9]{2}(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[0-9]{4}\\b"},
    {.name = "us_ein",
     .type = "tax_id",
     .class = SCAN_GOV,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC,
     .check = check_ein,
     .context = "ein,employer id,employer identification,fein,tax id,tax,taxpayer,tin,federal tax",
     .pattern = "[0-9]{2}-[0-9]{7}\\b"},
    {.name = "url_credentials",
     .class = SCAN_SECRET,
     .tier = SCAN_TIER_A,
     .flags = D_NOCASE | D_AT | D_QUIET,
     .width = 260,
     .tail = TAIL_HOST,
     .check = check_url_credentials,
     .pattern = "[a-z][a-z0-9+.\\-]*://[^\\s:@/\"'<>]*:[^\\s@/\"'<>]+@[A-Za-z0-9\\[]"},
    {.name = "url",
     .class = SCAN_NETWORK,
     .tier = SCAN_TIER_B,
     .flags = D_NOCASE | D_OFF,
     .tail = TAIL_URL,
     .pattern = "https?://[A-Za-z0-9.\\-]{3}"},
    {.name = "geo_coordinates",
     .class = SCAN_LOCATION,
     .tier = SCAN_TIER_B,
     .check = check_geo,
     .context = "lat,lon,latitude,longitude,gps,coordinates,location,long",
     .pattern = "-?[0-9]{1,2}\\.[0-9]{4,8}(?:, ?-?[0-9]{1,3}\\.[0-9]{4,8}\\b|"
                "(?:°)? ?[NS],? {0,2}[0-9]{1,3}\\.[0-9]{4,8}(?:°)? ?[EWO]\\b)"},
    {.name = "bitcoin_address",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_A,
     .check = check_btc,
     .context = "btc,bitcoin,wallet",
     .pattern = "(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71})\\b"},
    {.name = "ethereum_address",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_A,
     .context = "eth,wallet,ethereum",
     .pattern = "0x[0-9a-fA-F]{40}\\b"},
    {.name = "imei",
     .class = SCAN_DEVICE,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC,
     .check = check_imei,
     .context = "imei,device,handset,phone,serial",
     .pattern = "[0-9]{2}[ \\-]?[0-9]{6}[ \\-]?[0-9]{6}[ \\-]?[0-9]\\b"},
    {.name = "vin",
     .class = SCAN_VEHICLE,
     .tier = SCAN_TIER_A,
     .check = check_vin,
     .context = "vin,vehicle,chassis,car",
     .pattern = "[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{2}[0-9]{6}\\b"},
    {.name = "cvv",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_A,
     .flags = D_NOCASE | D_QUIET | D_SUBWORD,
     .pattern =
         "(?:cv[vc]2?(?:[ _]code)?|security[ _\\-]code|card[ _]verification[ _](?:code|value))"
         "(?: \\([a-z]{3,4}[0-9]?\\))?\\)?(?: is)?" AFTER_NAME(
             "[ \\t\\n:#=|>\\-]{1,4}") "[0-9]{3,4}\\b"},
    {.name = "card_expiry",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_C,
     .flags = D_NUMERIC,
     .context =
         "expiry,expires,exp,expiration,valid thru,valid until,gultig bis,vence,caduca,expire",
     .pattern = "(?:0[1-9]|1[0-2])(?: ?/ ?|-)(?:20)?[2-4][0-9]\\b"},
    {.name = "swift_bic",
     .class = SCAN_FINANCIAL,
     .tier = SCAN_TIER_C,
     .check = check_bic,
     .context = "swift,bic,wire,swift code",
     .pattern = "[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\\b"},
    {.name = "medical_record_number",
     .class = SCAN_HEALTH,
     .tier = SCAN_TIER_A,
     .flags = D_NOCASE | D_SUBWORD,
     .check = check_some_digits,
     .pattern = "(?:mrn|medical[ _]record(?:[ _](?:number|no\\.?|#|id))?|"
                "patient[ _\\-]?(?:id|no\\.?|number))(?: is)?" AFTER_NAME(
                    "[ \\t\\n:#=|>\\-]{1,4}") "[A-Z0-9\\-]{5,15}\\b"},
    {.name = "username",
     .class = SCAN_PERSON,
     .tier = SCAN_TIER_C,
     .flags = D_OFF,
     .context = "twitter,instagram,handle,username,user,telegram,follow",
     .pattern = "@[A-Za-z0-9_]{3,30}\\b"},
    {.name = "age",
     .class = SCAN_PERSON,
     .tier = SCAN_TIER_B,
     .flags = D_NOCASE | D_OFF,
     .pattern = "[1-9][0-9]{0,2}[ \\-](?:years?|yrs?)[ \\-]old\\b"},
    {.name = "date",
     .class = SCAN_PERSON,
     .tier = SCAN_TIER_B,
     .flags = D_OFF,
     .check = check_date,
     .pattern = "(?:(?:0?[1-9]|1[0-2])[/.\\-](?:0?[1-9]|[12][0-9]|3[01])[/.\\-](?:19|20)[0-9]{2}|"
                "(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))\\b"},
    {.name = "pin",
     .class = SCAN_SECRET,
     .tier = SCAN_TIER_C,
     .flags = D_QUIET | D_NUMERIC,
     .context = "pin code,pin number,my pin,pin is,the pin,passcode",
     .pattern = "[0-9]{4,6}\\b"},
    {.name = "pin_said",
     .type = "pin",
     .class = SCAN_SECRET,
     .tier = SCAN_TIER_A,
     .flags = D_NOCASE | D_QUIET | D_SUBWORD,
     .pattern = "(?:pin|pin[ _\\-]?(?:code|number)|passcode|pin[ _]no\\.?)" AFTER_NAME(
         "(?: ?(?::=|=>|[:=>|])| -|\\.) ?") "[0-9]{4,6}\\b"},
    {.name = "street_address",
     .class = SCAN_LOCATION,
     .tier = SCAN_TIER_B,
     .context = "address,street,ship to,live at,lives,billing,home,shipping,located",
     .pattern = "[0-9]{1,6}[A-D]? (?:[NSEW]\\.? )?(?:[A-Z][A-Za-z]{1,20} ){1,3}(?:St|Street|Ave|"
                "Avenue|Rd|Road|Blvd|Boulevard|Ln|Lane|Dr|Drive|Ct|Court|Way|Pl|Place|Ter|"
                "Terrace|Pkwy|Hwy)(?: (?:[NS][EW]?|[EW]))?\\b"},
};
const size_t detectors_core_count = sizeof(detectors_core) / sizeof(detectors_core[0]);
