// SPDX-License-Identifier: Apache-2.0
#include "db/driver.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// "%41" stands for "A" (RFC 3986, section 2.1); a bare or wrong '%' is an error, and so is a zero
// byte.
static bool decode_path(struct str text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || len + 1 >= size) {
            return false;
        }
        out[len++] = c;
    }
    out[len] = '\0';
    return len > 0;
}

tidings_status db_url_parse(struct str url, struct db_url *ret, struct tidings_error *err)
{
    static const char expected[] = "\"sqlite:///absolute/path\", \"sqlite::memory:\" or "
                                   "\"postgresql://user@host/database\"";
    *ret = (struct db_url){ 0 };
    if (str_starts(url, STR("postgresql://")) || str_starts(url, STR("postgres://"))) {
        ret->driver = db_postgres_driver();
        return str_copy(ret->path, sizeof ret->path, url)
                   ? TIDINGS_OK
                   : error_set(err, TIDINGS_E_TOO_LARGE, "database URL: %zu characters, at most %d",
                               url.len, DB_PATH_MAX - 1);
    }
    if (!str_starts(url, STR("sqlite:"))) {
        size_t colon = str_find(url, ':', 0);
        // Never the whole URL: it may hold a password.
        return error_set(err, TIDINGS_E_UNSUPPORTED, "database URL of scheme \"%.*s\": use %s",
                         (int)(colon < 32 ? colon : 0), url.ptr, expected);
    }
    ret->driver = db_sqlite_driver();
    struct str rest = str_make(url.ptr + 7, url.len - 7);
    if (str_eq(rest, STR(":memory:"))) {
        return str_copy(ret->path, sizeof ret->path, rest) ? TIDINGS_OK : TIDINGS_E_INTERNAL;
    }
    if (!str_starts(rest, STR("///")) || str_find(rest, '?', 0) != SIZE_MAX ||
        !decode_path(str_make(rest.ptr + 2, rest.len - 2), ret->path, sizeof ret->path)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "database URL \"%.*s\": use %s, with %% written as %%25 and ? as %%3F",
                         (int)(url.len > 80 ? 80 : url.len), url.ptr, expected);
    }
    return TIDINGS_OK;
}
