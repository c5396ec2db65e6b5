// SPDX-License-Identifier: Apache-2.0
// The accounts file through libcyaml's schema tables, which know both spellings of every key. Every
// value is taken as text; build.c checks it. What libcyaml reports may quote the file and with
// it a secret (keys and texts that are too long, for instance), so that its words are not passed on
// but sorted into kinds.
#include <cyaml/cyaml.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "acl/accounts.h"
#include "base/num.h"

enum { LIST_MAX = 8192, SHOWN_NAME_MAX = 90 };

#define OPTIONAL (CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL)
#define TEXT(key, field)                                                                           \
    CYAML_FIELD_STRING_PTR(key, OPTIONAL, struct yaml_account, field, 0, CYAML_UNLIMITED)
#define LIST(key, in, field)                                                                       \
    CYAML_FIELD_SEQUENCE(key, OPTIONAL, struct in, field.items, &text_schema, 0, LIST_MAX)

static const cyaml_schema_value_t text_schema = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0,
                                                                     CYAML_UNLIMITED) };
static const cyaml_schema_field_t account_fields[] = { TEXT("access_key", access_key),
                                                       TEXT("accessKey", rmq_access_key),
                                                       TEXT("secret_key", secret_key),
                                                       TEXT("secretKey", rmq_secret_key),
                                                       TEXT("admin", admin),
                                                       TEXT("default_topic", default_topic),
                                                       TEXT("defaultTopicPerm", rmq_default_topic),
                                                       TEXT("default_group", default_group),
                                                       TEXT("defaultGroupPerm", rmq_default_group),
                                                       LIST("topics", yaml_account, topics),
                                                       LIST("topicPerms", yaml_account, rmq_topics),
                                                       LIST("groups", yaml_account, groups),
                                                       LIST("groupPerms", yaml_account, rmq_groups),
                                                       LIST("trusted_addresses", yaml_account,
                                                            trusted),
                                                       TEXT("whiteRemoteAddress", rmq_trusted),
                                                       CYAML_FIELD_END };
static const cyaml_schema_value_t account_schema = { CYAML_VALUE_MAPPING(
    CYAML_FLAG_DEFAULT, struct yaml_account, account_fields) };
static const cyaml_schema_field_t file_fields[] = {
    LIST("trusted_addresses", yaml_file, trusted),
    LIST("globalWhiteRemoteAddresses", yaml_file, rmq_trusted),
    CYAML_FIELD_SEQUENCE("accounts", OPTIONAL, struct yaml_file, accounts, &account_schema, 0,
                         ACL_ACCOUNTS_MAX),
    CYAML_FIELD_IGNORE("dataVersion", CYAML_FLAG_OPTIONAL), // RocketMQ's tools write it
    CYAML_FIELD_END
};
static const cyaml_schema_value_t file_schema = { CYAML_VALUE_MAPPING(
    CYAML_FLAG_POINTER, struct yaml_file, file_fields) };

// ---- what libcyaml says ----

struct said {
    char what[96]; // "" when libcyaml gave no reason that can be passed on
    char key[64];  // the key that is meant, never shown: only looked for
    bool in_account;
    bool twice;
    bool no_memory;
    int line;
};

static bool after(struct str line, struct str prefix, struct str *ret_rest)
{
    size_t at = str_find_str(line, prefix);
    if (at == SIZE_MAX) {
        return false;
    }
    *ret_rest = str_trim(str_make(line.ptr + at + prefix.len, line.len - at - prefix.len));
    return true;
}

static void say(struct said *said, struct str what, struct str key)
{
    // What does not fit is left out.
    if (!str_copy(said->what, sizeof said->what, what)) {
        said->what[0] = '\0';
    }
    if (!str_copy(said->key, sizeof said->key, key)) {
        said->key[0] = '\0';
    }
}

static struct str say_expected(struct str type)
{
    return str_starts(type, STR("SEQUENCE"))  ? STR("a list is expected here")
           : str_starts(type, STR("MAPPING")) ? STR("keys with values are expected here")
                                              : STR("a single value is expected here");
}

// A line of the backtrace: "in mapping field 'x' (line: 3, column: 5)", the innermost first.
static void take_backtrace(struct said *said, struct str line)
{
    struct str rest;
    struct str number;
    int32_t value;
    said->in_account = said->in_account || str_find_str(line, STR("'accounts'")) != SIZE_MAX;
    if (said->line == 0 && after(line, STR("(line: "), &rest) && str_split(&rest, ',', &number) &&
        num_parse_i32(number, &value)) {
        said->line = value;
    }
}

