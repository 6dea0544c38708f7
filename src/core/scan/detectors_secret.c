/* SPDX-License-Identifier: Apache-2.0
 *
 * Detectors of keys and of secrets that are said to be some: private keys, what the large
 * clouds give out, headers, command lines, connection strings, and values behind a name
 * such as API_KEY or password. Data only.
 */
#include "check.h"
#include "detector.h"

/* An operator behind a name, and what YAML, XML and strings put before the value. */
#define ASSIGN "(?::{1,3}=?|={1,3}>?|>|\\|\\|)[ \\t]{0,8}(?:[>|]?-?\\n[ \\t]{1,12})?\\*{0,2} ?"
#define QUOTE "(?:[bru@]|\\\\)?[\"'`]{1,3}\\K"
#define SAID "is:?[ \\t]{1,3}[\"'`]?\\K"
#define QUOTED "[^\\s\"'`]"
#define PLAIN "[^\\s\"'`<>&;,|(){}\\[\\]\\\\]"

#define VALUE_ROW(row_name, row_type, row_before, row_check, row_tail, row_pattern)                \
    {                                                                                              \
        .name = row_name, .type = row_type, .class = SCAN_SECRET, .tier = SCAN_TIER_A,             \
        .flags = D_QUIET | D_FREE, .before = row_before, .check = row_check, .tail = row_tail,     \
        .pattern = row_pattern                                                                     \
    }

