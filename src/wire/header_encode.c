// SPDX-License-Identifier: Apache-2.0
// Whole frame starts: the size is counted first, so that the buffer grows at most once and no byte
// of it is written twice.
#include "wire/bytes.h"
#include "wire/header.h"
#include "wire/text.h"

enum {
    START_SIZE = 8,         // length and mark
    BINARY_FIXED_SIZE = 21, // everything but remark and fields
    ESCAPED_SIZE = 6,       // \u0001
};

struct number_text {
    char digits[21];
    size_t len;
};

static struct number_text number_text(int64_t value)
{
    struct number_text text;
    text.len = num_format_i64(text.digits, value);
    return text;
}

static char *put_number(char *out, const struct number_text *text)
{
    memcpy(out, text->digits, text->len);
    return out + text->len;
}

// ---- JSON ----
// Members in the order of the alphabet, as the other implementations write them.
struct json_parts {
    struct number_text code;
    struct number_text flag;
    struct number_text opaque;
    struct number_text version;
    struct str language;
};

#define JSON_CODE     STR("{\"code\":")
#define JSON_FIELDS   STR(",\"extFields\":{")
#define JSON_FLAG     STR("},\"flag\":")
#define JSON_LANGUAGE STR(",\"language\":\"")
#define JSON_OPAQUE   STR("\",\"opaque\":")
#define JSON_REMARK   STR(",\"remark\":")
#define JSON_VERSION  STR(",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":")

static void json_parts(const struct wire_header *header, struct json_parts *ret)
{
    ret->code = number_text(header->code);
    ret->flag = number_text(header->flag);
    ret->opaque = number_text(header->opaque);
    ret->version = number_text(header->version);
    ret->language = wire_language_name(header->language);
}

// Size without remark and fields.
static size_t json_frame_size(const struct json_parts *parts)
{
    return JSON_CODE.len + parts->code.len + JSON_FIELDS.len + JSON_FLAG.len + parts->flag.len +
           JSON_LANGUAGE.len + parts->language.len + JSON_OPAQUE.len + parts->opaque.len +
           JSON_VERSION.len + parts->version.len + 1;
}

static size_t json_size(const struct wire_header *header, const struct json_parts *parts)
{
    size_t size = json_frame_size(parts);
    if (header->remark.ptr != NULL) {
        size += JSON_REMARK.len + wire_text_quoted_size(header->remark);
    }
    size_t fields = 0;
    for (unsigned i = 0; i < header->ext_count; i++) {
        const struct wire_pair *pair = &header->ext[i];
        if (pair->value.ptr != NULL) {
            size += wire_text_quoted_size(pair->key) + 1 + wire_text_quoted_size(pair->value);
            fields++;
        }
    }
    return size + (fields > 1 ? fields - 1 : 0);
}

// No less than json_size, without a look at the bytes: as if all of them were escaped.
static size_t json_bound(const struct wire_header *header, const struct json_parts *parts)
{
    size_t bytes = header->remark.len;
    for (unsigned i = 0; i < header->ext_count; i++) {
        bytes += header->ext[i].key.len + header->ext[i].value.len;
    }
    return json_frame_size(parts) + JSON_REMARK.len + 2 + header->ext_count * 6 +
           bytes * ESCAPED_SIZE;
}

static char *json_write(char *out, const struct wire_header *header, const struct json_parts *parts)
{
    bool first = true;
    out = bytes_put_str(out, JSON_CODE);
    out = put_number(out, &parts->code);
    out = bytes_put_str(out, JSON_FIELDS);
    for (unsigned i = 0; i < header->ext_count; i++) {
        const struct wire_pair *pair = &header->ext[i];
        if (pair->value.ptr != NULL) {
            if (!first) {
                *out++ = ',';
            }
            first = false;
            out = wire_text_quote(out, pair->key);
            *out++ = ':';
            out = wire_text_quote(out, pair->value);
        }
    }
    out = bytes_put_str(out, JSON_FLAG);
    out = put_number(out, &parts->flag);
    out = bytes_put_str(out, JSON_LANGUAGE);
    out = bytes_put_str(out, parts->language);
    out = bytes_put_str(out, JSON_OPAQUE);
    out = put_number(out, &parts->opaque);
    if (header->remark.ptr != NULL) {
        out = bytes_put_str(out, JSON_REMARK);
        out = wire_text_quote(out, header->remark);
    }
    out = bytes_put_str(out, JSON_VERSION);
    out = put_number(out, &parts->version);
    *out++ = '}';
    return out;
}

