// SPDX-License-Identifier: Apache-2.0
// The field tables of requests.h become rows here; one decoder and one encoder walk them.
#include <stddef.h>
#include <strings.h>

#include "wire/requests.h"

enum field_type { FIELD_STR, FIELD_I32, FIELD_I64, FIELD_BOOL };

struct field {
    struct str key;
    enum field_type type;
    bool required;
    size_t offset; // in the request's struct
    int64_t fallback;
};

enum { NUMBER_TEXT_SIZE = 32, FIELDS_MAX = 32 };

#define FIELD_REQUIRED(type_, member, key_)                                                        \
    { { key_, sizeof(key_) - 1 }, FIELD_##type_, true, offsetof(subject, member), 0 },
#define FIELD_OPTIONAL(type_, member, key_, fallback_)                                             \
    { { key_, sizeof(key_) - 1 }, FIELD_##type_, false, offsetof(subject, member), fallback_ },

static void store(void *ret, const struct field *field, int64_t number)
{
    char *place = (char *)ret + field->offset;
    switch (field->type) {
    case FIELD_STR: *(struct str *)(void *)place = (struct str){ NULL, 0 }; break;
    case FIELD_I32: *(int32_t *)(void *)place = (int32_t)number; break;
    case FIELD_I64: *(int64_t *)(void *)place = number; break;
    case FIELD_BOOL: *(bool *)(void *)place = number != 0; break;
    }
}

static bool parse_bool(struct str text, bool *ret)
{
    *ret = str_eq(text, STR("1")) || (text.len == 4 && strncasecmp(text.ptr, "true", 4) == 0);
    return *ret || str_eq(text, STR("0")) ||
           (text.len == 5 && strncasecmp(text.ptr, "false", 5) == 0);
}

static tidings_status refuse(const struct field *field, struct str value, struct tidings_error *err)
{
    int cut = value.len > 40 ? 40 : (int)value.len;
    const char *wanted = field->type == FIELD_I32   ? "a whole number of 32 bits"
                         : field->type == FIELD_I64 ? "a whole number of 64 bits"
                                                    : "true or false";
    return error_set(err, TIDINGS_E_INVALID, "field %s is \"%.*s\", it must be %s", field->key.ptr,
                     cut, value.ptr, wanted);
}

static tidings_status read_field(const struct field *field, struct str value, void *ret,
                                 struct tidings_error *err)
{
    char *place = (char *)ret + field->offset;
    bool good = true;
    if (value.len == 0 && field->type == FIELD_BOOL && !field->required) {
        store(ret, field, field->fallback);
        return TIDINGS_OK;
    }
    switch (field->type) {
    case FIELD_STR: *(struct str *)(void *)place = value; break;
    case FIELD_I32: good = num_parse_i32(value, (int32_t *)(void *)place); break;
    case FIELD_I64:
        good = num_parse_i64(value, INT64_MIN, INT64_MAX, (int64_t *)(void *)place);
        break;
    case FIELD_BOOL: good = parse_bool(value, (bool *)(void *)place); break;
    }
    return good ? TIDINGS_OK : refuse(field, value, err);
}

// Puts defaults into the fields that did not come; the first required one among them is an error.
static tidings_status fill_absent(const struct field *fields, size_t count, uint32_t present,
                                  void *ret, struct tidings_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if ((present >> i & 1) != 0) {
            continue;
        }
        if (fields[i].required) {
            return error_set(err, TIDINGS_E_INVALID, "field %s is missing, the request needs it",
                             fields[i].key.ptr);
        }
        store(ret, &fields[i], fields[i].fallback);
    }
    return TIDINGS_OK;
}

static size_t find_field(const struct field *fields, size_t count, struct str key)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].key.len == key.len && fields[i].key.ptr[0] == key.ptr[0] &&
            memcmp(fields[i].key.ptr, key.ptr, key.len) == 0) {
            return i;
        }
    }
    return count;
}

// The row of a one-letter key: the rows of the send header are the letters from a on, without a
// gap.
static size_t find_letter(size_t count, struct str key)
{
    size_t row = key.len == 1 ? (size_t)(unsigned char)key.ptr[0] - 'a' : count;
    return row < count ? row : count;
}

