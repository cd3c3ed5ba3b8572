/** Bounds of a simulation. */

/** Steps after which a run that has not ended counts as stuck. */
export const STEPS_MAX = 1_000_000;
