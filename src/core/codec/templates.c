/* SPDX-License-Identifier: Apache-2.0
 *
 * The documented governance templates (S0-28..S0-37) and the Financial Services
 * one, which the documents name (S0-40) and whose contents are ours: providers
 * with an audited control environment (SOC 2 Type II and ISO 27001 or better)
 * that neither train on nor come from where a regulated firm may not send data.
 */
#include "portcullis/codec.h"

/* lint: table */
static const struct codec_template templates[] = {
    {"hipaa-production", "HIPAA-Compliant Production", "For healthcare and PHI handling", NULL,
     "{\"name\":\"Production - HIPAA\",\"rules\":{\"minimumTrustTier\":\"most_trusted\","
     "\"blockChinaProviders\":true,\"requireHipaa\":true,\"requireBaa\":true,"
     "\"enforcement\":\"hard_block\"}}"},
    {"soc2-only", "SOC 2 Type II Only", "For enterprise security requirements", NULL,
     "{\"name\":\"Enterprise - SOC 2\",\"rules\":{\"minimumTrustTier\":\"trusted\","
     "\"blockChinaProviders\":true,\"requireSoc2\":true,\"enforcement\":\"hard_block\"}}"},
    {"eu-data-residency", "EU Data Residency", "For GDPR and EU data sovereignty",
     "Verify each provider's EU region availability for your use case.",
     "{\"name\":\"EU Data Residency\",\"rules\":{\"blockChinaProviders\":true,"
     "\"providerAllowlist\":[\"anthropic\",\"mistral\",\"deepinfra\",\"azure\"],"
     "\"enforcement\":\"hard_block\"}}"},
    {"zero-data-retention", "Zero Data Retention", "For maximum data protection", NULL,
     "{\"name\":\"Zero Data Retention\",\"rules\":{\"minimumTrustTier\":\"most_trusted\","
     "\"blockChinaProviders\":true,\"requireZdr\":true,\"enforcement\":\"hard_block\"}}"},
    {"development", "Development / Permissive", "For testing and development environments",
     "Use warn enforcement only in development. Production should use hard_block.",
     "{\"name\":\"Development\",\"rules\":{\"minimumTrustTier\":\"trusted\","
     "\"blockChinaProviders\":true,\"enforcement\":\"warn\"}}"},
    {"strict-allowlist", "Strict Allowlist", "Allow only specific approved providers", NULL,
     "{\"name\":\"Approved Vendors Only\",\"rules\":{\"providerAllowlist\":[\"anthropic\","
     "\"openai\"],\"blockChinaProviders\":true,\"enforcement\":\"hard_block\"}}"},
    {"financial-services", "Financial Services", "For SOX compliance",
     "The contents of this template are Portcullis's own; review them with your auditor.",
     "{\"name\":\"Financial Services\",\"rules\":{\"minimumTrustTier\":\"trusted\","
     "\"blockChinaProviders\":true,\"requireSoc2\":true,\"requireZdr\":true,"
     "\"enforcement\":\"hard_block\"}}"},
};

const struct codec_template *codec_templates(size_t *ret_count)
{
    *ret_count = sizeof(templates) / sizeof(templates[0]);
    return templates;
}