static tidings_status decode(const struct wire_header *header, const struct field *fields,
                             size_t count, bool letters, void *ret, struct tidings_error *err)
{
    uint32_t present = 0;
    for (unsigned i = 0; i < header->ext_count; i++) {
        const struct wire_pair *pair = &header->ext[i];
        size_t row = letters ? find_letter(count, pair->key) : find_field(fields, count, pair->key);
        if (row == count || pair->value.ptr == NULL) {
            continue;
        }
        tidings_status status = read_field(&fields[row], pair->value, ret, err);
        if (status != TIDINGS_OK) {
            return status;
        }
        present |= 1u << row;
    }
    return fill_absent(fields, count, present, ret, err);
}

// The text of a field in `texts`, or ptr NULL when it is to be left out.
static struct str field_text(const struct field *field, const void *request, struct buf *texts)
{
    const char *place = (const char *)request + field->offset;
    int64_t number = 0;
    switch (field->type) {
    case FIELD_STR: return *(const struct str *)(const void *)place;
    case FIELD_I32: number = *(const int32_t *)(const void *)place; break;
    case FIELD_I64: number = *(const int64_t *)(const void *)place; break;
    case FIELD_BOOL: number = *(const bool *)(const void *)place; break;
    }
    if (!field->required && number == field->fallback) {
        return (struct str){ NULL, 0 };
    }
    if (field->type == FIELD_BOOL) {
        return number != 0 ? STR("true") : STR("false");
    }
    char *text = texts->ptr + texts->len;
    size_t len = num_format_i64(text, number);
    texts->len += len;
    return str_make(text, len);
}

static tidings_status encode(const void *request, const struct field *fields, size_t count,
                             struct wire_header *header, struct buf *texts)
{
    // Once for all: the header keeps pointers into the buffer, it must not move in between.
    tidings_status status = buf_reserve(texts, count * NUMBER_TEXT_SIZE, NULL);
    unsigned before = header->ext_count;
    for (size_t i = 0; status == TIDINGS_OK && i < count; i++) {
        struct str text = field_text(&fields[i], request, texts);
        if (text.ptr != NULL) {
            status = wire_header_add(header, fields[i].key, text);
        }
    }
    if (status != TIDINGS_OK) {
        header->ext_count = before;
    }
    return status;
}

// Rows of a struct. They live in a function so that `subject` can name the struct for offsetof.
#define ROWS(function, struct_name, table)                                                         \
    static const struct field *function(size_t *ret_count)                                         \
    {                                                                                              \
        typedef struct struct_name subject;                                                        \
        static const struct field rows[] = { table(FIELD_REQUIRED, FIELD_OPTIONAL) };              \
        _Static_assert(BASE_COUNT(rows) <= FIELDS_MAX, "one bit each in decode()");                \
        *ret_count = BASE_COUNT(rows);                                                             \
        return rows;                                                                               \
    }

ROWS(send_rows_v1, wire_send, WIRE_SEND_FIELDS_V1)
ROWS(send_rows_v2, wire_send, WIRE_SEND_FIELDS_V2)

tidings_status wire_send_decode(const struct wire_header *header, struct wire_send *ret,
                                struct tidings_error *err)
{
    bool letters = header->code != WIRE_SEND_MESSAGE && header->code != WIRE_SEND_REPLY_MESSAGE;
    size_t count;
    const struct field *rows = letters ? send_rows_v2(&count) : send_rows_v1(&count);
    return decode(header, rows, count, letters, ret, err);
}

tidings_status wire_send_encode(const struct wire_send *send, struct wire_header *header,
                                struct buf *texts)
{
    size_t count;
    const struct field *rows = send_rows_v2(&count);
    return encode(send, rows, count, header, texts);
}

#define R(name, table)                                                                             \
    ROWS(name##_rows, wire_##name, table)                                                          \
    tidings_status wire_##name##_decode(const struct wire_header *header, struct wire_##name *ret, \
                                        struct tidings_error *err)                                 \
    {                                                                                              \
        size_t count;                                                                              \
        const struct field *rows = name##_rows(&count);                                            \
        return decode(header, rows, count, false, ret, err);                                       \
    }                                                                                              \
    tidings_status wire_##name##_encode(const struct wire_##name *request,                         \
                                        struct wire_header *header, struct buf *texts)             \
    {                                                                                              \
        size_t count;                                                                              \
        const struct field *rows = name##_rows(&count);                                            \
        return encode(request, rows, count, header, texts);                                        \
    }
WIRE_REQUEST_STRUCTS(R)
#undef R
