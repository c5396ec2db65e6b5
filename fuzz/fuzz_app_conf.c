// SPDX-License-Identifier: Apache-2.0
// tidings.yaml of any content: what is refused says where and why; what is taken is within the
// bounds of conf.def, and written out again reads as the same.
#include <stdio.h>
#include <stdlib.h>

#include "app/conf.h"
#include "base/log.h"
#include "base/num.h"
#include "ladder/ladder.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 16 * 1024 * 1024 };
static const char NAME[] = "tidings.yaml";

// ---- what every value must hold, by type ----

static void check_TEXT(const char *value, const char *def, int64_t least, int64_t greatest)
{
    BASE_ASSERT(value != NULL && def != NULL && least == 0 && greatest == 0);
}

static void check_NAME(const char *value, const char *def, int64_t least, int64_t greatest)
{
    check_TEXT(value, def, least, greatest);
    BASE_ASSERT(wire_name_is_valid(str_of(value), WIRE_TOPIC_MAX));
}

static void check_ADDRESS(const char *value, const char *def, int64_t least, int64_t greatest)
{
    check_TEXT(value, def, least, greatest);
    BASE_ASSERT(value[0] != '\0' || def[0] == '\0');
    BASE_ASSERT(strspn(value, "0123456789abcdefABCDEF.:") == strlen(value));
}

static void check_LADDER(const char *value, const char *def, int64_t least, int64_t greatest)
{
    struct ladder ladder;
    struct tidings_error err = { 0 };
    check_TEXT(value, def, least, greatest);
    BASE_ASSERT(ladder_parse(str_of(value), &ladder, &err) == TIDINGS_OK);
}

static void check_LEVELS(const char *value, const char *def, int64_t least, int64_t greatest)
{
    struct ladder_levels levels;
    struct tidings_error err = { 0 };
    check_TEXT(value, def, least, greatest);
    BASE_ASSERT(ladder_levels_parse(str_of(value), &levels, &err) == TIDINGS_OK);
}

static void check_TLS(const char *value, const char *def, int64_t least, int64_t greatest)
{
    check_TEXT(value, def, least, greatest);
    BASE_ASSERT(strcmp(value, "permissive") == 0 || strcmp(value, "enforcing") == 0 ||
                strcmp(value, "disabled") == 0);
}

static void check_LOG(const char *value, const char *def, int64_t least, int64_t greatest)
{
    enum log_level level;
    check_TEXT(value, def, least, greatest);
    BASE_ASSERT(log_level_parse(value, &level));
}

static void check_INT(int64_t value, const char *def, int64_t least, int64_t greatest)
{
    BASE_ASSERT(def[0] != '\0' && value >= least && value <= greatest);
}

static void check_SIZE(int64_t value, const char *def, int64_t least, int64_t greatest)
{
    check_INT(value, def, least, greatest);
}

static void check_TIME(int64_t value, const char *def, int64_t least, int64_t greatest)
{
    check_INT(value, def, least, greatest);
}

static void check_BOOL(bool value, const char *def, int64_t least, int64_t greatest)
{
    BASE_ASSERT((value || !value) && def[0] != '\0' && least == 0 && greatest == 0);
}

static void check_all(const struct conf *conf)
{
#define C(section, key, flag, type, member, def, least, greatest, text)                            \
    check_##type(conf->member, def, least, greatest);
#include "app/conf.def"
#undef C
    BASE_ASSERT(conf->topic_count <= CONF_TOPICS_MAX);
    for (size_t i = 0; i < conf->topic_count; i++) {
        BASE_ASSERT(wire_name_is_valid(str_of(conf->topics[i].name), WIRE_TOPIC_MAX));
        BASE_ASSERT(conf->topics[i].queues >= 1 && conf->topics[i].queues <= 1024);
    }
    BASE_ASSERT(!conf->check_only && !conf->help);
}

// ---- writing it out ----

static void add(struct buf *out, struct str text)
{
    BASE_ASSERT(buf_add_str(out, text) == TIDINGS_OK);
}

static uint32_t next_char(struct str text, size_t *at)
{
    unsigned char first = (unsigned char)text.ptr[(*at)++];
    int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    uint32_t code = more == 0 ? first : first & (0x3FU >> more);
    for (int i = 0; i < more; i++) {
        BASE_ASSERT(*at < text.len);
        code = code << 6 | ((unsigned char)text.ptr[(*at)++] & 0x3FU);
    }
    return code;
}

