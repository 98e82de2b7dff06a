/* The servo's own copy of its settings (Control Table Backup). */
#ifndef TENON_SIM_BACKUP_H
#define TENON_SIM_BACKUP_H

#include "tenon/sim.h"

void tenon__sim_backup_store(struct tenon_sim_servo *servo);
/* Copy back what lies at or behind `from`. @return false: nothing was stored yet. */
bool tenon__sim_backup_restore(struct tenon_sim_servo *servo, uint16_t from);

#endif
