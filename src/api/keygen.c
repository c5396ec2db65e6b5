// SPDX-License-Identifier: Apache-2.0
// New keys, and the check of a keys file.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "api/api.h"
#include "api/keys.h"
#include "base/base64.h"

enum { RANDOM_BYTES = 32 };
static const char hex_digits[] = "0123456789abcdef";

static tidings_status add_line(const char *role, const char *name, struct str key,
                               struct buf *ret_line)
{
    unsigned char hash[API_KEY_HASH_SIZE];
    char hex[2 * API_KEY_HASH_SIZE];
    bool is_initiator = strcmp(role, "initiator") == 0;
    bool is_receiver = strcmp(role, "receiver") == 0;
    if (EVP_Digest(key.ptr, key.len, hash, NULL, EVP_sha256(), NULL) != 1) {
        return TIDINGS_E_NO_MEMORY;
    }
    for (size_t i = 0; i < sizeof hash; i++) {
        hex[2 * i] = hex_digits[hash[i] >> 4];
        hex[2 * i + 1] = hex_digits[hash[i] & 15];
    }
    return buf_addf(ret_line, "%s %s sha256:%.*s%s%s\n", role, name, (int)sizeof hex, hex,
                    is_initiator  ? " sources=*"
                    : is_receiver ? " receivers="
                                  : "",
                    is_receiver ? name : "");
}

// The line is read as the file's would be: so role and name are right, or it says what is wrong.
static tidings_status check_line(struct str line, struct tidings_error *err)
{
    struct api_keys *keys = NULL;
    struct tidings_error why = { 0 };
    tidings_status status = api_keys_parse(line, "key", &keys, &why);
    api_keys_unref(keys);
    return status == TIDINGS_OK ? status : error_set(err, status, "%s", why.text);
}

tidings_status api_key_generate(const char *role, const char *name, struct buf *ret_key,
                                struct buf *ret_line, struct tidings_error *err)
{
    unsigned char random[RANDOM_BYTES];
    size_t key_from = ret_key->len;
    size_t line_from = ret_line->len;
    if (RAND_bytes(random, sizeof random) != 1) {
        return error_set(err, TIDINGS_E_INTERNAL, "the system gives no random numbers");
    }
    tidings_status status = buf_add(ret_key, "tdk_", 4);
    if (status == TIDINGS_OK) {
        status = base64_add(BASE64_URL, ret_key, random, sizeof random);
    }
    OPENSSL_cleanse(random, sizeof random);
    if (status == TIDINGS_OK) {
        struct str key = str_make(ret_key->ptr + key_from, ret_key->len - key_from);
        status = add_line(role, name, key, ret_line);
    }
    if (status != TIDINGS_OK) {
        (void)error_set(err, status, "the key could not be written");
    } else {
        status = check_line(str_make(ret_line->ptr + line_from, ret_line->len - line_from), err);
    }
    if (status != TIDINGS_OK) {
        ret_key->len = key_from;
        ret_line->len = line_from;
    }
    return status;
}

tidings_status api_keys_check(const char *path, struct tidings_error *err)
{
    struct api_keys *keys = NULL;
    tidings_status status = api_keys_read(path, &keys, err);
    api_keys_unref(keys);
    return status;
}
