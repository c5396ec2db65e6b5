// SPDX-License-Identifier: Apache-2.0
// A certificate of the key pem_private (test_sign_pem.h), made by the command `openssl` for the
// tests alone.
#ifndef TEST_RECEIVER_PEM_H
#define TEST_RECEIVER_PEM_H

static const char pem_certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIDGTCCAgGgAwIBAgIUEDpqCsJ+fLabCTk0A31Nbr4ddxQwDQYJKoZIhvcNAQEL\n"
    "BQAwGzEZMBcGA1UEAwwQbm90aWZpZXIuZXhhbXBsZTAgFw0yNjExMjcyMTIxMzFa\n"
    "GA8yMTI2MTEwMzIxMjEzMVowGzEZMBcGA1UEAwwQbm90aWZpZXIuZXhhbXBsZTCC\n"
    "ASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBALprMnaknOj/sqzPEvStQLdJ\n"
    "fwekuYroxGEIftL/6qMHIQGcAti42vRFd3pgSc8XWVs7KFV43UBYgWDndV+RQK6h\n"
    "A157DDOQ+ycvYIJzjggj9VdaB7IOL6LM3ZhK8jUX3Skekgi2bgEKP2wDxrAJCftO\n"
    "+f/URw0TdJcrj+GqCnRBE30np+xCb8CEMHDoq/sSmVgfC2WU43RHFWGcgp9uQlK6\n"
    "j7tgrct4raRACrGbrBy72SW6nArAscVNsMRfxFzl1Df12ULBp9rk4g+3fVPA3JOH\n"
    "Vjtfv9BfzJOk+OQCX6SHji5nmPCj2Mk1Key/kSjS2iLE3BdwCbFXrl7MLjLoM+UC\n"
    "AwEAAaNTMFEwHQYDVR0OBBYEFLcXuZEcGPHv8O9/g6+F6efSfxSmMB8GA1UdIwQY\n"
    "MBaAFLcXuZEcGPHv8O9/g6+F6efSfxSmMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZI\n"
    "hvcNAQELBQADggEBAAVnQueC7ednzHWQKiP2Cz63z90+aAr7iUV761Ot4MlomzMC\n"
    "ei7YFR1qyTSKEVtoAOdVWYTK3e2u3RhQfozSio6qZQwalL/dK/aMghvwqD+pSeo4\n"
    "i0mwP6D7eljR36r7a3GZIizIJ8keTqb0G/k4cBMSfnmMccQNPxJzQSzOG9kdgSZI\n"
    "KvSMcwak/zabccIr9NjpI2v2oc/60eAFONp85/L+SaF/8++v+v9fpnh5F/tCbemn\n"
    "UIijuJfMg3ko2N4pN0h1PELqSynyIK8Ctk8q8JcNGOyrKhw/PyGvbcRzI8jaL/v5\n"
    "hMqRfCrqW59iF/19+pzWqfw6SwwhTY7q3XrpfaQ=\n"
    "-----END CERTIFICATE-----\n";

#endif
