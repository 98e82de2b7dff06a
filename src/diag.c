#include "core_internal.h"

int tenon__refuse_diag(struct tenon_sched *sched, const struct tenon_diag *diag)
{
    sched->diag = *diag;
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

const struct tenon_diag *tenon_sched_diag(const struct tenon_sched *self)
{
    static const struct tenon_diag no_scheduler = {.code = TENON_ERR_ARG,
                                                   .cause = TENON_CAUSE_NULL};
    return self != NULL ? &self->diag : &no_scheduler;
}
