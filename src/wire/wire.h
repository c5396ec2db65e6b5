// SPDX-License-Identifier: Apache-2.0
// RocketMQ remoting, bytes in and bytes out: frames, headers, messages, batches, properties, tags.
// No I/O, no clock, no allocation but in the buffers that the caller passes. Decoded views point
// into the input (or into the scratch buffer, where a value had to be unescaped) and live as long
// as it does. Source of the formats: the RocketMQ remoting protocol as spoken by 4.5 – 5.3
// (docs/protocol.md).
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "wire/codes.h"

enum {
    WIRE_FRAME_MAX = 16 * 1024 * 1024, // of the length field, as RocketMQ's frameMaxLength
    // RocketMQ has no limit but the 24 bits; properties need 32 KiB, six times that when all is
    // escaped.
    WIRE_HEADER_MAX = 256 * 1024,
    WIRE_EXT_MAX = 64, // fields in a header
    WIRE_TOPIC_MAX = 127,
    WIRE_GROUP_MAX = 120, // with %RETRY% in front it is a topic
    WIRE_NAME_MAX = 255,  // of producer groups
    WIRE_PROPERTIES_MAX = 32767,
    WIRE_MESSAGE_ID_MAX = 56, // hex characters: 32 for IPv4, 56 for IPv6
};

// ---- frames ----
enum wire_serialize { WIRE_JSON = 0, WIRE_BINARY = 1 };

struct wire_frame {
    enum wire_serialize serialize;
    struct str header;
    struct str body;
    size_t size; // bytes of the whole frame, the length field included
};

// OK; E_AGAIN when more bytes are needed (*ret_need = size of the whole frame when that is known,
// else 4); E_PROTOCOL when no correct frame can follow (length, header length or mark out of
// range).
tidings_status wire_frame_decode(struct str bytes, struct wire_frame *ret, size_t *ret_need,
                                 struct tidings_error *err) TIDINGS_NODISCARD;

// ---- headers ----
enum { WIRE_FLAG_RESPONSE = 1, WIRE_FLAG_ONEWAY = 2 };

struct wire_pair {
    struct str key;
    struct str value;
};

struct wire_header {
    int32_t code;
    int32_t opaque;
    int32_t flag;
    int32_t version;
    int32_t language; // number of enum wire_language; WIRE_LANGUAGE_OTHER when unknown
    enum wire_serialize serialize;
    struct str remark; // ptr NULL when null or absent
    unsigned ext_count;
    struct wire_pair ext[WIRE_EXT_MAX];
};

// Decodes JSON (flat object; extFields may be null, missing, {} and its values strings, numbers,
// booleans or null; unknown fields of any shape are passed over up to a depth of 16) and binary
// headers. `scratch` is cleared and takes unescaped values; it needs room for the header's length
// when there are any. Of members and fields that come twice the last one counts. E_PROTOCOL with
// the position on malformed input.
tidings_status wire_header_decode(const struct wire_frame *frame, struct buf *scratch,
                                  struct wire_header *ret,
                                  struct tidings_error *err) TIDINGS_NODISCARD;
// Value of an ext field; ptr NULL when absent.
struct str wire_header_get(const struct wire_header *header, struct str key);
// Appends a whole frame start (length, mark, header) to `out`, for a body of body_len bytes that
// the caller appends next. JSON is compact (no spaces), keys quoted, values always JSON strings; a
// remark or value with ptr NULL is left out. E_TOO_LARGE beyond WIRE_HEADER_MAX, WIRE_FRAME_MAX or
// the buffer's maximum: then `out` is as it was. A binary header holds codes of 16 bits and keys of
// 32767 bytes (asserted).
tidings_status wire_header_encode(const struct wire_header *header, size_t body_len,
                                  struct buf *out) TIDINGS_NODISCARD;
// Starts a response to `request`: same opaque and serialization, response flag, our language and
// version.
void wire_response_init(struct wire_header *response, const struct wire_header *request,
                        int32_t code);
// Adds a field; the views are borrowed until the header is encoded. E_FULL beyond WIRE_EXT_MAX.
tidings_status wire_header_add(struct wire_header *header, struct str key,
                               struct str value) TIDINGS_NODISCARD;

// ---- message properties: key \x01 value \x02 … (a trailing \x02 may be missing) ----
// Walks the pairs; start with *cursor = 0; false at the end. Malformed pieces (no \x01) are passed
// over.
bool wire_properties_next(struct str properties, size_t *cursor, struct wire_pair *ret);
struct str wire_properties_get(struct str properties, struct str key); // ptr NULL when absent
// Which of the keys that decide about a send are there, in one walk; never 0.
enum {
    WIRE_MARK_WALKED = 1,
    WIRE_MARK_TRAN_MSG = 2,
    WIRE_MARK_DELAY = 4,
    WIRE_MARK_TIMER = 8, // any of TIMER_DE…
    WIRE_MARK_REGION = 16,
    WIRE_MARK_REPLY = 32, // REPLY_TO_CLIENT
};
unsigned wire_properties_marks(struct str properties);
// Appends `properties` without the keys in `without` (count `n`), always with a trailing \x02 when
// not empty.
tidings_status wire_properties_copy(struct str properties, const struct str *without, size_t n,
                                    struct buf *out) TIDINGS_NODISCARD;
