// SPDX-License-Identifier: Apache-2.0
// The TLS context of a server or a client: files in, SSL_CTX out.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/num.h"
#include "base/str.h"
#include "net/private.h"
#include "net/tls.h"

enum { LATE_MAX = 64 * 1024 };

struct net_tls {
    SSL_CTX *context; // NULL while `late` holds what it is to be made of
    struct buf late;
    char *certificate;
    char *key;
    char *client_ca;
    bool client_required;
    bool only;
    bool is_client;
};

static const char *tls_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    return ERR_SYSTEM_ERROR(code) ? "cannot be read" : reason != NULL ? reason : "is not PEM";
}

bool tls_is_only(const struct net_tls *tls)
{
    return tls->only;
}

bool tls_is_client(const struct net_tls *tls)
{
    return tls != NULL && tls->is_client;
}

// ---- files ----
static tidings_status load_certificate(const struct net_tls *tls, SSL_CTX *context,
                                       struct tidings_error *err)
{
    if (tls->certificate == NULL) { // net_tls_check, a client without one
        return TIDINGS_OK;
    }
    const char *key = tls->key != NULL ? tls->key : tls->certificate;
    if (SSL_CTX_use_certificate_chain_file(context, tls->certificate) != 1) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s: no certificate (%s): a PEM file is needed, the own one first",
                         tls->certificate, tls_reason());
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s: no key for the certificate in %s (%s): the PEM private key that "
                         "belongs to it is needed, without a password",
                         key, tls->certificate, tls_reason());
    }
    return TIDINGS_OK;
}