static void collect(cyaml_log_t level, void *ctx, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void collect(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    char text[256];
    struct said *said = ctx;
    struct str rest;
    (void)level;
    if (vsnprintf(text, sizeof text, format, args) < 0) {
        return;
    }
    struct str line = str_of(text);
    if (after(line, STR("Load: Unexpected key: "), &rest)) {
        say(said, STR("unknown key"), rest);
    } else if (after(line, STR("Load: Mapping field already seen: "), &rest)) {
        said->twice = true;
        say(said, STR("this key comes twice"), rest);
    } else if (after(line, STR("Load: Excessive entries"), &rest)) {
        say(said, STR("too many entries in a list"), STR(""));
    } else if (after(line, STR("Load: Expecting "), &rest)) {
        say(said, say_expected(rest), STR(""));
    } else if (after(line, STR("Load: libyaml: "), &rest)) {
        // The parser's own fixed words; it has none when it runs out of memory.
        said->no_memory = str_eq(rest, STR("(null)"));
        say(said, rest, STR(""));
    } else {
        take_backtrace(said, line);
    }
    OPENSSL_cleanse(text, sizeof text);
}

static bool is_key_at(struct str line, size_t at, struct str key)
{
    bool begins = at == 0 || strchr(" -,{\"'\t", line.ptr[at - 1]) != NULL;
    size_t behind = at + key.len;
    while (behind < line.len && strchr(" \"'\t", line.ptr[behind]) != NULL) {
        behind++;
    }
    return begins && behind < line.len && line.ptr[behind] == ':';
}

// 0 when there is none.
static int find_key(struct str text, struct str key, int from)
{
    struct str line;
    for (int number = 1; str_split(&text, '\n', &line); number++) {
        size_t at = number < from ? SIZE_MAX : str_find_str(line, key);
        if (at != SIZE_MAX && is_key_at(line, at, key)) {
            return number;
        }
    }
    return 0;
}

// libcyaml gives the place of what stands before an unexpected key. One that comes twice is never
// the first of its mapping, and so on a later line than that, unless all stands on one line.
static int key_line(struct str text, const struct said *said)
{
    int before = said->line > 0 ? said->line : 1;
    int found = find_key(text, str_of(said->key), said->twice ? before + 1 : before);
    return found > 0 ? found : before;
}

static tidings_status tell(const char *name, struct str text, cyaml_err_t result, struct said *said,
                           struct tidings_error *err)
{
    char where[32] = "";
    const char *known = "";
    if (said->no_memory || result == CYAML_ERR_OOM || result == CYAML_ERR_LIBYAML_PARSER_INIT) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "%s: no memory to read it", name);
    }
    if (said->key[0] != '\0') {
        said->line = key_line(text, said);
    }
    if (said->line > 0 && snprintf(where, sizeof where, " line %d", said->line) < 0) {
        where[0] = '\0';
    }
    if (result == CYAML_ERR_INVALID_KEY) {
        known = said->in_account
                    ? "; an account has access_key, secret_key, admin, topics, groups, "
                      "default_topic, default_group, trusted_addresses"
                    : "; right are accounts and trusted_addresses";
    }
    return error_set(err, TIDINGS_E_INVALID, "%s%s: %s%s", name, where,
                     said->what[0] != '\0' ? said->what : cyaml_strerror(result), known);
}

// ---- reading ----

// libcyaml reads the first document of a file and would pass over the others.
static int second_document(struct str text)
{
    struct str line;
    bool begun = false;
    bool ended = false;
    for (int number = 1; str_split(&text, '\n', &line); number++) {
        bool start = str_starts(line, STR("---")) && (line.len == 3 || line.ptr[3] <= ' ');
        bool end = str_starts(line, STR("...")) && (line.len == 3 || line.ptr[3] <= ' ');
        struct str said = str_trim(line);
        bool empty = said.len == 0 || said.ptr[0] == '#' || (!begun && line.ptr[0] == '%');
        if ((start && begun) || (ended && !empty && !end)) {
            return number;
        }
        begun = begun || (!empty && !end);
        ended = ended || end;
    }
    return 0;
}

