#include "tenon/version.h"

const char *tenon_version(void)
{
    return TENON_VERSION_STRING;
}