static void write_TEXT(struct buf *out, const char *value)
{
    struct str text = str_of(value);
    BASE_ASSERT(str_is_utf8(text));
    add(out, STR("\""));
    for (size_t at = 0; at < text.len;) {
        BASE_ASSERT(buf_addf(out, "\\U%08x", (unsigned)next_char(text, &at)) == TIDINGS_OK);
    }
    add(out, STR("\""));
}

static void write_INT(struct buf *out, int64_t value)
{
    BASE_ASSERT(buf_addf(out, "%lld", (long long)value) == TIDINGS_OK);
}

static void write_TIME(struct buf *out, int64_t value)
{
    char text[48];
    add(out, str_make(text, num_format_duration_ms(text, value)));
}

static void write_BOOL(struct buf *out, bool value)
{
    add(out, value ? STR("true") : STR("false"));
}

#define write_NAME    write_TEXT
#define write_ADDRESS write_TEXT
#define write_LADDER  write_TEXT
#define write_LEVELS  write_TEXT
#define write_LOG     write_TEXT
#define write_TLS     write_TEXT
#define write_SIZE    write_INT

static void write_all(const struct conf *conf, struct buf *out)
{
    const char *last = "";
#define C(section, key, flag, type, member, def, least, greatest, text)                            \
    add(out, strcmp(last, #section) == 0 ? STR("") : STR(#section ":\n"));                         \
    last = #section;                                                                               \
    add(out, STR("  " #key ": "));                                                                 \
    write_##type(out, conf->member);                                                               \
    add(out, STR("\n"));
#include "app/conf.def"
#undef C
}

// The list of topics, as a file of its own: sections must not come twice.
static void write_topics(const struct conf *conf, struct buf *out)
{
    add(out, STR("broker:\n  topics:\n"));
    for (size_t i = 0; i < conf->topic_count; i++) {
        BASE_ASSERT(buf_addf(out, "    - \"%s:%d\"\n", conf->topics[i].name,
                             conf->topics[i].queues) == TIDINGS_OK);
    }
}

// ---- reading it back ----

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool same_number(int64_t a, int64_t b)
{
    return a == b;
}

#define same_TEXT    same_text
#define same_NAME    same_text
#define same_ADDRESS same_text
#define same_LADDER  same_text
#define same_LEVELS  same_text
#define same_LOG     same_text
#define same_TLS     same_text
#define same_INT     same_number
#define same_SIZE    same_number
#define same_TIME    same_number
#define same_BOOL    same_number

static void check_same(const struct conf *conf, const struct conf *again)
{
#define C(section, key, flag, type, member, def, least, greatest, text)                            \
    BASE_ASSERT(same_##type(conf->member, again->member));
#include "app/conf.def"
#undef C
    BASE_ASSERT(conf->topic_count == again->topic_count);
    for (size_t i = 0; i < conf->topic_count; i++) {
        BASE_ASSERT(same_text(conf->topics[i].name, again->topics[i].name));
        BASE_ASSERT(conf->topics[i].queues == again->topics[i].queues);
    }
}

static void check_read_back(const struct conf *conf, struct conf *again)
{
    struct buf text;
    struct tidings_error err = { 0 };
    buf_init(&text, TEXT_MAX);
    BASE_ASSERT(conf_init(again, &err) == TIDINGS_OK);
    write_all(conf, &text);
    BASE_ASSERT(conf_read_text(again, NAME, buf_str(&text), &err) == TIDINGS_OK);
    if (conf->topic_count > 0) {
        buf_clear(&text);
        write_topics(conf, &text);
        BASE_ASSERT(conf_read_text(again, NAME, buf_str(&text), &err) == TIDINGS_OK);
    }
    check_same(conf, again);
    conf_deinit(again);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf *conf = malloc(2 * sizeof *conf);
    struct tidings_error err = { 0 };
    BASE_ASSERT(conf != NULL && conf_init(&conf[0], &err) == TIDINGS_OK);
    tidings_status status = conf_read_text(&conf[0], NAME, str_make(data, size), &err);
    check_all(&conf[0]); // what came before a mistake was checked too
    if (status == TIDINGS_OK) {
        check_read_back(&conf[0], &conf[1]);
    } else {
        BASE_ASSERT(err.status == status && str_starts(str_of(err.text), STR("tidings.yaml")));
        BASE_ASSERT(memchr(err.text, '\0', sizeof err.text) != NULL);
    }
    conf_deinit(&conf[0]);
    free(conf);
    return 0;
}