static tidings_status load_client_ca(const struct net_tls *tls, SSL_CTX *context,
                                     struct tidings_error *err)
{
    if (tls->client_ca == NULL) {
        return TIDINGS_OK;
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(tls->client_ca);
    if (names == NULL || SSL_CTX_load_verify_locations(context, tls->client_ca, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return error_set(err, TIDINGS_E_INVALID,
                         "%s: no certificates of client authorities (%s): a PEM file is needed",
                         tls->client_ca, tls_reason());
    }
    SSL_CTX_set_client_CA_list(context, names); // takes them
    SSL_CTX_set_verify(
        context, SSL_VERIFY_PEER | (tls->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        NULL);
    return TIDINGS_OK;
}

// A bare context with what holds for every certificate; NULL = no memory.
static SSL_CTX *bare_context(const SSL_METHOD *method)
{
    static const unsigned char session_context[] = "tidings";
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1) != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

// ---- late: the bytes now, the context when it is needed ----
static void forget_late(struct net_tls *tls)
{
    if (tls->late.size > 0) {
        explicit_bzero(tls->late.ptr, tls->late.size); // the key
    }
    buf_deinit(&tls->late);
}

static bool use_late(SSL_CTX *context, const struct buf *bytes)
{
    BIO *in = BIO_new_mem_buf(bytes->ptr, (int)bytes->len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL); // passes over what is none
    X509 *certificate = BIO_reset(in) == 1 ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    bool used = key != NULL && certificate != NULL &&
                SSL_CTX_use_certificate(context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(in);
    return used;
}

SSL_CTX *tls_context(struct net_tls *tls)
{
    if (tls->context == NULL) {
        SSL_CTX *context = bare_context(TLS_server_method());
        if (context != NULL && use_late(context, &tls->late)) {
            tls->context = context;
            forget_late(tls);
        } else { // no memory: the next connection tries again
            SSL_CTX_free(context);
        }
        ERR_clear_error();
    }
    return tls->context;
}

tidings_status net_tls_reload(struct net_tls *tls, struct tidings_error *err)
{
    ERR_clear_error();
    SSL_CTX *context = bare_context(TLS_server_method());
    tidings_status status = context != NULL
                                ? load_certificate(tls, context, err)
                                : error_set(err, TIDINGS_E_NO_MEMORY, "no memory for TLS");
    if (status == TIDINGS_OK) {
        status = load_client_ca(tls, context, err);
    }
    ERR_clear_error();
    if (status != TIDINGS_OK) {
        SSL_CTX_free(context);
        return status;
    }
    SSL_CTX_free(tls->context); // its connections hold it
    tls->context = context;
    forget_late(tls);
    return TIDINGS_OK;
}

// ---- the context ----
static bool copy_text(char **ret, const char *text)
{
    *ret = text != NULL ? str_dup(str_of(text)) : NULL;
    return text == NULL || *ret != NULL;
}

static struct net_tls *make(void)
{
    struct net_tls *tls = calloc(1, sizeof *tls);
    if (tls != NULL) {
        buf_init(&tls->late, LATE_MAX);
    }
    return tls;
}

tidings_status net_tls_new(const struct net_tls_options *options, struct net_tls **ret,
                           struct tidings_error *err)
{
    struct net_tls *tls = make();
    if (tls == NULL || !copy_text(&tls->certificate, options->certificate) ||
        !copy_text(&tls->key, options->key) || !copy_text(&tls->client_ca, options->client_ca)) {
        net_tls_free(tls);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for TLS");
    }
    tls->client_required = options->client_required;
    tls->only = options->only;
    tidings_status status = options->late ? file_read_whole(tls->certificate, &tls->late, err)
                                          : net_tls_reload(tls, err);
    if (status != TIDINGS_OK) {
        net_tls_free(tls);
        return status;
    }
    *ret = tls;
    return TIDINGS_OK;
}

// ---- of a client ----
static tidings_status load_trust(SSL_CTX *context, const struct net_tls_client_options *options,
                                 struct tidings_error *err)
{
    SSL_CTX_set_verify(context, options->unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (options->ca != NULL && SSL_CTX_load_verify_locations(context, options->ca, NULL) != 1) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s: no certificates to trust (%s): a PEM file is needed", options->ca,
                         tls_reason());
    }
    if (options->ca == NULL && SSL_CTX_set_default_verify_paths(context) != 1) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for TLS");
    }
    return TIDINGS_OK;
}

tidings_status net_tls_client_new(const struct net_tls_client_options *options,
                                  struct net_tls **ret, struct tidings_error *err)
{
    struct net_tls *tls = make();
    ERR_clear_error();
    if (tls == NULL || !copy_text(&tls->certificate, options->certificate) ||
        !copy_text(&tls->key, options->key) ||
        (tls->context = bare_context(TLS_client_method())) == NULL) {
        net_tls_free(tls);
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for TLS");
    }
    tls->is_client = true;
    tidings_status status = load_trust(tls->context, options, err);
    if (status == TIDINGS_OK) {
        status = load_certificate(tls, tls->context, err);
    }
    ERR_clear_error();
    if (status != TIDINGS_OK) {
        net_tls_free(tls);
        return status;
    }
    *ret = tls;
    return TIDINGS_OK;
}

tidings_status net_tls_check(const struct net_tls_options *options, struct tidings_error *err)
{
    struct net_tls *tls = NULL;
    tidings_status status = net_tls_new(options, &tls, err);
    net_tls_free(tls);
    return status;
}

void net_tls_free(struct net_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    SSL_CTX_free(tls->context);
    forget_late(tls);
    free(tls->certificate);
    free(tls->key);
    free(tls->client_ca);
    free(tls);
}

void net_tls_fingerprint(const struct net_tls *tls, char out[NET_TLS_FINGERPRINT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    out[0] = '\0';
    if (tls->context == NULL ||
        X509_digest(SSL_CTX_get0_certificate(tls->context), EVP_sha256(), hash, &len) != 1 ||
        len != 32) {
        return;
    }
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[NET_TLS_FINGERPRINT - 1] = '\0';
}

int net_tls_days_left(const struct net_tls *tls)
{
    int days = 0;
    int seconds = 0;
    if (tls->context == NULL) {
        return -1;
    }
    const X509 *certificate = SSL_CTX_get0_certificate(tls->context);
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1) {
        return -1;
    }
    return days == 0 && seconds < 0 ? -1 : days;
}
