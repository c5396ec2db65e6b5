// SPDX-License-Identifier: Apache-2.0
#include "http/reply.h"

#include <strings.h>

#include "http/client.h"

enum { LENGTH_DIGITS_MAX = 18, CHUNK_DIGITS_MAX = 15, LINE_KEPT_MAX = 4096 };

void reply_init(struct reply *reply)
{
    *reply = (struct reply){ 0 };
    buf_init(&reply->line, HTTP_REPLY_HEADERS_MAX + 1);
}

void reply_deinit(struct reply *reply)
{
    buf_deinit(&reply->line);
}

static void begin_head(struct reply *reply)
{
    reply->state = REPLY_STATUS_LINE;
    reply->length = -1;
    reply->is_chunked = reply->has_encoding = reply->is_framing = false;
    reply->says_close = reply->says_keep = false;
    reply->retry_after = (struct str){ 0 };
}

void reply_begin(struct reply *reply, bool is_of_head)
{
    begin_head(reply);
    reply->is_of_head = is_of_head;
    reply->status = reply->http_version = 0;
    reply->keeps = reply->truncated = false;
    reply->wrong = NULL;
    reply->header_bytes = 0;
    reply->left = 0;
    reply->interim = 0;
    reply->line.len = 0;
    if (reply->line.size > LINE_KEPT_MAX) {
        buf_deinit(&reply->line);
    }
}

static bool fail(struct reply *reply, const char *wrong)
{
    reply->state = REPLY_WRONG;
    reply->wrong = wrong;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// ---- status line ----
// HTTP/1.1 SP 3DIGIT [ SP reason ]
static bool take_status_line(struct reply *reply, struct str line)
{
    const char *p = line.ptr;
    bool is_good = line.len >= 12 && strncasecmp(p, "HTTP/", 5) == 0 && is_digit(p[5]) &&
                   p[6] == '.' && is_digit(p[7]) && p[8] == ' ' && p[9] >= '1' && p[9] <= '9' &&
                   is_digit(p[10]) && is_digit(p[11]) && (line.len == 12 || p[12] == ' ');
    if (!is_good) {
        return fail(reply, "the reply does not begin with a status line");
    }
    if (p[5] != '1' || p[7] > '1') {
        return fail(reply, "the reply is of another version than HTTP/1.0 and 1.1");
    }
    reply->http_version = 10 + (p[7] - '0');
    reply->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    reply->state = REPLY_FIELDS;
    return reply->status != 101 || fail(reply, "the reply changes to another protocol");
}

// ---- fields ----
static bool take_length(struct reply *reply, struct str value)
{
    int64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.ptr[i]) || i == LENGTH_DIGITS_MAX) {
            return fail(reply, "the reply's Content-Length is no number");
        }
        length = length * 10 + (value.ptr[i] - '0');
    }
    if (value.len == 0) {
        return fail(reply, "the reply's Content-Length is no number");
    }
    if (reply->length >= 0 && reply->length != length) {
        return fail(reply, "the reply has two Content-Lengths");
    }
    reply->length = length;
    return true;
}

static bool take_encoding(struct reply *reply, struct str value)
{
    bool is_chunked = str_eq_nocase(value, STR("chunked"));
    if (reply->has_encoding || (!is_chunked && !str_eq_nocase(value, STR("identity")))) {
        return fail(reply, "the reply has a Transfer-Encoding that was not asked for");
    }
    reply->has_encoding = true;
    reply->is_chunked = is_chunked;
    return true;
}

static bool take_connection(struct reply *reply, struct str value)
{
    struct str option;
    while (value.ptr != NULL && str_split(&value, ',', &option)) {
        option = str_trim(option);
        reply->says_close |= str_eq_nocase(option, STR("close"));
        reply->says_keep |= str_eq_nocase(option, STR("keep-alive"));
    }
    return true;
}

static bool take_retry_after(struct reply *reply, struct str value)
{
    reply->retry_after = (struct str){ 0 };
    if (value.len <= sizeof reply->retry_text && value.len > 0) {
        memcpy(reply->retry_text, value.ptr, value.len);
        reply->retry_after = str_make(reply->retry_text, value.len);
    }
    return true;
}

static bool is_token(struct str text)
{
    bool wrong = text.len == 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        wrong |= c <= 0x20 || c >= 0x7f || c == '(' || c == ')' || c == ',' || c == '/' ||
                 c == ';' || c == '<' || c == '=' || c == '>' || c == '?' || c == '@' || c == '[' ||
                 c == '\\' || c == ']' || c == '{' || c == '}' || c == '"';
    }
    return !wrong;
}

