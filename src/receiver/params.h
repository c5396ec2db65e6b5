// SPDX-License-Identifier: Apache-2.0
// Payloads whose members are signed: how each form of them is read, and where `sign` goes. Private
// to the room.
#ifndef RECEIVER_PARAMS_H
#define RECEIVER_PARAMS_H

#include "base/error.h"
#include "base/str.h"
#include "sign/webhook.h"

enum { PARAMS_XML_MAX = 1024 * 1024 }; // bytes of a payload that is XML

enum params_form { PARAMS_FORM, PARAMS_JSON, PARAMS_XML };

struct params {
    struct sign_param items[SIGN_PARAMS_MAX];
    size_t count;
    struct buf room; // decoded texts; reserved at once, so that nothing moves
    size_t insert;   // where in the payload more members go
};
// E_INVALID when there are too many.
tidings_status params_add(struct params *params, struct str name, struct str value,
                          struct tidings_error *err) TIDINGS_NODISCARD;

// Each reads the whole payload. E_INVALID says why its members cannot be signed.
tidings_status params_read_form(struct str payload, struct params *ret,
                                struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status params_read_json(struct str payload, struct params *ret,
                                struct tidings_error *err) TIDINGS_NODISCARD;
tidings_status params_read_xml(struct str payload, struct params *ret,
                               struct tidings_error *err) TIDINGS_NODISCARD;

#endif
