// SPDX-License-Identifier: Apache-2.0
// A certificate of one's own (RFC 5280), for the start without any set-up.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "net/tls.h"

enum { DAY_S = 86400, YEARS = 10, NAMES_SIZE = 160 };

// ---- contents ----
static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context = { 0 };
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool add_names(X509 *certificate, const char *address)
{
    char names[NAMES_SIZE];
    bool more = address != NULL && strcmp(address, "127.0.0.1") != 0 && strcmp(address, "::1") != 0;
    snprintf(names, sizeof names, "DNS:localhost,IP:127.0.0.1,IP:::1%s%s", more ? ",IP:" : "",
             more ? address : "");
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"tidings",
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           add_extension(certificate, NID_subject_alt_name, names);
}

static bool set_serial(X509 *certificate)
{
    uint64_t serial = 0;
    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *address)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), YEARS * 365, 0, NULL) != NULL &&
           X509_set_pubkey(certificate, key) == 1 && add_names(certificate, address) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

// ---- the file ----
static tidings_status write_pem(const char *path, X509 *certificate, EVP_PKEY *key,
                                struct tidings_error *err)
{
    char *text = NULL;
    BIO *pem = BIO_new(BIO_s_mem()); // wiped when it is freed
    tidings_status status = TIDINGS_E_NO_MEMORY;
    if (pem != NULL && PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) == 1 &&
        PEM_write_bio_X509(pem, certificate) == 1) {
        long len = BIO_get_mem_data(pem, &text);
        status = file_write_whole(path, str_make(text, (size_t)len), err);
    } else {
        status = error_set(err, status, "no memory to write the certificate %s", path);
    }
    BIO_free(pem);
    return status;
}

tidings_status net_tls_make_certificate(const char *path, const char *address,
                                        struct tidings_error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    tidings_status status;
    if (key == NULL || certificate == NULL || !fill(certificate, key, address)) {
        status = error_set(err, TIDINGS_E_NO_MEMORY, "a certificate cannot be made");
    } else {
        status = write_pem(path, certificate, key, err);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}