// ---- binary ----
static size_t binary_fields_size(const struct wire_header *header)
{
    size_t size = 0;
    for (unsigned i = 0; i < header->ext_count; i++) {
        const struct wire_pair *pair = &header->ext[i];
        if (pair->value.ptr != NULL) {
            BASE_ASSERT(pair->key.len <= INT16_MAX);
            size += 2 + pair->key.len + 4 + pair->value.len;
        }
    }
    return size;
}

static char *binary_write(char *out, const struct wire_header *header, size_t fields_size)
{
    BASE_ASSERT(header->code >= INT16_MIN && header->code <= INT16_MAX);
    int32_t language =
        wire_language_is_known(header->language) ? header->language : WIRE_LANGUAGE_OTHER;
    out = bytes_put_u16(out, (uint16_t)header->code);
    *out++ = (char)language;
    out = bytes_put_u16(out, (uint16_t)header->version);
    out = bytes_put_u32(out, (uint32_t)header->opaque);
    out = bytes_put_u32(out, (uint32_t)header->flag);
    out = bytes_put_u32(out, (uint32_t)header->remark.len);
    out = bytes_put_str(out, header->remark);
    out = bytes_put_u32(out, (uint32_t)fields_size);
    for (unsigned i = 0; i < header->ext_count; i++) {
        const struct wire_pair *pair = &header->ext[i];
        if (pair->value.ptr != NULL) {
            out = bytes_put_u16(out, (uint16_t)pair->key.len);
            out = bytes_put_str(out, pair->key);
            out = bytes_put_u32(out, (uint32_t)pair->value.len);
            out = bytes_put_str(out, pair->value);
        }
    }
    return out;
}

// ---- frame ----
// Counts, makes room, writes. A buffer that has room for the worst already (the output buffer of a
// busy connection) saves the counting.
static tidings_status add_json(const struct wire_header *header, struct buf *out, size_t *ret_size)
{
    struct json_parts parts;
    char *room;
    json_parts(header, &parts);
    size_t size = json_bound(header, &parts);
    if (size > out->size - out->len || size > WIRE_HEADER_MAX) {
        size = json_size(header, &parts);
    }
    if (size > WIRE_HEADER_MAX) {
        return TIDINGS_E_TOO_LARGE;
    }
    tidings_status status = buf_reserve(out, size, &room);
    if (status == TIDINGS_OK) {
        *ret_size = (size_t)(json_write(room, header, &parts) - room);
        BASE_ASSERT(*ret_size <= size);
        out->len += *ret_size;
    }
    return status;
}

static tidings_status add_binary(const struct wire_header *header, struct buf *out,
                                 size_t *ret_size)
{
    char *room;
    size_t fields_size = binary_fields_size(header);
    size_t size = BINARY_FIXED_SIZE + header->remark.len + fields_size;
    if (size > WIRE_HEADER_MAX) {
        return TIDINGS_E_TOO_LARGE;
    }
    tidings_status status = buf_reserve(out, size, &room);
    if (status == TIDINGS_OK) {
        *ret_size = (size_t)(binary_write(room, header, fields_size) - room);
        BASE_ASSERT(*ret_size == size);
        out->len += size;
    }
    return status;
}

tidings_status wire_header_encode(const struct wire_header *header, size_t body_len,
                                  struct buf *out)
{
    static const char start[START_SIZE];
    size_t before = out->len;
    size_t size = 0;
    tidings_status status = buf_add(out, start, sizeof start);
    if (status == TIDINGS_OK) {
        status = header->serialize == WIRE_BINARY ? add_binary(header, out, &size)
                                                  : add_json(header, out, &size);
    }
    if (status == TIDINGS_OK && body_len > WIRE_FRAME_MAX - 4 - size) {
        status = TIDINGS_E_TOO_LARGE;
    }
    if (status != TIDINGS_OK) {
        out->len = before;
        return status;
    }
    num_store_be32(out->ptr + before, (uint32_t)(4 + size + body_len));
    num_store_be32(out->ptr + before + 4, (uint32_t)header->serialize << 24 | (uint32_t)size);
    return TIDINGS_OK;
}