// Appends one pair. E_INVALID when key or value contain \x01 or \x02 or the key is empty.
tidings_status wire_properties_add(struct buf *out, struct str key,
                                   struct str value) TIDINGS_NODISCARD;

// ---- stored messages ----
struct wire_host {
    uint8_t address[16]; // network order; 4 bytes used for IPv4
    uint8_t length;      // 4 or 16
    int32_t port;
};

struct wire_message {
    int32_t queue_id;
    int32_t flag;
    int64_t queue_offset;
    int64_t physical_offset;
    int32_t sys_flag; // the bits for IPv6 hosts are set and read by encode and decode
    int64_t born_ms;
    struct wire_host born_host;
    int64_t store_ms;
    struct wire_host store_host;
    int32_t reconsume_times;
    int64_t prepared_offset;
    uint32_t body_crc; // filled by decode; encode computes it (CRC-32 & 0x7fffffff)
    struct str body;
    struct str topic;
    struct str properties;
    size_t size; // of the encoded record: filled by decode
};

enum {
    WIRE_MESSAGE_MAGIC = (int32_t)0xDAA320A7,
    WIRE_MESSAGE_AT_QUEUE_ID = 12,
    WIRE_MESSAGE_AT_QUEUE_OFFSET = 20,
    WIRE_MESSAGE_AT_PHYSICAL_OFFSET = 28,
};

size_t wire_message_size(const struct wire_message *message);
// Writes exactly wire_message_size() bytes. Topic ≤ 127, properties ≤ 32767 must hold (asserted).
void wire_message_encode(const struct wire_message *message, void *out);
// Decodes the record at the start of `bytes` (topic length by magic V1 / V2). E_PROTOCOL when
// malformed.
tidings_status wire_message_decode(struct str bytes, struct wire_message *ret,
                                   struct tidings_error *err) TIDINGS_NODISCARD;
static inline void wire_message_patch(void *record, int32_t queue_id, int64_t queue_offset)
{
    num_store_be32((char *)record + WIRE_MESSAGE_AT_QUEUE_ID, (uint32_t)queue_id);
    num_store_be64((char *)record + WIRE_MESSAGE_AT_QUEUE_OFFSET, (uint64_t)queue_offset);
}

// Body compression (zlib, sysFlag bit 0). `out` carries the limit of the result: E_TOO_LARGE
// beyond.
tidings_status wire_compress(struct str body, int level, struct buf *out) TIDINGS_NODISCARD;
tidings_status wire_decompress(struct str body, struct buf *out,
                               struct tidings_error *err) TIDINGS_NODISCARD;

// One item of a batch body (codes 320, 310 with m=true).
struct wire_batch_item {
    int32_t flag;
    struct str body;
    struct str properties;
};
// Walks a batch; start with *cursor = 0. OK, E_EOF at the end, E_PROTOCOL when an item is broken.
tidings_status wire_batch_next(struct str batch, size_t *cursor, struct wire_batch_item *ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status wire_batch_add(struct buf *out,
                              const struct wire_batch_item *item) TIDINGS_NODISCARD;

// offsetMsgId: upper-case hex of store host and physical offset; `out` has room for
// WIRE_MESSAGE_ID_MAX.
size_t wire_message_id_format(const struct wire_host *host, int64_t physical_offset, char *out);
bool wire_message_id_parse(struct str id, struct wire_host *ret_host, int64_t *ret_physical_offset);

// ---- tags ----
enum { WIRE_TAGS_MAX = 256 };
struct wire_tag {
    struct str text; // view into the expression
    int32_t code;    // str_java_hash of it
};
struct wire_tags {
    bool all; // "*", empty or null expression
    unsigned count;
    struct wire_tag tags[WIRE_TAGS_MAX]; // last: a copy may end behind the `count` that it has
};
// "A || B". E_INVALID with the position when there are more than WIRE_TAGS_MAX tags or an empty one
// only.
tidings_status wire_tags_parse(struct str expression, struct wire_tags *ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;
// tag.ptr NULL = untagged: matches only `all`. Compares the code first, then the string.
bool wire_tags_match(const struct wire_tags *tags, struct str tag, int32_t code);

// ---- names ----
// ^[%|a-zA-Z0-9_-]+$ and ≤ max characters.
bool wire_name_is_valid(struct str name, size_t max);

#endif
