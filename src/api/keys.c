// SPDX-License-Identifier: Apache-2.0
#include "api/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"

struct api_keys {
    _Atomic unsigned refs;
    char *text; // of the file: scopes point into it
    struct api_key *keys;
    size_t count;
    uint32_t *slots; // number of a key + 1, by its hash; 0 = free
    size_t slot_count;
};

static const struct {
    enum api_role role;
    const char *text;
} roles[] = {
    { API_OPERATOR, "operator" },
    { API_INITIATOR, "initiator" },
    { API_RECEIVER, "receiver" },
};

const char *api_role_text(enum api_role role)
{
    for (size_t i = 0; i < BASE_COUNT(roles); i++) {
        if (roles[i].role == role) {
            return roles[i].text;
        }
    }
    return "anybody";
}

// ---- patterns ----
bool api_patterns_match(struct str patterns, struct str text)
{
    struct str piece;
    while (str_split(&patterns, ',', &piece)) {
        if (piece.len > 0 && str_matches(text, piece)) {
            return true;
        }
    }
    return false;
}

struct str api_patterns_only(struct str patterns)
{
    bool is_one = patterns.ptr != NULL && str_find(patterns, ',', 0) == SIZE_MAX &&
                  str_find(patterns, '*', 0) == SIZE_MAX;
    return is_one ? patterns : (struct str){ NULL, 0 };
}

// ---- the table ----
static size_t slot_of(const struct api_keys *keys, const unsigned char *hash)
{
    uint64_t first;
    memcpy(&first, hash, sizeof first);
    return (size_t)(first & (keys->slot_count - 1));
}

struct api_key *api_keys_find(struct api_keys *keys, const unsigned char hash[API_KEY_HASH_SIZE])
{
    struct api_key *found = NULL;
    for (size_t i = slot_of(keys, hash); keys->slots[i] != 0;
         i = (i + 1) & (keys->slot_count - 1)) {
        struct api_key *key = &keys->keys[keys->slots[i] - 1];
        if (CRYPTO_memcmp(key->hash, hash, API_KEY_HASH_SIZE) == 0) {
            found = key;
        }
    }
    return found;
}

static void put_slot(struct api_keys *keys, size_t number)
{
    size_t i = slot_of(keys, keys->keys[number].hash);
    while (keys->slots[i] != 0) {
        i = (i + 1) & (keys->slot_count - 1);
    }
    keys->slots[i] = (uint32_t)number + 1;
}

struct api_keys *api_keys_ref(struct api_keys *keys)
{
    atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
    return keys;
}

void api_keys_unref(struct api_keys *keys)
{
    if (keys != NULL && atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) == 1) {
        free(keys->text);
        free(keys->keys);
        free(keys->slots);
        free(keys);
    }
}

size_t api_keys_count(const struct api_keys *keys)
{
    return keys->count;
}

const struct api_key *api_keys_at(const struct api_keys *keys, size_t index)
{
    return index < keys->count ? &keys->keys[index] : NULL;
}

// ---- lines ----
struct place {
    const char *what;
    size_t line;
};