static bool is_value(struct str text)
{
    bool wrong = false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        wrong |= (c < 0x20 && c != '\t') || c == 0x7f;
    }
    return !wrong;
}

// Only these mean something here; each length has one of them.
static bool take_known(struct reply *reply, struct str name, struct str value)
{
    reply->is_framing = false;
    switch (name.len) {
    case 10: return !str_eq_nocase(name, STR("connection")) || take_connection(reply, value);
    case 11: return !str_eq_nocase(name, STR("retry-after")) || take_retry_after(reply, value);
    case 14:
        reply->is_framing = str_eq_nocase(name, STR("content-length"));
        return !reply->is_framing || take_length(reply, value);
    case 17:
        reply->is_framing = str_eq_nocase(name, STR("transfer-encoding"));
        return !reply->is_framing || take_encoding(reply, value);
    default: return true;
    }
}

static bool take_field(struct reply *reply, struct str line, bool is_trailer)
{
    if (!is_value(line)) {
        return fail(reply, "a header field of the reply has a control character");
    }
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') { // folded: of a field that is passed over
        return !reply->is_framing || fail(reply, "a header field is folded");
    }
    size_t colon = str_find(line, ':', 0);
    if (colon == SIZE_MAX || !is_token(str_make(line.ptr, colon))) {
        return fail(reply, "a header field of the reply has no name");
    }
    struct str value = str_trim(str_make(line.ptr + colon + 1, line.len - colon - 1));
    return is_trailer || take_known(reply, str_make(line.ptr, colon), value);
}

// ---- behind the head ----
static bool whole(struct reply *reply)
{
    reply->state = REPLY_WHOLE;
    reply->keeps = !reply->says_close && (reply->http_version == 11 || reply->says_keep);
    return true;
}

static bool head_ended(struct reply *reply)
{
    if (reply->status < 200) {
        if (++reply->interim > REPLY_INTERIM_MAX) {
            return fail(reply, "too many interim replies");
        }
        begin_head(reply);
        return true;
    }
    if (reply->has_encoding && reply->length >= 0) { // whose end would it be?
        return fail(reply, "the reply has both Transfer-Encoding and Content-Length");
    }
    if (reply->is_of_head || reply->status == 204 || reply->status == 304) {
        return whole(reply);
    }
    if (reply->is_chunked) {
        reply->says_close |= reply->http_version == 10; // RFC 9112, section 6.1
        reply->state = REPLY_CHUNK;
        return true;
    }
    if (reply->length == 0) {
        return whole(reply);
    }
    reply->left = reply->length;
    reply->state = reply->length > 0 ? REPLY_BODY : REPLY_BODY_END;
    return true;
}

// Hexadecimal size, then perhaps extensions, which mean nothing here.
static bool take_chunk_line(struct reply *reply, struct str line)
{
    int64_t size = 0;
    size_t i = 0;
    for (; i < line.len; i++) {
        char c = (char)(line.ptr[i] | 0x20);
        int digit = is_digit(line.ptr[i]) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) {
            break;
        }
        if (i == CHUNK_DIGITS_MAX) {
            return fail(reply, "a chunk of the reply is too large");
        }
        size = size * 16 + digit;
    }
    struct str rest = str_make(line.ptr + i, line.len - i);
    struct str extension = str_trim(rest);
    if (i == 0 || !is_value(rest) || (extension.len > 0 && extension.ptr[0] != ';')) {
        return fail(reply, "a chunk of the reply has no size");
    }
    reply->header_bytes += rest.len;
    reply->left = size;
    reply->state = size > 0 ? REPLY_CHUNK_BODY : REPLY_TRAILERS;
    reply->is_framing = true; // what follows at once is not folded
    return true;
}

// ---- lines ----
static bool take_line(struct reply *reply, struct str line)
{
    switch (reply->state) {
    case REPLY_STATUS_LINE:
        reply->is_framing = true; // the next line continues nothing
        return is_value(line) ? take_status_line(reply, line)
                              : fail(reply, "the status line has a control character");
    case REPLY_FIELDS: return line.len == 0 ? head_ended(reply) : take_field(reply, line, false);
    case REPLY_TRAILERS: return line.len == 0 ? whole(reply) : take_field(reply, line, true);
    case REPLY_CHUNK: return take_chunk_line(reply, line);
    case REPLY_CHUNK_END:
        reply->state = REPLY_CHUNK;
        return line.len == 0 || fail(reply, "a chunk of the reply is longer than it says");
    default: return fail(reply, "");
    }
}

