// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <tidings/tidings.h>

const char *tidings_version(void)
{
    return TIDINGS_VERSION;
}

void tidings_text_free(char *text)
{
    free(text);
}
