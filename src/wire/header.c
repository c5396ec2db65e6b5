// SPDX-License-Identifier: Apache-2.0
#include "wire/header.h"

// Numbers are the places in RocketMQ's LanguageCode.
static const char *const languages[] = { "JAVA",   "CPP",  "DOTNET", "PYTHON", "DELPHI",
                                         "ERLANG", "RUBY", "OTHER",  "HTTP",   "GO",
                                         "PHP",    "OMS",  "RUST",   "NODE_JS" };

int32_t wire_language_number(struct str name)
{
    for (size_t i = 0; i < BASE_COUNT(languages); i++) {
        if (str_eq_c(name, languages[i])) {
            return (int32_t)i;
        }
    }
    return WIRE_LANGUAGE_OTHER;
}

bool wire_language_is_known(int32_t number)
{
    return number >= 0 && (size_t)number < BASE_COUNT(languages);
}

struct str wire_language_name(int32_t number)
{
    return str_of(languages[wire_language_is_known(number) ? number : WIRE_LANGUAGE_OTHER]);
}

void wire_header_clear(struct wire_header *header, enum wire_serialize serialize)
{
    header->code = 0;
    header->opaque = 0;
    header->flag = 0;
    header->version = 0;
    header->language = WIRE_LANGUAGE_OTHER;
    header->serialize = serialize;
    header->remark = (struct str){ NULL, 0 };
    header->ext_count = 0;
}

// One of 64 bits. The one-letter keys of the send header all have their own.
static uint64_t filter_bit(struct str key)
{
    if (key.len == 0) {
        return 1;
    }
    unsigned mixed = (unsigned char)key.ptr[0] + 5u * (unsigned char)key.ptr[key.len - 1] +
                     7u * (unsigned)key.len;
    return 1ull << (mixed & 63);
}

bool wire_header_put(struct wire_header *header, uint64_t *seen, struct str key, struct str value)
{
    uint64_t bit = filter_bit(key);
    if (BASE_UNLIKELY((*seen & bit) != 0)) {
        for (unsigned i = 0; i < header->ext_count; i++) {
            if (str_eq(header->ext[i].key, key)) {
                header->ext[i].value = value;
                return true;
            }
        }
    }
    if (value.ptr == NULL) {
        return true;
    }
    if (header->ext_count == WIRE_EXT_MAX) {
        return false;
    }
    *seen |= bit;
    header->ext[header->ext_count++] = (struct wire_pair){ key, value };
    return true;
}

tidings_status wire_header_decode(const struct wire_frame *frame, struct buf *scratch,
                                  struct wire_header *ret, struct tidings_error *err)
{
    wire_header_clear(ret, frame->serialize);
    buf_clear(scratch);
    if (frame->serialize == WIRE_BINARY) {
        return wire_header_decode_binary(frame->header, ret, err);
    }
    return wire_header_decode_json(frame->header, scratch, ret, err);
}

struct str wire_header_get(const struct wire_header *header, struct str key)
{
    for (unsigned i = 0; i < header->ext_count; i++) {
        if (str_eq(header->ext[i].key, key)) {
            return header->ext[i].value;
        }
    }
    return (struct str){ NULL, 0 };
}

void wire_response_init(struct wire_header *response, const struct wire_header *request,
                        int32_t code)
{
    wire_header_clear(response, request->serialize);
    response->code = code;
    response->opaque = request->opaque;
    response->flag = WIRE_FLAG_RESPONSE;
    response->version = WIRE_VERSION;
}

tidings_status wire_header_add(struct wire_header *header, struct str key, struct str value)
{
    if (header->ext_count == WIRE_EXT_MAX) {
        return TIDINGS_E_FULL;
    }
    header->ext[header->ext_count++] = (struct wire_pair){ key, value };
    return TIDINGS_OK;
}
