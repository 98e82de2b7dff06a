/**
 * @file persist.h
 * @brief What joints know of themselves, kept over a power cycle: bytes for the application to
 * store.
 *
 * tenon has no files and no flash. The application saves into its own buffer, stores it where it
 * likes, and hands it back:
 *
 *     setup:    add joints, tenon_persist_restore(), tenon_sched_start()
 *     ready:    tenon_persist_verify(), before torque
 *     later:    tenon_persist_save(), whenever calibration has changed, and before power goes
 *
 * Of each joint are kept its name, its zero and direction, and of each of its motors the driver,
 * the node, the model and where it stood. The layout has a version and a checksum, and is the same
 * on every machine. What does not fit is refused as a whole, and nothing is changed.
 */
#ifndef TENON_PERSIST_H
#define TENON_PERSIST_H

#include "tenon/joint.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The layout that is written, and the only one that is read. */
#define TENON_PERSIST_VERSION 1

/** Bytes that are enough for so many joints with that many motors in all. */
#define TENON_PERSIST_SIZE(joints, motors) (16u + 16u * (joints) + 20u * (motors))

/**
 * Save joints.
 * @param      joints    `count` joints that have been added, not NULL. Names must differ.
 * @param[out] out       Not NULL. Untouched if refused.
 * @param      capacity  Bytes at out: TENON_PERSIST_SIZE(), where a joint of a drivetrain counts
 * all its motors.
 * @param[out] out_why   Why it was refused; may be NULL.
 * @return Bytes written, or
 * @retval TENON_ERR_ARG   NULL, no joint, or two joints of one name.
 * @retval TENON_ERR_STATE A joint has not been added.
 * @retval TENON_ERR_FULL  Too small: bound of out_why says how many bytes are needed.
 * @context cyclic thread
 */
TENON_API TENON_NODISCARD int tenon_persist_save(struct tenon_joint *const *joints,
                                                 uint32_t count,
                                                 uint8_t *out,
                                                 size_t capacity,
                                                 struct tenon_diag *out_why);

/**
 * Give joints the zero that was saved: all of them or none.
 * @param joints   The same joints as were saved, in any order; added, and not yet started.
 * @param bytes    What was saved; what follows it is not looked at. Not NULL.
 * @param size     Bytes at `bytes`.
 * @param out_why  Why it was refused; may be NULL.
 * @retval TENON_OK              Zeroes are set.
 * @retval TENON_ERR_PROTO       It is none of ours, cut off or altered: SAVED_DAMAGED.
 * @retval TENON_ERR_UNSUPPORTED It has another version: SAVED_VERSION.
 * @retval TENON_ERR_ARG         NULL, or it is of other joints, motors, nodes or directions:
 *                               SAVED_OTHER.
 * @retval TENON_ERR_STATE       A joint has not been added, or its scheduler runs.
 * @context setup
 */
TENON_API TENON_NODISCARD int tenon_persist_restore(struct tenon_joint *const *joints,
                                                    uint32_t count,
                                                    const uint8_t *bytes,
                                                    size_t size,
                                                    struct tenon_diag *out_why);

/**
 * Whether what was restored still holds, once the joints' motors are up and have been measured:
 * the models are those that were saved, and motors that count turns still know them. These are
 * believed only if the motor is not unhomed (tenon_motor.is_unhomed), neither now nor when it was
 * saved, and stands within half a turn of where it stood then. Every motor that cannot be trusted
 * becomes unhomed and takes no torque: tenon_joint_accept_calibration(), then save anew.
 * @retval TENON_OK              Positions can be trusted.
 * @retval TENON_ERR_UNSUPPORTED Another model answers: MODEL_CHANGED.
 * @retval TENON_ERR_DEVICE      Turns are not known: TURNS_LOST.
 * @retval TENON_ERR_STATE       A motor is not up, or has not been measured.
 * @return Else as tenon_persist_restore(). Of several, the first is told.
 * @context cyclic thread
 */
TENON_API TENON_NODISCARD int tenon_persist_verify(struct tenon_joint *const *joints,
                                                   uint32_t count,
                                                   const uint8_t *bytes,
                                                   size_t size,
                                                   struct tenon_diag *out_why);

#ifdef __cplusplus
}
#endif
#endif