static void wipe_secret(char *secret)
{
    if (secret != NULL) {
        OPENSSL_cleanse(secret, strlen(secret));
    }
}

static tidings_status load_yaml(const char *name, struct str text, struct acl **ret,
                                struct tidings_error *err)
{
    struct said said = { 0 };
    struct yaml_file *file = NULL;
    const struct yaml_file nothing = { 0 };
    const cyaml_config_t config = { .log_fn = collect,
                                    .log_ctx = &said,
                                    .mem_fn = cyaml_mem,
                                    .log_level = CYAML_LOG_ERROR,
                                    .flags = CYAML_CFG_NO_ALIAS };
    cyaml_err_t result = cyaml_load_data((const uint8_t *)text.ptr, text.len, &config, &file_schema,
                                         (cyaml_data_t **)&file, NULL);
    tidings_status status = result == CYAML_OK
                                ? acl_build(name, file == NULL ? &nothing : file, ret, err)
                                : tell(name, text, result, &said, err);
    for (unsigned i = 0; file != NULL && i < file->accounts_count; i++) {
        wipe_secret(file->accounts[i].secret_key);
        wipe_secret(file->accounts[i].rmq_secret_key);
    }
    if (file != NULL && cyaml_free(&config, &file_schema, file, 0) != CYAML_OK &&
        status == TIDINGS_OK) {
        acl_free(*ret);
        *ret = NULL;
        status = error_set(err, TIDINGS_E_INTERNAL, "%s: cannot be released", name);
    }
    OPENSSL_cleanse(&said, sizeof said);
    return status;
}

// A long path keeps its end, so that the rest of an error text has room.
static void short_name(const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    bool cut = len >= size;
    int n = snprintf(out, size, "%s%s", cut ? "..." : "", cut ? name + len - size + 4 : name);
    if (n < 0) {
        out[0] = '\0';
    }
}

tidings_status acl_read(const char *name, struct str text, struct acl **ret,
                        struct tidings_error *err)
{
    char shown[SHOWN_NAME_MAX];
    *ret = NULL;
    short_name(name, shown, sizeof shown);
    if (text.len > ACL_FILE_MAX_BYTES) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "%s: is over %d bytes", shown,
                         ACL_FILE_MAX_BYTES);
    }
    int line = second_document(text);
    if (line > 0) {
        return error_set(err, TIDINGS_E_INVALID,
                         "%s line %d: a second document begins; put all into one", shown, line);
    }
    return load_yaml(shown, text.ptr == NULL ? STR("") : text, ret, err);
}

static tidings_status read_whole(FILE *file, const char *name, char **ret_bytes, size_t *ret_len,
                                 struct tidings_error *err)
{
    struct stat stat;
    if (fstat(fileno(file), &stat) != 0) {
        return error_set_errno(err, TIDINGS_E_IO, errno, "cannot read the accounts %s", name);
    }
    if (!S_ISREG(stat.st_mode)) {
        return error_set(err, TIDINGS_E_INVALID, "%s: is not a regular file", name);
    }
    if (stat.st_size > ACL_FILE_MAX_BYTES) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "%s: is over %d bytes", name,
                         ACL_FILE_MAX_BYTES);
    }
    char *bytes = malloc((size_t)stat.st_size + 1);
    if (bytes == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "%s: no memory to read it", name);
    }
    *ret_bytes = bytes;
    *ret_len = fread(bytes, 1, (size_t)stat.st_size, file);
    return ferror(file) != 0
               ? error_set_errno(err, TIDINGS_E_IO, errno, "cannot read the accounts %s", name)
               : TIDINGS_OK;
}

tidings_status acl_load(const char *path, struct acl **ret, struct tidings_error *err)
{
    char shown[SHOWN_NAME_MAX];
    char *bytes = NULL;
    size_t len = 0;
    *ret = NULL;
    short_name(path, shown, sizeof shown);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set_errno(err, TIDINGS_E_NOT_FOUND, errno, "cannot read the accounts %s",
                               shown);
    }
    setvbuf(file, NULL, _IONBF, 0); // no copy in a buffer that is not wiped
    tidings_status status = read_whole(file, shown, &bytes, &len, err);
    fclose(file);
    if (status == TIDINGS_OK) {
        status = acl_read(path, str_make(bytes, len), ret, err);
    }
    if (bytes != NULL) {
        OPENSSL_cleanse(bytes, len);
        free(bytes);
    }
    return status;
}