// A line without its end: "\r\n", or "\n" alone (RFC 9112, section 2.2).
static bool end_line(struct reply *reply, struct str line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return take_line(reply, line);
}

static bool is_head(const struct reply *reply)
{
    return reply->state == REPLY_STATUS_LINE || reply->state == REPLY_FIELDS ||
           reply->state == REPLY_TRAILERS;
}

// What can be no status line is told at once: nobody waits for the end of a line that never comes.
static bool may_be_status(struct str begin)
{
    size_t len = begin.len < 5 ? begin.len : 5;
    return strncasecmp(begin.ptr, "HTTP/", len) == 0;
}

// One line, or as much of it as there is. *ret_used counts it with its end.
static enum reply_verdict feed_line(struct reply *reply, struct str bytes, size_t *ret_used)
{
    const char *end = memchr(bytes.ptr, '\n', bytes.len);
    size_t len = end != NULL ? (size_t)(end - bytes.ptr) : bytes.len;
    *ret_used = len + (end != NULL);
    // Of a chunk's line only extensions count, but none is longer than all headers may be.
    if (is_head(reply)) {
        reply->header_bytes += *ret_used;
    }
    if (reply->header_bytes > HTTP_REPLY_HEADERS_MAX ||
        reply->line.len + len > HTTP_REPLY_HEADERS_MAX) {
        (void)fail(reply, "the reply has more than 64 KiB of headers");
        return REPLY_IS_WRONG;
    }
    struct str line = str_make(bytes.ptr, len);
    if (end == NULL || reply->line.len > 0) {
        if (buf_add(&reply->line, bytes.ptr, len) != TIDINGS_OK) {
            return REPLY_NO_MEMORY;
        }
        line = buf_str(&reply->line);
    }
    if (reply->state == REPLY_STATUS_LINE && !may_be_status(line)) {
        (void)fail(reply, "the reply does not begin with a status line");
        return REPLY_IS_WRONG;
    }
    if (end == NULL) {
        return REPLY_GOES_ON;
    }
    bool is_good = end_line(reply, line);
    reply->line.len = 0;
    return is_good ? REPLY_GOES_ON : REPLY_IS_WRONG;
}

// ---- bodies ----
static enum reply_verdict feed_body(struct reply *reply, struct str bytes, struct buf *body,
                                    size_t *ret_used)
{
    bool is_counted = reply->state != REPLY_BODY_END;
    size_t len = bytes.len;
    if (is_counted && (uint64_t)reply->left < len) {
        len = (size_t)reply->left;
    }
    size_t room = body->max - body->len;
    size_t kept = len < room ? len : room;
    *ret_used = len;
    if (kept > 0 && buf_add(body, bytes.ptr, kept) != TIDINGS_OK) {
        return REPLY_NO_MEMORY;
    }
    if (kept < len) {
        reply->truncated = true;
        (void)whole(reply);
        reply->keeps = false;
        return REPLY_IS_WHOLE;
    }
    reply->left -= is_counted ? (int64_t)len : 0;
    if (is_counted && reply->left == 0) {
        if (reply->state == REPLY_BODY) {
            (void)whole(reply);
        } else {
            reply->state = REPLY_CHUNK_END;
        }
    }
    return REPLY_GOES_ON;
}

enum reply_verdict reply_feed(struct reply *reply, struct str bytes, struct buf *body,
                              size_t *ret_used)
{
    enum reply_verdict verdict = REPLY_GOES_ON;
    *ret_used = 0;
    while (verdict == REPLY_GOES_ON && reply->state != REPLY_WHOLE && bytes.len > 0) {
        size_t used = 0;
        bool is_body = reply->state == REPLY_BODY || reply->state == REPLY_BODY_END ||
                       reply->state == REPLY_CHUNK_BODY;
        verdict = is_body ? feed_body(reply, bytes, body, &used) : feed_line(reply, bytes, &used);
        *ret_used += used;
        bytes = str_make(bytes.ptr + used, bytes.len - used);
    }
    return verdict == REPLY_GOES_ON && reply->state == REPLY_WHOLE ? REPLY_IS_WHOLE : verdict;
}

bool reply_ends(struct reply *reply)
{
    if (reply->state != REPLY_BODY_END) {
        return false;
    }
    (void)whole(reply);
    reply->keeps = false;
    return true;
}
