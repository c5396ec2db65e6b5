// SPDX-License-Identifier: Apache-2.0
// The first byte chooses: a URL, a text of ranges with an address before it, or an address alone.
#include <curl/curl.h>

#include "http/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A URL that is taken is one to libcurl too, and has no user and no fragment for it either.
static void check_url(struct str url)
{
    struct tidings_error err = { 0 };
    char text[HTTP_URL_MAX + 1];
    char *part = NULL;
    if (http_url_check(url, &err) != TIDINGS_OK) {
        BASE_ASSERT(err.text[0] != '\0');
        return;
    }
    BASE_ASSERT(str_copy(text, sizeof text, url));
    CURLU *parsed = curl_url();
    BASE_ASSERT(parsed != NULL && curl_url_set(parsed, CURLUPART_URL, text, 0) == CURLUE_OK);
    BASE_ASSERT(curl_url_get(parsed, CURLUPART_USER, &part, 0) == CURLUE_NO_USER);
    BASE_ASSERT(curl_url_get(parsed, CURLUPART_FRAGMENT, &part, 0) == CURLUE_NO_FRAGMENT);
    BASE_ASSERT(curl_url_get(parsed, CURLUPART_HOST, &part, 0) == CURLUE_OK);
    struct str host = str_of(part);
    bool found = host.ptr[0] == '['; // which libcurl may write in another way
    for (size_t i = 0; i + host.len <= url.len && !found; i++) {
        found = str_eq(str_make(url.ptr + i, host.len), host);
    }
    BASE_ASSERT(found); // libcurl connects to what is written, not to what it makes of it
    curl_free(part);
    curl_url_cleanup(parsed);
}

static void judge(struct str allow, const uint8_t *address, size_t len)
{
    struct tidings_error err = { 0 };
    struct http_policy *policy = NULL;
    char reason[64] = "";
    if (http_policy_new(allow, &policy, &err) != TIDINGS_OK) {
        BASE_ASSERT(err.text[0] != '\0');
        return;
    }
    bool allowed = http_policy_allows(policy, address, len, reason, sizeof reason);
    BASE_ASSERT(allowed || reason[0] != '\0');
    if (len == 4) { // the same in another coat
        uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
        memcpy(mapped + 12, address, 4);
        BASE_ASSERT(http_policy_allows(policy, mapped, 16, reason, sizeof reason) == allowed);
    }
    http_policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t address[16] = { 0 };
    if (size == 0) {
        return 0;
    }
    struct str rest = str_make(data + 1, size - 1);
    if (data[0] == 'u') {
        check_url(rest);
    } else if (rest.len >= 16) {
        memcpy(address, rest.ptr, 16);
        judge(str_make(rest.ptr + 16, rest.len - 16), address, data[0] == '4' ? 4 : 16);
    } else {
        judge(rest, address, 4);
    }
    return 0;
}