static bool next_word(struct str *rest, struct str *ret)
{
    size_t from = 0;
    while (from < rest->len && (rest->ptr[from] == ' ' || rest->ptr[from] == '\t')) {
        from++;
    }
    size_t to = from;
    while (to < rest->len && rest->ptr[to] != ' ' && rest->ptr[to] != '\t') {
        to++;
    }
    *ret = str_make(rest->ptr + from, to - from);
    *rest = str_make(rest->ptr + to, rest->len - to);
    return ret->len > 0 && ret->ptr[0] != '#';
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return name.len > 0 && name.len <= API_KEY_NAME_MAX;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool read_hash(struct str word, unsigned char *ret)
{
    const struct str prefix = STR("sha256:");
    if (!str_starts(word, prefix) || word.len != prefix.len + 2 * API_KEY_HASH_SIZE) {
        return false;
    }
    for (size_t i = 0; i < API_KEY_HASH_SIZE; i++) {
        int high = hex_value(word.ptr[prefix.len + 2 * i]);
        int low = hex_value(word.ptr[prefix.len + 2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

static tidings_status wrong(const struct place *place, struct tidings_error *err, const char *text,
                            struct str shown)
{
    shown.len = shown.len > 64 ? 64 : shown.len;
    return error_set(err, TIDINGS_E_INVALID, "%s:%zu: %s%s%.*s", place->what, place->line, text,
                     shown.len > 0 ? ": " : "", STR_ARG(shown));
}

static bool has_empty_piece(struct str list)
{
    struct str piece;
    while (str_split(&list, ',', &piece)) {
        if (piece.len == 0) {
            return true;
        }
    }
    return false;
}

static tidings_status read_option(struct str word, struct api_key *key, const struct place *place,
                                  struct tidings_error *err)
{
    size_t equals = str_find(word, '=', 0);
    struct str name = str_make(word.ptr, equals == SIZE_MAX ? word.len : equals);
    struct str value = equals == SIZE_MAX ? (struct str){ NULL, 0 }
                                          : str_make(word.ptr + equals + 1, word.len - equals - 1);
    bool is_sources = str_eq(name, STR("sources"));
    if (is_sources || str_eq(name, STR("receivers"))) {
        struct str *target = is_sources ? &key->sources : &key->receivers;
        if (target->ptr != NULL) {
            return wrong(place, err, "an option that comes twice", name);
        }
        if (value.len == 0 || has_empty_piece(value) || !str_is_utf8(value)) {
            return wrong(place, err, "this option wants names or patterns (A,B*)", name);
        }
        *target = value;
        return TIDINGS_OK;
    }
    if (!str_eq(name, STR("rate"))) {
        return wrong(place, err, "no such option, there are sources=, receivers=, rate=", name);
    }
    return key->rate == 0 && num_parse_i64(value, 1, API_RATE_MAX, &key->rate)
               ? TIDINGS_OK
               : wrong(place, err, "rate wants once a number of requests a second, 1 to 1000000",
                       value);
}

static tidings_status check_scopes(const struct api_key *key, const struct place *place,
                                   struct tidings_error *err)
{
    const struct str none = { NULL, 0 };
    if ((key->sources.ptr != NULL) != (key->role == API_INITIATOR)) {
        return wrong(place, err,
                     key->role == API_INITIATOR ? "an initiator wants sources= (sources=* for all)"
                                                : "sources= is for initiators only",
                     none);
    }
    if ((key->receivers.ptr != NULL) != (key->role == API_RECEIVER)) {
        return wrong(place, err,
                     key->role == API_RECEIVER
                         ? "a receiver wants receivers=, the names of its receivers"
                         : "receivers= is for receivers only",
                     none);
    }
    return TIDINGS_OK;
}

static bool read_role(struct str word, enum api_role *ret)
{
    for (size_t i = 0; i < BASE_COUNT(roles); i++) {
        if (str_eq_c(word, roles[i].text)) {
            *ret = roles[i].role;
            return true;
        }
    }
    return false;
}

// `first` is the role.
static tidings_status read_line(struct str first, struct str rest, struct api_key *key,
                                const struct place *place, struct tidings_error *err)
{
    struct str word;
    tidings_status status = TIDINGS_OK;
    memset(key, 0, sizeof *key);
    if (!read_role(first, &key->role)) {
        return wrong(place, err, "a line begins with operator, initiator or receiver, not", first);
    }
    if (!next_word(&rest, &word) || !is_name(word)) {
        return wrong(place, err, "behind the role a name of letters, digits, . _ - is wanted",
                     word);
    }
    (void)str_copy(key->name, sizeof key->name, word);
    // What stands in the place of the hash is never shown: it may be the key itself.
    if (!next_word(&rest, &word) || !read_hash(word, key->hash)) {
        return wrong(place, err, "behind the name sha256: and 64 hexadecimal digits are wanted",
                     (struct str){ NULL, 0 });
    }
    while (status == TIDINGS_OK && next_word(&rest, &word)) {
        status = read_option(word, key, place, err);
    }
    return status == TIDINGS_OK ? check_scopes(key, place, err) : status;
}

static tidings_status check_new(struct api_keys *keys, const struct api_key *key,
                                const struct place *place, struct tidings_error *err)
{
    if (api_keys_find(keys, key->hash) != NULL) {
        return wrong(place, err, "the key of this line is there before", str_of(key->name));
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->keys[i].name, key->name) == 0) {
            return wrong(place, err, "a name that is there before", str_of(key->name));
        }
    }
    return TIDINGS_OK;
}

static tidings_status add_line(struct api_keys *keys, struct str line, const struct place *place,
                               struct tidings_error *err)
{
    struct str word;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    if (line.len > API_KEYS_LINE_MAX) {
        return wrong(place, err, "a line of more than 8192 bytes", (struct str){ NULL, 0 });
    }
    if (!next_word(&line, &word)) {
        return TIDINGS_OK;
    }
    if (keys->count == API_KEYS_MAX) {
        return wrong(place, err, "more than 10000 keys", (struct str){ NULL, 0 });
    }
    struct api_key *key = &keys->keys[keys->count];
    tidings_status status = read_line(word, line, key, place, err);
    if (status == TIDINGS_OK) {
        status = check_new(keys, key, place, err);
    }
    if (status == TIDINGS_OK) {
        put_slot(keys, keys->count++);
    }
    return status;
}

static size_t count_lines(struct str text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    return lines;
}

// Room for as many keys as there are lines, up to the limit.
static struct api_keys *new_keys(struct str text)
{
    size_t lines = count_lines(text);
    size_t room = lines < API_KEYS_MAX ? lines : API_KEYS_MAX;
    struct api_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        return NULL;
    }
    atomic_init(&keys->refs, 1);
    for (keys->slot_count = 16; keys->slot_count < 2 * room; keys->slot_count *= 2) {
    }
    keys->text = str_dup(text);
    keys->keys = calloc(room, sizeof *keys->keys);
    keys->slots = calloc(keys->slot_count, sizeof *keys->slots);
    if (keys->text == NULL || keys->keys == NULL || keys->slots == NULL) {
        api_keys_unref(keys);
        return NULL;
    }
    return keys;
}

tidings_status api_keys_parse(struct str text, const char *what, struct api_keys **ret,
                              struct tidings_error *err)
{
    struct place place = { .what = what };
    struct str line;
    tidings_status status = TIDINGS_OK;
    struct api_keys *keys = new_keys(text);
    if (keys == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "%s: no memory for its keys", what);
    }
    struct str rest = str_make(keys->text, text.len);
    while (status == TIDINGS_OK && str_split(&rest, '\n', &line)) {
        place.line++;
        status = add_line(keys, line, &place, err);
    }
    if (status != TIDINGS_OK) {
        api_keys_unref(keys);
        return status;
    }
    *ret = keys;
    return TIDINGS_OK;
}

static tidings_status read_whole(int fd, const char *path, struct buf *out,
                                 struct tidings_error *err)
{
    for (;;) {
        char *room;
        tidings_status status = buf_reserve(out, 4096, &room);
        if (status != TIDINGS_OK) {
            return error_set(err, status, "%s: more than %d bytes", path, API_KEYS_FILE_MAX);
        }
        ssize_t n = read(fd, room, 4096);
        if (n < 0) {
            return error_set_errno(err, TIDINGS_E_IO, errno, "%s: cannot be read", path);
        }
        if (n == 0) {
            return TIDINGS_OK;
        }
        out->len += (size_t)n;
    }
}

tidings_status api_keys_read(const char *path, struct api_keys **ret, struct tidings_error *err)
{
    struct buf text;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_set_errno(err, TIDINGS_E_INVALID, errno, "%s: cannot be opened", path);
    }
    buf_init(&text, API_KEYS_FILE_MAX + 4096);
    tidings_status status = read_whole(fd, path, &text, err);
    if (status == TIDINGS_OK) {
        status = api_keys_parse(buf_str(&text), path, ret, err);
    }
    buf_deinit(&text);
    close(fd);
    return status;
}
