// SPDX-License-Identifier: Apache-2.0
// The keys file, see api.h. A set of keys never changes and is counted: what is under way keeps the
// one that it began with when the file is read again. Private to the room.
#ifndef API_KEYS_H
#define API_KEYS_H

#include "base/error.h"
#include "base/str.h"

enum {
    API_KEYS_FILE_MAX = 4 * 1024 * 1024,
    API_KEYS_MAX = 10000,
    API_KEYS_LINE_MAX = 8192,
    API_KEY_NAME_MAX = 64,
    API_KEY_TEXT_MAX = 512, // of a key that is shown
    API_KEY_HASH_SIZE = 32,
    API_RATE_MAX = 1000000,
};

// Roles are bits, so that an operation can name all that may do it.
enum api_role {
    API_OPERATOR = 1,
    API_INITIATOR = 2,
    API_RECEIVER = 4,
    API_ANYBODY = 8, // without a key
};
const char *api_role_text(enum api_role role);

struct api_key {
    enum api_role role;
    char name[API_KEY_NAME_MAX + 1];
    unsigned char hash[API_KEY_HASH_SIZE];
    struct str sources;   // "A,B": patterns; ptr NULL when it has none
    struct str receivers; // the same
    int64_t rate;         // requests a second, 0 = no limit
    int64_t credit_us;    // of its rate, see limit.h; under the lock of the api
    int64_t seen_us;
};

struct api_keys;
// E_INVALID with the line; `what` names the file in errors.
tidings_status api_keys_parse(struct str text, const char *what, struct api_keys **ret,
                              struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status api_keys_read(const char *path, struct api_keys **ret,
                             struct tidings_error *err) TIDINGS_NODISCARD;
struct api_keys *api_keys_ref(struct api_keys *keys);
void api_keys_unref(struct api_keys *keys); // NULL allowed
size_t api_keys_count(const struct api_keys *keys);
const struct api_key *api_keys_at(const struct api_keys *keys, size_t index);
// The key with this SHA-256, or NULL. How long it takes tells nothing about how much of a hash
// fits.
struct api_key *api_keys_find(struct api_keys *keys, const unsigned char hash[API_KEY_HASH_SIZE]);

// Whether one of "A,B" matches (str_matches).
bool api_patterns_match(struct str patterns, struct str text);
// The only thing that the patterns can match: one pattern without `*`. ptr NULL when it is not so.
struct str api_patterns_only(struct str patterns);

#endif