const struct detector detectors_secret[] = {
    {.name = "private_key", .class = SCAN_SECRET, .tier = SCAN_TIER_A, .flags = D_FREE | D_QUIET,
     .tail = TAIL_PEM, .check = check_pem,
     .pattern = "-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----"},
    {.name = "putty_private_key", .type = "private_key", .class = SCAN_SECRET,
     .tier = SCAN_TIER_A, .flags = D_QUIET, .tail = TAIL_BASE64, .check = check_random,
     .pattern = "Private-Lines: [0-9]{1,3}\\r?\\n\\K[A-Za-z0-9+/=]{40}"},
    {.name = "age_secret_key", .type = "private_key", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET, .check = check_token,
     .pattern = "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}\\b"},
    {.name = "wireguard_private_key", .type = "private_key", .class = SCAN_SECRET,
     .tier = SCAN_TIER_A, .flags = D_QUIET, .check = check_random,
     .pattern = "(?:PrivateKey|PresharedKey) ?= ?\\K[A-Za-z0-9+/]{43}="},
    {.name = "jwk_private_key", .type = "private_key", .class = SCAN_SECRET,
     .tier = SCAN_TIER_A, .flags = D_QUIET | D_FREE, .before = before_jwk, .check = check_random,
     .tail = TAIL_BASE64, .pattern = ": ?\"\\K[A-Za-z0-9_\\-]{42}"},
    {.name = "ethereum_private_key", .type = "private_key", .class = SCAN_SECRET,
     .tier = SCAN_TIER_C, .flags = D_NOCASE | D_QUIET, .check = check_hex,
     .context = "private key,wallet key,eth key,ethereum key,mnemonic,wallet private",
     .pattern = "(?:0x)?[0-9a-f]{64}\\b"},
    {.name = "bitcoin_private_key", .type = "private_key", .class = SCAN_SECRET,
     .tier = SCAN_TIER_B, .flags = D_QUIET, .check = check_wif,
     .context = "wif,private key,wallet,bitcoin,btc",
     .pattern = "(?:5[HJK][1-9A-HJ-NP-Za-km-z]{49}|[KL][1-9A-HJ-NP-Za-km-z]{51})\\b"},
    {.name = "ssh_public_key", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET | D_OFF, .tail = TAIL_BASE64,
     .pattern = "ssh-(?:rsa|ed25519|dss) AAAA[A-Za-z0-9+/]{20}"},

    /* Amazon, Google, Microsoft */
    SECRET("aws_access_key", aws, "(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\\b"),
    {SECRET_ROW("aws_secret_key", SCAN_TIER_A, D_NOCASE | D_SUBWORD, random),
     .pattern = "(?:aws|secret|access)[a-z_ \\-]{0,30}[\"']?[ \\t]?[=:][ \\t\"']{0,3}\\K"
                "[A-Za-z0-9/+]{40}\\b"},
    SECRET_NEAR("aws_secret_key_near", "aws,aws secret,secret access,amazon", random,
                "[A-Za-z0-9/+]{40}\\b"),
    SECRET_TAIL("aws_session_token", token,
                "(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=]{80}"),
    {SECRET_ROW("aws_bedrock_key", SCAN_TIER_A, 0, token), .width = 280,
     .pattern = "ABSK[A-Za-z0-9+/]{109,269}(?:={1,2}|\\b)"},
    SECRET("aws_appsync_key", random, "da2-[a-z0-9]{26}\\b"),
    SECRET("amazon_mws", token,
           "amzn\\.mws\\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\b"),
    SECRET_TAIL("google_api_key", google, "AIza[0-9A-Za-z_\\-]{35}"),
    SECRET_TAIL("google_oauth_token", token, "ya29\\.[0-9A-Za-z_\\-]{20}"),
    SECRET("google_refresh_token", random, "1//0[0-9A-Za-z_\\-]{40,100}"),
    SECRET("google_oauth_secret", token, "GOCSPX-[A-Za-z0-9_\\-]{28}"),
    SECRET("gcp_service_account", hex, "private_key_id\\\\?\" ?: ?\\\\?\"\\K[0-9a-f]{40}\\b"),
    SECRET("google_fcm_key", random, "AAAA[A-Za-z0-9_\\-]{7}:[A-Za-z0-9_\\-]{140}"),
    SECRET("azure_storage_key", random, "(?:AccountKey|SharedAccessKey)=\\K[A-Za-z0-9+/]{42,86}=="
                                        "|(?:AccountKey|SharedAccessKey)=\\K[A-Za-z0-9+/]{43}="),
    {SECRET_ROW("azure_client_secret", SCAN_TIER_A, 0, azure_client_secret), .tail = TAIL_TOKEN,
     .pattern = "[a-zA-Z0-9_~.]{2,3}[0-9]Q~[a-zA-Z0-9_~.\\-]{31}"},
    {SECRET_ROW("azure_sas", SCAN_TIER_A, D_FREE, token),
     .pattern = "[?&]sig=\\K[A-Za-z0-9%]{43,63}%3[dD]"},
    {SECRET_ROW("azure_app_config", SCAN_TIER_A, 0, random), .width = 260,
     .pattern = "Endpoint=https?://[^;\\s]{4,100};Id=[^;\\s]{4,60};Secret=\\K[A-Za-z0-9+/]{36,}="},
    SECRET("azure_devops_pat", random, "[a-z2-7]{52}AZDO[A-Za-z0-9]{4}\\b|"
                                       "[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\\b"),
    SECRET_NEAR("azure_devops_pat_near",
                "azure devops,azdo,visualstudio,vsts,dev azure com,azure pat,system accesstoken",
                random, "[a-z2-7]{52}\\b"),
    SECRET_NEAR("azure_openai_near", "azure openai,openai azure,cognitive services,ocp apim", hex,
                "[0-9a-f]{32}\\b"),

    /* JSON web tokens */
    {.name = "jwt", .class = SCAN_SECRET, .tier = SCAN_TIER_A, .flags = D_QUIET, .width = 512,
     .tail = TAIL_TOKEN, .check = check_jwt,
     .pattern = "eyJ[A-Za-z0-9_\\-]{10,}\\.eyJ[A-Za-z0-9_\\-]{10}"},
    {.name = "jwt_padded", .type = "jwt", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET, .width = 512, .tail = TAIL_TOKEN, .check = check_jwt,
     .pattern = "ey[A-Za-z0-9]{17,}\\.ey[A-Za-z0-9/\\\\_\\-]{17}"},
    {.name = "jwt_base64", .type = "jwt", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET, .tail = TAIL_TOKEN, .check = check_token,
     .pattern = "ZXlK[A-Za-z0-9+/]{60}"},

    /* Headers and command lines */
    {.name = "basic_auth", .type = "credentials", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_NOCASE | D_QUIET, .tail = TAIL_BASE64, .check = check_basic_auth,
     .pattern = "authorization[\"']?[:=,] ?[\"']?basic \\K[A-Za-z0-9/+=]{8}"},
    {.name = "bearer_token", .type = "credentials", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_NOCASE | D_QUIET, .tail = TAIL_TOKEN, .check = check_random,
     .pattern = "bearer \\K[A-Za-z0-9._~+/\\-]{20}"},
    {.name = "authorization_header", .type = "credentials", .class = SCAN_SECRET,
     .tier = SCAN_TIER_A, .flags = D_QUIET | D_NOCASE | D_SUBWORD, .tail = TAIL_TOKEN,
     .check = check_secret_value,
     .pattern = "(?:authorization|x-[a-z\\-]{0,20}(?:key|token|auth))[\"']?: {0,3}[\"']?"
                "(?:[a-z\\-]{2,12} )?\\K[A-Za-z0-9~@._+/=\\-]{8}"},
    {.name = "curl_user", .type = "credentials", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET, .width = 400, .check = check_user_password,
     .pattern = "curl [^;|]{0,300}?(?:-u|--user)[ =\\\\\\n\\t]{0,6}[\"'/]{0,3}\\K"
                "[^\\s\"':;<$]{0,64}[\"']?:[\"']?[^\\s\"']{0,80}"},
    {.name = "command_password", .type = "password", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET | D_NOCASE, .tail = TAIL_VALUE, .check = check_secret_value,
     .pattern = "--?[a-z\\-]{0,16}(?:password|passwd|passphrase|pwd|pass)[ =][\"']?\\K"
                "[^\\s\"'`]{6}"},
    {SECRET_ROW("command_secret", SCAN_TIER_A, D_NOCASE, secret_key_value),
     .tail = TAIL_VALUE,
     .pattern = "--?[a-z\\-]{0,16}(?:token|api-?key|secret|secret-key|access-key|auth-key)"
                "[ =][\"']?\\K[^\\s\"'`]{10}"},
    {.name = "sshpass", .type = "password", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET, .check = check_secret_value,
     .pattern = "sshpass -p ?[\"']?\\K[^\\s\"']{6,64}"},
    {.name = "database_client_password", .type = "password", .class = SCAN_SECRET,
     .tier = SCAN_TIER_A, .flags = D_QUIET, .check = check_secret_value,
     .pattern = "(?:mysql|mysqldump|mariadb|redis-cli)(?: [^;|\\n]{1,80}?)? -(?:p|a )[\"']?\\K"
                "[^\\s\"']{6,64}"},
    {.name = "psexec", .type = "password", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET | D_NOCASE, .width = 200, .check = check_secret_value,
     .pattern = "psexec(?:\\.exe)?[^\\n]{0,100}? -p \\K[^\\s\"']{6,64}"},
    {.name = "powershell_secure_string", .type = "password", .class = SCAN_SECRET,
     .tier = SCAN_TIER_A, .flags = D_QUIET | D_NOCASE, .check = check_secret_value,
     .pattern = "ConvertTo-SecureString (?:-String )?[\"']\\K[^\"'\\s]{6,64}"},
    {.name = "netrc", .type = "password", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET, .width = 260, .check = check_secret_value,
     .pattern = "machine \\S{1,80}\\s{1,8}login \\S{1,64}\\s{1,8}password \\K\\S{6,64}"},

    /* Configuration */
    {.name = "connection_string", .type = "credentials", .class = SCAN_SECRET,
     .tier = SCAN_TIER_A, .flags = D_NOCASE | D_QUIET, .width = 400, .check = check_connection,
     .pattern = "(?:Server|Data Source|Host|Addr)=[^;\\n]{1,128};[^\\n]{0,200}?"
                "(?:Password|Pwd) ?= ?\\K[^;\\s\"']{3,}"},
    {SECRET_ROW("docker_auth", SCAN_TIER_A, 0, basic_auth), .tail = TAIL_BASE64,
     .pattern = "auth\" ?: ?\"\\K[A-Za-z0-9+/]{12}"},
    {SECRET_ROW("npmrc_auth", SCAN_TIER_A, D_SUBWORD, random), .tail = TAIL_VALUE,
     .pattern = "_?(?:authToken|auth) ?= ?\"?\\K[A-Za-z0-9+/=_\\-.]{16}"},
    {SECRET_ROW("kubernetes_secret", SCAN_TIER_A, D_NOCASE, random), .width = 800,
     .pattern = "kind:[ \\t]*[\"']?secret[\"']?[^\\n]{0,40}\\n(?:[^\\n]{0,200}\\n){0,10}?[ \\t]*"
                "[a-z0-9_.\\-]+:[ \\t]+[\"']?\\K[A-Za-z0-9+/]{12,}={0,3}"},
    {SECRET_ROW("kubernetes_bootstrap", SCAN_TIER_C, 0, random),
     .context = "kubeadm,kubeadm join,bootstrap token,discovery token,kubelet",
     .pattern = "[a-z0-9]{6}\\.[a-z0-9]{16}\\b"},
    {SECRET_ROW("django_secret_key", SCAN_TIER_A, D_QUIET, random),
     .pattern = "SECRET_KEY ?= ?r?[\"']\\K(?:django-insecure-)?[^\"'\\n]{40,90}"},
    SECRET("laravel_app_key", random, "base64:\\K[A-Za-z0-9+/]{43}="),
    {SECRET_ROW("rails_secret_key_base", SCAN_TIER_A, D_SUBWORD, hex_lower), .width = 180,
     .pattern = "(?:secret_key_base|SECRET_KEY_BASE)[\"']?[ :=]{1,4}[\"']?\\K[0-9a-f]{64,128}"},
    {.name = "wordpress_salt", .type = "api_key", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET, .width = 140, .check = check_token,
     .pattern = "define\\( ?'(?:AUTH|SECURE_AUTH|LOGGED_IN|NONCE)_(?:KEY|SALT)', {0,9}'\\K"
                "[^'\\n]{60,70}"},
    {.name = "nuget_cleartext", .type = "password", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET | D_NOCASE, .check = check_secret_value,
     .pattern = "ClearTextPassword\"[ \\t]+value=\"\\K[^\"\\s%]{6,}"},
    {.name = "password_hash", .class = SCAN_SECRET, .tier = SCAN_TIER_A,
     .flags = D_QUIET | D_FREE, .width = 200, .check = check_token,
     .pattern = "=?\\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2(?:id|i|d)|scrypt)\\$[^\\s:\"'<>]{20,}"},
    {.name = "password_hash_named", .type = "password_hash", .class = SCAN_SECRET,
     .tier = SCAN_TIER_A, .flags = D_QUIET, .width = 200, .check = check_token,
     .pattern = "(?:pbkdf2_sha(?:1|256|512)\\$[0-9]{3,8}\\$[^\\s$]{4,40}\\$|bcrypt_sha256\\$|"
                "pbkdf2:sha(?:256|512):[0-9]{3,8}\\$[^\\s$]{4,40}\\$)[A-Za-z0-9+/=$.]{20,}"},
    {SECRET_ROW("token_parameter", SCAN_TIER_A, D_FREE | D_NOCASE, random), .width = 300,
     .pattern = "[?&](?:access_token|api_?key|auth_?token|token|key|auth|secret|client_secret|"
                "sig|signature|password)=\\K[A-Za-z0-9_\\-.]{16,}"},

    /* A value behind a name that says it is one */
    VALUE_ROW("password_quoted", "password", before_password, check_secret_value, TAIL_VALUE,
              ASSIGN QUOTE QUOTED "{6}"),
    VALUE_ROW("password_plain", "password", before_password, check_secret_value, TAIL_PLAIN,
              ASSIGN "\\K" PLAIN "{6}"),
    VALUE_ROW("password_argument", "password", before_password_argument, check_secret_value,
              TAIL_VALUE, ", [\"'`]\\K" QUOTED "{6}"),
    VALUE_ROW("password_said", "password", before_password_said, check_secret_value, TAIL_VALUE,
              SAID QUOTED "{6}"),
    VALUE_ROW("secret_quoted", "api_key", before_secret, check_secret_key_value, TAIL_VALUE,
              ASSIGN QUOTE QUOTED "{10}"),
    VALUE_ROW("secret_plain", "api_key", before_secret, check_secret_key_value, TAIL_PLAIN,
              ASSIGN "\\K" PLAIN "{10}"),
    VALUE_ROW("secret_argument", "api_key", before_secret_argument, check_secret_key_value,
              TAIL_VALUE, ", [\"'`]\\K" QUOTED "{10}"),
    VALUE_ROW("secret_said", "api_key", before_secret_said, check_secret_key_value, TAIL_VALUE,
              SAID QUOTED "{10}"),
};
const size_t detectors_secret_count = sizeof(detectors_secret) / sizeof(detectors_secret[0]);
