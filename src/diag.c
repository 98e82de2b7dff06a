#include "core_internal.h"

int tenon__refuse_diag(struct tenon_sched *sched, const struct tenon_diag *diag)
{
    sched->own.diag = *diag;
    if (!sched->is_started && sched->refusal.code == TENON_OK) {
        sched->refusal = *diag;
    }
    return diag->code;
}

int tenon__refuse_value(struct tenon_sched *sched,
                        int code,
                        enum tenon_cause cause,
                        const char *subject,
                        float value,
                        float bound)
{
    const struct tenon_diag diag = {
        .code = (int16_t)code,
        .cause = (uint16_t)cause,
        .value = value,
        .bound = bound,
        .subject = subject,
    };
    return tenon__refuse_diag(sched, &diag);
}

int tenon__refuse(struct tenon_sched *sched, int code, enum tenon_cause cause, const char *subject)
{
    return tenon__refuse_value(sched, code, cause, subject, 0.0f, 0.0f);
}

/*
 * A joint's fault is written by the step and told by other threads: whoever finds the same code
 * before and after has read one and the same fault, or one that came in its place just now.
 */
void tenon__diag_set(struct tenon_diag *shown, const struct tenon_diag *news)
{
    __atomic_store_n(&shown->code, (int16_t)TENON_OK, __ATOMIC_RELEASE);
    __atomic_store_n(&shown->cause, news->cause, __ATOMIC_RELEASE);
    tenon__store_float(&shown->value, news->value);
    tenon__store_float(&shown->bound, news->bound);
    __atomic_store_n(&shown->subject, news->subject, __ATOMIC_RELEASE);
    __atomic_store_n(&shown->detail, news->detail, __ATOMIC_RELEASE);
    __atomic_store_n(&shown->code, news->code, __ATOMIC_RELEASE);
}

/* @return whether there is a fault. */
bool tenon__diag_get(const struct tenon_diag *shown, struct tenon_diag *out)
{
    out->code = __atomic_load_n(&shown->code, __ATOMIC_ACQUIRE);
    out->cause = __atomic_load_n(&shown->cause, __ATOMIC_ACQUIRE);
    out->value = tenon__load_float(&shown->value);
    out->bound = tenon__load_float(&shown->bound);
    out->subject = __atomic_load_n(&shown->subject, __ATOMIC_ACQUIRE);
    out->detail = __atomic_load_n(&shown->detail, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&shown->code, __ATOMIC_ACQUIRE) != out->code) {
        *out = (struct tenon_diag){.code = TENON_ERR_STATE, .cause = TENON_CAUSE_NOT_READY};
    }
    return out->code != TENON_OK;
}
