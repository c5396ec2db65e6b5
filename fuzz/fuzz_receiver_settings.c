// SPDX-License-Identifier: Apache-2.0
// Documents of settings. What is taken is stored, read back, shown and changed without a change;
// what is refused leaves nothing but a text.
#include "receiver/receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_MS = 1000 };

static void build(struct receiver_settings *settings)
{
    struct receiver_request request = { 0 };
    const struct receiver_message message = { .id = "ntf_1",
                                              .attempt = 1,
                                              .source = STR("s"),
                                              .type = STR("t"),
                                              .tx_no = STR("n"),
                                              .content_type = STR("application/json"),
                                              .payload = STR("{\"a\":1}") };
    tidings_status status = receiver_request_build(settings, &message, NOW_MS, &request, NULL);
    BASE_ASSERT(status == TIDINGS_OK || request.outgoing.field_count == 0);
    receiver_request_deinit(&request);
    (void)receiver_subscribes(settings, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"));
}

static void show(const struct receiver_settings *settings, struct buf *out)
{
    buf_clear(out);
    BASE_ASSERT(receiver_settings_show(settings, out, NULL) == TIDINGS_OK);
}

static void check_same(struct receiver_settings *settings, const struct seal *seal)
{
    struct receiver_settings *again = NULL;
    struct receiver_settings *changed = NULL;
    struct buf stored;
    struct buf first;
    struct buf second;
    buf_init(&stored, RECEIVER_DOCUMENT_MAX);
    buf_init(&first, 2 * RECEIVER_DOCUMENT_MAX);
    buf_init(&second, 2 * RECEIVER_DOCUMENT_MAX);
    show(settings, &first);
    if (receiver_settings_store(settings, seal, &stored, NULL) == TIDINGS_OK) {
        BASE_ASSERT(receiver_settings_parse(STR("r"), buf_str(&stored), seal, NOW_MS, &again,
                                            NULL) == TIDINGS_OK);
        show(again, &second);
        BASE_ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    }
    BASE_ASSERT(receiver_settings_merge(settings, buf_str(&first), NOW_MS, &changed, NULL) ==
                TIDINGS_OK);
    receiver_settings_unref(again);
    receiver_settings_unref(changed);
    buf_deinit(&stored);
    buf_deinit(&first);
    buf_deinit(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tidings_error err = { 0 };
    struct receiver_settings *settings = NULL;
    struct seal *seal = NULL;
    BASE_ASSERT(seal_new(STR("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), &seal, NULL) ==
                TIDINGS_OK);
    tidings_status status =
        receiver_settings_parse(STR("r"), str_make(data, size), seal, NOW_MS, &settings, &err);
    BASE_ASSERT((status == TIDINGS_OK) == (settings != NULL));
    BASE_ASSERT(status == TIDINGS_OK || err.text[0] != '\0');
    if (settings != NULL) {
        build(settings);
        check_same(settings, seal);
    }
    receiver_settings_unref(settings);
    seal_free(seal);
    return 0;
}
