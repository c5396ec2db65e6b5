// SPDX-License-Identifier: Apache-2.0
// Payloads whose members are signed; the first byte chooses the form and the scheme. What is sent
// is the payload with something in it, and is refused when it comes again.
#include "receiver/receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const documents[] = {
    "{\"url\":\"http://a.example/\",\"signature\":{\"scheme\":\"params_md5\"},"
    "\"secrets\":[{\"secret\":\"key\"}]}",
    "{\"url\":\"http://a.example/\",\"signature\":{\"scheme\":\"params_hmac\"},"
    "\"secrets\":[{\"secret\":\"key\"}]}",
};
static const char *const types[] = { "application/x-www-form-urlencoded", "application/json",
                                     "text/xml", "" };

static void check(struct str payload, struct str sent)
{
    size_t begin = 0;
    size_t end = 0;
    BASE_ASSERT(sent.len > payload.len + 32);
    while (begin < payload.len && payload.ptr[begin] == sent.ptr[begin]) {
        begin++;
    }
    while (end < payload.len &&
           payload.ptr[payload.len - 1 - end] == sent.ptr[sent.len - 1 - end]) {
        end++;
    }
    BASE_ASSERT(begin + end >= payload.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receiver_settings *settings = NULL;
    struct receiver_request request = { 0 };
    struct receiver_request again = { 0 };
    struct tidings_error err = { 0 };
    if (size == 0) {
        return 0;
    }
    BASE_ASSERT(receiver_settings_parse(STR("r"), str_of(documents[data[0] >> 2 & 1]), NULL, 1,
                                        &settings, NULL) == TIDINGS_OK);
    struct receiver_message message = { .id = "ntf_1",
                                        .attempt = 1,
                                        .content_type = str_of(types[data[0] & 3]),
                                        .payload = str_make(data + 1, size - 1) };
    tidings_status status = receiver_request_build(settings, &message, 1, &request, &err);
    if (status == TIDINGS_OK) {
        check(message.payload, request.outgoing.body);
        message.payload = request.outgoing.body;
        status = receiver_request_build(settings, &message, 1, &again, &err);
        BASE_ASSERT(status == TIDINGS_E_INVALID);
    }
    BASE_ASSERT(err.text[0] != '\0');
    receiver_request_deinit(&request);
    receiver_request_deinit(&again);
    receiver_settings_unref(settings);
    return 0;
}
