// SPDX-License-Identifier: Apache-2.0
// A certificate of one's own (RFC 5280), for the start without any set-up.
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/tls.h"

enum { DAY_S = 86400, YEARS = 10, PATH_SIZE = 4096, NAMES_SIZE = 160 };

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
// 0, or an errno.
static int sync_folder(const char *path)
{
    char folder[PATH_SIZE];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int os_errno = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return os_errno;
}

static int write_pem(const char *path, X509 *certificate, EVP_PKEY *key)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        int os_errno = errno;
        if (fd >= 0) {
            close(fd);
        }
        return os_errno;
    }
    errno = 0;
    bool good = PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                PEM_write_X509(file, certificate) == 1 && fflush(file) == 0 && fsync(fd) == 0;
    int os_errno = good ? 0 : errno != 0 ? errno : EIO;
    return fclose(file) == 0 ? os_errno : os_errno != 0 ? os_errno : errno;
}

static tidings_status write_whole(const char *path, X509 *certificate, EVP_PKEY *key,
                                  struct tidings_error *err)
{
    char temporary[PATH_SIZE];
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary) {
        return error_set(err, TIDINGS_E_INVALID, "%s: the path is too long", path);
    }
    int os_errno = write_pem(temporary, certificate, key);
    if (os_errno == 0) {
        os_errno = rename(temporary, path) != 0 ? errno : sync_folder(path);
    }
    if (os_errno != 0) {
        unlink(temporary);
        return error_set_errno(err, TIDINGS_E_IO, os_errno, "cannot write the certificate %s",
                               path);
    }
    return TIDINGS_OK;
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
        status = write_whole(path, certificate, key, err);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}
