// SPDX-License-Identifier: Apache-2.0
// A part of the configuration as JSON: settings of receivers and bindings have one form, in the API
// and here.
#ifndef APP_CONF_JSON_H
#define APP_CONF_JSON_H

#include <yaml.h>

#include "base/error.h"
#include "base/str.h"

// Appends the node: mappings are objects, sequences arrays; a scalar without quotes that reads as
// true, false, null or a whole number is that, every other one is text. Depth is the caller's to
// bound.
tidings_status conf_json(yaml_document_t *document, const yaml_node_t *node, struct buf *out,
                         struct tidings_error *err) TIDINGS_NODISCARD;

#endif
