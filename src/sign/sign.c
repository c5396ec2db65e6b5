// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "sign/crypto.h"
#include "sign/sign.h"

enum { DIGEST_BYTES = 20 };

struct sign_key {
    EVP_MAC_CTX *keyed; // started with the key, and only ever copied
};

tidings_status sign_key_new(struct str secret, struct sign_key **ret, struct tidings_error *err)
{
    struct sign_key *signer = calloc(1, sizeof *signer);
    *ret = NULL;
    if (signer == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a signing key");
    }
    tidings_status status = sign_hmac_new("SHA1", secret, &signer->keyed, err);
    if (status != TIDINGS_OK) {
        sign_key_free(signer);
        return status;
    }
    *ret = signer;
    return TIDINGS_OK;
}

void sign_key_free(struct sign_key *signer)
{
    if (signer != NULL) {
        EVP_MAC_CTX_free(signer->keyed);
        free(signer);
    }
}

// In UTF-16 what lies beyond U+FFFF is written with D800–DFFF and so comes before U+E000–U+FFFF; in
// UTF-8 it comes after. First bytes: EE and EF for U+E000–U+FFFF, F0 to F4 for what lies beyond.
static int utf16_rank(char byte)
{
    int value = (unsigned char)byte;
    return value >= 0xF0 ? value - 2 : value >= 0xEE ? value + 16 : value;
}

static int compare_names(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shorter; i++) {
        if (a.ptr[i] != b.ptr[i]) {
            return utf16_rank(a.ptr[i]) - utf16_rank(b.ptr[i]);
        }
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static int by_name(const void *a, const void *b)
{
    const struct sign_field *const *left = a;
    const struct sign_field *const *right = b;
    return compare_names((*left)->name, (*right)->name);
}

static bool is_signed(const struct sign_field *field, enum sign_form form)
{
    return !str_eq(field->name, STR("Signature")) &&
           !(form == SIGN_FORM_NO_UNIQUE && str_eq(field->name, STR("_UNIQUE_KEY_QUERY")));
}

static tidings_status digest(const struct sign_key *signer, const struct sign_field **sorted,
                             size_t count, enum sign_form form, struct str body,
                             unsigned char *ret_digest)
{
    EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(signer->keyed);
    size_t got = 0;
    if (mac == NULL) {
        ERR_clear_error();
        return TIDINGS_E_NO_MEMORY;
    }
    bool fed = true;
    for (size_t i = 0; i < count && fed; i++) {
        fed = !is_signed(sorted[i], form) || sign_hmac_feed(mac, sorted[i]->value);
    }
    fed = fed && sign_hmac_feed(mac, body) &&
          EVP_MAC_final(mac, ret_digest, &got, DIGEST_BYTES) == 1 && got == DIGEST_BYTES;
    EVP_MAC_CTX_free(mac);
    if (!fed) {
        ERR_clear_error();
    }
    return fed ? TIDINGS_OK : TIDINGS_E_NO_MEMORY;
}

tidings_status sign_request(const struct sign_key *signer, enum sign_form form,
                            const struct sign_field *fields, size_t count, struct str body,
                            char ret_signature[SIGN_TEXT_SIZE])
{
    const struct sign_field *sorted[SIGN_FIELDS_MAX];
    unsigned char bytes[DIGEST_BYTES];
    ret_signature[0] = '\0';
    if (count > SIGN_FIELDS_MAX) {
        return TIDINGS_E_TOO_LARGE;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &fields[i];
    }
    qsort((void *)sorted, count, sizeof(struct sign_field *), by_name);
    for (size_t i = 1; i < count; i++) {
        if (str_eq(sorted[i - 1]->name, sorted[i]->name)) {
            return TIDINGS_E_INVALID; // what would be signed is not what would be read
        }
    }
    tidings_status status = digest(signer, sorted, count, form, body, bytes);
    if (status == TIDINGS_OK) {
        EVP_EncodeBlock((unsigned char *)ret_signature, bytes, DIGEST_BYTES);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return status;
}
