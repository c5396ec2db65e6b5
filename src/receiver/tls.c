// SPDX-License-Identifier: Apache-2.0
// Certificates and keys are read when the settings are, so that nobody finds out at the first
// attempt that they are none.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "receiver/private.h"

// Stands where the library would ask the terminal.
static int no_password(char *ret_password, int size, int writing, void *context)
{
    (void)ret_password;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static X509 *read_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *read_key(const struct hidden *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->ptr, (int)pem->len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static tidings_status check_pair(const struct receiver_settings *settings,
                                 struct tidings_error *err)
{
    X509 *certificate = read_certificate(settings->tls_certificate);
    EVP_PKEY *key = read_key(&settings->tls_key);
    tidings_status status = TIDINGS_OK;
    if (certificate == NULL) {
        status = error_set(err, TIDINGS_E_INVALID, "tls.certificate: must be PEM of a certificate");
    } else if (key == NULL) {
        status = error_set(err, TIDINGS_E_INVALID,
                           "tls.key: must be PEM of a private key without a password");
    } else if (X509_check_private_key(certificate, key) != 1) {
        status = error_set(err, TIDINGS_E_INVALID, "tls.key: is not that of tls.certificate");
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}

tidings_status tls_check(const struct receiver_settings *settings, struct tidings_error *err)
{
    tidings_status status = TIDINGS_OK;
    if ((settings->tls_certificate != NULL) != (settings->tls_key.ptr != NULL)) {
        return error_set(err, TIDINGS_E_INVALID, "tls: certificate and key belong together");
    }
    if (settings->tls_certificate != NULL) {
        status = check_pair(settings, err);
    }
    if (status == TIDINGS_OK && settings->tls_ca != NULL) {
        X509 *certificate = read_certificate(settings->tls_ca);
        if (certificate == NULL) {
            status = error_set(err, TIDINGS_E_INVALID, "tls.ca: must be PEM of certificates");
        }
        X509_free(certificate);
    }
    ERR_clear_error(); // nobody else is to find ours
    return status;
}
